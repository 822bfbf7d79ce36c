"""Media made for tests: sound ones, and ones that lie."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageChops, ImageDraw
from PIL.TiffImagePlugin import IFDRational

from runyard.services.compute.plugin import MediaError, MediaLimits, Plugin, Task

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "ICO", "JPEG2000", "PPM", "QOI", "HEIF")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F")


def run(
    plugin: Plugin[Any],
    folder: Path,
    content: bytes,
    name: str = "a.bin",
    limits: MediaLimits | None = None,
    **params: object,
) -> Any:
    """What the plugin makes of a file with this content. Results are in ``folder``."""
    folder.mkdir(exist_ok=True)
    (folder / "input").write_bytes(content)
    task = Task(
        input=folder / "input", name=name, params=plugin.parameters.model_validate(params), folder=folder,
        models=folder / "models", limits=limits or MediaLimits(),
    )  # fmt: skip
    [found] = plugin.run([task])
    if isinstance(found, MediaError):
        raise found
    return plugin.result.model_validate(found)


def photo(width: int = 240, height: int = 180) -> Image.Image:
    """A picture with soft shades, edges and colours, red in the upper left and blue in the lower right."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", (ImageChops.invert(across), Image.blend(across, down, 0.5), down))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 4, height // 4), fill=(230, 20, 20))
    draw.ellipse((width * 3 // 4, height * 3 // 4, width - 1, height - 1), fill=(20, 20, 230))
    return image


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    if format_ == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    if format_ == "ICO":
        options["sizes"] = [image.size]
    content = io.BytesIO()
    image.save(content, format_, **options)
    return content.getvalue()


def decoded(path: Path) -> Image.Image:
    image = Image.open(io.BytesIO(path.read_bytes()))
    image.load()
    return image


def camera_exif(orientation: int = 6, *, latitude_ref: str = "S", gps: bool = True) -> Image.Exif:
    """What a camera writes."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Acme"
    exif[ExifTags.Base.Model] = "Shot 3"
    exif[ExifTags.Base.Software] = "Firmware 1.2"
    exif[ExifTags.Base.DateTime] = "2024:05:01 12:00:00"
    exif[ExifTags.Base.Orientation] = orientation
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2024:05:01 11:59:58"
    details[ExifTags.Base.DateTimeDigitized] = "2024:05:01 11:59:59"
    details[ExifTags.Base.ISOSpeedRatings] = 200
    details[ExifTags.Base.FNumber] = IFDRational(28, 10)
    details[ExifTags.Base.ExposureTime] = IFDRational(1, 250)
    details[ExifTags.Base.FocalLength] = IFDRational(50, 1)
    details[ExifTags.Base.LensModel] = "Lens 50"
    details[ExifTags.Base.ExifImageWidth] = 6000
    details[ExifTags.Base.UserComment] = b"ASCII\0\0\0hello"
    details[ExifTags.Base.MakerNote] = bytes(range(200))
    if gps:
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        place[ExifTags.GPS.GPSLatitudeRef] = latitude_ref
        place[ExifTags.GPS.GPSLatitude] = (IFDRational(33), IFDRational(51), IFDRational(3540, 100))
        place[ExifTags.GPS.GPSLongitudeRef] = "E"
        place[ExifTags.GPS.GPSLongitude] = (IFDRational(151), IFDRational(12), IFDRational(4020, 100))
        place[ExifTags.GPS.GPSAltitudeRef] = b"\1"
        place[ExifTags.GPS.GPSAltitude] = IFDRational(585, 10)
        place[ExifTags.GPS.GPSTimeStamp] = (IFDRational(10), IFDRational(20), IFDRational(30))
        place[ExifTags.GPS.GPSDateStamp] = "2024:05:01"
    return exif


def turned(orientation: int) -> bytes:
    """:func:`photo` as a camera stores it that lay on its side, with the note that makes it upright again."""
    undo = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    image = photo() if undo is None else photo().transpose(undo)
    return encoded(image, "JPEG", quality=95, exif=camera_exif(orientation))


def png(width: int, height: int, rows: bytes, *, colour: int = 2) -> bytes:
    """A PNG that claims a size, whatever there is in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    content = encoded(photo(), "JPEG")
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


def gif(frames: int, *, side: int = 2) -> bytes:
    """A GIF whose frames differ, made by hand: Pillow would leave out what is the same."""
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(3) + b"\xff\xff\xff"
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    control = b"\x21\xf9\x04\x00\x05\x00\x00\x00"
    place = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    dark, light = b"\x02\x02\x44\x01\x00", b"\x02\x02\x4c\x01\x00"
    return head + loop + b"".join(control + place + (light if n % 2 else dark) for n in range(frames)) + b";"


def animation(format_: str, *, count: int = 4, size: tuple[int, int] = (64, 48), holes: bool = False) -> bytes:
    """A dot that walks over the picture; its frames take 50, 60, 70... milliseconds."""
    frames = []
    for number in range(count):
        frame = Image.new("RGBA", size, (0, 0, 0, 0) if holes else (250, 250, 250, 255))
        dot = (number * 8, 8, number * 8 + 8, 24)
        ImageDraw.Draw(frame).rectangle(dot, fill=(200, 30 * number, 30, 255), outline=(200, 30, 30, 200))
        frames.append(frame if holes else frame.convert("RGB"))
    durations = [50 + 10 * number for number in range(count)]
    return encoded(frames[0], format_, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def in_mode(mode: str) -> Image.Image:
    """A small picture in any of Pillow's modes."""
    image = photo(48, 32)
    if mode == "LAB":
        from PIL import ImageCms

        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB") or image
    if mode in ("I", "I;16", "F"):
        grey = image.convert("L").convert("I").point(lambda value: value * 257 + 0)
        return grey.convert(mode)
    if mode in ("PA", "P"):
        return image.quantize(16).convert(mode)
    return image.convert(mode)
