"""Small pictures of pictures and videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class MediaThumbnailClient(BasePluginClient):
    """Small pictures of pictures and videos."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "media_thumbnail")

    async def generate(
        self,
        media: Source,
        width: int | None = None,
        height: int | None = None,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        maintain_aspect_ratio: bool | None = None,
        fit: Literal["contain", "cover", "exact"] | None = None,
        crop: str | None = None,
        format: Literal["jpg", "jpeg", "png", "webp"] | None = None,  # noqa: A002 - the field's own name
        quality: int | None = None,
        background: str | None = None,
        preview: Literal["frame", "animated", "tiles"] | None = None,
        seconds: float | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """A thumbnail, at `task_output["thumbnail_path"]`.

        Args:
            media: a picture or video: a path, bytes, a binary file or an async iterator of bytes.
            width: most pixels across; 256 if neither is given.
            height: most pixels down.
            maintain_aspect_ratio: False distorts to exactly that size.
            fit: all of it inside the box (default), the box filled, or distorted.
            crop: with `cover`, what to show: `center`, `attention` or a point such as `0.3,0.7`.
            format: jpg by default.
            quality: 1 to 100; 85 by default.
            background: what shows through in a jpg, such as `#ffffff`.
            preview: of a video: one frame (default), a moving WebP, or a sheet of frames.
            seconds: length of the moving preview.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.
        """
        return await self.submit_with_files(
            files={"file": media},
            params={
                "width": width,
                "height": height,
                "maintain_aspect_ratio": maintain_aspect_ratio,
                "fit": fit,
                "crop": crop,
                "format": format,
                "quality": quality,
                "background": background,
                "preview": preview,
                "seconds": seconds,
            },
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
