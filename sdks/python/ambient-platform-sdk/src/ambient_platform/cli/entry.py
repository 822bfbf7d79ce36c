"""Runs the program: every expected failure is one clear line and an exit code, never a traceback."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Final

import typer

from .terminal import note

OK, FAILED, USAGE, UNREACHABLE, AUTHENTICATION, INTERRUPTED = 0, 1, 2, 3, 4, 130

EXIT_CODES: Final = """\
Exit codes: 0 done, 1 a session failed, or there is no such thing, 2 wrong usage, 3 the server, the network or a wait's
end, 4 authentication, 130 interrupted.
"""


def run_program(app: typer.Typer, name: str, argv: Sequence[str] | None) -> int:
    """Run the program's command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A text may hold what the terminal's encoding does not: show a mark rather than die.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=None if argv is None else list(argv), prog_name=name)
        sys.stdout.flush()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAILED if ended.code else OK
    except BrokenPipeError:
        # The reader has gone. Python flushes once more at exit: give it something that accepts it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        code = code_of(error)
        if code is None:
            raise
        request_id: object = getattr(error, "request_id", None)
        note(f"Error: {error}" + (f" (request id {request_id})" if request_id else ""))
        return code
    return OK


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
