"""Which files a command works on: files, folders and patterns, in the order given, each once."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cl_client._wire.errors import UsageError

IMAGES = frozenset({
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg", ".jp2", ".png", ".tif", ".tiff", ".webp",
})  # fmt: skip
VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"})
MEDIA = IMAGES | VIDEOS
ANYTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Source:
    """A file to send.

    Attributes:
        path: where it is.
        label: what to call it: the path as the user would write it.
        stem: what to call its results, without an ending: unique within the run, with the folders below a given one.
    """

    path: Path
    label: str
    stem: PurePosixPath


def gather(arguments: Sequence[str], suffixes: frozenset[str]) -> list[Source]:
    """The files that the arguments mean.

    A file is taken as it is; of a folder, what ends in one of ``suffixes`` (everything if there are none), hidden files
    left out; a pattern the shell did not expand is expanded here, ``**`` included.

    Raises:
        UsageError: an argument means no file.
    """
    found: dict[Path, tuple[str, PurePosixPath]] = {}
    for argument in arguments:
        files = list(_expand(argument, suffixes))
        if not files:
            raise UsageError(_nothing(argument, suffixes))
        for path, place in files:
            found.setdefault(path.resolve(), (str(path), place))
    stems = _stems([place for _, place in found.values()])
    return [Source(path, label, stem) for (path, (label, _)), stem in zip(found.items(), stems, strict=True)]


def _stems(places: list[PurePosixPath]) -> list[PurePosixPath]:
    """Names of results without an ending; where they would be the same, the file's own stays, or a number is added."""
    shared = Counter(place.with_suffix("") for place in places)
    taken: set[PurePosixPath] = set()
    stems: list[PurePosixPath] = []
    for place in places:
        stem = plain = place if shared[place.with_suffix("")] > 1 else place.with_suffix("")
        number = 2
        while stem in taken:
            stem = plain.with_name(f"{plain.name}-{number}")
            number += 1
        taken.add(stem)
        stems.append(stem)
    return stems


def _expand(argument: str, suffixes: frozenset[str]) -> Iterator[tuple[Path, PurePosixPath]]:
    """Each file with its place among the results."""
    path = Path(argument)
    if path.is_dir():
        for inner in _walk(path):
            if not suffixes or inner.suffix.lower() in suffixes:
                yield inner, PurePosixPath(inner.relative_to(path))
    elif path.exists():
        yield path, PurePosixPath(path.name)
    elif glob.has_magic(argument):
        for name in sorted(glob.glob(argument, recursive=True)):  # noqa: PTH207 - it takes any pattern
            if Path(name).is_file():
                yield Path(name), PurePosixPath(Path(name).name)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def _nothing(argument: str, suffixes: frozenset[str]) -> str:
    if Path(argument).is_dir():
        kinds = f" that ends in {', '.join(sorted(suffixes))}" if suffixes else ""
        return f"The folder {argument!r} holds no file{kinds}."
    if glob.has_magic(argument):
        return f"No file matches {argument!r}."
    return f"File not found: {argument!r}."
