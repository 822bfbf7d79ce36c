"""Colours of a picture: any mode to eight bits and RGB, transparency onto a background, colour profiles to sRGB."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

Colour = tuple[int, int, int]

WHITE: Final[Colour] = (255, 255, 255)
_DEEP: Final = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
"""Modes of one band with more than eight bits."""


def rgb(image: Image.Image, *, background: Colour = WHITE) -> Image.Image:
    """The picture in mode RGB: what is transparent shows the background, 16 bits become 8."""
    return flattened(eight_bit(image), background=background).convert("RGB")


def eight_bit(image: Image.Image) -> Image.Image:
    """The picture with eight bits a band. Pillow's own conversion cuts greys of 16 bits off at 255."""
    if image.mode not in _DEEP:
        return image
    light = image if image.mode == "F" else image.convert("I").convert("F")
    # Nothing says which value is white: the top of the smallest customary range that holds them all.
    brightest = _brightest(light)
    ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    scale = 255.0 / next((top for top in ranges if brightest <= top), brightest)
    return light.point(lambda value: value * scale + 0.0).convert("L")


def _brightest(image: Image.Image) -> float:
    _, top = image.getextrema()
    return float(top) if isinstance(top, int | float) else 0.0


def flattened(image: Image.Image, *, background: Colour = WHITE) -> Image.Image:
    """The picture without transparency: in the mode it has if it had none, else RGB."""
    if not image.has_transparency_data:
        return image
    seen = image.convert("RGBA")
    canvas = Image.new("RGBA", image.size, (*background, 255))
    flat = Image.alpha_composite(canvas, seen).convert("RGB")
    flat.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return flat


def plain(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be resized smoothly and drawn on: L, LA, RGB, RGBA, or CMYK as it is."""
    image = eight_bit(image)
    if image.mode in ("L", "RGB", "RGBA", "LA", "CMYK"):
        return image.convert("RGBA") if "transparency" in image.info else image
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def to_srgb(image: Image.Image) -> Image.Image:
    """The picture with its colours in sRGB and without the profile it came with; the one given is used up.

    A profile that is damaged, or made for another kind of picture, is left out of account.
    """
    profile = image.info.pop("icc_profile", None)
    if isinstance(profile, bytes) and profile and (seen := _through(image, profile)) is not None:
        return seen
    return image.convert("RGB") if image.mode == "CMYK" else image


def _through(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The picture as its profile means it; None if there is nothing to do, or no way to."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        bands, alpha = _apart(plain(image))
        seen = ImageCms.profileToProfile(bands, source, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if seen is not None:
        del seen.info["icc_profile"]  # of sRGB, which goes without saying
        if alpha is not None:
            seen.putalpha(alpha)
    return seen


def _apart(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours and transparency, which no profile speaks of."""
    if image.mode in ("RGBA", "LA"):
        return image.convert(image.mode.removesuffix("A")), image.getchannel("A")
    return image, None


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
