"""How things look on a terminal. What servers and agents say is made harmless first."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 200  # columns of a table that goes to a file or another program


def say(text: str = "") -> None:
    """Print a line of the answer."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str = "") -> None:
    """Print a line about the answer, on stderr."""
    sys.stderr.write(f"{printable(text, lines=True)}\n")
    sys.stderr.flush()


def say_json(document: object, *, line: bool = False) -> None:
    """Print a JSON document, indented or in one line."""
    say(json.dumps(document, ensure_ascii=False, default=str, indent=None if line else 2))


def console() -> Console:
    """Where rich writes: coloured on a terminal unless NO_COLOR is set, plain and wide elsewhere."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; the last column gives way where the terminal is narrow."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column != columns[-1])
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console().print(table)


def show_facts(facts: Iterable[tuple[str, str | None]]) -> None:
    """Print labels and their values, one a line; those without a value are left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in facts:
        if value:
            table.add_row(Text(label), Text(printable(value)))
    console().print(table)


def printable(text: str, *, lines: bool = False) -> str:
    """The text with control characters spelt out, so that an agent can't talk to the terminal.

    Args:
        text: what somebody else has written.
        lines: whether it may have lines and tabs.
    """
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"} and not (lines and character in "\n\t")
        else character
        for character in text
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


def shortened(text: str, length: int) -> str:
    """The text, or the beginning of it."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
