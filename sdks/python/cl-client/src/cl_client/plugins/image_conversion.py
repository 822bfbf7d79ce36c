"""Pictures in other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class ImageConversionClient(BasePluginClient):
    """Pictures in other formats and sizes."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "image_conversion")

    async def convert(
        self,
        image: Source,
        output_format: str,
        quality: int | None = None,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        width: int | None = None,
        height: int | None = None,
        upscale: bool | None = None,
        target_size: int | None = None,
        metadata: Literal["keep", "strip", "no_gps"] | None = None,
        color: Literal["keep", "srgb"] | None = None,
        background: str | None = None,
        animation: Literal["keep", "first"] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """The picture in another format, at `task_output["output_path"]`.

        Args:
            image: the picture: a path, bytes, a binary file or an async iterator of bytes.
            output_format: png, jpg, jpeg, webp, avif, gif, bmp or tiff.
            quality: 1 to 100, where the format has one; 85 by default.
            width: most pixels across.
            height: most pixels down.
            upscale: enlarge what is smaller than that.
            target_size: most bytes of the file; the quality is lowered as far as it takes.
            metadata: what becomes of EXIF and XMP; strip by default.
            color: keep the colour profile (default) or convert to sRGB.
            background: what shows through where the format has no transparency, such as `#ffffff`.
            animation: all frames (default) or the first.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.
        """
        return await self.submit_with_files(
            files={"file": image},
            params={
                "format": output_format,
                "quality": quality,
                "width": width,
                "height": height,
                "upscale": upscale,
                "target_size": target_size,
                "metadata": metadata,
                "color": color,
                "background": background,
                "animation": animation,
            },
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
