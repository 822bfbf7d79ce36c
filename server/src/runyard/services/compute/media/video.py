"""What plugins ask of videos: facts, pictures, a part of them as an animation, a digest."""

from __future__ import annotations

import hashlib
import math
from typing import Final

from av.stream import Discard
from PIL import Image

from runyard.services.compute.media.footage import Box, Source, VideoInfo, open_footage, open_recording
from runyard.services.compute.plugin import MediaError, MediaLimits

__all__ = ["VideoInfo", "animation_frames", "keyframe_digest", "probe", "sample_frames"]

_PLACES: Final = (0.4, 0.65, 0.9)
"""Where in its part of the video a picture is looked for, until one is worth showing."""


def probe(source: Source, limits: MediaLimits | None = None) -> VideoInfo:
    """What the video is. Its first frame is decoded, so that a file which only looks like a video is found out.

    Args:
        source: a task, or a file.
        limits: of the decoding; the task's own by default.

    Raises:
        MediaError: it isn't a video, has no picture, is damaged, or larger or longer than the limits allow.
    """
    with open_footage(source, limits) as footage:
        return footage.info


def sample_frames(
    source: Source, count: int, limits: MediaLimits | None = None, *, box: Box | None = None
) -> list[Image.Image]:
    """Pictures spread evenly over the video, in order: up to ``count``, all of different moments, at least one.

    Black and blank ones are passed over where there is something else nearby.

    Args:
        source: a task, or a file.
        count: how many.
        limits: of the decoding; the task's own by default.
        box: width and height that the pictures fit inside; they are never enlarged.

    Raises:
        MediaError: see :func:`probe`.
    """
    with open_footage(source, limits) as footage:
        part = footage.info.duration / count
        pictures: dict[float, Image.Image] = {}
        for index in range(count):
            moments = [(index + place) * part for place in _PLACES]
            moment, picture = footage.best(moments, near=part / 4, box=box)
            pictures.setdefault(moment, picture)
        return [pictures[moment] for moment in sorted(pictures)]


def animation_frames(
    source: Source,
    start: float,
    seconds: float,
    limits: MediaLimits | None = None,
    *,
    fps: float,
    box: Box | None = None,
) -> list[Image.Image]:
    """Pictures that show a part of the video at its own pace, each for ``1 / fps`` seconds.

    Args:
        source: a task, or a file.
        start: where the part begins, in seconds; earlier if it wouldn't fit.
        seconds: its length.
        limits: of the decoding, with the most pictures as ``frames``; the task's own by default.
        fps: pictures per second.
        box: width and height that the pictures fit inside; they are never enlarged.

    Raises:
        MediaError: see :func:`probe`.
    """
    with open_footage(source, limits) as footage:
        seconds = min(seconds, footage.info.duration)
        start = max(0.0, min(start, footage.info.duration - seconds))
        count = min(max(1, round(seconds * fps)), footage.limits.frames)
        pictures: list[Image.Image] = []
        shown = footage.first
        for frame in footage.frames_from(start):
            due = min(count, math.ceil((footage.moment(frame) - start) * fps))
            if due > len(pictures):
                pictures += [footage.picture(shown, box)] * (due - len(pictures))
            if due == count:
                return pictures
            shown = frame
        return pictures + [footage.picture(shown, box)] * (count - len(pictures))


def keyframe_digest(source: Source, algorithm: str, limits: MediaLimits | None = None) -> str:
    """Digest of the key frames as they are stored, in hex: it doesn't change with the metadata.

    Args:
        source: a task, or a file.
        algorithm: as :mod:`hashlib` knows it.
        limits: of the decoding; the task's own by default.

    Raises:
        MediaError: see :func:`probe`.
    """
    digest = hashlib.new(algorithm)
    empty = True
    with open_recording(source, limits) as recording:
        for other in recording.container.streams:
            if other.index != recording.stream.index:
                other.discard = Discard.all
        for packet in recording.container.demux(recording.stream):
            if packet.is_keyframe and packet.size:
                digest.update(bytes(packet))
                empty = False
        if empty:
            raise MediaError(f"{recording.name!r} is damaged: it has no key frame. Is it complete?")
    return digest.hexdigest()
