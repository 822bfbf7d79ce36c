"""Runs the program: every expected failure is one clear line and an exit code, never a traceback."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Final, TypeVar

import typer

from .terminal import note

T = TypeVar("T")

OK, FAILED, USAGE, UNREACHABLE, AUTHENTICATION, INTERRUPTED = 0, 1, 2, 3, 4, 130

EXIT_CODES: Final = """\
Exit codes: `run`, `submit` and `attach` end with the program's own. Otherwise 0 done, 1 failed, 2 wrong usage,
3 the server or the network, 4 authentication, 130 interrupted.
"""


class Interrupted(Exception):
    """The user has pressed Ctrl-C."""


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
    except (KeyboardInterrupt, Interrupted):
        return INTERRUPTED
    except Exception as error:
        code = _code_of(error)
        if code is None:
            raise
        note(f"Error: {error}")
        return code
    return OK


def run_interruptibly(work: Coroutine[object, object, T]) -> T:
    """Run to the end in an event loop of its own.

    Raises:
        Interrupted: Ctrl-C came first; the work has been cancelled and has cleaned up.
    """
    return asyncio.run(_interruptible(work))


async def _interruptible(work: Coroutine[object, object, T]) -> T:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise Interrupted from None
    finally:
        if sys.platform != "win32":
            loop.remove_signal_handler(signal.SIGINT)


def _code_of(error: Exception) -> int | None:
    from pie import errors

    if isinstance(error, (errors.AuthenticationError, errors.KeyRejected)):
        return AUTHENTICATION
    if isinstance(error, errors.UsageError):
        return USAGE
    if isinstance(error, (errors.ConnectionFailed, errors.DeadlineExceeded, errors.ProtocolError)):
        return UNREACHABLE
    return FAILED if isinstance(error, (errors.PieError, OSError)) else None
