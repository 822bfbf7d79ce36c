"""Writing pictures: which format can hold what, and how large it may become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from runyard.services.compute.media.colour import WHITE, Colour, flattened, plain, to_srgb
from runyard.services.compute.media.kept import Kept
from runyard.services.compute.plugin import MediaError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A format to write.

    Attributes:
        pillow: Pillow's name of it.
        name: what to call it in a sentence.
        longest: pixels a side may have.
        modes: of pictures it holds as they are.
        profile: whether it can hold a colour profile.
        lossy: whether it has a quality.
        moves: whether it can hold an animation.
    """

    pillow: str
    name: str
    longest: int
    modes: frozenset[str]
    profile: bool = True
    lossy: bool = False
    moves: bool = False
    options: Mapping[str, object] = field(default_factory=dict)


_DEEP: Final = frozenset({"I;16"})

TARGETS: Final[Mapping[str, Target]] = {
    "jpg": Target(
        pillow="JPEG", name="JPEG", longest=65_500, modes=frozenset({"L", "RGB"}), lossy=True,
        options={"optimize": True},
    ),
    "png": Target(
        pillow="PNG", name="PNG", longest=1_000_000, modes=frozenset({"1", "L", "LA", "P", "RGB", "RGBA"}) | _DEEP,
        moves=True, options={"compress_level": 4},
    ),
    "webp": Target(
        pillow="WEBP", name="WebP", longest=16_383, modes=frozenset({"RGB", "RGBA"}), lossy=True, moves=True,
    ),
    "avif": Target(
        pillow="AVIF", name="AVIF", longest=65_535, modes=frozenset({"L", "RGB", "RGBA"}), lossy=True, moves=True,
        options={"speed": 7},
    ),
    "gif": Target(
        pillow="GIF", name="GIF", longest=65_535, modes=frozenset({"1", "L", "P", "RGB", "RGBA"}), profile=False,
        moves=True,
    ),
    "bmp": Target(pillow="BMP", name="BMP", longest=65_535, modes=frozenset({"1", "L", "P", "RGB"}), profile=False),
    "tiff": Target(
        pillow="TIFF", name="TIFF", longest=1_000_000, modes=frozenset({"1", "L", "LA", "RGB", "RGBA"}) | _DEEP,
        options={"compression": "tiff_adobe_deflate"},
    ),
}  # fmt: skip
"""What can be written, by the ending of file names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is to be written: one picture or the frames of an animation, all of one size and mode.

    Attributes:
        durations: of the frames, in milliseconds.
        plays: how often the animation is shown; 0 is for ever.
    """

    frames: Sequence[Image.Image]
    durations: Sequence[int] = ()
    plays: int = 0
    kept: Kept = field(default_factory=Kept)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.frames[0].size


def suited(image: Image.Image, target: Target, *, srgb: bool, background: Colour = WHITE) -> Image.Image:
    """The picture in a mode that the format holds; its profile stays in ``info["icc_profile"]`` unless it is to go."""
    if srgb or not target.profile or _changes_kind(image, target):
        image = to_srgb(image)
    if "RGBA" not in target.modes:
        image = flattened(image, background=background)
    if image.mode not in target.modes or ("transparency" in image.info and image.mode != "P"):
        image = plain(image)
    if image.mode not in target.modes:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return _all_or_nothing(image, background) if target.pillow == "GIF" and image.mode == "RGBA" else image


def _changes_kind(image: Image.Image, target: Target) -> bool:
    """Whether greys or inks become colours, for which the profile wasn't made."""
    if image.mode in ("RGB", "RGBA", "P"):
        return False
    return image.mode not in target.modes or image.has_transparency_data


def encode(picture: Picture, target: Target, *, quality: int) -> bytes:
    """The file.

    Raises:
        MediaError: the format has no room for a picture as large as this.
    """
    if max(picture.size) > target.longest:
        width, height = picture.size
        raise MediaError(
            f"{target.name} has room for {target.longest} pixels a side, and the picture has {width} x {height}: "
            "ask for a smaller 'width' or 'height', or another format.",
            reason="too_large",
        )
    first, *rest = (_bare(frame) for frame in picture.frames)
    options: dict[str, object] = {**target.options, **_metadata(picture.kept, target)}
    if profile := picture.frames[0].info.get("icc_profile"):
        options["icc_profile"] = profile
    if target.lossy:
        options["quality"] = quality
    if rest:
        options |= {"save_all": True, "append_images": rest, "duration": list(picture.durations)}
        options |= _motion(picture, target)
    content = BytesIO()
    try:
        first.save(content, target.pillow, **options)
    except OverflowError as error:  # frames that are the same become one, whose time has but two bytes
        raise MediaError(f"The animation stands still for longer than {target.name} can say.") from error
    return content.getvalue()


def encode_within(picture: Picture, target: Target, *, quality: int, most: int | None) -> tuple[bytes, int]:
    """The file with the best quality up to ``quality`` that has at most ``most`` bytes, and that quality.

    Raises:
        MediaError: the smallest file is larger.
    """
    content = encode(picture, target, quality=quality)
    if most is None or len(content) <= most:
        return content, quality
    found: tuple[bytes, int] | None = None
    low, high = 1, quality - 1 if target.lossy else 0
    while low <= high:
        tried = (low + high) // 2
        content = encode(picture, target, quality=tried)
        if len(content) <= most:
            found, low = (content, tried), tried + 1
        else:
            high = tried - 1
    if found is None:
        width, height = picture.size
        other = "" if target.lossy else "jpg, webp or avif, or "
        raise MediaError(
            f"{target.name} can't make {width} x {height} pixels as small as {most} bytes: "
            f"ask for {other}a smaller 'width' or 'height'.",
            reason="too_large",
        )
    return found


def _all_or_nothing(image: Image.Image, background: Colour) -> Image.Image:
    """The picture with pixels that are transparent or not: GIF knows nothing between."""
    seen = flattened(image, background=background).convert("RGBA")
    seen.putalpha(image.getchannel("A").point(lambda alpha: 255 if alpha >= 128 else 0))
    return seen


def _bare(image: Image.Image) -> Image.Image:
    """The picture without what it carries: Pillow would write some of it into the new file."""
    copy = image.copy()
    copy.info = {key: image.info[key] for key in ("transparency",) if key in image.info and image.mode == "P"}
    return copy


def _motion(picture: Picture, target: Target) -> dict[str, object]:
    if target.pillow != "GIF":
        return {"loop": picture.plays}
    options: dict[str, object] = {}
    if picture.plays != 1:  # a GIF says how often it is shown again
        options["loop"] = max(0, picture.plays - 1)
    if picture.frames[0].mode == "RGBA":  # frames with holes have to take the one before away
        options["disposal"] = 2
    return options


def _metadata(kept: Kept, target: Target) -> dict[str, object]:
    options: dict[str, object] = {}
    if target.pillow in ("GIF", "BMP"):
        return options
    if kept.exif:
        options["exif"] = kept.exif
        if target.pillow == "TIFF":  # whose compressing writer can't nest tags, as EXIF does
            options["compression"] = "raw"
    if kept.xmp and target.pillow == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", kept.xmp.decode(errors="replace"))
        options["pnginfo"] = info
    elif kept.xmp and target.pillow in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = kept.xmp
    return options
