"""Connections to a control plane: where it is, who calls, and how patiently."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
from attrs import define, evolve, field

from .credentials import Bearer, TokenSource
from .retries import Retries, RetryingAsyncClient, RetryingClient

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


@define
class Client:
    """A connection without a token. It is opened by the first request; use it in a ``with`` block to have it closed.

    Attributes:
        base_url: where the server is; requests are made to paths below it.
        cookies: sent with every request.
        headers: sent with every request.
        timeout: how long a request may take, as httpx has it; 60 s unless you say otherwise.
        verify_ssl: whether to check the server's certificate, a path of certificates to trust, or an SSL context.
        follow_redirects: whether to go where the server says that something has moved.
        httpx_args: further arguments for ``httpx.Client`` and ``httpx.AsyncClient``.
        retries: what to try again, and how often; nothing by default.
        return_problems: have functions return a ``ProblemDetails`` where they would raise an ``errors.ApiError``.
        raise_on_unexpected_status: kept from the generator; an answer that is not in the contract always raises.
    """

    _base_url: str = field(alias="base_url")
    raise_on_unexpected_status: bool = field(default=False, kw_only=True)
    return_problems: bool = field(default=False, kw_only=True)
    retries: Retries | None = field(default=None, kw_only=True)
    _cookies: dict[str, str] = field(factory=dict, kw_only=True, alias="cookies", repr=False)
    _headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers", repr=False)
    _timeout: httpx.Timeout | float | None = field(default=DEFAULT_TIMEOUT, kw_only=True, alias="timeout")
    _verify_ssl: str | bool | ssl.SSLContext = field(default=True, kw_only=True, alias="verify_ssl")
    _follow_redirects: bool = field(default=False, kw_only=True, alias="follow_redirects")
    _httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args", repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False, eq=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False, eq=False)

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A new connection like this one, with further headers."""
        return evolve(self, headers={**self._headers, **headers})

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A new connection like this one, with further cookies."""
        return evolve(self, cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout | float) -> Self:
        """A new connection like this one, with another timeout."""
        return evolve(self, timeout=timeout)

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use this ``httpx.Client`` as it is, with its own base URL, headers and timeout."""
        self._client = client
        return self

    def get_httpx_client(self) -> httpx.Client:
        """The ``httpx.Client`` behind this; made when it is first asked for."""
        if self._client is None:
            self._client = RetryingClient(self.retries, **self._arguments())
        return self._client

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use this ``httpx.AsyncClient`` as it is, with its own base URL, headers and timeout."""
        self._async_client = async_client
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The ``httpx.AsyncClient`` behind this; made when it is first asked for."""
        if self._async_client is None:
            self._async_client = RetryingAsyncClient(self.retries, **self._arguments())
        return self._async_client

    def __enter__(self) -> Self:
        self.get_httpx_client().__enter__()
        return self

    def __exit__(self, *args: Any, **kwargs: Any) -> None:
        self.get_httpx_client().__exit__(*args, **kwargs)

    async def __aenter__(self) -> Self:
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(self, *args: Any, **kwargs: Any) -> None:
        await self.get_async_httpx_client().__aexit__(*args, **kwargs)

    def _arguments(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
            **self._httpx_args,
        }


@define
class AuthenticatedClient(Client):
    """A connection with a token.

    Attributes:
        token: a token, a function that returns one, or ``ClientCredentials``. Functions are asked before each request.
        prefix: what goes before the token in the header; ``""`` for nothing.
        auth_header_name: name of the header.
    """

    token: str | Callable[[], str] | TokenSource = field(repr=False)
    prefix: str = "Bearer"
    auth_header_name: str = "Authorization"

    def _arguments(self) -> dict[str, Any]:
        return {"auth": Bearer(self.token, self.prefix, self.auth_header_name), **Client._arguments(self)}
