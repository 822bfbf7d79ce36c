"""Jobs of the kind ``run.http``: one HTTP call each, with its redirects, within limits."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import quote, urljoin, urlsplit

import httpcore
import msgspec
from msgspec import UNSET, Meta, UnsetType

from runyard.jobs import Asked, Job, JobContext, JobFailed, NewJob, Offer, Registration, Unservable
from runyard.sandbox.hosts import Hosts
from runyard.services.runs.http.guard import Forbidden, Guard
from runyard.settings import Settings
from runyard.sizes import KIB, MIB
from runyard.trust import trust

KIND: Final = "run.http"
BODY: Final = "body"
"""The file that has the whole body of the answer."""

LARGEST: Final = 16 * MIB
SHOWN: Final = 256 * KIB
"""Bytes of a body that are part of the output."""

REDIRECTS: Final = 5
LONGEST: Final = 300.0

_AGAIN: Final = {301, 302, 303, 307, 308}
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect"})
_ANYBODYS: Final = frozenset({"accept", "accept-language", "content-type", "idempotency-key", "user-agent"})
"""Headers that a redirect takes along to another host. Any other one may be a secret."""

_ODD: Final = re.compile(r"[^!-~]")

Header = Annotated[str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$(?!\n)", max_length=200)]
Value = Annotated[str, Meta(pattern=r"^[\t -~]*$(?!\n)", max_length=8000)]
Url = Annotated[
    str,
    Meta(
        pattern=r"^https?://([A-Za-z0-9._%-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?][!\"$-\[\]-~]*)?$(?!\n)",
        max_length=4000,
    ),
]


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Call something over HTTP. The action fails when the answer's status isn't expected.

    Attributes:
        json: the body, as JSON; instead of ``body``.
        expect: statuses that are fine; any 2xx by default.
        timeout_seconds: for all of it, redirects included.
    """

    url: Url
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: Annotated[dict[Header, Value], Meta(max_length=50)] = {}
    json: object | UnsetType = UNSET
    body: str | None = None
    expect: Annotated[list[Annotated[int, Meta(ge=100, le=599)]], Meta(max_length=50)] = []
    timeout_seconds: Annotated[float, Meta(gt=0, le=LONGEST)] = 30.0
    redirects: bool = True


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. ``body`` is JSON where it is some, else text, cut where it is long; the file has all of it."""

    status: int
    headers: dict[str, str]
    body: object
    url: str
    truncated: bool = False


def offer() -> Offer:
    """``http:request``."""

    async def request(asked: Asked) -> NewJob:
        call = asked.input
        assert isinstance(call, Call)
        if not _is_address(call.url):
            raise Unservable(f"{call.url[:200]!r} is no address: its port or its host can't be one.")
        if call.json is not UNSET and call.body is not None:
            raise Unservable("json and body are both given; a call has one body")
        if ours := next((name for name in call.headers if name.lower() in _OURS), None):
            raise Unservable(f"The header {ours!r} is the yard's own business; leave it out.")
        headers = dict(call.headers)
        named = {name.lower() for name in headers}
        if "idempotency-key" not in named:
            headers["Idempotency-Key"] = asked.key
        if call.json is not UNSET and "content-type" not in named:
            headers["Content-Type"] = "application/json"
        params = msgspec.to_builtins(msgspec.structs.replace(call, headers=headers))
        return NewJob(kind=KIND, owner=asked.owner, tenant=asked.tenant, params=params)

    return Offer(
        operation="http:request", title="Call something over HTTP", input=Call, output=Answered, request=request,
        result=_result,
    )  # fmt: skip


def _result(job: Job) -> Mapping[str, object]:
    return job.result or {}


def registration(settings: Settings) -> Registration:
    """What a worker runs."""
    return Registration(KIND, HttpCall(Hosts.parse(settings.runs_http_hosts)), "light")


class HttpCall:
    """Makes one call per job."""

    def __init__(self, hosts: Hosts) -> None:
        self._guard = Guard(hosts)

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """Make the call; what came back is the result."""
        call = msgspec.convert(ctx.job.params, Call)
        try:
            async with asyncio.timeout(call.timeout_seconds):
                answer = await self._follow(ctx, call)
        except TimeoutError:
            raise JobFailed("timeout", f"{_host(call.url)} did not answer within {call.timeout_seconds:g} s.") from None
        except Forbidden as error:
            raise JobFailed("forbidden_address", f"{error}.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ssl.SSLError) as error:
            raise JobFailed("unreachable", f"{_host(call.url)}: {error or type(error).__name__}.") from None
        result = await _kept(ctx, answer)
        fine = answer.status in call.expect if call.expect else 200 <= answer.status < 300
        if not fine:
            text = f"{_host(answer.url)} answered with status {answer.status}."
            raise JobFailed("unexpected_status", text, result=result)
        return result

    async def _follow(self, ctx: JobContext, call: Call) -> _Came:
        context = await trust()
        place = _Place(call.url, call.method, dict(call.headers), _content(call))
        async with httpcore.AsyncConnectionPool(
            ssl_context=context, network_backend=self._guard, max_connections=2, retries=0
        ) as pool:
            for _ in range(REDIRECTS + 1):
                await ctx.log(f"{place.method} {_without_query(place.url)}\n")
                came = await _send(pool, place, call.timeout_seconds)
                await ctx.log(f"{came.status}, {len(came.body)} bytes\n")
                onwards = came.headers.get("location")
                if not call.redirects or came.status not in _AGAIN or onwards is None:
                    return came
                place = _onwards(place, came.status, onwards)
        raise JobFailed("too_many_redirects", f"{_host(call.url)} leads on and on: more than {REDIRECTS} redirects.")


@dataclass(frozen=True, slots=True)
class _Place:
    """What is sent, and where."""

    url: str
    method: str
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class _Came:
    """What came back."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


async def _send(pool: httpcore.AsyncConnectionPool, place: _Place, seconds: float) -> _Came:
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    headers = [("Host", urlsplit(place.url).netloc), ("Accept-Encoding", "identity"), ("User-Agent", "runyard")]
    named = {name.lower() for name in place.headers}
    headers = [pair for pair in headers if pair[0].lower() not in named] + list(place.headers.items())
    if place.content or place.method in {"POST", "PUT", "PATCH"}:
        headers.append(("Content-Length", str(len(place.content))))
    async with pool.stream(
        place.method, place.url, headers=headers, content=place.content, extensions={"timeout": timeouts}
    ) as answer:
        body = bytearray()
        async for piece in answer.aiter_stream():
            body += piece
            if len(body) > LARGEST:
                raise JobFailed("too_large", f"{_host(place.url)} answers with more than {LARGEST} bytes.")
        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return _Came(place.url, answer.status, found, bytes(body))


def _onwards(place: _Place, status: int, location: str) -> _Place:
    """Where a redirect leads, and what is sent there."""
    url = ""
    with suppress(ValueError):
        url = urljoin(place.url, location).partition("#")[0]
    if not _is_address(url):
        raise JobFailed("bad_redirect", f"{_host(place.url)} leads to {location[:200]!r}, which is no address.")
    url = _ODD.sub(lambda found: quote(found[0], encoding="latin-1"), url)
    before, after = urlsplit(place.url), urlsplit(url)
    if before.scheme == "https" and after.scheme == "http":
        raise JobFailed("bad_redirect", f"{_host(place.url)} leads from https to http.")
    headers = dict(place.headers)
    if (before.scheme, before.netloc) != (after.scheme, after.netloc):
        headers = {name: value for name, value in headers.items() if name.lower() in _ANYBODYS}
    if status in {307, 308} or place.method in {"GET", "HEAD"}:
        return _Place(url, place.method, headers, place.content)
    headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    return _Place(url, "GET", headers, b"")


def _is_address(url: str) -> bool:
    """Whether something could answer there over HTTP."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and _ODD.search(parts.netloc) is None
            and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _content(call: Call) -> bytes:
    if call.json is not UNSET:
        return msgspec.json.encode(call.json)
    return (call.body or "").encode()


async def _kept(ctx: JobContext, came: _Came) -> dict[str, object]:
    kind = came.headers.get("content-type", "application/octet-stream")
    if came.body:
        await ctx.artifact(BODY, came.body, content_type=kind, limit=len(came.body))
    shown: object = came.body[:SHOWN].decode(errors="replace").replace("\0", "\ufffd")
    truncated = len(came.body) > SHOWN
    if not truncated and "json" in kind and b"\\u0000" not in came.body:
        try:
            shown = msgspec.json.decode(came.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            truncated = False  # it says that it is JSON, and isn't
    headers = {name: value.replace("\0", "") for name, value in came.headers.items() if name != "set-cookie"}
    return {"status": came.status, "headers": headers, "body": shown, "url": came.url, "truncated": truncated}


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _without_query(url: str) -> str:
    """For the log, where secrets have no place."""
    return url.partition("?")[0]
