"""What goes wrong, as one tree.

AmbientAPIError                 whatever the server, or the way to it, did
├── AmbientConnectionError      no answer, or it broke off
│   └── StreamLostError         a stream of events broke, and couldn't be taken up again
├── AuthenticationError         401: the token is missing, unknown or expired
├── PermissionDeniedError       403: the token may not use this project
├── SessionNotFoundError        404
├── ConflictError               409: the session is not in a state for this; `code` says why
├── RateLimitError              429, after retries
├── InvalidRequestError         every other 4xx: the request has to change
├── ServerError                 5xx, after retries
├── ResponseError               an answer that is not what it should be
│   └── NotSupportedError       the server has no such call: it is one of the original kind
├── DownloadError               a file didn't arrive as it should; nothing was written
├── SessionFailed               the session ended badly; raised by a handle's `result()` only
└── SessionTimeout              it has not ended in time; also a builtin TimeoutError

Arguments that can't work are plain ValueErrors, raised before anything is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .types import SessionResponse


class AmbientAPIError(Exception):
    """The root: catch this to catch everything.

    Attributes:
        status: the HTTP status; None where there was no answer.
        code: the server's stable word for it, or None.
        request_id: what to quote to the server's operator, or None.
    """

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class AmbientConnectionError(AmbientAPIError):
    """No answer, or it broke off."""


class StreamLostError(AmbientConnectionError):
    """A stream of events broke, and couldn't be taken up again."""


class AuthenticationError(AmbientAPIError):
    """401: the token is missing, unknown or expired."""


class PermissionDeniedError(AmbientAPIError):
    """403: the token may not use this project."""


class SessionNotFoundError(AmbientAPIError):
    """404: there is no such session in this project, or nothing of that name in it."""


class ConflictError(AmbientAPIError):
    """409: the session is not in a state for this; `code` says why."""


class RateLimitError(AmbientAPIError):
    """429, after retries."""


class InvalidRequestError(AmbientAPIError):
    """Every other 4xx: the request has to change."""


class ServerError(AmbientAPIError):
    """5xx, after retries."""


class ResponseError(AmbientAPIError):
    """An answer that is not what it should be."""


class NotSupportedError(ResponseError):
    """The server has no such call: it is one of the original kind."""


class DownloadError(AmbientAPIError):
    """A file didn't arrive as it should; nothing was written."""


class SessionFailed(AmbientAPIError):
    """The session ended badly; `session` is how."""

    def __init__(self, session: SessionResponse) -> None:
        reason = f" ({session.reason})" if session.reason else ""
        super().__init__(f"Session {session.id} failed{reason}: {session.error or 'no error given'}")
        self.session = session

    def __reduce__(self) -> tuple[type[SessionFailed], tuple[SessionResponse]]:
        return type(self), (self.session,)


class SessionTimeout(AmbientAPIError, TimeoutError):
    """The session has not ended in time. It goes on."""
