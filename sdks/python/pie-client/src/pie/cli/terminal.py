"""How things look on a terminal."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence


def say(text: str = "") -> None:
    """Print a line of the answer."""
    write(f"{text}\n")


def note(text: str = "") -> None:
    """Print a line about the answer, on stderr."""
    write(f"{text}\n", stderr=True)


def write(text: str, *, stderr: bool = False) -> None:
    """Print as it is."""
    stream = sys.stderr if stderr else sys.stdout
    stream.write(text)
    stream.flush()


def say_json(document: object, *, line: bool = False) -> None:
    """Print a JSON document, indented or in one line."""
    say(json.dumps(document, ensure_ascii=False, default=str, indent=None if line else 2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: coloured on a terminal unless NO_COLOR is set, plain and wide elsewhere."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column != columns[-1])
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def printable(text: str) -> str:
    """The text with control characters spelt out, so that an argument can't talk to the terminal."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"}
        else character
        for character in text
    )
