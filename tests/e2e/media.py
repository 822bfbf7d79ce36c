"""Files that people have, and models for the plugins that need some."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

ROOT = Path(__file__).parents[2]
MEDIA = ROOT / "examples" / "media"
NETWORKS = ROOT / "server" / "tests" / "compute" / "plugins" / "networks.py"

CAMERA = {Base.Make: "Canon", Base.Model: "Canon EOS R5", Base.DateTime: "2026:01:02 03:04:05"}
PLACE = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}


def fill(folder: Path) -> Path:
    """The files that the documents name: `photo.jpg` with a face, a camera and a place, `input.png`, `video.mp4`."""
    with Image.open(MEDIA / "astronaut.jpg") as portrait:
        tags = portrait.getexif()
        tags.update(CAMERA)
        tags.get_ifd(IFD.GPSInfo).update(PLACE)
        portrait.save(folder / "photo.jpg", exif=tags, quality=90)
        portrait.resize((320, 200)).save(folder / "input.png")
    shutil.copy(MEDIA / "clip.mp4", folder / "video.mp4")
    return folder


def install_models(models: Path, work: Path) -> None:
    """Tiny networks in place of CLIP and DINOv2: all of the way to the right number of numbers, none of the sense."""
    networks: dict[str, Any] = runpy.run_path(str(NETWORKS))
    networks["install"](models, "clip", networks["clip_like"](work / "clip.onnx"))
    networks["install"](models, "dino", networks["dino_like"](work / "dino.onnx"))
