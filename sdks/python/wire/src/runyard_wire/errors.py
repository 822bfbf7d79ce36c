"""One tree of errors for every client; the type says whose fault it was.

WireError
├── UsageError               yours: an argument that cannot work, found before anything was sent
├── ConnectionFailed         the network's: no answer, or it broke off
│   ├── TimedOut             also a builtin TimeoutError
│   └── StreamLost           an event stream broke and could not be resumed
├── ProtocolError            the server's: an answer that is not what the contract says
└── StatusError              the server answered with an error status
    ├── AuthenticationError  401: the key is missing, unknown, revoked or expired
    ├── PermissionDenied     403
    ├── NotFound             404
    ├── Conflict             409
    ├── RateLimited          429
    ├── RequestRejected      yours: every other 4xx
    └── ServerFault          the server's: every 5xx
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


class WireError(RuntimeError):
    """The root: catch this to catch everything a client raises on purpose."""


class UsageError(WireError):
    """An argument that cannot work, found before anything was sent."""


class ConnectionFailed(WireError):
    """No answer came, or it broke off."""


class TimedOut(ConnectionFailed, TimeoutError):
    """A deadline passed before the answer was complete."""


class StreamLost(ConnectionFailed):
    """An event stream broke and could not be resumed."""


class ProtocolError(WireError):
    """The server's answer is not what the contract says."""


class StatusError(WireError):
    """The server answered with an error status.

    Attributes:
        status_code: the HTTP status.
        reason: the status line's words, such as `Not Found`.
        url: the address that was asked, without any user information.
        code: the server's stable name for the error, or None.
        detail: the server's sentence about it, or None.
        request_id: what to quote to the server's operator, or None.
        retry_after: seconds after which the server would like to be asked again, or None.
    """

    def __init__(
        self,
        status_code: int,
        reason: str,
        url: str,
        *,
        code: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status_code = status_code
        self.reason = reason
        self.url = without_userinfo(url)
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after
        fault = "Client Error" if status_code < 500 else "Server Error"
        super().__init__(f"{status_code} {fault}: {reason} for url: {self.url}")

    def describe(self) -> str:
        """The message with the server's own words and the request id, where it gave them."""
        extras = [self.detail] if self.detail else []
        if self.request_id:
            extras.append(f"request id {self.request_id}")
        return f"{self} ({'; '.join(extras)})" if extras else str(self)


class AuthenticationError(StatusError):
    """401: the key is missing, unknown, revoked or expired."""


class PermissionDenied(StatusError):
    """403: the key is known, and may not do this."""


class NotFound(StatusError):
    """404."""


class Conflict(StatusError):
    """409: the thing is not in a state that allows this; `code` says why."""


class RateLimited(StatusError):
    """429, after retries."""


class RequestRejected(StatusError):
    """Any other 4xx: the request itself has to change."""


class ServerFault(StatusError):
    """Any 5xx, after retries."""


_BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def status_error_type(status_code: int) -> type[StatusError]:
    """The class that stands for an error status."""
    return _BY_STATUS.get(status_code, ServerFault if status_code >= 500 else RequestRejected)


def redact(secret: str) -> str:
    """Enough of a key to recognise it by, never enough to use it."""
    return f"{secret[:6]}…" if len(secret) >= 20 else "…"


def without_userinfo(url: str) -> str:
    """The address without `user:password@`."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def sentence(detail: object) -> str | None:
    """What an error answer's `detail` says, which is a sentence or a list of field errors; None if it is neither."""
    if isinstance(detail, str):
        return detail
    if not isinstance(detail, list):
        return None
    parts = []
    for item in detail:
        if isinstance(item, dict) and isinstance(item.get("msg"), str):
            where = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
            parts.append(f"{where}: {item['msg']}" if where else item["msg"])
    return "; ".join(parts) or None
