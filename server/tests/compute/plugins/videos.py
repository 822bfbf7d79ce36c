"""Videos for the tests, made by FFmpeg: small ones whose pictures tell their moment."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageChops, ImageStat

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")


def ffmpeg(*arguments: object) -> None:
    """Run it; its complaint is the failure."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def film(
    path: Path,
    *,
    size: tuple[int, int] = (320, 180),
    seconds: float = 2,
    fps: str = "25",
    sound: bool = False,
    codec: Sequence[str] = X264,
    options: Sequence[str] = (),
    filters: str = "null",
) -> Path:
    """A moving test picture."""
    source = f"testsrc2=size={size[0]}x{size[1]}:rate={fps}:duration={seconds}"
    inputs = ["-f", "lavfi", "-i", source, *(SOUND if sound else ())]
    outputs = [*codec, *(["-c:a", "aac"] if sound else []), "-t", seconds, "-vf", filters, *options]
    ffmpeg(*inputs, *outputs, path)
    return path


def clock(path: Path, *, seconds: int = 10, fps: int = 10, options: Sequence[str] = ()) -> Path:
    """A film whose left half is black and whose right half grows lighter by 20 levels of grey a second: see `told`."""
    grey = f"if(lt(X,W/2),16,36+20*N/{fps})"
    source = f"nullsrc=size=160x120:rate={fps}:duration={seconds},geq=lum='{grey}':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", source, *X264, *options, path)
    return path


def told(picture: Image.Image) -> float:
    """The moment of `clock` that the picture shows."""
    width, height = picture.size
    right = picture.convert("L").crop((width * 5 // 8, height // 4, width * 7 // 8, height * 3 // 4))
    studio = ImageStat.Stat(right).mean[0] * 219 / 255 + 16
    return (studio - 36) / 20


def copied(source: Path, target: Path, *options: object, before: Sequence[object] = ()) -> Path:
    """The same pictures in another file."""
    ffmpeg(*before, "-i", source, "-c", "copy", *options, target)
    return target


def cut(source: Path, target: Path, part: float) -> Path:
    """The first part of the file's bytes."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * part)])
    return target


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of the brightness, of 255."""
    assert one.size == other.size
    return ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).mean[0]
