"""An opened video: its facts, its frames from any moment on, and pictures of them as they are meant to be seen.

Only formats that are one file are tried: a playlist would make the decoder open whatever it names.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer, Type
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from runyard.services.compute.media.sniff import Media, identify
from runyard.services.compute.plugin import MediaError, MediaLimits, Task

Source: TypeAlias = Task[Any] | Path
Box: TypeAlias = tuple[int, int]

FORMATS: Final = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,ivf"
"""What is tried, by FFmpeg's names."""

THREADS: Final = min(4, os.cpu_count() or 1)
"""Of one decoder or encoder; more would only take them from other jobs."""

_PATIENCE: Final = 1200
"""Frames decoded on the way to those that were asked for. Past it, the nearest key frames do."""
_STEPS_BACK: Final = (0.0, 5.0, 30.0, math.inf)
"""Seconds before a moment where a key frame is looked for."""
_DULL: Final = 6.0
"""A picture that differs less than this from its mean, of 255, is black or blank."""
_UNSPECIFIED: Final = 2
"""A colour space that the video doesn't tell; high definition then means BT.709, as everywhere."""
_FASTEST: Final = 240
"""Frames per second that a camera takes; more are the ticks of the file's clock."""
_BRIGHT: Final = frozenset({ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67})

_TURNS: Final[Mapping[tuple[int, ...], Image.Transpose]] = {
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
"""Signs of the display matrix (a, b, c, d), and what they mean."""
_SIDEWAYS: Final = frozenset(
    {Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What a video is.

    Attributes:
        width: of the picture as it is meant to be seen: upright, with square pixels.
        height: likewise.
        coded_width: pixels as they are stored.
        coded_height: likewise.
        rotation: degrees clockwise by which stored pictures are turned to be upright: 0, 90, 180 or 270.
        upright: whether they are so already: neither turned nor mirrored.
        duration: seconds of picture.
        fps: frames per second, on average where they come irregularly; None if the file doesn't tell.
        frames: how many; None if the file doesn't tell.
        codec: of the picture, by FFmpeg's name, such as ``h264``.
        pixel_format: such as ``yuv420p``.
        hdr: whether it is brighter than ordinary screens can show (PQ or HLG).
        interlaced: whether each frame is two half pictures.
        audio_codec: of the sound; None without sound, or with one that can't be decoded here.
        container: by FFmpeg's name, such as ``matroska,webm``.
        metadata: texts that the file carries, those of its picture included.
    """

    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int
    upright: bool
    duration: float
    fps: float | None
    frames: int | None
    codec: str
    pixel_format: str
    hdr: bool
    interlaced: bool
    audio_codec: str | None
    container: str
    metadata: Mapping[str, str]

    @property
    def has_audio(self) -> bool:
        """Whether there is sound."""
        return self.audio_codec is not None


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that has a stream of pictures, before anything is decoded. Made by :func:`open_recording`."""

    name: str
    container: InputContainer
    stream: VideoStream
    limits: MediaLimits


@contextmanager
def open_recording(source: Source, limits: MediaLimits | None = None) -> Iterator[Recording]:
    """The file, if what it says of itself keeps within the limits. Errors of reading on become `MediaError` too."""
    path, name = (source.input, source.name) if isinstance(source, Task) else (source, source.name)
    limits = limits or (source.limits if isinstance(source, Task) else MediaLimits())
    media = identify(path)
    if media.kind in ("image", "text", "url"):
        raise _not_a_video(media, name)
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_pixels": str(limits.pixels)}
    try:
        with av.open(path, "r", options=options, metadata_errors="replace") as container:
            stream = _picture(container)
            if stream is None:
                raise _not_a_video(media, name, sound=bool(container.streams.audio))
            recording = Recording(name, container, stream, limits)
            _check(recording)
            yield recording
    except av.FFmpegError as error:
        if media.kind != "video":
            raise _not_a_video(media, name) from error
        raise MediaError(f"{name!r} is damaged or cut off: {error.strerror or type(error).__name__}.") from error


@contextmanager
def open_footage(source: Source, limits: MediaLimits | None = None) -> Iterator[Footage]:
    """The video with its first frame decoded: many facts are told by that alone.

    Raises:
        MediaError: it isn't a video, has no picture, is damaged, or larger or longer than the limits allow.
    """
    with open_recording(source, limits) as recording:
        duration = _duration(recording)
        if duration > recording.limits.duration:
            raise MediaError(
                f"{recording.name!r} is {duration:.1f} seconds long; the limit is {recording.limits.duration:g}.",
                reason="too_large",
            )
        yield Footage(recording, duration)


class Footage:
    """An opened video. Moments are seconds from its first frame."""

    def __init__(self, recording: Recording, duration: float) -> None:
        self.limits = recording.limits
        self._container = recording.container
        self._stream = stream = recording.stream
        self._begin = stream.start_time or 0
        stream.thread_count = THREADS
        stream.thread_type = ThreadType.AUTO
        first = next(_decode(self._container, stream), None)
        if first is None:
            raise MediaError(f"{recording.name!r} is damaged: none of its pictures can be decoded.")
        self.first = first
        self._turn = _turn(first)
        self._position = self.moment(first)
        self._coming: Iterator[VideoFrame] | None = None
        self._decoded = 0
        self.info = self._info(duration)

    def moment(self, frame: VideoFrame) -> float:
        """When the frame is shown."""
        return 0.0 if frame.pts is None else float((frame.pts - self._begin) * _time_base(self._stream))

    def frames_from(self, moment: float) -> Iterator[VideoFrame]:
        """Frames from a key frame before the moment on. Formats without an index take some trying to find one."""
        for back in _STEPS_BACK:
            with suppress(av.FFmpegError):  # a file that can't be searched is read on from where it is
                self._container.seek(self._timestamp(moment - back), stream=self._stream)
            frames = _decode(self._container, self._stream)
            first = next(frames, None)
            if first is not None and (back >= moment or self.moment(first) <= moment):
                return chain([first], frames)
            if back >= moment:
                break
        return iter(())

    def best(self, moments: Sequence[float], *, near: float, box: Box | None) -> tuple[float, Image.Image]:
        """The first picture that isn't black or blank at one of the moments, or else the one that is least so.

        Args:
            moments: in order, and later than those of calls before.
            near: how much earlier, in seconds, a frame may be: a key frame costs least.
            box: see :meth:`picture`.
        """
        found: list[tuple[float, float, Image.Image]] = []
        for wanted in moments:
            frame = self._frame_at(wanted, near)
            picture = self.picture(frame, box)
            found.append((_contrast(picture), self.moment(frame), picture))
            if found[-1][0] > _DULL:
                break
        _, moment, picture = max(found, key=lambda one: one[0])
        return moment, picture

    def picture(self, frame: VideoFrame, box: Box | None) -> Image.Image:
        """The frame as it is meant to be seen, made smaller to fit inside a box of width and height."""
        if frame.width * frame.height > self.limits.pixels:  # a video may change its size on the way
            raise _too_many_pixels("The video", frame.width, frame.height, self.limits)
        width, height = _square(frame.width, frame.height, self._stream)
        if box is not None:
            across, down = box[::-1] if self._turn in _SIDEWAYS else box
            scale = min(1.0, across / width, down / height)
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        untold = frame.colorspace == _UNSPECIFIED and frame.height >= 720
        scaled = frame.reformat(
            width, height, "rgb24",
            src_colorspace=Colorspace.ITU709 if untold else None,
            interpolation=Interpolation.AREA if width < frame.width else Interpolation.BICUBIC,
            threads=1,
        )  # fmt: skip
        plane = scaled.planes[0]
        image = Image.frombuffer("RGB", (width, height), bytes(plane), "raw", "RGB", plane.line_size, 1)
        return image if self._turn is None else image.transpose(self._turn)

    def _frame_at(self, moment: float, near: float) -> VideoFrame:
        """The frame at the moment, or one up to ``near`` seconds before it."""
        if self._coming is None or self._position >= moment or self._key_frame_before(moment) > self._position:
            self._coming = self.frames_from(moment)
        frame = None
        for frame in self._coming:
            self._decoded += 1
            self._position = self.moment(frame)
            if self._position >= moment - near or self._decoded > _PATIENCE:
                return frame
        self._coming = None
        return frame or self.first

    def _key_frame_before(self, moment: float) -> float:
        """Its moment by the file's index; the moment itself where there is none, since seeking then tells."""
        index = self._stream.index_entries
        place = index.search_timestamp(self._timestamp(moment)) if len(index) > 1 else -1
        return moment if place < 0 else float((index[place].timestamp - self._begin) * _time_base(self._stream))

    def _timestamp(self, moment: float) -> int:
        """By the stream's clock. What is decoded first may be shown second: the beginning is well before it."""
        return self._begin + int(max(-1.0, moment) / _time_base(self._stream))

    def _info(self, duration: float) -> VideoInfo:
        stream, container, first = self._stream, self._container, self.first
        width, height = _square(first.width, first.height, stream)
        if self._turn in _SIDEWAYS:
            width, height = height, width
        sound = next((one.codec_context for one in container.streams.audio), None)
        return VideoInfo(
            width=width,
            height=height,
            coded_width=first.width,
            coded_height=first.height,
            rotation=0 if self._turn is None else -first.rotation % 360,
            upright=self._turn is None,
            duration=duration,
            fps=_rate(stream),
            frames=stream.frames or None,
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            hdr=first.color_trc in _BRIGHT,
            interlaced=first.interlaced_frame,
            audio_codec=None if sound is None else sound.name,
            container=container.format.name,
            metadata={**stream.metadata, **container.metadata},
        )


def _picture(container: InputContainer) -> VideoStream | None:
    """The first stream of moving pictures, ``0:V:0`` to FFmpeg; covers of recordings are streams too."""
    return next((one for one in container.streams.video if not one.disposition & Disposition.attached_pic), None)


def _check(recording: Recording) -> None:
    stream, name = recording.stream, recording.name
    if stream.codec_context is None:
        raise MediaError(f"{name!r} has a picture in a format that can't be decoded here.", reason="unsupported_media")
    if stream.width * stream.height > recording.limits.pixels:
        raise _too_many_pixels(repr(name), stream.width, stream.height, recording.limits)


def _decode(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every frame that can be decoded, up to where the file breaks off. Damage in between is passed over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        with suppress(av.FFmpegError):
            yield from packet.decode()


def _duration(recording: Recording) -> float:
    """Seconds of picture, from the header or, where that doesn't tell, from all packets' times."""
    container, stream = recording.container, recording.stream
    if stream.duration:
        return float(stream.duration * _time_base(stream))
    if container.duration:
        return container.duration / av.time_base
    end = max(((packet.pts or 0) + (packet.duration or 0) for packet in container.demux(stream)), default=0)
    container.seek(0)
    return float(max(0, end - (stream.start_time or 0)) * _time_base(stream))


def _square(width: int, height: int, stream: VideoStream) -> tuple[int, int]:
    """The size with square pixels."""
    ratio = stream.sample_aspect_ratio or Fraction(1)
    return (round(width * ratio), height) if Fraction(1, 4) <= ratio <= 4 else (width, height)


def _turn(frame: VideoFrame) -> Image.Transpose | None:
    notes = cast("SideDataContainer", frame.side_data)
    matrix = next((bytes(note) for note in notes if note.type is Type.DISPLAYMATRIX), None)
    if matrix is None:
        return None
    numbers = memoryview(matrix).cast("i")
    return _TURNS.get(tuple((numbers[place] > 0) - (numbers[place] < 0) for place in (0, 1, 3, 4)))


def _rate(stream: VideoStream) -> float | None:
    """The nominal rate, unless that is only the clock's: then, the average."""
    nominal = stream.guessed_rate
    rate = nominal if nominal and nominal <= _FASTEST else stream.average_rate
    return float(rate) if rate else None


def _time_base(stream: VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, av.time_base)


def _contrast(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.resize((32, 32)).convert("L")).stddev[0]


def _not_a_video(media: Media, name: str, *, sound: bool = False) -> MediaError:
    what = f"is {media.name}, not a video"
    if media.kind == "video":
        what = "has sound, but no video" if sound else "has no video"
    return MediaError(f"{name!r} {what}.", reason="unsupported_media")


def _too_many_pixels(what: str, width: int, height: int, limits: MediaLimits) -> MediaError:
    return MediaError(f"{what} has {width} x {height} pixels; the limit is {limits.pixels} pixels.", reason="too_large")
