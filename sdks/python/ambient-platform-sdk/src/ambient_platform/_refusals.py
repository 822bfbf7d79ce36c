"""Error answers and broken connections as this package's errors: the texts are those of the original."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final, cast

import httpx

from ._wire.httpx_shell import header
from ._wire.retry import Failure, parse_retry_after
from .exceptions import (
    AmbientAPIError,
    AmbientConnectionError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotSupportedError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    SessionNotFoundError,
)

_SHOWN: Final = 1000
_SECONDS: Final = re.compile(r"(\d+)s")
_BY_STATUS: Final[Mapping[int, type[AmbientAPIError]]] = {
    403: PermissionDeniedError,
    409: ConflictError,
    429: RateLimitError,
}


def refusal(response: httpx.Response, *, superset: bool = False) -> AmbientAPIError:
    """The error for an answer that is no success.

    Args:
        response: the answer, read to its end.
        superset: whether servers of the original kind lack the call.
    """
    status = response.status_code
    body = _object(response)
    words = _words(response, body)
    request_id = header(response, "X-Request-Id")
    if superset and (status == 405 or (status == 404 and "error" not in body)):
        what = f"{response.request.method} {response.request.url.path}"
        text = f"API error ({status}): this server has no {what}; it speaks the original interface only"
        return NotSupportedError(text, status=status, request_id=request_id)
    kind, text = _described(response, words, _text(body, "message"))
    return kind(text, status=status, code=_text(body, "code"), request_id=request_id)


def _described(response: httpx.Response, words: str | None, message: str | None) -> tuple[type[AmbientAPIError], str]:
    status = response.status_code
    if status == 401:
        return AuthenticationError, f"Authentication failed: {words or 'Unauthorized'}"
    if status == 404:
        return SessionNotFoundError, words or "Not found"
    if status < 400:
        where = header(response, "Location")
        words = f"the server sends us on to {where}; give that address" if where else "not an answer to this request"
        return ResponseError, f"API error ({status}): {words}"
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else InvalidRequestError)
    text = f"API error ({status}): {words or f'HTTP {status}'}"
    return kind, f"{text} - {message}" if message else text


def unreachable(error: httpx.RequestError) -> AmbientConnectionError:
    """The error for a connection that couldn't be made, or broke."""
    cause = str(error) or ("no answer in time" if isinstance(error, httpx.TimeoutException) else type(error).__name__)
    return AmbientConnectionError(f"Failed to connect to API: {cause}")


def without_frames(error: httpx.RequestError) -> httpx.RequestError:
    """The error without its frames: their variables hold the request's headers, and some loggers print variables."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def failure_of_answer(response: httpx.Response) -> Failure:
    """What the retry rules need to know of an error answer."""
    body = _object(response)
    retry_after = parse_retry_after(header(response, "Retry-After"), now=datetime.now(timezone.utc))
    if retry_after is None and (asked := _SECONDS.fullmatch(_text(body, "retry_after") or "")):
        retry_after = float(asked[1])  # original servers say it there
    return Failure("status", response.status_code, _text(body, "code"), retry_after)


def document_of(response: httpx.Response) -> object:
    """The answer's JSON.

    Raises:
        ResponseError: it is something else.
    """
    try:
        return cast("object", response.json())
    except ValueError:
        raise ResponseError(
            f"API error ({response.status_code}): Invalid JSON response: {response.text:.{_SHOWN}}"
        ) from None


def _object(response: httpx.Response) -> Mapping[str, object]:
    try:
        body = cast("object", response.json())
    except ValueError:
        return {}
    return cast("Mapping[str, object]", body) if isinstance(body, dict) else {}


def _words(response: httpx.Response, body: Mapping[str, object]) -> str | None:
    """What the server says is wrong."""
    if body or not response.content:
        return _text(body, "error")
    try:
        response.json()
    except ValueError:
        return f"Invalid JSON response: {response.text:.{_SHOWN}}"
    return None


def _text(body: Mapping[str, object], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None
