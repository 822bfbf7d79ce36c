"""The plugin `exif`: what a camera or an editor wrote into an image or a video."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, Field, JsonValue

from runyard.services.compute.packages import requires
from runyard.services.compute.plugin import MediaError, Parameters, Result, Task, plugin

if TYPE_CHECKING:
    from runyard.services.compute.media.tags import Tags

OUTPUT: Final = "output/exif_metadata.json"


def _split(given: object) -> object:
    """A comma list, as forms have it, or a list already."""
    return [tag.strip() for tag in given.split(",") if tag.strip()] if isinstance(given, str) else given


class Extraction(Parameters):
    """Which tags are wanted."""

    tags: Annotated[
        list[Annotated[str, Field(max_length=100)]],
        BeforeValidator(_split),
        Field(max_length=200, description="Names such as `Make`, `GPSLatitude`, separated by commas; none is all."),
    ] = Field(default_factory=list)


class Position(Result):
    """Where it was taken: degrees, south and west negative; metres, below the sea negative; UTC."""

    latitude: float
    longitude: float
    altitude: float | None
    timestamp: str | None


class Metadata(Result):
    """What is known; null what isn't.

    The first fifteen keys are typed. ``raw_metadata`` has all tags, by names with their group (``EXIF:Make``), or those
    that were asked for, by their names. The keys with capitals are the same facts as EXIF calls them.
    """

    make: str | None = None
    model: str | None = None
    date_time_original: str | None = None
    create_date: str | None = None
    image_width: int | None = None
    image_height: int | None = None
    orientation: int | None = None
    iso: int | None = None
    f_number: float | None = None
    exposure_time: str | None = None
    focal_length: float | None = None
    gps_latitude: float | None = None
    gps_longitude: float | None = None
    gps_altitude: float | None = None
    software: str | None = None
    raw_metadata: dict[str, JsonValue] = Field(default_factory=dict)
    lens_model: str | None = None
    gps_timestamp: str | None = None
    media_type: str
    Make: str | None = None
    Model: str | None = None
    DateTime: str | None = None
    GPS: Position | None = None


@plugin("exif", output=OUTPUT, missing=requires("PIL", "av"))
def exif(task: Task[Extraction]) -> Metadata:
    """Read camera, time, place and other metadata of an image or a video."""
    from runyard.services.compute.media.image import open_header  # noqa: PLC0415  (loads the libraries)
    from runyard.services.compute.media.sniff import identify  # noqa: PLC0415
    from runyard.services.compute.media.tags import read_tags  # noqa: PLC0415

    media = identify(task.input)
    if media.kind == "image":
        with open_header(task) as header:
            tags = read_tags(header.image)
    elif media.kind == "video":
        from runyard.services.compute.media.video import probe  # noqa: PLC0415
        from runyard.services.compute.media.videotags import video_tags  # noqa: PLC0415

        tags = video_tags(probe(task), media.mime)
    else:
        raise MediaError(f"{task.name!r} is {media.name}, not an image or a video.", reason="unsupported_media")
    found = _typed(tags, media.kind, _wanted(tags, task.params.tags))
    task.output(OUTPUT).write_text(found.model_dump_json(indent=2), encoding="utf-8")
    return found


def _typed(tags: Tags, media_type: str, raw: Mapping[str, JsonValue]) -> Metadata:
    made = _text(tags, "EXIF:DateTimeOriginal")
    created = _text(tags, "EXIF:CreateDate")
    position = _position(tags)
    make, model = _text(tags, "EXIF:Make"), _text(tags, "EXIF:Model")
    return Metadata(
        make=make,
        model=model,
        date_time_original=made,
        create_date=created,
        image_width=_whole(tags, "File:ImageWidth"),
        image_height=_whole(tags, "File:ImageHeight"),
        orientation=_whole(tags, "EXIF:Orientation"),
        iso=_whole(tags, "EXIF:ISO"),
        f_number=_number(tags, "EXIF:FNumber"),
        exposure_time=_exposure(_number(tags, "EXIF:ExposureTime")),
        focal_length=_number(tags, "EXIF:FocalLength"),
        gps_latitude=None if position is None else position.latitude,
        gps_longitude=None if position is None else position.longitude,
        gps_altitude=None if position is None else position.altitude,
        software=_text(tags, "EXIF:Software"),
        raw_metadata=dict(raw),
        lens_model=_text(tags, "EXIF:LensModel"),
        gps_timestamp=None if position is None else position.timestamp,
        media_type=media_type,
        Make=make,
        Model=model,
        DateTime=_text(tags, "EXIF:ModifyDate") or made or created,
        GPS=position,
    )


def _wanted(tags: Tags, names: list[str]) -> dict[str, JsonValue]:
    """All tags, or those asked for, with or without their group."""
    if not names:
        return dict(tags)
    asked = {name.casefold() for name in names}
    found: dict[str, JsonValue] = {}
    for name, value in tags.items():
        if {name.casefold(), _short(name).casefold()} & asked:
            found.setdefault(_short(name), value)
    return found


def _short(name: str) -> str:
    return name.partition(":")[2]


def _position(tags: Tags) -> Position | None:
    north = _signed(tags, "Latitude", "S", 90)
    east = _signed(tags, "Longitude", "W", 180)
    if north is None or east is None:
        return None
    day, hour = _text(tags, "EXIF:GPSDateStamp"), _text(tags, "EXIF:GPSTimeStamp")
    return Position(
        latitude=north,
        longitude=east,
        altitude=_signed(tags, "Altitude", "1", 100_000),
        timestamp=f"{day.replace(':', '-')}T{hour}Z" if day and hour else None,
    )


def _signed(tags: Tags, name: str, negative: str, most: float) -> float | None:
    value = _number(tags, f"EXIF:GPS{name}")
    if value is None or not 0 <= value <= most:
        return None
    return -value if (_text(tags, f"EXIF:GPS{name}Ref") or "").upper() == negative else value


def _exposure(seconds: float | None) -> str | None:
    """As photographers write it: 1/250, 2.5."""
    if seconds is None or seconds <= 0:
        return None
    return f"1/{round(1 / seconds)}" if seconds <= 0.25 else f"{seconds:g}"


def _text(tags: Tags, name: str) -> str | None:
    value = tags.get(name)
    return None if value is None or value == "" or isinstance(value, list) else str(value)


def _number(tags: Tags, name: str) -> float | None:
    value = tags.get(name)
    first = value[0] if isinstance(value, list) and value else value
    return float(first) if isinstance(first, int | float) else None


def _whole(tags: Tags, name: str) -> int | None:
    value = _number(tags, name)
    return None if value is None else int(value)
