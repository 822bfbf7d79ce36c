"""Searching text files line by line: git's own list of files inside a repository, a walk elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from runyard.services.sessions.hand.files import ANSWER, SNIFFED, is_binary
from runyard.services.sessions.hand.places import CannotDo, Places, open_file
from runyard.services.sessions.hand.tools import SearchFiles
from runyard.sizes import MIB

LARGEST: Final = 4 * MIB
"""Bytes of a file that is searched."""

WALKED: Final = 200_000
"""Files that are looked at."""

LONGEST_LINE: Final = 300

Listing = Callable[[Path], Iterator[Path] | None]
"""The files below a folder that git knows or does not ignore; None outside of repositories."""


def search(tool: SearchFiles, places: Places, listing: Listing) -> tuple[str, bool]:
    """Matching lines as ``path:line: text``, and whether something was left out."""
    wanted = _expression(tool)
    top = places.find(tool.path)
    if not top.exists():
        raise CannotDo(f"{tool.path!r} is not there")
    found: list[str] = []
    size = large = 0
    for number, path in enumerate(_files(top, listing)):
        if number >= WALKED:
            return _answer(found, f"[Only the first {WALKED} files were searched.]"), True
        if not _meant(path.relative_to(top if path != top else top.parent), tool.glob):
            continue
        text = _text(path)
        large += text is None
        for line in _hits(text or "", wanted):
            if len(found) >= tool.limit or size > ANSWER:
                return _answer(found, f"[The first {len(found)} matching lines; there are more.]"), True
            found.append(f"{places.name(path)}:{line}")
            size += len(found[-1])
    verb, past = ("is", "was") if large == 1 else ("are", "were")
    notes = [f"[{large} of the files {verb} larger than {LARGEST} bytes and {past} not searched.]"] if large else []
    return _answer(found or ["[Nothing was found.]"], *notes), bool(large)


def _expression(tool: SearchFiles) -> re.Pattern[str]:
    pattern = re.escape(tool.pattern) if tool.literal else tool.pattern
    try:
        return re.compile(pattern, re.IGNORECASE if tool.ignore_case else 0)
    except (re.error, RecursionError, OverflowError) as error:
        raise CannotDo(f"{tool.pattern!r} is no regular expression: {error}; set `literal` for plain text") from error


def _hits(text: str, wanted: re.Pattern[str]) -> Iterator[str]:
    """Each matching line with its number in front."""
    for number, line in enumerate(text.split("\n"), 1):
        if wanted.search(line) is not None:
            shown = line.rstrip("\r")
            yield f"{number}: {shown if len(shown) <= LONGEST_LINE else shown[:LONGEST_LINE] + '…'}"


def _answer(lines: list[str], *notes: str) -> str:
    return "\n".join([*lines, *notes])


def _files(top: Path, listing: Listing) -> Iterator[Path]:
    if not top.is_dir():
        yield top
        return
    known = listing(top)
    if known is not None:
        yield from known
        return
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if name != ".git")
        inner = Path(folder)
        if inner != top and (below := listing(inner)) is not None:
            names.clear()
            yield from below
            continue
        yield from (inner / name for name in sorted(files))


def _meant(path: Path, glob: str) -> bool:
    """Whether a file is meant by a pattern: one with a slash is for the path, one without for any name."""
    if not glob:
        return True
    text = str(path)
    if "/" not in glob:
        return fnmatchcase(path.name, glob)
    return fnmatchcase(text, glob.replace("**/", "*")) or fnmatchcase(f"/{text}", f"*/{glob.removeprefix('/')}")


def _text(path: Path) -> str | None:
    """A file's text, empty for what has none or is gone; None for a file that is too large."""
    try:
        with open_file(path, str(path)) as file:
            beginning = file.read(SNIFFED)
            if is_binary(beginning):
                return ""
            if os.fstat(file.fileno()).st_size > LARGEST:
                return None
            return (beginning + file.read(LARGEST)).decode(errors="replace")
    except CannotDo:
        return ""
