"""Looking into videos: facts, pictures, animations, digests, and what isn't one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from runyard.services.compute.media.video import animation_frames, keyframe_digest, probe, sample_frames
from runyard.services.compute.plugin import MediaError, MediaLimits, Parameters, Task

from .videos import SOUND, VP9, X264, clock, copied, cut, difference, ffmpeg, film, told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return film(folder / "plain.mp4", sound=True, options=("-metadata", "title=A walk"))


@pytest.fixture(scope="module")
def moments(folder: Path) -> Path:
    """Ten seconds with a key frame in each."""
    return clock(folder / "moments.mp4", options=("-g", "10"))


@pytest.fixture(scope="module")
def single_key_frame(folder: Path) -> Path:
    return clock(folder / "single.mp4", options=("-g", "1000"))


def refused(path: Path, limits: MediaLimits | None = None) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe(path, limits)
    return caught.value


def complaint(look: Callable[[], object]) -> str:
    """Of the only kind that there may be; empty without one."""
    try:
        assert look()
    except MediaError as error:
        return str(error)
    return ""


class TestFacts:
    def test_of_an_ordinary_video(self, plain: Path) -> None:
        info = probe(plain)
        assert (info.width, info.height, info.rotation) == (320, 180, 0)
        assert (info.coded_width, info.coded_height) == (320, 180)
        assert (info.duration, info.fps, info.frames) == (2.0, 25.0, 50)
        assert (info.codec, info.pixel_format, info.audio_codec, info.has_audio) == ("h264", "yuv420p", "aac", True)
        assert info.metadata["title"] == "A walk"
        assert "mp4" in info.container
        assert (info.hdr, info.interlaced) == (False, False)

    @pytest.mark.parametrize("suffix", ["mkv", "ts", "mov", "avi", "flv"])
    def test_are_the_same_in_other_containers(self, plain: Path, tmp_path: Path, suffix: str) -> None:
        info = probe(copied(plain, tmp_path / f"other.{suffix}"))
        assert (info.width, info.height, info.codec, info.audio_codec) == (320, 180, "h264", "aac")
        assert info.fps == 25
        assert info.duration == pytest.approx(2, abs=0.1)

    def test_of_a_webm(self, tmp_path: Path) -> None:
        info = probe(film(tmp_path / "a.webm", codec=VP9))
        assert (info.codec, info.has_audio, info.frames, info.fps) == ("vp9", False, None, 25)
        assert info.duration == pytest.approx(2, abs=0.1)

    def test_the_length_is_measured_where_the_header_does_not_tell(self, plain: Path, tmp_path: Path) -> None:
        """As in what browsers record."""
        live = copied(plain, tmp_path / "live.mkv", "-live", "1")
        assert probe(live).duration == pytest.approx(2, abs=0.1)

    @pytest.mark.parametrize(("turned", "rotation"), [(90, 270), (180, 180), (270, 90)])
    def test_width_and_height_are_those_of_the_upright_picture(
        self, plain: Path, tmp_path: Path, turned: int, rotation: int
    ) -> None:
        info = probe(copied(plain, tmp_path / "a.mp4", before=("-display_rotation", turned)))
        assert (info.width, info.height) == ((320, 180) if turned == 180 else (180, 320))
        assert (info.coded_width, info.coded_height) == (320, 180)
        assert info.rotation == rotation

    def test_width_is_that_of_square_pixels(self, tmp_path: Path) -> None:
        info = probe(film(tmp_path / "a.mp4", size=(360, 288), filters="setsar=16/15"))
        assert (info.width, info.height, info.coded_width) == (384, 288, 360)

    def test_an_irregular_rate_is_not_that_of_the_clock(self, tmp_path: Path) -> None:
        irregular = film(
            tmp_path / "a.mkv", fps="30", filters="select='not(mod(n,3))+eq(mod(n,7),1)'", options=("-fps_mode", "vfr")
        )
        fps = probe(irregular).fps
        assert fps is not None
        assert 10 < fps <= 30

    def test_high_dynamic_range_and_half_pictures_are_told(self, tmp_path: Path) -> None:
        hdr = film(
            tmp_path / "a.mkv",
            codec=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
            filters="setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc",
            seconds=0.2,
        )
        assert probe(hdr).hdr
        halves = film(
            tmp_path / "b.mpg",
            codec=("-c:v", "mpeg2video", "-flags", "+ilme+ildct"),
            filters="tinterlace=interleave_top,setfield=tff",
            seconds=0.4,
        )
        assert probe(halves).interlaced

    def test_the_index_may_stand_at_the_end_or_the_beginning(self, plain: Path, tmp_path: Path) -> None:
        """ISO files from a camera have it at the end, those made for the web at the beginning."""
        first = copied(plain, tmp_path / "first.mp4", "-movflags", "+faststart")
        assert plain.read_bytes().index(b"mdat") < plain.read_bytes().index(b"moov")
        assert first.read_bytes().index(b"moov") < first.read_bytes().index(b"mdat")
        assert probe(first) == probe(plain)


class TestPictures:
    @pytest.mark.parametrize("options", [(), ("-g", "10"), ("-bf", "3", "-g", "25")])
    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
    def test_are_spread_evenly_over_the_video(self, tmp_path: Path, options: tuple[str, ...], suffix: str) -> None:
        pictures = sample_frames(clock(tmp_path / f"a.{suffix}", options=options), 5)
        shown = [told(picture) for picture in pictures]
        assert len(shown) == 5
        for number, moment in enumerate(shown):
            assert number * 2 - 0.2 <= moment <= number * 2 + 2
        assert shown == sorted(shown)

    def test_one_key_frame_for_all_is_enough(self, single_key_frame: Path, tmp_path: Path) -> None:
        for path in (single_key_frame, copied(single_key_frame, tmp_path / "a.ts")):
            shown = [told(picture) for picture in sample_frames(path, 10)]
            assert shown == pytest.approx([number + 0.3 for number in range(10)], abs=0.3)

    def test_are_not_more_than_there_are_frames(self, tmp_path: Path) -> None:
        one = film(tmp_path / "one.mp4", options=("-frames:v", "1"))
        assert [picture.size for picture in sample_frames(one, 16)] == [(320, 180)]
        three = film(tmp_path / "three.mp4", fps="3", seconds=1)
        assert 1 <= len(sample_frames(three, 16)) <= 3

    def test_black_beginnings_are_passed_over(self, tmp_path: Path) -> None:
        ffmpeg(
            "-f", "lavfi", "-i", "color=black:size=320x180:rate=25:duration=2",
            "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2",
            "-filter_complex", "concat=n=2", *X264, tmp_path / "a.mp4",
        )  # fmt: skip
        (picture,) = sample_frames(tmp_path / "a.mp4", 1)
        assert picture.getextrema() != ((0, 0), (0, 0), (0, 0))

    def test_a_video_that_is_all_black_has_a_black_picture(self, tmp_path: Path) -> None:
        ffmpeg("-f", "lavfi", "-i", "color=black:size=320x180:duration=1", *X264, tmp_path / "a.mp4")
        (picture,) = sample_frames(tmp_path / "a.mp4", 1)
        assert max(high for _, high in picture.getextrema()) < 8

    @pytest.mark.parametrize("flip", [(), ("-display_hflip",), ("-display_vflip",)])
    @pytest.mark.parametrize("turned", [0, 90, 180, 270])
    def test_are_upright(self, plain: Path, tmp_path: Path, turned: int, flip: tuple[str, ...]) -> None:
        path = copied(plain, tmp_path / "a.mp4", "-frames:v", "1", "-an", before=("-display_rotation", turned, *flip))
        ffmpeg("-i", path, "-frames:v", "1", tmp_path / "truth.png")
        with Image.open(tmp_path / "truth.png") as truth:
            assert difference(sample_frames(path, 1)[0], truth) < 2

    def test_fit_a_box_and_are_never_enlarged(self, plain: Path, tmp_path: Path) -> None:
        upright = copied(plain, tmp_path / "a.mp4", before=("-display_rotation", "90"))
        assert sample_frames(plain, 1, box=(160, 160))[0].size == (160, 90)
        assert sample_frames(upright, 1, box=(160, 160))[0].size == (90, 160)
        assert sample_frames(plain, 1, box=(1000, 90))[0].size == (160, 90)
        assert sample_frames(plain, 1, box=(1000, 1000))[0].size == (320, 180)
        assert sample_frames(film(tmp_path / "b.mp4", filters="setsar=2"), 1)[0].size == (640, 180)

    def test_what_is_damaged_in_the_middle_is_passed_over(self, moments: Path, tmp_path: Path) -> None:
        content = bytearray(moments.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 400] = bytes(400)
        (tmp_path / "a.mp4").write_bytes(content)
        assert len(sample_frames(tmp_path / "a.mp4", 5)) == 5

    def test_of_a_video_that_breaks_off_there_are_those_that_came(self, moments: Path, tmp_path: Path) -> None:
        whole = copied(moments, tmp_path / "whole.mp4", "-movflags", "+faststart")
        shown = [told(picture) for picture in sample_frames(cut(whole, tmp_path / "part.mp4", 0.6), 5)]
        assert 1 <= len(shown) < 5
        assert max(shown) < 8


class TestAnimations:
    def test_keep_the_pace_of_the_video(self, moments: Path) -> None:
        shown = [told(picture) for picture in animation_frames(moments, 3, 2, fps=5)]
        assert shown == pytest.approx([3 + number / 5 for number in range(10)], abs=0.15)

    def test_repeat_pictures_where_the_video_has_fewer(self, moments: Path) -> None:
        pictures = animation_frames(moments, 0, 1, fps=40)
        assert len(pictures) == 40
        assert len({id(picture) for picture in pictures}) == 10
        assert told(pictures[-1]) == pytest.approx(0.9, abs=0.1)

    def test_begin_earlier_where_they_would_not_fit(self, moments: Path) -> None:
        shown = [told(picture) for picture in animation_frames(moments, 30, 2, fps=5)]
        assert len(shown) == 10
        assert shown[0] == pytest.approx(8, abs=0.15)

    def test_are_no_longer_than_the_video(self, plain: Path) -> None:
        assert len(animation_frames(plain, 0, 60, fps=10)) == 20

    def test_have_no_more_pictures_than_an_animation_may(self, moments: Path) -> None:
        assert len(animation_frames(moments, 0, 10, MediaLimits(frames=7), fps=10)) == 7

    def test_of_a_single_picture_stand_still(self, tmp_path: Path) -> None:
        one = film(tmp_path / "one.mp4", options=("-frames:v", "1"))
        assert [picture.size for picture in animation_frames(one, 0, 3, fps=10, box=(32, 32))] == [(32, 18)]


class TestDigests:
    def test_do_not_change_with_metadata(self, plain: Path, tmp_path: Path) -> None:
        other = copied(plain, tmp_path / "a.mp4", "-metadata", "title=Another", "-movflags", "+faststart")
        assert other.read_bytes() != plain.read_bytes()
        assert keyframe_digest(other, "sha512") == keyframe_digest(plain, "sha512")

    def test_change_with_the_picture(self, plain: Path, moments: Path) -> None:
        assert keyframe_digest(plain, "sha512") != keyframe_digest(moments, "sha512")

    def test_are_of_the_key_frames_as_stored(self, tmp_path: Path) -> None:
        """An IVF file has a header of 32 bytes and one of 12 before each frame."""
        one = film(tmp_path / "one.ivf", codec=VP9, options=("-frames:v", "1"))
        assert keyframe_digest(one, "md5") == hashlib.md5(one.read_bytes()[44:]).hexdigest()


class TestRefusals:
    def test_no_video_at_all(self, tmp_path: Path) -> None:
        Image.new("RGB", (8, 8)).save(tmp_path / "picture", "PNG")
        (tmp_path / "text").write_text("Dear video,\n")
        (tmp_path / "empty").touch()
        (tmp_path / "noise").write_bytes(hashlib.shake_256(b"noise").digest(100_000))
        (tmp_path / "paper").write_bytes(b"%PDF-1.7\n" + bytes(5000))
        found = {path.name: refused(path) for path in sorted(tmp_path.iterdir())}
        assert {name: str(error) for name, error in found.items()} == {
            "empty": "'empty' is an empty file, not a video.",
            "noise": "'noise' is a file of unknown kind, not a video.",
            "paper": "'paper' is a PDF document, not a video.",
            "picture": "'picture' is a PNG image, not a video.",
            "text": "'text' is a text, not a video.",
        }
        assert {error.reason for error in found.values()} == {"unsupported_media"}

    def test_sound_alone(self, tmp_path: Path) -> None:
        ffmpeg(*SOUND, "-t", "1", "-c:a", "aac", tmp_path / "a.mp4")
        error = refused(tmp_path / "a.mp4")
        assert (str(error), error.reason) == ("'a.mp4' has sound, but no video.", "unsupported_media")

    def test_a_recording_with_a_cover(self, plain: Path, tmp_path: Path) -> None:
        ffmpeg(
            "-i", plain, "-map", "0:a", "-map", "0:v", "-frames:v", "1", "-c:a", "copy", "-c:v", "png",
            "-disposition:v", "attached_pic", tmp_path / "a.mp4",
        )  # fmt: skip
        assert str(refused(tmp_path / "a.mp4")) == "'a.mp4' has sound, but no video."

    @pytest.mark.parametrize(
        "listing", ["#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{0}\n", "ffconcat version 1.0\nfile '{0}'\n"]
    )
    def test_a_playlist_opens_no_other_file(self, plain: Path, tmp_path: Path, listing: str) -> None:
        (tmp_path / "list.mp4").write_text(listing.format(plain))
        assert refused(tmp_path / "list.mp4").reason == "unsupported_media"
        (tmp_path / "list.mp4").write_bytes(b"\0" * 8 + listing.format(plain).encode())
        assert refused(tmp_path / "list.mp4").reason == "unsupported_media"

    def test_a_cut_off_video(self, plain: Path, tmp_path: Path) -> None:
        error = refused(cut(plain, tmp_path / "part.mp4", 0.5))
        assert str(error).startswith("'part.mp4' is damaged or cut off: ")
        assert error.reason == "bad_media"
        assert str(tmp_path) not in str(error)

    def test_a_header_without_pictures(self, plain: Path, tmp_path: Path) -> None:
        whole = copied(plain, tmp_path / "whole.mp4", "-movflags", "+faststart")
        content = whole.read_bytes()
        (tmp_path / "head.mp4").write_bytes(content[: content.index(b"mdat") + 4])
        error = refused(tmp_path / "head.mp4")
        assert error.reason == "bad_media"
        assert str(error) == "'head.mp4' is damaged: none of its pictures can be decoded."
        with pytest.raises(MediaError, match="no key frame"):
            keyframe_digest(tmp_path / "head.mp4", "md5")

    def test_too_many_pixels(self, plain: Path) -> None:
        error = refused(plain, MediaLimits(pixels=320 * 180 - 1))
        assert (str(error), error.reason) == (
            "'plain.mp4' has 320 x 180 pixels; the limit is 57599 pixels.",
            "too_large",
        )

    def test_pictures_that_grow_on_the_way(self, tmp_path: Path) -> None:
        small = film(tmp_path / "small.ts", size=(160, 90), seconds=1)
        large = film(tmp_path / "large.ts", size=(1280, 720), seconds=4)
        (tmp_path / "a.ts").write_bytes(small.read_bytes() + large.read_bytes())
        with pytest.raises(MediaError, match="The video has 1280 x 720 pixels; the limit is 57600 pixels") as caught:
            sample_frames(tmp_path / "a.ts", 5, MediaLimits(pixels=320 * 180))
        assert caught.value.reason == "too_large"

    def test_too_long(self, plain: Path) -> None:
        error = refused(plain, MediaLimits(duration=1.5))
        assert (str(error), error.reason) == ("'plain.mp4' is 2.0 seconds long; the limit is 1.5.", "too_large")

    def test_a_task_goes_by_the_name_of_its_upload_and_its_own_limits(self, plain: Path, tmp_path: Path) -> None:
        task = Task(
            input=plain, name="Urlaub.mp4", params=Parameters(), folder=tmp_path, models=tmp_path,
            limits=MediaLimits(pixels=10),
        )  # fmt: skip
        with pytest.raises(MediaError, match=r"'Urlaub\.mp4' has 320 x 180 pixels"):
            sample_frames(task, 1)

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
    def test_damage_of_any_kind_is_a_media_error_or_none(self, folder: Path, suffix: str) -> None:
        content = film(folder / f"small.{suffix}", size=(64, 48), seconds=0.4, sound=True).read_bytes()
        damaged = folder / f"damaged.{suffix}"

        @settings(
            max_examples=60,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )
        @given(
            st.dictionaries(st.integers(0, len(content) - 1), st.integers(0, 255), min_size=1, max_size=40),
            st.integers(1, len(content)),
        )
        def damage(changes: dict[int, int], length: int) -> None:
            spoiled = bytearray(content)
            for place, value in changes.items():
                spoiled[place] = value
            damaged.write_bytes(spoiled[:length])
            for look in (
                lambda: sample_frames(damaged, 3, box=(64, 64)),
                lambda: animation_frames(damaged, 0, 1, fps=5, box=(64, 64)),
                lambda: keyframe_digest(damaged, "md5"),
            ):
                assert str(folder) not in complaint(look)

        damage()
