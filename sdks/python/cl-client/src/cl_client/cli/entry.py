"""Runs a typer program: every expected failure is one clear line and an exit code, never a traceback."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import typer

from .failures import FAILED, INTERRUPTED, USAGE, Interrupted, failure_of
from .terminal import note


def run_program(
    app: typer.Typer, name: str, argv: Sequence[str] | None, *, mark: str = "Error: ", codes: bool = True
) -> int:
    """Run the program's command and return its exit code.

    Args:
        app: the program.
        name: what it is called in its help.
        argv: its arguments; those of the process if None.
        mark: what begins the line of a failure.
        codes: whether the exit code tells failures apart; 1 stands for all of them otherwise.
    """
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold what the terminal's encoding does not: show a mark rather than die.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=None if argv is None else list(argv), prog_name=name)
        sys.stdout.flush()
    except SystemExit as ended:
        return _code(ended)
    except BrokenPipeError:
        # The reader has gone. Python flushes once more at exit: give it something that accepts it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (KeyboardInterrupt, Interrupted):
        return INTERRUPTED
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        note(f"{mark}{failure.message}")
        if failure.hint and codes:
            note(failure.hint)
        return failure.code if codes or failure.code == USAGE else FAILED
    return 0


def _code(ended: SystemExit) -> int:
    if ended.code is None:
        return 0
    return ended.code if isinstance(ended.code, int) else FAILED
