"""Where the results of an order go on this machine."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from cl_client import JobResponse
from cl_client._wire.errors import WireError

from .inputs import Source
from .order import Order

_DRAWABLE = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class UnsafePath(WireError):
    """The server names a file that would lie outside the folder it goes to."""


class Places:
    """File and folder names for the results of each source.

    A path that is given for one source is a file's, unless it ends in a slash or is a folder; for several it is a
    folder's, and the results are named after their sources.
    """

    def __init__(self, order: Order, *, several: bool) -> None:
        self._order = order
        self._several = several

    def result(self, source: Source, record: JobResponse) -> Path | None:
        """The file, or the folder of many files, for a job's result; None if nobody asked for it."""
        if self._order.output is None:
            return None
        suffix = PurePosixPath(record.output_path or "").suffix
        if suffix:
            return self._place(self._order.output, source, suffix)
        folder = Path(self._order.output)
        return folder / source.stem if self._several else folder

    def drawing(self, source: Source) -> Path | None:
        """The copy of a picture that may be drawn on; None if nobody asked for it."""
        if self._order.wishes.draw is None:
            return None
        suffix = source.path.suffix.lower()
        return self._place(self._order.wishes.draw, source, suffix if suffix in _DRAWABLE else ".jpg")

    def _place(self, given: str, source: Source, suffix: str) -> Path:
        if self._several or given.endswith("/") or Path(given).is_dir():
            return Path(given) / source.stem.with_name(f"{source.stem.name}{suffix}")
        return Path(given)


def below(folder: Path, name: str) -> Path:
    """The place of a server's file in a local folder.

    Raises:
        UnsafePath: the name leads out of it.
    """
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or any(part == ".." or "\0" in part for part in parts):
        raise UnsafePath(f"The server names a file {name!r}, which would lie outside {str(folder)!r}")
    return folder.joinpath(*parts)
