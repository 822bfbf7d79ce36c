"""What a picture says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class ExifClient(BasePluginClient):
    """Camera, exposure, time and place of a picture."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "exif")

    async def extract(
        self,
        image: Source,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        tags: Sequence[str] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """The metadata, typed and raw.

        Args:
            image: the picture: a path, bytes, a binary file or an async iterator of bytes.
            tags: names such as `Make`; all by default.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.
        """
        return await self.submit_with_files(
            files={"file": image},
            params={"tags": tags},
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
