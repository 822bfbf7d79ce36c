"""How things look on a terminal: tables, sizes, times. What servers and files say is made harmless first."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

STATUS_STYLES = {"completed": "green", "failed": "red", "error": "red", "processing": "cyan", "queued": "yellow"}
_PIPE_WIDTH = 200  # columns of a table that goes to a file or another program


def say(text: str = "") -> None:
    """Print a line of the answer."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str = "") -> None:
    """Print a line about the answer, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say_json(document: object, *, lines: bool = False) -> None:
    """Print a JSON document: indented for one, a line of its own for one of many."""
    say(json.dumps(document, ensure_ascii=False, default=str, indent=None if lines else 2))


def log_to_stderr(*, verbose: bool) -> None:
    """Show what the library logs: everything when asked for, else nothing, as failures are told anyway."""
    import logging

    logger = logging.getLogger("cl_client")
    logger.propagate = False
    if verbose:
        shown = logging.StreamHandler()
        shown.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        logger.addHandler(shown)
        logger.setLevel(logging.DEBUG)
    else:
        logger.addHandler(logging.NullHandler())


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


def console(*, stderr: bool = False) -> Console:
    """Where rich writes: coloured on a terminal unless NO_COLOR is set, plain and wide elsewhere."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PIPE_WIDTH)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, fold: str = "", styles: bool = True) -> None:
    """Print a table.

    Args:
        columns: the headings.
        rows: as many texts each as there are columns.
        fold: the heading of the column that gives way where the terminal is narrow; the last one if empty.
        styles: whether to colour a column named Status by its words.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for heading in columns:
        gives_way = heading == (fold or columns[-1])
        table.add_column(heading, overflow="fold", no_wrap=not gives_way)
    for row in rows:
        cells = [Text(printable(cell)) for cell in row]
        if styles and "Status" in columns:
            index = columns.index("Status")
            cells[index].stylize(STATUS_STYLES.get(row[index].split(" ")[0], ""))
        table.add_row(*cells)
    console().print(table)


def show_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print labels and their values, one a line."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in facts:
        shown = Text(printable(value))
        if label == "Status":
            shown.stylize(STATUS_STYLES.get(value.split(" ")[0], ""))
        table.add_row(Text(printable(label)), shown)
    console().print(table)


def printable(text: str) -> str:
    """The text with control characters spelt out, so that a file's name or tag can't talk to the terminal."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"}
        else character
        for character in text.replace("\t", " ").replace("\n", " ")
    )


def show_size(size: float) -> str:
    """Bytes for people."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"


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


def is_interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
