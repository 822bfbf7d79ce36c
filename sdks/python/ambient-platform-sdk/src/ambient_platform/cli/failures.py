"""What the program says when it fails, and its exit code."""

from __future__ import annotations

from typing import Final

from ambient_platform._wire.program import AUTHENTICATION, FAILED, UNREACHABLE, USAGE
from ambient_platform._wire.terminal import note

EXIT_CODES: Final = """\
Exit codes: 0 done, 1 a session failed, or there is no such thing, 2 wrong usage, 3 the server, the network or a wait's
end, 4 authentication, 130 interrupted.
"""


def tell(error: Exception) -> int | None:
    """Say what went wrong and give the exit code for it; None for an error nobody expects."""
    code = code_of(error)
    if code is not None:
        request_id: object = getattr(error, "request_id", None)
        note(f"Error: {error}" + (f" (request id {request_id})" if request_id else ""))
    return code


def code_of(error: Exception) -> int | None:
    """The exit code that an error means; None for an error nobody expects."""
    from ambient_platform import exceptions
    from ambient_platform._wire.errors import UsageError

    if isinstance(error, (exceptions.AuthenticationError, exceptions.PermissionDeniedError)):
        return AUTHENTICATION
    if isinstance(error, (UsageError, ValueError, exceptions.InvalidRequestError)):
        return USAGE
    if isinstance(
        error,
        (
            exceptions.AmbientConnectionError,
            exceptions.ServerError,
            exceptions.RateLimitError,
            exceptions.ResponseError,
            exceptions.DownloadError,
            exceptions.SessionTimeout,
        ),
    ):
        return UNREACHABLE
    return FAILED if isinstance(error, (exceptions.AmbientAPIError, OSError)) else None
