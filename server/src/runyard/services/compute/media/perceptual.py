"""Perceptual hashes: numbers that stay nearly the same when a picture is scaled, compressed or brightened.

They differ in a few of their bits where pictures look alike; compare them by the number of bits that differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runyard.services.compute.media.colour import rgb

_ENOUGH: Final = 96
"""Pixels of the shorter side that are enough. Larger pictures are made smaller first, by a whole number."""

_COLOURS: Final = 40
"""Likewise where only the amount of each colour counts."""

_SIDE: Final = 8


@dataclass(frozen=True, slots=True)
class Hashes:
    """Hashes of 64 bits in 16 hex digits; ``colorhash`` has 42 bits in 11."""

    phash: str
    dhash: str
    ahash: str
    whash: str
    colorhash: str


def perceptual_hashes(image: Image.Image) -> Hashes:
    """Hashes of a picture as it is meant to be seen."""
    small = rgb(_reduced(image, _ENOUGH))
    grey = small.convert("L")
    return Hashes(
        phash=_hex(imagehash.phash(grey).hash),
        dhash=_hex(imagehash.dhash(grey).hash),
        ahash=_hex(imagehash.average_hash(grey).hash),
        whash=_hex(_wavelet(grey)),
        colorhash=_hex(imagehash.colorhash(_reduced(small, _COLOURS)).hash),
    )


def _reduced(image: Image.Image, enough: int) -> Image.Image:
    factor = min(image.size) // enough
    return image.reduce(factor) if factor > 1 and image.mode not in ("1", "P") else image


def _wavelet(grey: Image.Image) -> NDArray[np.bool_]:
    """What ``imagehash.whash`` makes with Haar wavelets: their lowest band are means of blocks, which come quicker."""
    scale = max(_SIDE, 1 << (min(grey.size).bit_length() - 1))
    pixels = np.asarray(grey.resize((scale, scale), Image.Resampling.LANCZOS), dtype=np.int64)
    block = scale // _SIDE
    sums = pixels.reshape(_SIDE, block, _SIDE, block).sum(axis=(1, 3))
    above: NDArray[np.bool_] = sums > np.median(sums)
    return above


def _hex(bits: NDArray[np.bool_]) -> str:
    """As ``imagehash`` writes it: the first bit is the highest, and what is missing to whole digits is in front."""
    flat = bits.reshape(-1)
    digits = -(-flat.size // 4)
    padded = np.concatenate([np.zeros(-flat.size % 8, dtype=bool), flat])
    return np.packbits(padded).tobytes().hex()[-digits:]
