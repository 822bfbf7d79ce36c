"""The plugin `media_thumbnail`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageSequence
from pydantic import ValidationError

from runyard.services.compute.media.geometry import attention, plan
from runyard.services.compute.plugin import MediaError
from runyard.services.compute.plugins.media_thumbnail import Thumbnailing, media_thumbnail

from .media import FORMATS, MODES, animation, decoded, encoded, gif, in_mode, photo, png, run, turned
from .test_image import difference
from .videos import clock, film, told


def made(folder: Path, content: bytes, **params: object) -> Image.Image:
    found = run(media_thumbnail, folder, content, **params)
    image = decoded(folder / found.output_path)
    assert found.thumbnail_path == found.output_path
    assert (found.width, found.height) == image.size
    return image


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_has_a_thumbnail(format_: str, tmp_path: Path) -> None:
    found = run(media_thumbnail, tmp_path, encoded(photo(), format_), width=64)
    assert (found.media_type, found.output_path, found.frames) == ("image", "output/thumbnail.jpg", 1)
    assert difference(decoded(tmp_path / found.output_path), photo().resize((64, 48))) < 14


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in ("PA", "HSV")])
def test_every_mode_has_a_thumbnail(mode: str, tmp_path: Path) -> None:
    assert made(tmp_path, encoded(in_mode(mode), "TIFF" if mode != "P" else "PNG"), width=24).size == (24, 16)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, (256, 192)),
        ({"width": 100}, (100, 75)),
        ({"height": 60}, (80, 60)),
        ({"width": 100, "height": 60}, (80, 60)),
        ({"width": 9000, "height": 9000}, (400, 300)),
        ({"width": 100, "height": 60, "maintain_aspect_ratio": "false"}, (100, 60)),
        ({"width": 100, "maintain_aspect_ratio": "false"}, (100, 100)),
        ({"width": 1000, "height": 50, "fit": "exact"}, (400, 50)),
        ({"width": 100, "height": 100, "fit": "cover"}, (100, 100)),
        ({"width": 100, "fit": "cover"}, (100, 100)),
        ({"fit": "cover"}, (256, 256)),
        ({"width": 600, "height": 300, "fit": "cover"}, (400, 200)),
    ],
)
def test_sizes(given: dict[str, object], wanted: tuple[int, int], tmp_path: Path) -> None:
    assert made(tmp_path, encoded(photo(400, 300), "JPEG"), **given).size == wanted


@given(
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.none() | st.integers(1, 9000),
    st.none() | st.integers(1, 9000),
    st.sampled_from(["contain", "cover", "exact"]),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_plan_stays_within_the_picture(whole, width, height, fit, focus) -> None:
    made = plan(whole, width, height, fit, focus)
    left, top, right, bottom = made.box
    assert 0 <= left < right <= whole[0] + 1e-6
    assert 0 <= top < bottom <= whole[1] + 1e-6
    for side, wanted, most in zip(made.size, (width, height), whole, strict=True):
        assert 1 <= side <= most
        assert wanted is None or side <= wanted
    assert all(made.size[axis] <= made.at_least[axis] <= whole[axis] for axis in (0, 1) if fit != "cover")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_thumbnail_stands_upright(orientation: int, tmp_path: Path) -> None:
    image = made(tmp_path, turned(orientation), width=120)
    assert difference(image, photo().resize((120, 90))) < 6
    cut = made(tmp_path, turned(orientation), width=40, height=40, fit="cover", crop="0,0")
    assert difference(cut, photo().crop((0, 0, 180, 180)).resize((40, 40))) < 8


@pytest.mark.parametrize(("crop", "left"), [("center", 60), ("0,0.5", 0), ("1,0.5", 120), ("0.25,0", 0), ("0.5,1", 60)])
def test_cover_cuts_around_the_focus(crop: str, left: int, tmp_path: Path) -> None:
    image = photo(240, 120)
    cut = made(tmp_path, encoded(image, "PNG"), width=60, height=60, fit="cover", crop=crop, format="png")
    assert difference(cut, image.crop((left, 0, left + 120, 120)).resize((60, 60), Image.Resampling.LANCZOS)) < 3


def test_attention_finds_what_stands_out(tmp_path: Path) -> None:
    for middle in (40, 200, 360):
        image = Image.new("RGB", (400, 100), (190, 200, 210))
        draw = ImageDraw.Draw(image)
        for step in range(-30, 30, 6):
            draw.rectangle((middle + step, 20, middle + step + 2, 80), fill=(200, 40, 30))
        across, down = attention(image)
        assert abs(across * 400 - middle) < 12
        assert abs(down - 0.5) < 0.1
        cut = made(tmp_path, encoded(image, "PNG"), width=50, height=50, fit="cover", crop="attention")
        assert difference(cut, Image.new("RGB", (50, 50), (190, 200, 210))) > 10
    assert attention(Image.new("RGB", (300, 20), "red")) == (0.5, 0.5)
    assert attention(Image.new("L", (3, 3))) == (0.5, 0.5)


def test_what_is_transparent_shows_the_background_or_stays_so(tmp_path: Path) -> None:
    content = encoded(Image.new("RGBA", (40, 40)), "PNG")
    red, green, blue = made(tmp_path, content, background="#0000ff").getpixel((5, 5))
    assert red + green < 10 < 245 < blue
    for format_ in ("png", "webp"):
        assert made(tmp_path, content, format=format_).getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("format_", ["jpg", "jpeg", "png", "webp"])
def test_the_format_is_the_files(format_: str, tmp_path: Path) -> None:
    found = run(media_thumbnail, tmp_path, encoded(photo(), "PNG"), format=format_, quality=40)
    assert found.output_path == f"output/thumbnail.{'jpg' if format_ == 'jpeg' else format_}"
    assert found.output_path == media_thumbnail.output(Thumbnailing(format=format_), "a.png")
    expected = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}[format_]
    assert decoded(tmp_path / found.output_path).format == expected


def test_a_thumbnail_carries_nothing_along(tmp_path: Path) -> None:
    image = made(tmp_path, turned(6))
    assert not image.getexif()
    assert "icc_profile" not in image.info


def test_an_animation_has_its_first_frame_or_moves(tmp_path: Path) -> None:
    content = animation("GIF", holes=True)
    assert run(media_thumbnail, tmp_path, content).frames == 1
    found = run(media_thumbnail, tmp_path, content, preview="animated", width=32)
    assert (found.output_path, found.frames, found.width) == ("output/thumbnail.webp", 4, 32)
    assert run(media_thumbnail, tmp_path, animation("GIF", count=8), preview="animated", seconds=0.5).frames == 7
    still = run(media_thumbnail, tmp_path, encoded(photo(), "PNG"), preview="animated")
    assert (still.output_path, still.frames) == ("output/thumbnail.webp", 1)


# --- Videos ---


def test_a_video_has_a_moment_worth_showing(tmp_path: Path) -> None:
    content = film(tmp_path / "a.mp4", seconds=4, filters="fade=in:st=0:d=1").read_bytes()
    found = run(media_thumbnail, tmp_path, content, "a.mp4", width=256, height=256)
    assert (found.media_type, found.width, found.height) == ("video", 256, 144)
    assert found.output_path == "output/thumbnail.jpg"


def test_a_video_can_be_cut_and_distorted(tmp_path: Path) -> None:
    content = film(tmp_path / "a.mp4").read_bytes()
    assert made(tmp_path, content, width=90, height=90, fit="cover", crop="attention").size == (90, 90)
    assert made(tmp_path, content, width=90, height=40, fit="exact").size == (90, 40)


def test_a_preview_moves_at_the_pace_of_the_video(tmp_path: Path) -> None:
    content = clock(tmp_path / "a.mp4").read_bytes()
    found = run(media_thumbnail, tmp_path, content, preview="animated", seconds=2, width=80)
    assert (found.output_path, found.frames, found.width, found.height) == ("output/thumbnail.webp", 20, 80, 60)
    with Image.open(tmp_path / found.output_path) as image:
        moments = [told(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    assert moments[0] == pytest.approx(4, abs=0.4), "it begins at two fifths"
    assert moments[-1] - moments[0] == pytest.approx(1.9, abs=0.3)


def test_a_sheet_shows_moments_in_order(tmp_path: Path) -> None:
    content = clock(tmp_path / "a.mp4").read_bytes()
    sheet = made(tmp_path, content, preview="tiles", width=640, height=640)
    assert sheet.size == (160, 120), "no larger than the video"
    tiles = [sheet.crop((x, y, x + 40, y + 30)) for y in range(0, 120, 30) for x in range(0, 160, 40)]
    moments = [told(tile) for tile in tiles]
    assert moments == sorted(moments)
    assert moments[-1] - moments[0] > 7


# --- What can't be done ---


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is an empty file, not an image or a video"),
        (b"%PDF-1.4", "is a PDF document, not an image or a video"),
        (b"<svg/>", "is an SVG drawing, not an image or a video"),
        (b"ID3\x04" + bytes(60), "is an MP3 recording, not an image or a video"),
        (png(30_000, 30_000, b""), "has 900000000 pixels"),
        (gif(10_000), "has more than 2000 frames"),
        (encoded(photo(), "JPEG")[:3000], "damaged or cut off"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "damaged"),
    ],
)
def test_bad_files_are_refused(content: bytes, text: str, tmp_path: Path) -> None:
    for preview in ("frame", "animated", "tiles"):
        with pytest.raises(MediaError, match=text):
            run(media_thumbnail, tmp_path, content, preview=preview)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", "0"),
        ("height", "70000"),
        ("crop", "left"),
        ("crop", "2,0"),
        ("crop", "0.5"),
        ("format", "gif"),
        ("seconds", "99"),
        ("fit", "fill"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Thumbnailing.model_validate({field: value})
    assert [problem["loc"] for problem in caught.value.errors()] == [(field,)]
