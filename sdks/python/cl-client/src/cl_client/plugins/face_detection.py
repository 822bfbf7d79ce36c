"""Faces in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class FaceDetectionClient(BasePluginClient):
    """Where faces are, and cut-outs of them."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "face_detection")

    async def detect(
        self,
        image: Source,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        confidence_threshold: float | None = None,
        nms_threshold: float | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """Boxes, landmarks and cut-outs of all faces.

        Args:
            image: the picture: a path, bytes, a binary file or an async iterator of bytes.
            confidence_threshold: 0 to 1: how sure it has to be; 0.7 by default.
            nms_threshold: 0 to 1: overlap above which two boxes are one face; 0.4 by default.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.
        """
        return await self.submit_with_files(
            files={"file": image},
            params={"confidence_threshold": confidence_threshold, "nms_threshold": nms_threshold},
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
