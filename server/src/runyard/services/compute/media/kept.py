"""What a converted picture keeps of the metadata of its original."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from PIL import ExifTags, Image

Metadata = Literal["keep", "strip", "no_gps"]

_LONGEST: Final = 65_000
"""Bytes of one kind of metadata; a JPEG has no room for more."""
_XMP_ORIENTATION: Final = re.compile(rb'tiff:Orientation="\d"|<tiff:Orientation>\d</tiff:Orientation>')
_MADE_ANEW: Final = (
    ExifTags.Base.Orientation, ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength, ExifTags.Base.BitsPerSample,
    ExifTags.Base.Compression, ExifTags.Base.PhotometricInterpretation, ExifTags.Base.StripOffsets,
    ExifTags.Base.SamplesPerPixel, ExifTags.Base.RowsPerStrip, ExifTags.Base.StripByteCounts,
    ExifTags.Base.PlanarConfiguration, ExifTags.Base.Predictor, ExifTags.Base.ColorMap, ExifTags.Base.TileWidth,
    ExifTags.Base.TileLength, ExifTags.Base.TileOffsets, ExifTags.Base.TileByteCounts, ExifTags.Base.SubIFDs,
    ExifTags.Base.ExtraSamples, ExifTags.Base.SampleFormat, ExifTags.Base.JPEGTables, ExifTags.Base.XMLPacket,
    ExifTags.Base.IPTCNAA, ExifTags.Base.ImageResources, ExifTags.Base.InterColorProfile,
)  # fmt: skip
"""Tags that tell how the original is stored, not what it shows; and the orientation, which has been applied."""


@dataclass(frozen=True, slots=True)
class Kept:
    """EXIF and XMP as they are written into files; empty if there is none."""

    exif: bytes = b""
    xmp: bytes = b""


def kept(image: Image.Image, metadata: Metadata, size: tuple[int, int]) -> Kept:
    """What to keep.

    Args:
        image: the original.
        metadata: ``strip`` nothing, ``keep`` all, ``no_gps`` all that doesn't tell where it was taken: XMP, which hides
            places in many spellings, goes as a whole.
        size: of the new picture.
    """
    if metadata == "strip":
        return Kept()
    exif = _exif(image, size, gps=metadata == "keep")
    xmp = _xmp(image) if metadata == "keep" else b""
    return Kept(exif if len(exif) <= _LONGEST else b"", xmp if len(xmp) <= _LONGEST else b"")


def _exif(image: Image.Image, size: tuple[int, int], *, gps: bool) -> bytes:
    try:
        found = image.getexif()
        for tag in set(found) & set(_MADE_ANEW):
            del found[tag]
        details = found.get_ifd(ExifTags.IFD.Exif)
        for tag, side in zip((ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight), size, strict=True):
            if tag in details:
                details[tag] = side
        if not gps and ExifTags.IFD.GPSInfo in found:
            del found[ExifTags.IFD.GPSInfo]
        return found.tobytes() if len(found) else b""
    except Exception:  # noqa: BLE001  (the parser of damaged EXIF raises whatever it trips over; what is lost is nothing)
        return b""


def _xmp(image: Image.Image) -> bytes:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    content = found.encode() if isinstance(found, str) else bytes(found) if isinstance(found, bytes) else b""
    return _XMP_ORIENTATION.sub(b"", content)
