"""What is asked of the person at a terminal, and how times and states look there."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

from cl_client._wire.terminal import is_interactive

_STATUS_STYLES = {"completed": "green", "failed": "red", "error": "red", "processing": "cyan", "queued": "yellow"}


def status_style(label: str, text: str) -> str:
    """How a cell or a value under a label looks: states have colours."""
    return _STATUS_STYLES.get(text.split(" ", maxsplit=1)[0], "") if label == "Status" else ""


def ask_line(what: str) -> str:
    """A line from the person at the terminal; empty if nobody is there."""
    if not is_interactive():
        return ""
    sys.stderr.write(f"{what}: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def ask_password(given: str | None, *, confirm: bool = False, what: str = "Password") -> str:
    """A password from the command line, from stdin (``-``), or from the person at the terminal.

    Raises:
        UsageError: none is given, and nobody can be asked.
    """
    from getpass import getpass

    from cl_client._wire.errors import UsageError

    if given == "-":
        password = sys.stdin.readline().rstrip("\r\n")
    elif given is not None:
        password = given
    elif is_interactive():
        password = getpass(f"{what}: ")
        if confirm and getpass("The same again: ") != password:
            raise UsageError("These are two different ones")
    else:
        raise UsageError(f"{what} is missing; pipe it in and add: --password -")
    if not password:
        raise UsageError(f"{what} is empty")
    return password


def show_time(milliseconds: int | None) -> str:
    """A moment, given in milliseconds since 1970, in the user's own zone."""
    if milliseconds is None:
        return "-"
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def show_duration(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
