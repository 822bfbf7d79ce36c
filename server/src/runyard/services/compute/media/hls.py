"""HTTP Live Streaming (RFC 8216): a ladder of renditions, the orders for FFmpeg to make it, and its playlists."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

import av

from runyard.services.compute.media.footage import FORMATS, THREADS, VideoInfo
from runyard.services.compute.plugin import MediaError, MediaLimits

MASTER: Final = "adaptive.m3u8"
AUDIO_BITRATE: Final = 128
"""kbit/s of sound in every rendition."""
LONGEST_SIDE: Final = 16_384
"""Pixels that the encoder takes."""
SLOWEST: Final = 10.0
"""Frames per second, at least: pictures that stay for long would make segments long."""
FASTEST: Final = 60.0
"""Frames per second, at most: players of HLS need not show more."""
USUAL: Final = 30.0
"""Frames per second of a video that doesn't tell."""

SegmentFormat = Literal["ts", "fmp4"]

_SUFFIX: Final[dict[SegmentFormat, str]] = {"ts": "ts", "fmp4": "m4s"}
_TONE_MAP: Final = (
    "zscale=min=bt2020nc:pin=bt2020:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
    "zscale=t=bt709:m=bt709:r=tv,"
)
"""Makes of high dynamic range what every screen can show."""
_COPIED_PIXELS: Final = frozenset({"yuv420p", "yuvj420p"})
_AAC: Final = "mp4a.40.2"
_SPS: Final = 7
"""Type of the H.264 unit that begins with profile and level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One rendition of the ladder.

    Attributes:
        name: of its files, such as ``adaptive-720p-3500``.
        resolution: what it is called by: its height in pixels, or what was asked for.
        width: of its picture.
        height: likewise.
        fps: frames per second.
        bitrate: kbit/s of its picture; None for the original, which is copied.
    """

    name: str
    resolution: int
    width: int
    height: int
    fps: float
    bitrate: int | None

    @property
    def playlist(self) -> str:
        """File name of its playlist."""
        return f"{self.name}.m3u8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaging:
    """How renditions are cut up.

    Attributes:
        seconds: length of a segment.
        format: MPEG transport stream, or fragmented MP4.
    """

    seconds: int
    format: SegmentFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of a rendition."""

    name: str
    duration: float
    size: int

    @property
    def bitrate(self) -> float:
        """Bits per second."""
        return 8 * self.size / max(self.duration, 0.001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A rendition that has been written."""

    rung: Rung
    segments: tuple[Segment, ...]
    codecs: str

    @property
    def duration(self) -> float:
        """Seconds."""
        return sum(segment.duration for segment in self.segments)

    @property
    def bandwidth(self) -> int:
        """Bits per second of its most demanding segment."""
        return math.ceil(max(segment.bitrate for segment in self.segments))

    @property
    def average_bandwidth(self) -> int:
        """Bits per second over all of it."""
        return math.ceil(8 * sum(segment.size for segment in self.segments) / max(self.duration, 0.001))


def ladder(info: VideoInfo, asked: Iterable[tuple[int, int]], *, upscale: bool) -> list[Rung]:
    """The renditions to make, best first.

    Of those larger than the video only the smallest is made, in the video's own size, unless another has that size.

    Args:
        info: of the video.
        asked: height in pixels and kbit/s of each.
        upscale: whether to enlarge the picture where it is smaller than asked for.
    """
    asked = list(dict.fromkeys(asked))
    if not upscale:
        fitting = [one for one in asked if one[0] <= info.height]
        larger = [one for one in asked if one[0] > info.height]
        if larger and all(height < info.height for height, _ in fitting):
            fitting.append((info.height, min(larger)[1]))
        asked = fitting
    return [
        Rung(
            name=f"adaptive-{height}p-{bitrate}", resolution=height, bitrate=bitrate, fps=_steady_rate(info),
            width=_even(info.width * height / info.height), height=height - height % 2,
        )
        for height, bitrate in sorted(asked, reverse=True)
    ]  # fmt: skip


def original(info: VideoInfo) -> Rung | None:
    """The video as it is, if every player can show it so: upright H.264 of the usual kind."""
    if info.codec != "h264" or info.pixel_format not in _COPIED_PIXELS or info.interlaced or not info.upright:
        return None
    return Rung(
        name="adaptive-orig", resolution=info.height, bitrate=None, fps=info.fps or USUAL,
        width=info.coded_width, height=info.coded_height,
    )  # fmt: skip


def check_size(info: VideoInfo, rungs: Sequence[Rung], source: Path, limits: MediaLimits) -> None:
    """Refuse at once what can't be encoded, and what would fill the disk only after an hour."""
    for rung in rungs:
        if max(rung.width, rung.height) > LONGEST_SIDE or rung.width * rung.height > limits.pixels:
            raise MediaError(
                f"A rendition of {rung.width} x {rung.height} pixels is too large: ask for a smaller 'resolution'.",
                reason="too_large",
            )
    made = sum((rung.bitrate + AUDIO_BITRATE) * 1000 / 8 * info.duration for rung in rungs if rung.bitrate is not None)
    total = int(made) + sum(source.stat().st_size for rung in rungs if rung.bitrate is None)
    if total > limits.output:
        raise MediaError(
            f"The renditions would take about {total:,} bytes; the limit is {limits.output:,}. Ask for fewer, or for "
            "lower bitrates.",
            reason="too_large",
        )


def orders(
    source: Path, info: VideoInfo, rungs: Sequence[Rung], packaging: Packaging, limits: MediaLimits
) -> list[str]:
    """FFmpeg's arguments: the video is decoded once, and every rendition written in the same run."""
    made = [rung for rung in rungs if rung.bitrate is not None]
    arguments = [
        "-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-max_pixels", str(limits.pixels),
        "-threads", str(THREADS), "-i", f"file:{source.absolute()}",
        "-filter_complex_threads", str(THREADS), "-filter_complex", _graph(info, made),
    ]  # fmt: skip
    for rung in rungs:
        arguments += [*_picture(rung, packaging), *_sound(rung, info), *_cut(rung, packaging)]
        arguments += ["-t", f"{limits.duration:g}", rung.playlist]
    return arguments


def read_rendition(folder: Path, rung: Rung, info: VideoInfo) -> Rendition:
    """What FFmpeg has written, checked to be all there."""
    segments: list[Segment] = []
    duration, start = 0.0, None
    for line in (folder / rung.playlist).read_text(encoding="utf-8").splitlines():
        if line.startswith("#EXTINF:"):
            duration = float(line.removeprefix("#EXTINF:").split(",")[0])
        elif line.startswith("#EXT-X-MAP:"):
            start = line.split('"')[1]
        elif line and not line.startswith("#"):
            size = (folder / line).stat().st_size
            if not size:
                raise OSError(f"Segment {line!r} is empty.")
            segments.append(Segment(name=line, duration=duration, size=size))
    if not segments:
        raise MediaError("The video has no picture that could be shown.")
    codecs = _h264_name(folder / (start or segments[0].name)) + (f",{_AAC}" if info.has_audio else "")
    return Rendition(rung=rung, segments=tuple(segments), codecs=codecs)


def master_playlist(renditions: Sequence[Rendition], packaging: Packaging) -> str:
    """The playlist that names all others. The first is where players begin."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{3 if packaging.format == 'ts' else 7}"]
    if all(one.rung.bitrate is not None for one in renditions):  # a camera may begin with less than a key frame
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    for one in renditions:
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={one.bandwidth},AVERAGE-BANDWIDTH={one.average_bandwidth},"
            f'RESOLUTION={one.rung.width}x{one.rung.height},CODECS="{one.codecs}",FRAME-RATE={one.rung.fps:.3f}'
        )
        lines.append(one.rung.playlist)
    return "\n".join(lines) + "\n"


def _graph(info: VideoInfo, made: Sequence[Rung]) -> str:
    """Upright pictures at a steady rate, once for every rendition. FFmpeg turns them by itself."""
    common = ["bwdif=mode=send_frame:deint=interlaced"] if info.interlaced else []
    common += [f"fps={Fraction(_steady_rate(info)).limit_denominator(1001)}", f"split={len(made)}"]
    inlets = [f"[in-{rung.name}]" for rung in made]
    branches = [
        f"{inlet}scale={rung.width}:{rung.height}:flags=bicubic:out_range=tv,"
        f"{_TONE_MAP if info.hdr else ''}setsar=1,format=yuv420p[{rung.name}]"
        for inlet, rung in zip(inlets, made, strict=True)
    ]
    return ";".join([f"[0:V:0]{','.join(common)}{''.join(inlets)}", *branches])


def _steady_rate(info: VideoInfo) -> float:
    return min(max(info.fps or USUAL, SLOWEST), FASTEST)


def _picture(rung: Rung, packaging: Packaging) -> list[str]:
    """Key frames by time, so that the segments of all renditions begin together whatever the frame rate."""
    if rung.bitrate is None:
        return ["-map", "0:V:0", "-c:v", "copy"]
    rate = f"{rung.bitrate}k"
    return [
        "-map", f"[{rung.name}]", "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high",
        "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-threads:v", str(THREADS),
        "-force_key_frames", f"expr:gte(t,n_forced*{packaging.seconds})",
        "-x264-params", "keyint=infinite:scenecut=0",
    ]  # fmt: skip


def _sound(rung: Rung, info: VideoInfo) -> list[str]:
    if not info.has_audio:
        return []
    if rung.bitrate is None and info.audio_codec == "aac":
        return ["-map", "0:a:0", "-c:a", "copy"]
    return ["-map", "0:a:0", "-c:a", "aac", "-b:a", f"{AUDIO_BITRATE}k", "-ac", "2"]


def _cut(rung: Rung, packaging: Packaging) -> list[str]:
    arguments = [
        "-f", "hls", "-hls_time", str(packaging.seconds), "-hls_list_size", "0", "-hls_playlist_type", "vod",
        "-hls_segment_filename", f"{rung.name}-%03d.{_SUFFIX[packaging.format]}",
    ]  # fmt: skip
    if packaging.format == "fmp4":
        arguments += ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", f"{rung.name}-init.mp4"]
    return arguments


def _h264_name(path: Path) -> str:
    """Profile and level as players want them (RFC 6381), from the parameters at the start of the stream."""
    with av.open(path, "r") as container:
        parameters = container.streams.video[0].codec_context.extradata or b""
    if parameters[:1] == b"\1":  # as MP4 has them
        return f"avc1.{parameters[1:4].hex()}"
    units = parameters.split(b"\0\0\1")
    found = next((unit for unit in units if unit and unit[0] & 0x1F == _SPS), b"")
    return f"avc1.{found[1:4].hex()}"


def _even(length: float) -> int:
    """The nearest length that H.264 can have: it stores colours for blocks of 2 x 2 pixels."""
    return max(2, 2 * round(length / 2))
