"""How a command line speaks: lines, JSON, tables. What others have written is made harmless first.

Tables want `rich`, which is loaded when one is shown.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_TALKS = {"Cc", "Cf", "Cs"}  # categories of characters that tell a terminal what to do, or are no text
_PIPE_WIDTH = 200  # columns of a table that goes to a file or another program


def say(text: str = "") -> None:
    """Print a line of the answer."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str = "") -> None:
    """Print lines about the answer, on stderr."""
    sys.stderr.write(f"{printable(text, lines=True)}\n")
    sys.stderr.flush()


def say_json(document: object, *, line: bool = False) -> None:
    """Print a JSON document, indented or in one line."""
    say(json.dumps(document, ensure_ascii=False, default=str, indent=None if line else 2))


def is_interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def console(*, stderr: bool = False) -> Console:
    """Where rich writes: coloured on a terminal unless NO_COLOR is set, plain and wide elsewhere."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PIPE_WIDTH)


def _plain(_label: str, _text: str) -> str:
    return ""


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    fold: str = "",
    style: Callable[[str, str], str] = _plain,
) -> None:
    """Print a table.

    Args:
        columns: the headings.
        rows: as many texts each as there are columns.
        fold: the heading of the column that gives way where the terminal is narrow; the last one if empty.
        style: rich's style for a cell, from its heading and its text.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for heading in columns:
        table.add_column(heading, overflow="fold", no_wrap=heading != (fold or columns[-1]))
    for row in rows:
        cells = zip(columns, row, strict=True)
        table.add_row(*(Text(printable(cell), style(heading, cell)) for heading, cell in cells))
    console().print(table)


def show_facts(facts: Iterable[tuple[str, str | None]], *, style: Callable[[str, str], str] = _plain) -> None:
    """Print labels and their values, one a line; those without a value are left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in facts:
        if value:
            table.add_row(Text(printable(label)), Text(printable(value), style(label, value)))
    console().print(table)


def printable(text: str, *, lines: bool = False) -> str:
    """The text with control characters spelt out, so that whoever wrote it can't talk to the terminal.

    Args:
        text: what somebody else has written.
        lines: whether it may have lines and tabs; they become blanks otherwise.
    """
    if text.isprintable():
        return text
    if not lines:
        text = text.replace("\t", " ").replace("\n", " ")
    return "".join(
        character
        if character in "\t\n" or unicodedata.category(character) not in _TALKS
        else character.encode("unicode_escape").decode()
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
