"""Files for jobs, made when they are needed."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

MEDIA = Path(__file__).parents[2] / "examples" / "media"
PORTRAIT = (MEDIA / "astronaut.jpg").read_bytes()
CLIP = (MEDIA / "clip.mp4").read_bytes()


def picture(width: int = 640, height: int = 480, *, kind: str = "JPEG") -> bytes:
    """A picture in which no two places are alike."""
    ramp = Image.linear_gradient("L").resize((width, height))
    with BytesIO() as file:
        Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT), ramp.rotate(180))).save(file, kind)
        return file.getvalue()
