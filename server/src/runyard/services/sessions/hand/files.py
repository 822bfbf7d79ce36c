"""Listing, reading, writing and editing files: what each tool answers, bounded, in words for an agent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from runyard.services.sessions.analyst.names import shown
from runyard.services.sessions.hand.places import CannotDo, Places, open_file, write_file
from runyard.services.sessions.hand.tools import EditFile, ListFiles, ReadFile, WriteFile
from runyard.sizes import KIB, MIB

LISTED: Final = 1000
"""Entries of one listing."""

SCANNED: Final = 20_000
"""Entries of one folder that are looked at to find the first in order."""

ANSWER: Final = 60_000
"""Characters of one answer."""

LONGEST_LINE: Final = 2000
EDITABLE: Final = 16 * MIB
SNIFFED: Final = 8 * KIB

_PIECE: Final = MIB


def list_files(tool: ListFiles, places: Places) -> tuple[str, bool]:
    """The tree below a folder, and whether something was left out."""
    top = places.find(tool.path)
    if not top.is_dir():
        raise CannotDo(f"{tool.path!r} is {'no folder' if top.exists() else 'not there'}")
    lines: list[str] = []
    for line in _tree(top, "", tool.depth):
        if len(lines) >= LISTED:
            lines.append(f"[The first {LISTED} entries; list a folder below for more.]")
            return "\n".join(lines), True
        lines.append(line)
    return "\n".join(lines) or "[The folder is empty.]", False


def read_file(tool: ReadFile, places: Places) -> tuple[str, bool]:
    """Lines of a file, and whether there are more."""
    path = places.find(tool.path)
    with open_file(path, tool.path) as file:
        if is_binary(file.read(SNIFFED)):
            raise CannotDo(f"{tool.path!r} is binary ({os.fstat(file.fileno()).st_size} bytes)")
        file.seek(0)
        lines = _lines(file)
        for number in range(1, tool.offset):
            if next(lines, None) is None:
                raise CannotDo(f"{tool.path!r} has {number - 1} lines; there is no line {tool.offset}")
        taken: list[str] = []
        size = 0
        for line in lines:
            if len(taken) >= tool.limit or size + len(line) > ANSWER:
                last = tool.offset + len(taken) - 1
                note = f"[Lines {tool.offset} to {last}; there are more: go on with offset {last + 1}.]"
                return "".join([*taken, "\n" if taken and not taken[-1].endswith("\n") else "", note]), True
            taken.append(line)
            size += len(line)
        return "".join(taken) or "[The file is empty.]", False


def write(tool: WriteFile, places: Places) -> str:
    """Write a file."""
    path = places.for_writing(tool.path)
    known = path.exists()
    content = tool.content.encode()
    write_file(path, tool.path, content)
    return f"{'Replaced' if known else 'Made'} {places.name(path)} ({len(content)} bytes)."


def edit(tool: EditFile, places: Places) -> str:
    """Replace text in a file. Line ends of the file's own kind are kept."""
    path = places.for_writing(tool.path)
    with open_file(path, tool.path) as file:
        content = file.read(EDITABLE + 1)
    if len(content) > EDITABLE:
        raise CannotDo(f"{tool.path!r} has more than {EDITABLE} bytes; change it by a command")
    old, new = tool.old.encode(), tool.new.encode()
    if old not in content and b"\r\n" in content:
        old, new = (text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for text in (old, new))
    count = content.count(old)
    if count == 0:
        raise CannotDo(f"the old text is not in {tool.path!r}: it must be there exactly as given, blanks included")
    if count > 1 and not tool.all:
        where = ", ".join(str(line) for line in _occurrences(content, old))
        raise CannotDo(f"the old text is {count} times in {tool.path!r} (lines {where}): give more of it, or set `all`")
    write_file(path, tool.path, content.replace(old, new))
    return f"Changed {places.name(path)} in {count} {'place' if count == 1 else 'places'}."


def is_binary(beginning: bytes) -> bool:
    """Whether a file that begins so is no text."""
    return b"\0" in beginning


def _tree(folder: Path, indent: str, depth: int) -> Iterator[str]:
    for entry in _entries(folder):
        name = shown(entry.name)
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISLNK(status.st_mode):
            yield f"{indent}{name} -> {shown(_target(entry.path))}"
        elif stat.S_ISDIR(status.st_mode):
            yield f"{indent}{name}/"
            if depth > 1:
                yield from _tree(Path(entry.path), f"{indent}  ", depth - 1)
        else:
            yield f"{indent}{name}  {status.st_size}"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == ".git":
                    continue
                found.append(entry)
                if len(found) >= SCANNED:
                    break
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry.name)


def _target(link: str) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115 -- keeps bytes that are no text
    except OSError:
        return "?"


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines of a file as text, long ones cut; never more than a piece of one in memory."""
    while line := file.readline(_PIECE):
        length = len(line)
        while not line.endswith(b"\n") and (more := file.readline(_PIECE)):
            length += len(more)
            line = line[: 4 * LONGEST_LINE] + more[-1:]
        text = line.decode(errors="replace")
        if len(text) > LONGEST_LINE:
            text = f"{text[:LONGEST_LINE]}… [a line of {length} bytes]\n"
        yield text


def _occurrences(content: bytes, old: bytes, most: int = 10) -> Iterator[int]:
    """Lines on which a text begins."""
    start, line = 0, 1
    for _ in range(most):
        found = content.find(old, start)
        if found < 0:
            return
        line += content.count(b"\n", start, found)
        yield line
        line += content.count(b"\n", found, found + len(old))
        start = found + len(old)
