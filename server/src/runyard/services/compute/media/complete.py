"""Whether a picture holds as much as its header claims, where decoders fill in what is missing without a word."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from PIL import Image

_CHUNK: Final = struct.Struct(">I4s")
_PIECE: Final = 64 * 1024
_BANDS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by a PNG's colour type."""


def jpeg_may_hold(file: BinaryIO, size: tuple[int, int]) -> bool:
    """Whether a JPEG is large enough for its size: a block of 8 x 8 pixels takes at least a bit."""
    width, height = size
    bits = os.fstat(file.fileno()).st_size * 8
    return bits * 64 >= width * height


def png_holds(file: BinaryIO, decoded: Image.Image) -> bool:
    """Whether a PNG had rows for all its height. Those that are missing are decoded to zeros."""
    width, height = decoded.size
    last = decoded.crop((0, height - 1, width, height))
    if last.getbbox(alpha_only=False) is not None:
        return True
    place = file.tell()
    try:
        return _rows_are_there(file)
    finally:
        file.seek(place)


def _rows_are_there(file: BinaryIO) -> bool:
    file.seek(16)
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", file.read(13))
    if interlaced:
        return True  # how long its passes are is another story, and such a PNG is seldom
    wanted: int = height * (1 + (width * depth * _BANDS[colour] + 7) // 8)
    inflating = zlib.decompressobj()
    for content in _image_data(file):
        rest = content
        while rest and wanted > 0:
            wanted -= len(inflating.decompress(rest, _PIECE))
            rest = inflating.unconsumed_tail
    return wanted <= 0


def _image_data(file: BinaryIO) -> Iterator[bytes]:
    """What the ``IDAT`` chunks hold; the file stands in the header's checksum."""
    file.seek(4, os.SEEK_CUR)
    while len(header := file.read(_CHUNK.size)) == _CHUNK.size:
        size, kind = _CHUNK.unpack(header)
        if kind == b"IDAT":
            yield file.read(size)
            file.seek(4, os.SEEK_CUR)
        else:
            file.seek(size + 4, os.SEEK_CUR)
