"""What the program says when it fails, and its exit code."""

from __future__ import annotations

from typing import Final

from pie._wire.program import AUTHENTICATION, FAILED, UNREACHABLE, USAGE
from pie._wire.terminal import note

EXIT_CODES: Final = """\
Exit codes: `run`, `submit` and `attach` end with the program's own. Otherwise 0 done, 1 failed, 2 wrong usage,
3 the server or the network, 4 authentication, 130 interrupted.
"""


def tell(error: Exception) -> int | None:
    """Say what went wrong and give the exit code for it; None for an error nobody expects."""
    code = _code_of(error)
    if code is not None:
        note(f"Error: {error}")
    return code


def _code_of(error: Exception) -> int | None:
    from pie import errors

    if isinstance(error, (errors.AuthenticationError, errors.KeyRejected)):
        return AUTHENTICATION
    if isinstance(error, errors.UsageError):
        return USAGE
    if isinstance(error, (errors.ConnectionFailed, errors.DeadlineExceeded, errors.ProtocolError)):
        return UNREACHABLE
    return FAILED if isinstance(error, (errors.PieError, OSError)) else None
