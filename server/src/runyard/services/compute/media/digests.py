"""Digests of files as they are stored, and of what is to be seen in them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runyard.services.compute.media.image import open_header
from runyard.services.compute.media.orientation import upright
from runyard.services.compute.media.perceptual import Hashes, perceptual_hashes
from runyard.services.compute.media.sniff import Media
from runyard.services.compute.plugin import P, Task

_BLOCK: Final = 1 << 20
_MOMENTS: Final = 8


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture or video looks like. ``sha512`` doesn't change with the metadata, ``hashes`` only with the look.

    Attributes:
        frames: ``phash`` of moments of a video, in order.
    """

    sha512: str
    hashes: Hashes
    frames: Sequence[str] = ()


def of_file(path: Path, algorithms: Collection[str]) -> Mapping[str, str]:
    """Digests of the bytes, in hex, by algorithm."""
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            for digest in digests.values():
                digest.update(block)
    return {name: digest.hexdigest() for name, digest in digests.items()}


def look(task: Task[P], media: Media) -> Look | None:
    """How the file looks; None if it is nothing to look at.

    Raises:
        MediaError: it is damaged, or larger than the limits allow.
    """
    if media.kind == "video":
        return _video(task)
    return _image(task) if media.decoder is not None else None


def _image(task: Task[P]) -> Look:
    with open_header(task) as header:
        image = header.decode(turned=False)
        digest = hashlib.sha512(image.tobytes()).hexdigest()
        return Look(digest, perceptual_hashes(upright(image, header.note)))


def _video(task: Task[P]) -> Look:
    from runyard.services.compute.media.video import keyframe_digest, sample_frames  # noqa: PLC0415  (images need none)

    digest = keyframe_digest(task, "sha512")
    hashes = [perceptual_hashes(frame) for frame in sample_frames(task, _MOMENTS, box=(512, 512))]
    return Look(digest, hashes[len(hashes) // 2], [one.phash for one in hashes])
