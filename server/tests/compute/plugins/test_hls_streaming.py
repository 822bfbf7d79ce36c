"""The plugin `hls_streaming`: its ladder, its playlists, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image
from pydantic import ValidationError

from runyard.services.compute.plugin import MediaError, MediaLimits, Task
from runyard.services.compute.plugins.hls_streaming import Manifest, Streaming, hls_streaming

from .videos import SOUND, VP9, X264, copied, cut, difference, ffmpeg, film

LOW = [{"resolution": 120, "bitrate": 400}, {"resolution": 90, "bitrate": 200}]
"""Quick to make."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def spoken(folder: Path) -> Path:
    """Five seconds with sound."""
    return film(folder / "spoken.mp4", seconds=5, sound=True)


@pytest.fixture(scope="module")
def silent(folder: Path) -> Path:
    return film(folder / "silent.mp4", seconds=5)


Stream = Callable[..., Manifest]


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    """Makes the ladder of a video, in `output` of the test's folder."""

    def stream(source: Path, *, limits: MediaLimits | None = None, **params: object) -> Manifest:
        result = attempt(source, tmp_path, limits, **params)
        assert isinstance(result, Manifest), result
        return result

    return stream


def attempt(source: Path, folder: Path, limits: MediaLimits | None = None, **params: object) -> object:
    parameters = Streaming.model_validate({"variants": LOW} | params)
    (result,) = hls_streaming.run(
        [
            Task(
                input=source, name=source.name, params=parameters, folder=folder, models=folder,
                limits=limits or MediaLimits(),
            )
        ]
    )  # fmt: skip
    return result


def durations(playlist: Path) -> list[float]:
    return [float(found) for found in re.findall(r"#EXTINF:([\d.]+),", playlist.read_text())]


def segments(playlist: Path) -> list[str]:
    return [line for line in playlist.read_text().splitlines() if line and not line.startswith("#")]


def starts(playlist: Path) -> list[tuple[float, bool]]:
    """Of every segment, when its first picture is shown, and whether it is a key frame."""
    found = []
    for name in segments(playlist):
        with av.open(playlist.parent / name) as container:
            packet = next(container.demux(video=0))
            assert packet.pts is not None
            found.append((float(packet.pts * packet.time_base), packet.is_keyframe))
    return found


def levels(master: Path) -> list[dict[str, str]]:
    """The attributes of every level, and the name of its playlist."""
    lines = master.read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    found = []
    for line, name in zip(lines, lines[1:], strict=False):
        if line.startswith("#EXT-X-STREAM-INF:"):
            pairs = re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.partition(":")[2])
            found.append({key: value.strip('"') for key, value in pairs} | {"name": name})
    return found


class TestFiles:
    def test_are_named_and_cut_as_they_always_were(self, stream: Stream, silent: Path, tmp_path: Path) -> None:
        """§3.3 and §7 of the protocol's facts."""
        result = stream(silent)
        assert (tmp_path / "output/adaptive-120p-400.m3u8").read_text() == (
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n"
            "#EXTINF:2.000000,\nadaptive-120p-400-000.ts\n"
            "#EXTINF:2.000000,\nadaptive-120p-400-001.ts\n"
            "#EXTINF:1.000000,\nadaptive-120p-400-002.ts\n"
            "#EXT-X-ENDLIST\n"
        )
        assert result.master_playlist == result.manifest_path == "output/adaptive.m3u8"
        assert (result.variants_generated, result.total_segments, result.include_original) == (2, 6, False)
        assert result.duration == 5
        assert len(list((tmp_path / "output").iterdir())) == 1 + 2 + 6

    def test_the_master_tells_players_what_to_expect(self, stream: Stream, spoken: Path, tmp_path: Path) -> None:
        stream(spoken)
        found = levels(tmp_path / "output/adaptive.m3u8")
        assert [level["name"] for level in found] == ["adaptive-120p-400.m3u8", "adaptive-90p-200.m3u8"]
        assert [level["RESOLUTION"] for level in found] == ["214x120", "160x90"]
        assert {level["FRAME-RATE"] for level in found} == {"25.000"}
        assert "#EXT-X-INDEPENDENT-SEGMENTS" in (tmp_path / "output/adaptive.m3u8").read_text()
        for level in found:
            assert re.fullmatch(r"avc1\.6400[0-9a-f]{2},mp4a\.40\.2", level["CODECS"])
            playlist = tmp_path / "output" / level["name"]
            sizes = [(playlist.parent / name).stat().st_size * 8 for name in segments(playlist)]
            assert int(level["BANDWIDTH"]) >= max(
                size / seconds for size, seconds in zip(sizes, durations(playlist), strict=True)
            )
            assert int(level["AVERAGE-BANDWIDTH"]) == pytest.approx(sum(sizes) / 5, abs=1)

    def test_the_result_describes_every_rendition(self, stream: Stream, spoken: Path) -> None:
        first, second = stream(spoken).model_dump(mode="json")["variants"]
        assert {key: first[key] for key in ("resolution", "width", "height", "bitrate", "playlist", "segments")} == {
            "resolution": 120,
            "width": 214,
            "height": 120,
            "bitrate": 400,
            "playlist": "output/adaptive-120p-400.m3u8",
            "segments": 3,
        }
        assert second["bandwidth"] < first["bandwidth"]

    @pytest.mark.parametrize("fps", ["24000/1001", "15", "50", "120"])
    def test_segments_of_all_renditions_begin_together_with_key_frames(
        self, stream: Stream, folder: Path, tmp_path: Path, fps: str
    ) -> None:
        source = film(folder / f"{fps.replace('/', '-')}.mp4", fps=fps, seconds=5, size=(160, 120))
        stream(source)
        first, second = (starts(tmp_path / f"output/{name}.m3u8") for name in ("adaptive-120p-400", "adaptive-90p-200"))
        assert first == second
        assert all(is_key for _, is_key in first)
        assert [begin - first[0][0] for begin, _ in first] == pytest.approx([0, 2, 4], abs=0.1)

    def test_an_irregular_rate_becomes_a_steady_one(self, stream: Stream, tmp_path: Path) -> None:
        source = film(
            tmp_path / "a.mkv", seconds=6, filters="select='lt(n,20)+gt(n,100)'", options=("-fps_mode", "vfr")
        )
        stream(source)
        assert durations(tmp_path / "output/adaptive-120p-400.m3u8") == pytest.approx([2, 2, 2], abs=0.1)

    @pytest.mark.parametrize("seconds", [1, 3])
    def test_segments_are_as_long_as_asked(self, stream: Stream, silent: Path, tmp_path: Path, seconds: int) -> None:
        stream(silent, segment_duration=seconds)
        wanted = [1.0] * 5 if seconds == 1 else [3.0, 2.0]
        assert durations(tmp_path / "output/adaptive-120p-400.m3u8") == wanted

    def test_fragmented_mp4_has_its_header_in_a_file_of_its_own(
        self, stream: Stream, spoken: Path, tmp_path: Path
    ) -> None:
        stream(spoken, segment_format="fmp4")
        playlist = tmp_path / "output/adaptive-120p-400.m3u8"
        assert '#EXT-X-MAP:URI="adaptive-120p-400-init.mp4"' in playlist.read_text()
        assert segments(playlist) == [f"adaptive-120p-400-00{number}.m4s" for number in range(3)]
        assert "#EXT-X-VERSION:7" in (tmp_path / "output/adaptive.m3u8").read_text()
        assert levels(tmp_path / "output/adaptive.m3u8")[0]["CODECS"].startswith("avc1.6400")
        assert seen(tmp_path / "output/adaptive.m3u8", tmp_path).size == (214, 120)

    def test_sound_is_there_when_it_was(self, stream: Stream, spoken: Path, silent: Path, tmp_path: Path) -> None:
        stream(spoken)
        with av.open(tmp_path / "output/adaptive-90p-200-001.ts") as container:
            assert [one.codec_context.name for one in container.streams] == ["h264", "aac"]
        stream(silent)
        with av.open(tmp_path / "output/adaptive-90p-200-001.ts") as container:
            assert [one.codec_context.name for one in container.streams] == ["h264"]


class TestLadder:
    def test_of_what_is_larger_than_the_video_only_the_smallest_is_made_at_its_size(
        self, stream: Stream, silent: Path
    ) -> None:
        def heights(*asked: int, **params: object) -> list[tuple[int, int]]:
            variants = [{"resolution": height, "bitrate": 100 + number} for number, height in enumerate(asked)]
            made = stream(silent, variants=variants, **params).variants
            return [(variant.height, (variant.bitrate or 0) - 100) for variant in made]

        assert heights(1080, 720, 480) == [(180, 2)]
        assert heights(720, 240, 90) == [(180, 1), (90, 2)]
        assert heights(720, 180, 90) == [(180, 1), (90, 2)]
        assert heights(90, 120) == [(120, 1), (90, 0)]
        assert heights(240, upscale=True) == [(240, 0)]

    def test_heights_are_even(self, stream: Stream, tmp_path: Path) -> None:
        odd = film(tmp_path / "a.mkv", codec=(*X264[:-1], "yuv444p"), seconds=1, filters="scale=101:75")
        (variant,) = stream(odd).variants
        assert (variant.resolution, variant.height, variant.width % 2) == (75, 74, 0)

    def test_the_original_is_copied_and_offered(self, stream: Stream, spoken: Path, tmp_path: Path) -> None:
        result = stream(spoken, include_original=True)
        assert (result.include_original, result.variants_generated) == (True, 2)
        last = result.variants[-1]
        assert (last.playlist, last.bitrate, last.width, last.height) == ("output/adaptive-orig.m3u8", None, 320, 180)
        assert levels(tmp_path / "output/adaptive.m3u8")[-1]["name"] == "adaptive-orig.m3u8"
        with av.open(spoken) as before, av.open(tmp_path / "output/adaptive-orig-000.ts") as after:
            assert after.streams.video[0].codec_context.profile == before.streams.video[0].codec_context.profile
        assert segments(tmp_path / "output/adaptive-orig.m3u8")[0] == "adaptive-orig-000.ts"

    def test_an_original_that_players_could_not_show_is_left_out(
        self, stream: Stream, silent: Path, tmp_path: Path
    ) -> None:
        turned = copied(silent, tmp_path / "turned.mp4", before=("-display_rotation", "90"))
        mirrored = copied(silent, tmp_path / "mirrored.mp4", before=("-display_vflip",))
        other = film(tmp_path / "other.webm", codec=VP9, seconds=1)
        for source in (turned, mirrored, other):
            result = stream(source, include_original=True)
            assert (result.include_original, result.variants_generated) == (False, 2)
        assert not list((tmp_path / "output").glob("*orig*"))


class TestPicture:
    @pytest.mark.parametrize("turned", [90, 180, 270])
    def test_is_upright(self, stream: Stream, silent: Path, tmp_path: Path, turned: int) -> None:
        source = copied(silent, tmp_path / "a.mp4", before=("-display_rotation", turned))
        made = stream(source, variants=[{"resolution": 160, "bitrate": 4000}]).variants[0]
        size = (284, 160) if turned == 180 else (90, 160)
        assert (made.width, made.height) == size
        shown = seen(tmp_path / "output/adaptive.m3u8", tmp_path)
        ffmpeg("-i", source, "-frames:v", "1", tmp_path / "truth.png")
        with Image.open(tmp_path / "truth.png") as truth:
            assert difference(shown, truth.resize(size)) < 6

    def test_has_square_pixels(self, stream: Stream, tmp_path: Path) -> None:
        wide = film(tmp_path / "a.mp4", size=(360, 288), filters="setsar=16/15", seconds=1)
        assert stream(wide, variants=[{"resolution": 144, "bitrate": 300}]).variants[0].width == 192

    def test_of_high_dynamic_range_and_of_half_pictures_is_made_ordinary(self, stream: Stream, tmp_path: Path) -> None:
        hdr = film(
            tmp_path / "a.mkv",
            codec=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
            filters="setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc",
            seconds=1,
        )
        halves = film(
            tmp_path / "b.mpg",
            codec=("-c:v", "mpeg2video", "-flags", "+ilme+ildct"),
            filters="tinterlace=interleave_top,setfield=tff",
            seconds=2,
        )
        for source in (hdr, halves):
            stream(source)
            with av.open(tmp_path / "output/adaptive-120p-400-000.ts") as container:
                frame = next(container.decode(video=0))
                assert (frame.format.name, frame.interlaced_frame) == ("yuv420p", False)
                assert frame.color_trc not in (16, 18)


class TestSources:
    @pytest.mark.parametrize("suffix", ["mkv", "ts", "mov", "avi", "flv"])
    def test_of_every_container(self, stream: Stream, spoken: Path, tmp_path: Path, suffix: str) -> None:
        result = stream(copied(spoken, tmp_path / f"a.{suffix}"))
        assert result.total_segments == 6
        assert result.duration == pytest.approx(5, abs=0.1)

    def test_of_a_single_frame(self, stream: Stream, tmp_path: Path) -> None:
        assert stream(film(tmp_path / "a.mp4", options=("-frames:v", "1"))).total_segments == 2

    def test_of_pictures_that_change_every_ten_seconds(self, stream: Stream, tmp_path: Path) -> None:
        slow = film(tmp_path / "a.mp4", fps="1/10", seconds=20)
        assert stream(slow).duration == pytest.approx(20, abs=0.2)
        assert durations(tmp_path / "output/adaptive-90p-200.m3u8") == [2.0] * 10

    def test_of_sound_in_other_formats(self, stream: Stream, silent: Path, tmp_path: Path) -> None:
        ffmpeg("-i", silent, *SOUND, "-t", "5", "-c:v", "copy", "-c:a", "flac", "-ac", "1", tmp_path / "a.mkv")
        result = stream(tmp_path / "a.mkv", include_original=True)
        assert [variant.codecs.split(",")[1] for variant in result.variants] == ["mp4a.40.2"] * 3


class TestProgress:
    def test_grows_and_leaves_the_end_to_the_record(self, spoken: Path, tmp_path: Path) -> None:
        told: list[tuple[int, str]] = []
        task = Task(
            input=spoken, name="a.mp4", params=Streaming(), folder=tmp_path, models=tmp_path,
            report=lambda percent, note: told.append((percent, note)),
        )  # fmt: skip
        hls_streaming.run([task])
        percents = [percent for percent, _ in told]
        assert percents == sorted(percents)
        assert 0 < percents[-1] <= 99


class TestParameters:
    def test_come_from_a_form_and_from_a_record_alike(self) -> None:
        form = Streaming.model_validate({"variants": json.dumps(LOW), "include_original": "true"})
        record = form.model_dump(mode="json")
        assert record == {
            "variants": LOW,
            "include_original": True,
            "upscale": False,
            "segment_duration": 2,
            "segment_format": "ts",
        }
        assert Streaming.model_validate(record) == form

    def test_by_default_are_what_they_always_were(self) -> None:
        assert Streaming().model_dump(mode="json")["variants"] == [
            {"resolution": 720, "bitrate": 3500},
            {"resolution": 480, "bitrate": 1500},
        ]
        assert hls_streaming.output(Streaming(), "a.mp4") == "output"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"variants": "720p"},
            {"variants": "[]"},
            {"variants": "{}"},
            {"variants": '"720"'},
            {"variants": "[720]"},
            {"variants": "null"},
            {"variants": "[" * 5000},
            {"variants": '[{"resolution": 720}]'},
            {"variants": '[{"resolution": 720, "bitrate": 99}]'},
            {"variants": '[{"resolution": 0, "bitrate": 500}]'},
            {"variants": '[{"resolution": 99999, "bitrate": 500}]'},
            {"variants": '[{"resolution": NaN, "bitrate": 500}]'},
            {"variants": '[{"resolution": 720, "bitrate": 500, "codec": "av1"}]'},
            {"variants": json.dumps(LOW * 5)},
            {"segment_duration": "0"},
            {"segment_duration": "11"},
            {"segment_format": "webm"},
            {"include_original": "maybe"},
            {"bitrate": "3500"},
        ],
    )
    def test_that_cannot_be_used_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Streaming.model_validate(wrong)


class TestRefusals:
    @pytest.fixture
    def refused(self, tmp_path: Path) -> Callable[..., tuple[str, str]]:
        def refused(source: Path, limits: MediaLimits | None = None, **params: object) -> tuple[str, str]:
            error = attempt(source, tmp_path / "job", limits, **params)
            assert isinstance(error, MediaError), error
            return str(error), error.reason

        return refused

    def test_what_is_not_a_video(self, refused: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_text("Dear video,\n")
        assert refused(tmp_path / "a.mp4") == ("'a.mp4' is a text, not a video.", "unsupported_media")
        ffmpeg(*SOUND, "-t", "1", "-c:a", "aac", tmp_path / "b.mp4")
        assert refused(tmp_path / "b.mp4") == ("'b.mp4' has sound, but no video.", "unsupported_media")
        assert not (tmp_path / "job").exists()

    def test_a_video_that_breaks_off(
        self, refused: Callable[..., tuple[str, str]], spoken: Path, tmp_path: Path
    ) -> None:
        whole = copied(spoken, tmp_path / "whole.mp4", "-movflags", "+faststart")
        text, reason = refused(cut(whole, tmp_path / "part.mp4", 0.5))
        assert re.fullmatch(r"'part\.mp4' breaks off after \d\.\d of 5\.0 seconds\. Is it complete\?", text)
        assert reason == "bad_media"

    def test_what_would_take_more_room_than_there_is(
        self, refused: Callable[..., tuple[str, str]], silent: Path
    ) -> None:
        text, reason = refused(silent, MediaLimits(output=100_000))
        assert "the limit is 100,000" in text
        assert reason == "too_large"

    def test_damage_that_ffmpeg_trips_over(
        self, refused: Callable[..., tuple[str, str]], spoken: Path, tmp_path: Path
    ) -> None:
        """How the sound is coded, which the last five bytes of its description say, makes no sense."""
        content = bytearray(spoken.read_bytes())
        place = content.index(b"\x05\x80\x80\x80\x05", content.index(b"esds"))
        content[place + 5 : place + 10] = b"\xff" * 5
        (tmp_path / "a.mp4").write_bytes(content)
        text, reason = refused(tmp_path / "a.mp4")
        assert text.startswith("'a.mp4' can't be converted: Error while opening decoder")
        assert str(tmp_path) not in text
        assert reason == "bad_media"

    def test_renditions_beyond_all_measure(self, refused: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
        strip = film(tmp_path / "a.mp4", size=(640, 16), seconds=0.2)
        text, reason = refused(strip, upscale=True, variants=[{"resolution": 1080, "bitrate": 500}])
        assert text == "A rendition of 43200 x 1080 pixels is too large: ask for a smaller 'resolution'."
        assert reason == "too_large"


def seen(master: Path, folder: Path) -> Image.Image:
    """The first picture that a player shows."""
    picture = folder / "seen.png"
    ffmpeg("-i", master, "-frames:v", "1", picture)
    with Image.open(picture) as image:
        image.load()
    return image


def test_the_plugin_says_what_it_is(tmp_path: Path) -> None:
    assert hls_streaming.name == "hls_streaming"
    assert hls_streaming.about
    assert hls_streaming.missing(tmp_path) is None
