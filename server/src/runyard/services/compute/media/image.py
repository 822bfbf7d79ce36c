"""Opening somebody's picture: its claims are checked before it is decoded, and decoding keeps within limits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from os import SEEK_CUR
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, ImageFile, UnidentifiedImageError

from runyard.services.compute.media.complete import jpeg_may_hold, png_holds
from runyard.services.compute.media.orientation import SIDEWAYS, orientation, upright
from runyard.services.compute.media.sniff import Media, identify
from runyard.services.compute.plugin import MediaError, MediaLimits, P, Task

ANIMATED: Final = frozenset({"GIF", "PNG", "WEBP", "AVIF"})
"""Formats whose pictures after the first are frames; elsewhere they are pages, sizes or second views."""

_PIXELS: Final = re.compile(r"(\d+) pixels")


@contextmanager
def open_image(
    source: Task[P] | Path, limits: MediaLimits | None = None, *, turned: bool = True
) -> Iterator[Image.Image]:
    """The picture, decoded: of several the first, turned the way it is meant to be seen.

    Its mode is the file's own, from ``1`` to ``CMYK`` and ``I;16``; :func:`~.colour.rgb` makes RGB of any.

    Args:
        source: a task, or a file.
        limits: of the decoding; the task's own by default.
        turned: whether to apply the orientation its camera noted.

    Raises:
        MediaError: it isn't an image, is damaged, or larger than the limits allow.
    """
    with open_header(source, limits) as header:
        yield header.decode(turned=turned)


@contextmanager
def open_header(source: Task[P] | Path, limits: MediaLimits | None = None) -> Iterator[Header]:
    """The picture before it is decoded, found to be within the limits."""
    path, name = (source.input, source.name) if isinstance(source, Task) else (source, source.name)
    limits = limits or (source.limits if isinstance(source, Task) else MediaLimits())
    decoder = _decoder(identify(path), name)
    with path.open("rb") as file, _held_to(limits):
        with decoding(name):
            image = Image.open(file, formats=[decoder])
            _check(image, file, name)
            frames = _frames(image, file, name, limits)
        yield Header(image, name, limits, file, frames, orientation(image))


@dataclass(frozen=True, slots=True)
class Header:
    """A picture that is opened but not decoded.

    Attributes:
        image: size, mode and metadata are there; what decodes (``load``, ``seek``) belongs into :func:`decoding`.
        name: what the sender called it.
        frames: of an animation; of other pictures 1, though they may have pages or other views.
        note: how its camera lay, as :mod:`~.orientation` reads it.
    """

    image: ImageFile.ImageFile
    name: str
    limits: MediaLimits
    file: BinaryIO
    frames: int
    note: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as it is meant to be seen."""
        width, height = self.image.size
        return (height, width) if self.note >= SIDEWAYS else (width, height)

    def decode(self, *, at_least: tuple[int, int] | None = None, turned: bool = True) -> Image.Image:
        """The picture, or its first frame.

        Args:
            at_least: a size, as seen, that is enough. Formats that can (JPEG by halves) are decoded to a smaller
                picture that is still as large as this, which is many times faster.
            turned: whether to apply the orientation its camera noted.
        """
        image = self.image
        with decoding(self.name):
            if at_least is not None:
                image.draft(None, at_least[::-1] if self.note >= SIDEWAYS else at_least)
            image.load()
            if image.format == "PNG" and not png_holds(self.file, image):
                raise EOFError("its header claims more rows than there are")
            return upright(image, self.note) if turned else image


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turns whatever a decoder trips over into a `MediaError`. For calls that decode only: it would hide our bugs."""
    try:
        yield
    except MediaError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = _PIXELS.search(str(error))
        text = f"{name!r} has {found[1] if found else 'too many'} pixels; the limit is {Image.MAX_IMAGE_PIXELS} pixels."
        raise MediaError(text, reason="too_large") from error
    except MemoryError as error:
        raise MediaError(f"{name!r} takes more memory than a job may use.", reason="too_large") from error
    except UnidentifiedImageError as error:
        raise MediaError(f"{name!r} is damaged: its header can't be read. Is it complete?") from error
    except Exception as error:  # damage shows up as any kind of error, from SyntaxError to ZeroDivisionError
        detail = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise MediaError(f"{name!r} is damaged or cut off: {detail[:200]}.") from error


def _decoder(media: Media, name: str) -> str:
    """Pillow's name of the one format that is tried."""
    if media.kind != "image":
        raise MediaError(f"{name!r} is {media.name}, not an image.", reason="unsupported_media")
    if media.decoder is None or (media.decoder == "HEIF" and not _heif()):
        hint = (
            "pip install 'runyard[media]' on the worker" if media.decoder else "convert it to JPEG, PNG or WebP first"
        )
        raise MediaError(f"{name!r} is {media.name}, which can't be read here: {hint}.", reason="unsupported_media")
    return media.decoder


@cache
def _heif() -> bool:
    """Teach Pillow HEIC, once."""
    if find_spec("pillow_heif") is None:
        return False
    from pillow_heif import register_heif_opener  # noqa: PLC0415  (takes its time, and few images need it)

    register_heif_opener()
    return True


@contextmanager
def _held_to(limits: MediaLimits) -> Iterator[None]:
    """Pillow checks sizes by our limit, also those that only decoding shows: of a GIF's frames, of pictures in an icon.

    It warns above the limit, which is an error here, and of oddities of somebody's file, which are nobody's business.
    """
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = limits.pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _check(image: ImageFile.ImageFile, file: BinaryIO, name: str) -> None:
    """Refuse what claims more than it can hold."""
    width, height = image.size
    if image.format in ("JPEG", "MPO") and not jpeg_may_hold(file, image.size):
        raise MediaError(f"{name!r} is damaged or cut off: it is far too short for {width} x {height} pixels.")


def _frames(image: ImageFile.ImageFile, file: BinaryIO, name: str, limits: MediaLimits) -> int:
    """How many there are, if that is within the limit."""
    if image.format == "GIF":
        count, found = _gif_frames(file, most=limits.frames), f"more than {limits.frames}"
    else:
        count = int(getattr(image, "n_frames", 1)) if image.format in ANIMATED else 1
        found = str(count)
    if count > limits.frames:
        raise MediaError(f"{name!r} has {found} frames; the limit is {limits.frames}.", reason="too_large")
    return count


def _gif_frames(file: BinaryIO, *, most: int) -> int:
    """Frames of a GIF, counted until there are more than ``most``: unlike other formats it doesn't say in advance."""
    place = file.tell()
    file.seek(10)
    count = 0
    _skip_colours(file, _exactly(file, 3)[0])
    while count <= most and (block := file.read(1)) in (b",", b"!"):
        if block == b",":
            count += 1
            _skip_colours(file, _exactly(file, 9)[8])
        file.seek(1, SEEK_CUR)
        while size := file.read(1).strip(b"\0"):
            file.seek(size[0], SEEK_CUR)
    file.seek(place)
    return count


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << ((flags & 7) + 1), SEEK_CUR)


def _exactly(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise EOFError("it ends too early")
    return content
