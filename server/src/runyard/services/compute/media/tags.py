"""Everything a picture says about itself, by names people know, in values that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from itertools import islice
from typing import Final, SupportsFloat, TypeAlias

from PIL import ExifTags, ImageCms, ImageFile, IptcImagePlugin
from pydantic import JsonValue

from runyard.services.compute.media.xmp import read_xmp

Tags: TypeAlias = dict[str, JsonValue]

_LONGEST: Final = 4_000
"""Characters of one text, values of one list, and tags of one picture."""

_EXIF_NAMES: Final[Mapping[int, str]] = {
    **ExifTags.TAGS,
    ExifTags.Base.DateTime: "ModifyDate",
    ExifTags.Base.DateTimeDigitized: "CreateDate",
    ExifTags.Base.ISOSpeedRatings: "ISO",
    ExifTags.Base.ExposureBiasValue: "ExposureCompensation",
}
"""Names of tags. A few are better known by another name than the standard's."""

_POINTERS: Final = frozenset({ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop, ExifTags.Base.XMLPacket})
_ANGLES: Final = frozenset({ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude})
_USER_COMMENT: Final[Mapping[bytes, str]] = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", bytes(8): "utf-8"}
_IPTC_NAMES: Final[Mapping[tuple[int, int], str]] = {
    (2, 5): "ObjectName", (2, 25): "Keywords", (2, 55): "DateCreated", (2, 60): "TimeCreated", (2, 80): "By-line",
    (2, 90): "City", (2, 92): "Sub-location", (2, 95): "Province-State", (2, 101): "Country-PrimaryLocationName",
    (2, 105): "Headline", (2, 110): "Credit", (2, 115): "Source", (2, 116): "CopyrightNotice",
    (2, 120): "Caption-Abstract",
}  # fmt: skip


def read_tags(image: ImageFile.ImageFile) -> Tags:
    """Tags of an opened picture, which needn't be decoded, such as ``EXIF:Make``, ``XMP:Rating``, ``File:ImageWidth``.

    What is damaged is left out. Angles are decimal degrees without sign, as EXIF keeps them.
    """
    width, height = image.size
    tags: Tags = {
        "File:FileType": image.format,
        "File:MIMEType": image.get_format_mimetype(),
        "File:ImageWidth": width,
        "File:ImageHeight": height,
    }
    for group, read in _GROUPS.items():
        for name, value in _whole(read, image).items():
            tags.setdefault(f"{group}:{name}", value)
    return dict(islice(tags.items(), _LONGEST))


def _whole(read: Callable[[ImageFile.ImageFile], Iterator[tuple[str, JsonValue]]], image: ImageFile.ImageFile) -> Tags:
    """What one group has, as far as it can be read."""
    found: Tags = {}
    try:
        found.update(read(image))
    except Exception:  # noqa: BLE001  (parsers of damaged metadata raise whatever they trip over)
        return found
    return found


def _exif(image: ImageFile.ImageFile) -> Iterator[tuple[str, JsonValue]]:
    exif = image.getexif()
    for folder, names in (
        (None, _EXIF_NAMES),
        (ExifTags.IFD.Exif, _EXIF_NAMES),
        (ExifTags.IFD.Interop, _EXIF_NAMES),
        (ExifTags.IFD.GPSInfo, ExifTags.GPSTAGS),
    ):
        tags: Mapping[int, object] = exif if folder is None else _folder(exif.get_ifd, folder)
        for tag in tags:
            if tag not in _POINTERS:
                value = tags[tag]
                gps = folder == ExifTags.IFD.GPSInfo
                yield names.get(tag, f"0x{tag:04x}"), _gps_value(tag, value) if gps else _value(value, tag)


def _folder(get: Callable[[int], Mapping[int, object]], folder: int) -> Mapping[int, object]:
    try:
        return get(folder)
    except Exception:  # noqa: BLE001  (see above; the other folders may be sound)
        return {}


def _gps_value(tag: int, value: object) -> JsonValue:
    if isinstance(value, tuple) and len(value) == 3:
        parts = [_number(part) for part in value]
        if all(part is not None for part in parts):
            first, second, third = (float(part or 0) for part in parts)
            if tag in _ANGLES:
                return first + second / 60 + third / 3600
            if tag == ExifTags.GPS.GPSTimeStamp:
                return f"{first:02.0f}:{second:02.0f}:{third:02.0f}"
    return _value(value, tag)


def _xmp(image: ImageFile.ImageFile) -> Iterator[tuple[str, JsonValue]]:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    for name, value in read_xmp(packet.encode() if isinstance(packet, str) else packet).items():
        yield name, _value(value)


def _iptc(image: ImageFile.ImageFile) -> Iterator[tuple[str, JsonValue]]:
    for key, value in (IptcImagePlugin.getiptcinfo(image) or {}).items():
        if name := _IPTC_NAMES.get(key):
            yield name, _value([_text(one) for one in value] if isinstance(value, list) else _text(value))


def _profile(image: ImageFile.ImageFile) -> Iterator[tuple[str, JsonValue]]:
    content = image.info.get("icc_profile")
    if isinstance(content, bytes) and content:
        profile = ImageCms.ImageCmsProfile(BytesIO(content)).profile
        yield "ProfileDescription", _value(profile.profile_description)
        yield "ColorSpaceData", _value(profile.xcolor_space.strip())


def _comments(image: ImageFile.ImageFile) -> Iterator[tuple[str, JsonValue]]:
    comment = image.info.get("comment")
    if isinstance(comment, str | bytes):
        yield "Comment", _value(_text(comment) if isinstance(comment, bytes) else comment)


def _png(image: ImageFile.ImageFile) -> Iterator[tuple[str, JsonValue]]:
    if image.format == "PNG":
        for name, value in image.info.items():
            if isinstance(value, str) and name not in ("XML:com.adobe.xmp", "Raw profile type exif"):
                yield str(name), _value(value)


_GROUPS: Final = {
    "EXIF": _exif, "XMP": _xmp, "IPTC": _iptc, "ICC_Profile": _profile, "File": _comments, "PNG": _png,
}  # fmt: skip


def _value(value: object, tag: int = 0) -> JsonValue:
    """Something JSON can hold that says the same, cut off where it would be too long."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return _repaired(value)
        case bytes():
            return _bytes(value, tag)
        case list() | tuple():
            return _list(value, tag)
    return _number(value)


def _list(values: Iterable[object], tag: int) -> JsonValue:
    if tag in _WINDOWS_TAGS:
        return _bytes(bytes(value for value in values if isinstance(value, int) and 0 <= value < 256), tag)
    return [_value(value) for value in islice(values, _LONGEST)]


_WINDOWS_TAGS: Final = frozenset(
    {ExifTags.Base.XPTitle, ExifTags.Base.XPComment, ExifTags.Base.XPAuthor, ExifTags.Base.XPKeywords,
     ExifTags.Base.XPSubject}
)  # fmt: skip


def _number(value: object) -> int | float | None:
    """A rational or other number; None for what isn't one, such as 0/0."""
    try:
        number = float(value) if isinstance(value, SupportsFloat) else math.nan
    except (ValueError, ArithmeticError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _bytes(value: bytes, tag: int) -> JsonValue:
    if tag == ExifTags.Base.UserComment and (encoding := _USER_COMMENT.get(value[:8])):
        return _cut(value[8:].decode(encoding, errors="replace"))
    if tag in _WINDOWS_TAGS:
        return _cut(value.decode("utf-16-le", errors="replace"))
    if len(value) == 1:
        return value[0]
    if value.rstrip(b"\0").isascii() and value.rstrip(b"\0").decode("ascii").isprintable():
        return _cut(value.decode("ascii"))
    return f"(binary, {len(value)} bytes)"


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _repaired(value: str) -> str:
    """EXIF's texts are read as Latin-1, and written as UTF-8 by most who write more than ASCII."""
    if not value.isascii():
        with suppress(UnicodeError):
            value = value.encode("latin-1").decode("utf-8")
    return _cut(value)


def _cut(value: str) -> str:
    # Lone surrogates and NUL can be in no JSON document or database.
    plain = value.replace("\0", "").encode("utf-8", errors="replace").decode("utf-8").strip()
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
