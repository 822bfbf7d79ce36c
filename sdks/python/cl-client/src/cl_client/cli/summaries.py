"""What a job found out, for people: a few labelled facts, or one line in a table of many."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cl_client._wire.terminal import show_size

if TYPE_CHECKING:
    from pydantic import JsonValue

Output = Mapping[str, "JsonValue"]
Fact = tuple[str, str]

_SHOWN_FACES = 12
_SHOWN_NUMBERS = 4
_HASHES = (
    "hash_value", "sha256", "sha512", "md5", "phash", "dhash", "ahash", "whash", "colorhash",
)  # fmt: skip


def facts_of(task_type: str, output: Output) -> list[Fact]:
    """The facts of an output, in the order people look for them."""
    return _FACTS.get(task_type, _anything)(output)


def line_of(task_type: str, output: Output) -> str:
    """The same in one line."""
    if task_type in {"face_detection", "face_embedding"}:
        return _count(_integer(output, "num_faces", len(_list(output, "faces"))), "face")
    if task_type == "hash":
        known = [f"{name} {output[name]}" for name in ("phash", "sha256", "hash_value") if output.get(name)]
        return known[0] if known else _text(output, "media_type")
    if task_type == "exif":
        chosen = [value for label, value in _exif(output) if label in {"Camera", "Taken", "Place"}]
        return ", ".join(chosen) or "no EXIF"
    return ", ".join(
        value if label in {"Path", "Size"} else f"{label.lower()} {value}"
        for label, value in facts_of(task_type, output)[:3]
    )


def _embedding(output: Output) -> list[Fact]:
    numbers = [value for value in _list(output, "embedding") if isinstance(value, (int, float))]
    dimension = _integer(output, "embedding_dim", len(numbers))
    facts = [("Embedding", f"{dimension} numbers{', length 1' if output.get('normalized') else ''}")]
    if numbers:
        shown = ", ".join(f"{value:.4f}" for value in numbers[:_SHOWN_NUMBERS])
        length = math.sqrt(math.fsum(value * value for value in numbers))
        facts.append(("Values", f"[{shown}, …], norm {length:.4f}"))
    return facts


def _faces(output: Output) -> list[Fact]:
    faces = _list(output, "faces")
    facts = [("Faces", str(_integer(output, "num_faces", len(faces))))]
    width, height = _integer(output, "image_width", 0), _integer(output, "image_height", 0)
    if width and height:
        facts.append(("Picture", f"{width} x {height}"))
    for number, face in enumerate(faces[:_SHOWN_FACES], start=1):
        if isinstance(face, dict):
            facts.append((f"Face {number}", _face(face, width, height)))
    if len(faces) > _SHOWN_FACES:
        facts.append(("", f"and {len(faces) - _SHOWN_FACES} more"))
    return facts


def _face(face: Output, width: int, height: int) -> str:
    box = face.get("bbox", dict(face))
    corners = [box.get(name) for name in ("x1", "y1", "x2", "y2")] if isinstance(box, dict) else []
    numbers = [float(value) for value in corners if isinstance(value, (int, float))]
    parts: list[str] = []
    score = face.get("confidence")
    if isinstance(score, (int, float)):
        parts.append(f"{score:.1%}")
    if len(numbers) == 4:
        scale = (width or 1, height or 1, width or 1, height or 1)
        digits = 0 if width else 3
        left, top, right, bottom = (f"{value * by:.{digits}f}" for value, by in zip(numbers, scale, strict=True))
        parts.append(f"from {left},{top} to {right},{bottom}")
    return ", ".join(parts)


def _face_embedding(output: Output) -> list[Fact]:
    vectors = _list(output, "embeddings")
    dimension = _integer(output, "embedding_dim", 0)
    facts = [("Faces", str(_integer(output, "num_faces", len(vectors) or 1)))]
    if dimension:
        facts.append(("Embedding", f"{dimension} numbers each{', length 1' if output.get('normalized') else ''}"))
    quality = output.get("quality_score")
    if isinstance(quality, (int, float)):
        facts.append(("Quality", f"{quality:.2f} of 1"))
    return facts


def _exif(output: Output) -> list[Fact]:
    camera = " ".join(str(output[name]) for name in ("make", "model") if output.get(name))
    if not camera:
        camera = " ".join(str(output[name]) for name in ("Make", "Model") if output.get(name))
    size = [_integer(output, name, 0) for name in ("image_width", "image_height")]
    rows = [
        ("Camera", camera),
        ("Taken", _text(output, "date_time_original") or _text(output, "create_date") or _text(output, "DateTime")),
        ("Place", _place(output)),
        ("Altitude", _unit(output, "gps_altitude", "{:.1f} m")),
        ("Exposure", _text(output, "exposure_time")),
        ("Aperture", _unit(output, "f_number", "f/{:g}")),
        ("Focal length", _unit(output, "focal_length", "{:g} mm")),
        ("ISO", _text(output, "iso")),
        ("Size", f"{size[0]} x {size[1]}" if all(size) else ""),
        ("Orientation", _text(output, "orientation")),
        ("Software", _text(output, "software")),
    ]
    return [(label, value) for label, value in rows if value] or [("EXIF", "none")]


def _place(output: Output) -> str:
    """Degrees as maps take them: `48.858370, 2.294481`."""
    latitude, longitude = output.get("gps_latitude"), output.get("gps_longitude")
    if isinstance(latitude, (int, float)) and isinstance(longitude, (int, float)):
        return f"{latitude:.6f}, {longitude:.6f}"
    return ""


def _hash(output: Output) -> list[Fact]:
    rows = [("Media", _text(output, "media_type")), ("Digest of", _text(output, "algorithm"))]
    rows += [("Digest" if name == "hash_value" else name, _text(output, name)) for name in _HASHES]
    return [(label, value) for label, value in rows if value]


def _streaming(output: Output) -> list[Fact]:
    facts = [("Playlist", _text(output, "manifest_path") or _text(output, "master_playlist"))]
    for variant in _list(output, "variants"):
        if isinstance(variant, dict):
            size = f"{_text(variant, 'width')} x {_text(variant, 'height')}"
            rate = f", {_text(variant, 'bitrate')} kbit/s" if variant.get("bitrate") else ""
            facts.append(("Rendition", f"{size}{rate}"))
    facts += [
        ("Renditions", _text(output, "variants_generated")),
        ("Segments", _text(output, "total_segments")),
        ("Duration", _unit(output, "duration", "{:.1f} s")),
    ]
    return [(label, value) for label, value in facts if value]


def _picture(output: Output) -> list[Fact]:
    path = _text(output, "thumbnail_path") or _text(output, "output_path")
    width, height = _integer(output, "width", 0), _integer(output, "height", 0)
    size = output.get("size")
    facts = [
        ("Path", path),
        ("Size", f"{width} x {height}" if width and height else ""),
        ("Bytes", show_size(size) if isinstance(size, (int, float)) else ""),
        ("Format", _text(output, "format")),
        ("Quality", _text(output, "quality")),
        ("Media", _text(output, "media_type")),
    ]
    return [(label, value) for label, value in facts if value]


def _anything(output: Output) -> list[Fact]:
    return [(name, _brief(value)) for name, value in output.items()]


def _brief(value: JsonValue) -> str:
    if isinstance(value, list):
        return _count(len(value), "value") if len(value) > _SHOWN_NUMBERS else str(value)
    return _count(len(value), "field") if isinstance(value, dict) else str(value)


def _text(output: Output, name: str) -> str:
    value = output.get(name)
    return "" if value is None else str(value)


def _unit(output: Output, name: str, form: str) -> str:
    value = output.get(name)
    return form.format(value) if isinstance(value, (int, float)) else ""


def _integer(output: Output, name: str, otherwise: int) -> int:
    value = output.get(name)
    return value if isinstance(value, int) else otherwise


def _list(output: Output, name: str) -> list[JsonValue]:
    value = output.get(name)
    return value if isinstance(value, list) else []


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_FACTS: dict[str, Callable[[Output], list[Fact]]] = {
    "clip_embedding": _embedding,
    "dino_embedding": _embedding,
    "face_detection": _faces,
    "face_embedding": _face_embedding,
    "exif": _exif,
    "hash": _hash,
    "hls_streaming": _streaming,
    "image_conversion": _picture,
    "media_thumbnail": _picture,
}
