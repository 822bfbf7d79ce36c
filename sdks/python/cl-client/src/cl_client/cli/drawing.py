"""Pictures for people: found faces drawn on a copy of the photo, thumbnails on one sheet with their names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cl_client._wire.errors import WireError
from cl_client._wire.terminal import printable

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont
    from pydantic import JsonValue

_BOX = (0, 230, 118)
_LANDMARK = (255, 214, 0)
_INK, _PAPER, _PLATE = (32, 33, 36), (250, 250, 250), (255, 255, 255)
_SMALLEST, _LARGEST, _GAP, _CAPTION = 96, 256, 16, 22  # pixels of the contact sheet
_COLUMNS = 12  # at most


class PictureError(WireError):
    """A picture can't be read or written on this machine; the message names it."""


def draw_faces(photo: Path, faces: Sequence[JsonValue], target: Path) -> None:
    """Draw boxes, landmarks and scores on an upright copy of the photo.

    Args:
        photo: what was sent; it is not changed.
        faces: ``faces`` of the job's output, their places as parts of width and height.
        target: the copy; its ending says its format.

    Raises:
        PictureError: the photo can't be read here, or the copy can't be written in that format.
    """
    from PIL import ImageDraw, ImageOps

    picture = ImageOps.exif_transpose(_open(photo)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for face in faces:
        if isinstance(face, dict):
            _draw_face(draw, picture.size, face)
    _save(picture, target)


def contact_sheet(pictures: Sequence[tuple[Path, str]], target: Path) -> None:
    """Lay pictures out on one sheet, each with its caption below. Cells are as large as the largest picture needs."""
    from PIL import Image, ImageDraw

    shown = [(_thumbnail(path), caption) for path, caption in pictures]
    cell = max(_SMALLEST, *(side for picture, _ in shown for side in picture.size))
    columns = max(1, min(_COLUMNS, math.ceil(math.sqrt(len(shown)))))
    rows = math.ceil(len(shown) / columns)
    step = cell + _GAP
    sheet = Image.new("RGB", (columns * step + _GAP, rows * (step + _CAPTION) + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = _font(13)
    for index, (picture, caption) in enumerate(shown):
        left = _GAP + index % columns * step
        top = _GAP + index // columns * (step + _CAPTION)
        draw.rectangle((left, top, left + cell - 1, top + cell - 1), fill=_PLATE)
        sheet.paste(picture, (left + (cell - picture.width) // 2, top + (cell - picture.height) // 2), picture)
        draw.text((left + cell // 2, top + cell + 4), _fit(caption, font, cell), fill=_INK, font=font, anchor="ma")
    _save(sheet, target)


def _thumbnail(path: Path) -> Image.Image:
    picture = _open(path).convert("RGBA")
    picture.thumbnail((_LARGEST, _LARGEST))
    return picture


def _draw_face(draw: ImageDraw.ImageDraw, size: tuple[int, int], face: dict[str, JsonValue]) -> None:
    width, height = size
    thickness = max(2, min(size) // 250)
    corners = _corners(face)
    if corners is None:
        return
    left, top, right, bottom = corners[0] * width, corners[1] * height, corners[2] * width, corners[3] * height
    draw.rectangle((left, top, max(left, right), max(top, bottom)), outline=_BOX, width=thickness)
    landmarks = face.get("landmarks")
    for point in landmarks.values() if isinstance(landmarks, dict) else ():
        if isinstance(point, list) and len(point) == 2:
            x, y = _number(point[0]) * width, _number(point[1]) * height
            draw.ellipse((x - thickness, y - thickness, x + thickness, y + thickness), fill=_LANDMARK)
    score = face.get("confidence")
    if isinstance(score, (int, float)):
        font = _font(max(12, min(size) // 40))
        text = f"{score:.0%}"
        # Above the box where there is room, else inside it.
        anchor = (left, top) if top > min(size) / 25 else (left, top + min(size) / 25)
        box = draw.textbbox(anchor, text, font=font, anchor="lb")
        draw.rectangle((box[0] - 2, box[1] - 2, box[2] + 3, box[3] + 2), fill=_BOX)
        draw.text(anchor, text, fill=_INK, font=font, anchor="lb")


def _corners(face: dict[str, JsonValue]) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom; older servers have them beside ``confidence`` instead of in ``bbox``."""
    box = face.get("bbox", face)
    if not isinstance(box, dict) or not {"x1", "y1", "x2", "y2"} <= box.keys():
        return None
    return _number(box["x1"]), _number(box["y1"]), _number(box["x2"]), _number(box["y2"])


def _number(value: JsonValue) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _fit(caption: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    """The caption, with its middle left out where it is too wide."""
    caption = printable(caption)
    kept = len(caption)
    shown = caption
    while font.getlength(shown) > width and kept > 2:
        kept -= 1
        shown = f"{caption[: kept // 2]}…{caption[-(kept - kept // 2) :]}"
    return shown


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _open(path: Path) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    with suppress(ImportError):  # photos of phones; not everybody has what reads them
        import pillow_heif

        pillow_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType] - it has no types
    try:
        image: Image.Image = Image.open(path)
        with image:
            image.load()
            return image.copy()
    except UnidentifiedImageError:
        raise PictureError(f"{str(path)!r} is no picture that can be drawn on here.") from None
    except (OSError, Image.DecompressionBombError) as error:
        raise PictureError(f"{str(path)!r} can't be read to draw on it: {error}.") from None


def _save(picture: Image.Image, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target)
    except ValueError:
        raise PictureError(f"{str(target)!r} has no ending of a picture; try .png or .jpg.") from None
    except OSError as error:
        raise PictureError(f"{str(target)!r} can't be written: {error.strerror or error}.") from None
