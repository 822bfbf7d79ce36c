"""The thin part that does I/O, over `requests`: one pooled session, deadlines on everything, retries.

It knows nothing of any service; paths and bodies are the caller's.
"""

from __future__ import annotations

import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from http.client import RemoteDisconnected
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.exceptions import ProtocolError as BrokenBody

from .errors import (
    ConnectionFailed,
    ProtocolError,
    StatusError,
    TimedOut,
    UsageError,
    redact,
    sentence,
    status_error_type,
)
from .retry import Attempts, Failure, FailureKind, RetryPolicy, TokenBucket, parse_retry_after

_CHUNK = 64 * 1024
T = TypeVar("T")


class Body(Protocol):
    """A request body that is sent piece by piece; its length is known before."""

    content_type: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, and the longest silence while reading."""

    connect: float = 5.0
    read: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One logical call, however many attempts it takes.

    `body` makes a fresh body for each attempt. `idempotency_key` is sent with every attempt; with it, for a
    read, or when `repeatable` says so, the server may see the request twice.
    """

    method: str
    path: str
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    json: object = None
    body: Callable[[], Body] | None = None
    idempotency_key: str | None = None
    repeatable: bool = False
    stream: bool = False
    timeouts: Timeouts | None = None

    @property
    def replayable(self) -> bool:
        """Whether the server may see it twice without harm."""
        return self.method == "GET" or self.repeatable or self.idempotency_key is not None


class RequestsTransport:
    """A server's address, the key for it, and the pooled connections to it. Safe to share between threads.

    Args:
        server_url: base address; a trailing `/` is ignored.
        api_key: sent as `Authorization: Bearer`, or None.
        timeouts: used where a request names none.
        policy: how often and how long to retry.
        user_agent: who is calling.
        clock, chance, sleep: replaceable for tests.
    """

    def __init__(
        self,
        server_url: str,
        *,
        api_key: str | None,
        user_agent: str,
        timeouts: Timeouts | None = None,
        policy: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        address = urlsplit(server_url)
        if address.scheme not in {"http", "https"} or not address.netloc:
            raise UsageError(f"{server_url!r} is no server URL: it has to start with http:// or https://")
        self.server_url = server_url.rstrip("/")
        self.clock = clock
        self.chance = chance
        self.sleep = sleep
        self._timeouts = timeouts or Timeouts()
        self._policy = policy or RetryPolicy()
        self._bucket = TokenBucket()
        self._bearer = _Bearer(api_key)
        self._user_agent = user_agent
        self.key_warning: str | None = None  # the server's last word on the key's age, for people
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server_url!r}, {self._bearer!r})"

    def send(self, request: Request) -> requests.Response:
        """Make the call, with as many attempts as its failures deserve. Raises as `call` does."""
        return self.call(request, lambda response: response)

    def json(self, request: Request) -> Any:
        """Make the call and read its answer as JSON. Raises as `call` does."""
        return self.call(request, json_of)

    def call(self, request: Request, read: Callable[[requests.Response], T]) -> T:
        """Make the call and read its answer; an answer that breaks off while being read is a failed attempt.

        Raises:
            ConnectionFailed: no answer, after retries.
            StatusError: the last answer was an error; which subclass says which.
        """
        attempts = Attempts(
            self._policy,
            self._bucket,
            replayable=request.replayable,
            clock=self.clock,
            random=self.chance,
        )
        while True:
            try:
                answer = read(self.send_once(request, retries=attempts.retries))
            except (ConnectionFailed, StatusError) as error:
                delay = attempts.after(failure_of(error))
                if delay is None:
                    raise
                self.sleep(delay)
            else:
                attempts.succeeded()
                return answer

    def send_once(self, request: Request, *, retries: int = 0) -> requests.Response:
        """Make one attempt. Raises as `send` does."""
        timeouts = request.timeouts or self._timeouts
        headers = {"User-Agent": self._user_agent, **(request.headers or {})}
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        if retries:
            headers["Runyard-Retry-Count"] = str(retries)
        body = request.body() if request.body is not None else None
        if body is not None:
            headers["Content-Type"] = body.content_type
        try:
            response = self._pool().request(
                request.method,
                self.server_url + request.path,
                params=request.params,
                headers=headers,
                json=request.json,
                data=body,
                stream=request.stream,
                timeout=(timeouts.connect, timeouts.read),
                allow_redirects=False,
                auth=self._bearer,
            )
        except requests.RequestException as error:
            raise _connection_error(error) from error
        self.key_warning = response.headers.get("Runyard-Key-Warning", self.key_warning)
        if response.status_code >= 300:
            with response:
                raise _status_error(response)
        return response

    def close(self) -> None:
        """Close the pooled connections. A later call opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _pool(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = requests.Session()
                adapter = HTTPAdapter(pool_connections=4, pool_maxsize=16)
                self._session.mount("http://", adapter)
                self._session.mount("https://", adapter)
            return self._session


class _Bearer(AuthBase):
    """Sets the key. Being an auth object, it keeps `requests` from using ~/.netrc in its place."""

    def __init__(self, api_key: str | None) -> None:
        if api_key is not None and (not api_key.isascii() or not api_key.isprintable()):
            raise UsageError(f"the API key {redact(api_key)} has characters that no key has; copy it again")
        self._api_key = api_key

    def __repr__(self) -> str:
        return f"api_key={redact(self._api_key)!r}" if self._api_key else "no api_key"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._api_key:
            request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request


def new_idempotency_key() -> str:
    """A key for one logical call."""
    return str(uuid.uuid4())


def json_of(response: requests.Response) -> Any:
    """The answer as JSON.

    Raises:
        ProtocolError: it is something else.
    """
    try:
        return response.json()
    except ValueError:
        raise ProtocolError(
            f"{response.url} answered {response.status_code} with something that is not JSON "
            f"({response.headers.get('Content-Type', 'no content type')}): is this the right server?"
        ) from None


def iter_bytes(response: requests.Response) -> Iterator[bytes]:
    """The body's bytes as they arrive, without waiting for a block to fill.

    Raises:
        ConnectionFailed: the body broke off.
    """
    raw = response.raw
    try:
        if raw.chunked:
            yield from raw.stream(_CHUNK, decode_content=True)
            return
        while chunk := raw.read1(_CHUNK, decode_content=True):
            yield chunk
        if raw.length_remaining:
            raise ConnectionFailed(f"the body ended {raw.length_remaining} bytes early")
    except ReadTimeoutError as error:
        raise TimedOut(f"no byte came in time: {error}") from error
    except (HTTPError, OSError) as error:
        raise ConnectionFailed(str(error)) from error


def failure_of(error: ConnectionFailed | StatusError) -> Failure:
    """What the retry rules need to know of an error."""
    if isinstance(error, StatusError):
        return Failure("status", error.status_code, error.code, error.retry_after)
    return Failure(_kind(error))


def _kind(error: BaseException) -> FailureKind:
    """Walk down to the cause that has a name."""
    kind: FailureKind = "read_timeout" if isinstance(error, TimedOut) else "other"
    for cause in _causes(error):
        if isinstance(cause, requests.ConnectTimeout):
            return "connect_timeout"
        if isinstance(cause, requests.exceptions.SSLError):
            return "other"
        if isinstance(cause, socket.gaierror):
            return "unresolved"
        if isinstance(cause, (ConnectionRefusedError, NewConnectionError)):
            kind = "refused"
        elif isinstance(cause, (ConnectionResetError, BrokenPipeError, RemoteDisconnected, BrokenBody)):
            kind = "reset"
    if isinstance(error, ConnectionFailed) and error.__cause__ is None:
        return "reset"
    return kind


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything it was raised from, also what `requests` and urllib3 keep in `args`."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, getattr(cause, "reason", None), *cause.args]
        if isinstance(cause, NewConnectionError):
            waiting.append(cause.__context__)


def _connection_error(error: requests.RequestException) -> ConnectionFailed | UsageError:
    if isinstance(error, requests.Timeout):
        return TimedOut(str(error))
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader)):
        return UsageError(str(error))
    return ConnectionFailed(str(error))


def _status_error(response: requests.Response) -> StatusError:
    code: str | None = None
    detail: str | None = None
    try:
        body = response.json()
    except (ValueError, requests.RequestException):
        body = None
    if isinstance(body, dict):
        code = body.get("code") if isinstance(body.get("code"), str) else None
        detail = sentence(body.get("detail"))
    return status_error_type(response.status_code)(
        response.status_code,
        response.reason or "",
        response.url,
        code=code,
        detail=detail,
        request_id=response.headers.get("X-Request-ID"),
        retry_after=parse_retry_after(response.headers.get("Retry-After"), now=datetime.now(timezone.utc)),
    )
