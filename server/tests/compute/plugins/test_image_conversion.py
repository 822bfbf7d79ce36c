"""The plugin `image_conversion`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageSequence
from pydantic import ValidationError

from runyard.services.compute.plugin import MediaError, MediaLimits
from runyard.services.compute.plugins.image_conversion import Conversion, image_conversion

from .media import FORMATS, MODES, animation, camera_exif, decoded, encoded, gif, in_mode, photo, png, run, turned
from .test_image import SAMPLES, difference

TARGETS = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff", "avif")
MOVING = ("gif", "webp", "png", "avif")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" exif:GPSLatitude="33,51S"/></x:xmpmeta>'


def made(folder: Path, content: bytes, **params: object) -> Image.Image:
    return decoded(folder / run(image_conversion, folder, content, **params).output_path)


def wide_gamut() -> bytes:
    """A profile in which red is much redder than in sRGB: sRGB's own with its red and green exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ").replace(b"s\0R\0G\0B", b"x\0R\0G\0B").replace(b"sRGB built-in", b"xRGB built-in")  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", FORMATS)
def test_every_format_becomes_every_other(source: str, target: str, tmp_path: Path) -> None:
    found = run(image_conversion, tmp_path, encoded(photo(), source), "my photo.x", format=target)
    ending = "jpg" if target == "jpeg" else target
    assert (found.output_path, found.format) == (f"output/converted_my_photo.{ending}", ending)
    assert (found.width, found.height, found.frames) == (240, 180, 1)
    path = tmp_path / found.output_path
    assert found.size == path.stat().st_size
    assert found.quality == (85 if ending in ("jpg", "webp", "avif") else None)
    assert difference(decoded(path), photo()) < 14


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in ("PA", "HSV")])
def test_every_mode_comes_out_right(mode: str, target: str, tmp_path: Path) -> None:
    source = "PNG" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "TIFF"
    image = made(tmp_path, encoded(in_mode(mode), source), format=target)
    reference = (
        photo(48, 32) if mode in ("RGB", "RGBA", "P", "CMYK", "YCbCr", "LAB") else in_mode("1" if mode == "1" else "L")
    )
    if image.mode == "I;16":
        image = image.point(lambda value: value / 257).convert("L")
    assert difference(image, reference) < 20


def test_sixteen_bits_stay_where_they_can(tmp_path: Path) -> None:
    content = encoded(in_mode("I;16"), "PNG")
    assert made(tmp_path, content, format="png").mode == "I;16"
    assert made(tmp_path, content, format="tiff").mode == "I;16"
    assert made(tmp_path, content, format="jpg").mode == "L"
    assert made(tmp_path, content, format="png", width=20).size == (20, 13)


def test_what_is_transparent_stays_so_or_shows_the_background(tmp_path: Path) -> None:
    image = photo()
    image.putalpha(Image.new("L", image.size, 0))
    content = encoded(image, "PNG")
    for target in ("png", "webp", "avif", "tiff", "gif"):
        assert made(tmp_path, content, format=target).convert("RGBA").getpixel((5, 5))[3] == 0
    for target in ("jpg", "bmp"):
        red, green, blue = made(tmp_path, content, format=target, background="#10ff20").getpixel((5, 5))
        assert abs(red - 0x10) + abs(green - 0xFF) + abs(blue - 0x20) < 12


def test_half_transparent_pixels_are_all_or_nothing_in_a_gif(tmp_path: Path) -> None:
    image = Image.new("RGBA", (4, 2), (200, 0, 0, 200))
    image.paste((200, 0, 0, 50), (2, 0, 4, 2))
    seen = made(tmp_path, encoded(image, "PNG"), format="gif").convert("RGBA")
    assert [seen.getpixel(place)[3] for place in ((0, 0), (3, 0))] == [255, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stands_upright_and_says_so(orientation: int, tmp_path: Path) -> None:
    for metadata in ("strip", "keep", "no_gps"):
        image = made(tmp_path, turned(orientation), format="png", metadata=metadata)
        assert difference(image, photo()) < 4
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"width": 120}, (120, 90)),
        ({"height": 60}, (80, 60)),
        ({"width": 120, "height": 60}, (80, 60)),
        ({"width": 4000}, (240, 180)),
        ({"width": 480, "upscale": True}, (480, 360)),
        ({"width": 480, "height": 180, "upscale": True}, (240, 180)),
        ({"width": 1}, (1, 1)),
        ({"upscale": True}, (240, 180)),
    ],
)
def test_the_picture_fits_inside(given: dict[str, object], wanted: tuple[int, int], tmp_path: Path) -> None:
    assert made(tmp_path, encoded(photo(), "JPEG"), format="webp", **given).size == wanted


@pytest.mark.parametrize("target", ["jpg", "webp", "avif"])
def test_quality_makes_files_smaller(target: str, tmp_path: Path) -> None:
    sizes = [
        run(image_conversion, tmp_path, encoded(photo(), "PNG"), format=target, quality=q).size for q in (10, 60, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


@pytest.mark.parametrize("target", ["jpg", "webp", "avif"])
def test_a_target_size_is_kept_with_the_best_quality_that_does(target: str, tmp_path: Path) -> None:
    content = encoded(photo(), "PNG")
    best = run(image_conversion, tmp_path, content, format=target)
    wanted = best.size * 2 // 3
    found = run(image_conversion, tmp_path, content, format=target, target_size=wanted)
    assert found.size <= wanted
    assert found.quality < 85
    assert run(image_conversion, tmp_path, content, format=target, target_size=best.size).quality == 85


def test_a_target_size_out_of_reach_says_what_would_help(tmp_path: Path) -> None:
    content = encoded(photo(), "PNG")
    with pytest.raises(MediaError, match=r"JPEG can't make 240 x 180 pixels as small as 100 bytes: ask for a smaller"):
        run(image_conversion, tmp_path, content, format="jpg", target_size=100)
    with pytest.raises(MediaError, match="ask for jpg, webp or avif") as caught:
        run(image_conversion, tmp_path, content, format="png", target_size=100)
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("target", ["jpg", "png", "webp", "avif", "tiff"])
def test_metadata_is_kept_or_not_as_asked(target: str, tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG", exif=camera_exif(), xmp=XMP)

    def exif(metadata: str) -> Image.Exif:
        return made(tmp_path, content, format=target, metadata=metadata).getexif()

    assert exif("strip").get(ExifTags.Base.Make) is None
    assert exif("no_gps")[ExifTags.Base.Make] == "Acme"
    assert exif("no_gps").get_ifd(ExifTags.IFD.GPSInfo) == {}
    assert exif("keep").get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "S"
    details = exif("keep").get_ifd(ExifTags.IFD.Exif)
    assert (details[ExifTags.Base.LensModel], details[ExifTags.Base.ExifImageWidth]) == ("Lens 50", 180)


@pytest.mark.parametrize("target", ["jpg", "png", "webp", "avif"])
def test_xmp_goes_with_the_place_it_may_name(target: str, tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG", exif=camera_exif(), xmp=XMP)
    for metadata, there in (("keep", True), ("no_gps", False), ("strip", False)):
        found = run(image_conversion, tmp_path, content, format=target, metadata=metadata)
        written = (tmp_path / found.output_path).read_bytes()
        assert (b"xmpmeta" in written) is there
        assert b"tiff:Orientation" not in written


def test_colours_keep_their_profile_or_become_srgb(tmp_path: Path) -> None:
    profile = wide_gamut()
    content = encoded(Image.new("RGB", (8, 8), (200, 30, 30)), "PNG", icc_profile=profile)
    for target in ("jpg", "png", "webp", "avif", "tiff"):
        kept = made(tmp_path, content, format=target)
        assert kept.info["icc_profile"] == profile
        assert difference(kept, Image.new("RGB", (8, 8), (200, 30, 30))) < 6
        converted = made(tmp_path, content, format=target, color="srgb")
        assert "icc_profile" not in converted.info
        assert difference(converted, Image.new("RGB", (8, 8), (30, 200, 30))) < 6
    for target in ("gif", "bmp"):
        assert difference(made(tmp_path, content, format=target), Image.new("RGB", (8, 8), (30, 200, 30))) < 6


def test_a_profile_outlives_the_loss_of_transparency(tmp_path: Path) -> None:
    content = encoded(Image.new("RGBA", (8, 8), (200, 30, 30, 255)), "PNG", icc_profile=wide_gamut())
    kept = made(tmp_path, content, format="jpg")
    assert kept.info["icc_profile"] == wide_gamut()
    assert difference(kept, Image.new("RGB", (8, 8), (200, 30, 30))) < 6


@pytest.mark.parametrize("mode", ["L", "LA", "CMYK"])
def test_no_profile_stays_with_colours_it_was_not_made_for(mode: str, tmp_path: Path) -> None:
    content = encoded(photo().convert(mode), "TIFF", icc_profile=wide_gamut())
    image = made(tmp_path, content, format="webp")
    assert "icc_profile" not in image.info
    assert difference(image, photo().convert(mode.removesuffix("A"))) < 8


def test_a_profile_that_is_damaged_is_left_out_of_account(tmp_path: Path) -> None:
    content = encoded(photo(), "PNG", icc_profile=b"no profile at all")
    assert difference(made(tmp_path, content, format="png", color="srgb"), photo()) < 1


# --- Animations ---


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("target", MOVING)
@pytest.mark.parametrize("source", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animations_keep_their_frames_and_times(source: str, target: str, holes: bool, tmp_path: Path) -> None:
    found = run(image_conversion, tmp_path, animation(source, holes=holes), format=target, width=32)
    assert (found.frames, found.width, found.height) == (4, 32, 24)
    with Image.open(tmp_path / found.output_path) as image:
        shown, durations = [], []
        for frame in ImageSequence.Iterator(image):
            shown.append(frame.convert("RGBA"))
            durations.append(round(image.info["duration"]))
    assert durations == [50, 60, 70, 80]
    for number, frame in enumerate(shown):
        red = [frame.getpixel((number * 4 + 2, 8)), frame.getpixel((28, 20))]
        assert red[0][0] > 150
        assert red[0][3] > 240
        assert (red[1][3] == 0) is holes


@pytest.mark.parametrize(("times", "wanted"), [(0, 0), (3, 3), (None, 1)])
def test_animations_are_shown_as_often_as_before(times: int | None, wanted: int, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (index * 60, 0, 0)) for index in range(3)]
    repeat = {} if times is None else {"loop": max(0, times - 1)}
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, **repeat)
    assert made(tmp_path, content, format="webp").info["loop"] == wanted
    again = made(tmp_path, (tmp_path / "output/converted_a.webp").read_bytes(), format="gif")
    assert again.info.get("loop") == (None if wanted == 1 else max(0, wanted - 1))


def test_the_first_frame_is_enough_where_it_is_asked_for_or_nothing_moves(tmp_path: Path) -> None:
    content = animation("GIF")
    assert run(image_conversion, tmp_path, content, format="webp", animation="first").frames == 1
    for target in ("jpg", "bmp", "tiff"):
        assert run(image_conversion, tmp_path, content, format=target).frames == 1


def test_an_animation_too_large_for_memory_says_what_would_help(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="animation=first") as caught:
        run(image_conversion, tmp_path, gif(50, side=20), format="gif", limits=MediaLimits(pixels=5_000))
    assert caught.value.reason == "too_large"
    assert (
        run(
            image_conversion, tmp_path, gif(50, side=20), format="gif", limits=MediaLimits(pixels=5_000), width=4
        ).frames
        > 1
    )


# --- What can't be done ---


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "format"),
        ({"format": "psd"}, "format"),
        ({"format": "jpg", "quality": "101"}, "quality"),
        ({"format": "jpg", "width": "0"}, "width"),
        ({"format": "jpg", "target_size": "-1"}, "target_size"),
        ({"format": "jpg", "background": "red"}, "background"),
        ({"format": "jpg", "nonsense": "1"}, "nonsense"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(params: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Conversion.model_validate(params)
    assert [problem["loc"] for problem in caught.value.errors()] == [(field,)]


def test_a_picture_larger_than_the_format_or_the_yard_allows_is_refused(tmp_path: Path) -> None:
    long = encoded(Image.new("L", (17_000, 2)), "PNG")
    with pytest.raises(MediaError, match="WebP has room for 16383 pixels a side"):
        run(image_conversion, tmp_path, long, format="webp")
    with pytest.raises(MediaError, match="the limit is 100000 pixels"):
        run(
            image_conversion, tmp_path, encoded(photo(), "PNG"), format="png", width=60_000, upscale=True,
            limits=MediaLimits(pixels=100_000),
        )  # fmt: skip


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b/ü?.png", "...", "", "x" * 300 + ".png", ".png"])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    found = run(image_conversion, tmp_path, encoded(photo(), "PNG"), name, format="bmp")
    path = (tmp_path / found.output_path).resolve()
    assert path.parent == (tmp_path / "output").resolve()
    assert image_conversion.output(Conversion(format="bmp"), name) == found.output_path


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"<svg/>", png(100, 100, b""), gif(10_000)])
def test_bad_files_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        run(image_conversion, tmp_path, content, format="png")


@pytest.mark.parametrize("target", ["gif", "tiff", "png"])
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(data=st.data())
def test_damage_is_a_media_error_or_a_picture(target: str, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(SAMPLES[data.draw(st.sampled_from(sorted(SAMPLES)))])
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)
    ):
        content[place] = value
    try:
        run(
            image_conversion,
            tmp_path,
            bytes(content),
            format=target,
            metadata="keep",
            limits=MediaLimits(pixels=2_000_000),
        )
    except MediaError as error:
        assert error.reason in ("bad_media", "unsupported_media", "too_large")  # noqa: PT017
