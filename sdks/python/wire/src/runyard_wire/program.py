"""Runs a command line: every expected failure is told in a line and has an exit code, never a traceback."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

from .interrupt import Interrupted

OK, FAILED, USAGE, UNREACHABLE, AUTHENTICATION, INTERRUPTED = 0, 1, 2, 3, 4, 130


def run_program(command: Callable[[], int | None], tell: Callable[[Exception], int | None]) -> int:
    """Run a command and return its exit code.

    Args:
        command: what to run; it may return its exit code, or exit.
        tell: says to the user what went wrong and returns the exit code for it; None for an error nobody expects,
            which is raised again.
    """
    for stream in (sys.stdout, sys.stderr):
        # A text may hold what the terminal's encoding does not: show a mark rather than die.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command()
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
        code = tell(error)
        if code is None:
            raise
    return code or OK
