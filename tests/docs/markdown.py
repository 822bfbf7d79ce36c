"""Looking into a page: its sections, and what their tables name."""

from __future__ import annotations

import re

CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def section(page: str, title: str) -> str:
    """What stands under a heading, up to the next of any kind, without code."""
    _, _, rest = CODE.sub("", page).partition(f"# {title}\n")
    assert rest, f"there is no section {title!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> set[str]:
    """The names in the first column of a section's tables."""
    return {name for cell in re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}


def row(text: str, name: str) -> str:
    """The row of a table whose first cell names something."""
    (found,) = (line for line in text.splitlines() if re.match(rf"\|[^|]*`{name}`", line))
    return found
