"""What both clients are made of."""

from __future__ import annotations

import os
from ssl import SSLContext
from typing import Final, TypedDict

import httpx

from ._bearer import AsyncTokenProvider, Bearer, TokenSource
from ._checks import checked_base_url, checked_project
from ._core import Core
from ._port import LIMITS, Port, tls
from ._version import USER_AGENT
from ._wire.errors import without_userinfo
from ._wire.retry import RetryPolicy

DEFAULT_URL: Final = "http://localhost:8080"
SILENCE: Final = 45.0
"""Seconds. The server sends something at least every 15: three times in a row missing means a dead connection."""


class Tuning(TypedDict, total=False):
    """What a client may be given besides where and who."""

    timeout: float
    retry: RetryPolicy | None
    heartbeat_timeout: float
    ssl: SSLContext | None


class HttpOptions(TypedDict):
    """What `httpx` is told."""

    base_url: str
    auth: httpx.Auth
    headers: dict[str, str]
    timeout: float
    limits: httpx.Limits
    verify: SSLContext


class ClientBase:
    """A client of one project on one server."""

    def __init__(
        self, base_url: str, token: TokenSource, project: str, *, timeout: float, ssl: SSLContext | None
    ) -> None:
        self.base_url = checked_base_url(base_url)
        self._bearer = Bearer(token)
        self.project = checked_project(project)
        self.timeout = timeout
        self._ssl = ssl

    def __repr__(self) -> str:
        return f"{type(self).__name__}({without_userinfo(self.base_url)!r}, project={self.project!r})"

    @property
    def token(self) -> str | AsyncTokenProvider:
        """The token, or the function that gives it."""
        return self._bearer.given

    def _http_options(self) -> HttpOptions:
        return HttpOptions(
            base_url=self.base_url,
            auth=self._bearer,
            headers={
                "X-Ambient-Project": self.project,
                "Content-Type": "application/json",
                "User-Agent": USER_AGENT,
            },
            timeout=self.timeout,
            limits=LIMITS,
            verify=self._ssl or tls(),
        )

    def _made_core(self, port: Port, retry: RetryPolicy | None, silence: float) -> Core:
        return Core(
            port=port, bearer=self._bearer, timeout=self.timeout, silence=silence, policy=retry or RetryPolicy()
        )


def url_of_environment() -> str:
    """`AMBIENT_API_URL`, or where a server is by default."""
    return os.environ.get("AMBIENT_API_URL") or DEFAULT_URL


def needed_of_environment(name: str) -> str:
    """A variable of the environment.

    Raises:
        ValueError: it is not set, or empty.
    """
    value = os.environ.get(name)
    if not value:
        raise ValueError(f"{name} environment variable is required")
    return value
