"""Videos as HLS ladders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class Variant(TypedDict):
    """A rendition: height in pixels, and kbit/s of the picture."""

    resolution: int
    bitrate: int


class HlsStreamingClient(BasePluginClient):
    """Videos as HLS ladders: several renditions in short segments, for players that choose as they go."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "hls_streaming")

    async def generate_manifest(
        self,
        video: Source | None = None,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        variants: Sequence[Variant] | None = None,
        include_original: bool | None = None,
        upscale: bool | None = None,
        segment_duration: int | None = None,
        segment_format: Literal["ts", "fmp4"] | None = None,
        input_absolute_path: str | None = None,
        output_absolute_path: str | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """The ladder; its master playlist is at `task_output["manifest_path"]`.

        Args:
            video: a path, bytes, a binary file or an async iterator of bytes.
            variants: the renditions; 720 and 480 lines by default.
            include_original: offer the video as it is too.
            upscale: make renditions larger than the video.
            segment_duration: seconds of a segment, 2 by default.
            segment_format: `ts` (default) or `fmp4`.
            input_absolute_path: instead of `video`: a file of the server's own, on servers that allow that.
            output_absolute_path: where such a server puts the ladder.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.

        Raises:
            ValueError: neither or both of `video` and `input_absolute_path` are given.
        """
        if (video is None) == (input_absolute_path is None):
            raise ValueError("Give one of video and input_absolute_path")
        renditions = [{"resolution": one["resolution"], "bitrate": one["bitrate"]} for one in variants or ()]
        return await self.submit_with_files(
            files={} if video is None else {"file": video},
            params={
                "variants": renditions or None,
                "include_original": include_original,
                "upscale": upscale,
                "segment_duration": segment_duration,
                "segment_format": segment_format,
                "input_absolute_path": input_absolute_path,
                "output_absolute_path": output_absolute_path,
            },
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
