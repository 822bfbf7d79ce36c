"""Pictures as DINO vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class DinoEmbeddingClient(BasePluginClient):
    """Pictures as vectors of 384 numbers, close to each other for what looks the same."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "dino_embedding")

    async def embed_image(
        self,
        image: Source,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        normalize: bool | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """The picture's DINO vector, `task_output["embedding"]`.

        Args:
            image: the picture: a path, bytes, a binary file or an async iterator of bytes.
            normalize: scale the vector to length 1; the server does unless told otherwise.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.
        """
        return await self.submit_with_files(
            files={"file": image},
            params={"normalize": normalize},
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
