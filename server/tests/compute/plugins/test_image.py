"""Opening other people's pictures: sound ones decoded, bad ones refused with a reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from runyard.services.compute.media import image as opening
from runyard.services.compute.media.colour import eight_bit, flattened, plain, rgb, to_srgb
from runyard.services.compute.media.image import open_header, open_image
from runyard.services.compute.plugin import MediaError, MediaLimits

from .media import FORMATS, MODES, animation, encoded, gif, in_mode, jpeg_claiming, photo, png, turned


def file(folder: Path, content: bytes, name: str = "a.png") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(folder: Path, content: bytes, limits: MediaLimits | None = None) -> MediaError:
    with pytest.raises(MediaError) as caught, open_image(file(folder, content), limits):
        pass
    return caught.value


def difference(one: Image.Image, other: Image.Image) -> float:
    """How much pictures differ on average, of 255."""
    found = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean
    return sum(found) / len(found)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_is_decoded_and_outlives_its_file(format_: str, tmp_path: Path) -> None:
    with open_image(file(tmp_path, encoded(photo(96, 64), format_))) as image:
        pass
    assert image.size == (96, 64)
    assert difference(rgb(image), photo(96, 64)) < 12


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_that_is_cut_off_is_refused(format_: str, tmp_path: Path) -> None:
    content = encoded(photo(96, 64), format_)
    for kept in (len(content) // 2, 20):
        error = refused(tmp_path, content[:kept])
        assert error.reason in ("bad_media", "unsupported_media")
        assert "'a.png'" in str(error)
        assert str(tmp_path) not in str(error)


@pytest.mark.parametrize(
    ("content", "reason", "text"),
    [
        (b"", "unsupported_media", "'a.png' is an empty file, not an image."),
        (b"%PDF-1.4\n", "unsupported_media", "'a.png' is a PDF document, not an image."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_media", "'a.png' is an SVG drawing, not an image."),
        (b"\xff\x0a\x00\x01", "unsupported_media", "'a.png' is a JPEG XL image, which can't be read here"),
        (png(20_000, 20_000, b"\0" * 1000), "too_large", "'a.png' has 400000000 pixels; the limit is 89478485 pixels."),
        (png(100, 100, b"\0" * 301 * 10), "bad_media", "claims more rows than there are"),
        (jpeg_claiming(9_000, 9_000), "bad_media", "far too short for 9000 x 9000 pixels"),
        (jpeg_claiming(60_000, 60_000), "too_large", "has 3600000000 pixels"),
        (gif(10_000), "too_large", "has more than 2000 frames; the limit is 2000"),
    ],
    ids=["empty", "pdf", "svg", "jxl", "png-bomb", "png-lie", "jpeg-lie", "jpeg-bomb", "gif-frames"],
)
def test_what_lies_is_found_out(content: bytes, reason: str, text: str, tmp_path: Path) -> None:
    error = refused(tmp_path, content)
    assert error.reason == reason
    assert text in str(error)


def test_black_pictures_are_no_lie(tmp_path: Path) -> None:
    for size in ((1, 1), (640, 480), (3, 500)):
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            with open_image(file(tmp_path, encoded(Image.new(mode, size), "PNG"))) as image:
                assert image.size == size


def test_the_limit_of_frames_holds_for_all_that_move(tmp_path: Path) -> None:
    for format_ in ("GIF", "PNG", "WEBP", "AVIF"):
        content = animation(format_, count=5)
        assert "frames; the limit is 4" in str(refused(tmp_path, content, MediaLimits(frames=4)))
        with open_image(file(tmp_path, content), MediaLimits(frames=5)) as image:
            assert image.size == (64, 48)


def test_a_frame_larger_than_the_picture_says_is_held_to_the_limit(tmp_path: Path) -> None:
    content = bytearray(gif(1))
    place = content.index(b"\x2c") + 5
    content[place : place + 4] = (60_000).to_bytes(2, "little") * 2
    assert refused(tmp_path, bytes(content), MediaLimits(pixels=1_000_000)).reason == "too_large"


def test_pages_and_views_are_no_frames(tmp_path: Path) -> None:
    pages = encoded(photo(8, 8), "TIFF", save_all=True, append_images=[photo(8, 8)] * 9)
    with open_image(file(tmp_path, pages), MediaLimits(frames=2)) as image:
        assert image.size == (8, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation: int, tmp_path: Path) -> None:
    path = file(tmp_path, turned(orientation))
    with open_image(path) as image:
        assert difference(image, photo()) < 4
    with open_header(path) as header:
        assert header.size == (240, 180)
        small = header.decode(at_least=(60, 45))
        assert small.size == (60, 45)
    with open_image(path, turned=False) as image:
        assert image.size == ((180, 240) if orientation >= 5 else (240, 180))


def test_damaged_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(50))
    with open_image(file(tmp_path, content)) as image:
        assert image.size == (240, 180)


def test_heic_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(photo(), "HEIF")
    opening._heif.cache_clear()
    monkeypatch.setattr(opening, "find_spec", lambda _name: None)
    error = refused(tmp_path, content)
    opening._heif.cache_clear()
    assert error.reason == "unsupported_media"
    assert "runyard[media]" in str(error)


def test_pillow_is_left_as_it_was(tmp_path: Path) -> None:
    before = (Image.MAX_IMAGE_PIXELS, list(warnings.filters))
    refused(tmp_path, png(20_000, 20_000, b""))
    with open_image(file(tmp_path, encoded(photo(), "PNG")), MediaLimits(pixels=100_000)):
        assert Image.MAX_IMAGE_PIXELS == 100_000
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


def test_a_missing_file_is_our_trouble(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_image(tmp_path / "nothing"):
        pass


# --- Colours ---


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("made", [rgb, plain, eight_bit, flattened, to_srgb])
def test_every_mode_can_be_worked_with(made: Callable[[Image.Image], Image.Image], mode: str) -> None:
    image = made(in_mode(mode))
    assert image.size == (48, 32)
    if made is rgb:
        assert image.mode == "RGB"


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    with open_image(file(tmp_path, encoded(in_mode("I;16"), "PNG"))) as image:
        assert image.mode == "I;16"
        assert difference(rgb(image), in_mode("L")) < 2


def test_floats_of_customary_ranges_are_shown_alike() -> None:
    grey = in_mode("L").convert("F")
    for top in (1.0, 255.0, 65535.0):
        scaled = grey.point(lambda value, top=top: value * (top / 255) + 0.0)
        assert difference(eight_bit(scaled), in_mode("L")) < 2


def test_what_is_transparent_shows_the_background() -> None:
    for image in (Image.new("RGBA", (2, 2)), Image.new("LA", (2, 2)), holey_palette(), key_colour()):
        assert rgb(image, background=(1, 200, 3)).getpixel((0, 0)) == (1, 200, 3)


def holey_palette() -> Image.Image:
    image = Image.new("P", (2, 2), 0)
    image.putpalette([9, 9, 9])
    image.info["transparency"] = 0
    return image


def key_colour() -> Image.Image:
    image = Image.new("RGB", (2, 2), (5, 6, 7))
    image.info["transparency"] = (5, 6, 7)
    return image


# --- Damage ---

SAMPLES = {format_: encoded(photo(40, 30), format_) for format_ in FORMATS if format_ != "AVIF"} | {
    "AVIF": encoded(photo(40, 30), "AVIF", speed=10),
    "moving GIF": animation("GIF"),
    "moving PNG": animation("PNG"),
    "moving WEBP": animation("WEBP"),
    "camera": turned(6),
}


@pytest.mark.parametrize("sample", SAMPLES)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(data=st.data())
def test_damage_is_a_media_error_or_a_picture(sample: str, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(SAMPLES[sample])
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)
    ):
        content[place] = value
    kept = data.draw(st.integers(0, len(content)))
    limits = MediaLimits(pixels=4_000_000)
    with suppress(MediaError), open_image(file(tmp_path, bytes(content[: kept or None])), limits) as image:
        assert rgb(image).mode == "RGB"
