"""The tags of a video, under the names that pictures have for the same things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from runyard.services.compute.media.tags import Tags
from runyard.services.compute.media.video import VideoInfo

_ORIENTATION: Final = {0: 1, 180: 3, 90: 6, 270: 8}
"""EXIF's note, by degrees clockwise."""

_PLACE: Final = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")
"""A place as ISO 6709 writes it: degrees north, degrees east, metres."""

_MOMENT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d:\d\d:\d\d)")
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "Make": ("com.apple.quicktime.make", "com.android.manufacturer", "make"),
    "Model": ("com.apple.quicktime.model", "com.android.model", "model"),
    "Software": ("com.apple.quicktime.software", "com.android.version", "software", "encoder"),
    "DateTimeOriginal": ("com.apple.quicktime.creationdate", "date_original", "date"),
    "CreateDate": ("creation_time",),
}
"""Names of tags, and the keys under which programs keep them in videos."""


def video_tags(info: VideoInfo, mime: str) -> Tags:
    """Tags of a video, such as ``Video:Duration``; all that it carries itself is in the group ``Keys``."""
    tags: Tags = {
        "File:MIMEType": mime,
        "File:ImageWidth": info.width,
        "File:ImageHeight": info.height,
        "Video:Duration": info.duration,
        "Video:FrameRate": info.fps,
        "Video:FrameCount": info.frames,
        "Video:Codec": info.codec,
        "Video:PixelFormat": info.pixel_format,
        "Video:Container": info.container,
        "Audio:Codec": info.audio_codec,
        "EXIF:Orientation": _ORIENTATION.get(info.rotation),
    }
    carried = {key.casefold(): value for key, value in info.metadata.items()}
    for name, keys in _KEYS.items():
        if value := next((carried[key] for key in keys if carried.get(key)), None):
            tags[f"EXIF:{name}"] = _moment(value) if "Date" in name else value
    tags |= _place(carried.get("com.apple.quicktime.location.iso6709") or carried.get("location") or "")
    return tags | {f"Keys:{key}": value[:4000] for key, value in info.metadata.items()}


def _moment(value: str) -> str:
    """A moment as EXIF writes it."""
    found = _MOMENT.match(value)
    return value if found is None else f"{found[1]}:{found[2]}:{found[3]} {found[4]}"


def _place(value: str) -> Tags:
    found = _PLACE.match(value)
    if found is None:
        return {}
    north, east = float(found[1]), float(found[2])
    place: Tags = {
        "EXIF:GPSLatitude": abs(north), "EXIF:GPSLatitudeRef": "S" if north < 0 else "N",
        "EXIF:GPSLongitude": abs(east), "EXIF:GPSLongitudeRef": "W" if east < 0 else "E",
    }  # fmt: skip
    if found[3] is not None:
        height = float(found[3])
        place |= {"EXIF:GPSAltitude": abs(height), "EXIF:GPSAltitudeRef": 1 if height < 0 else 0}
    return place
