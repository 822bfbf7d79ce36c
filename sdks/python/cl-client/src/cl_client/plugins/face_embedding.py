"""Faces as vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class FaceEmbeddingClient(BasePluginClient):
    """Faces as vectors, close to each other for the same person."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "face_embedding")

    async def embed_faces(
        self,
        image: Source,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        normalize: bool | None = None,
        confidence_threshold: float | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """A vector for each face, `task_output["embeddings"]`.

        Args:
            image: the picture: a path, bytes, a binary file or an async iterator of bytes.
            normalize: scale the vector to length 1; the server does unless told otherwise.
            confidence_threshold: 0 to 1: how sure it has to be that something is a face.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.
        """
        return await self.submit_with_files(
            files={"file": image},
            params={"normalize": normalize, "confidence_threshold": confidence_threshold},
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
