"""Digests, exact and perceptual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import Unpack

from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import Source

from .base import BasePluginClient, SubmitOptions

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient


class HashClient(BasePluginClient):
    """Digests of a file, and hashes that are close for pictures that look alike."""

    def __init__(self, client: ComputeClient) -> None:
        super().__init__(client, "hash")

    async def compute(
        self,
        image: Source,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        algorithm: Literal["sha512", "md5", "sha256"] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobResponse:
        """SHA-256, MD5, `phash`, `dhash` and others.

        Args:
            image: the file: a path, bytes, a binary file or an async iterator of bytes.
            algorithm: which digest becomes `hash_value`; sha512 by default.
            wait, timeout, on_progress, on_complete, options: as in `submit_with_files`.
        """
        return await self.submit_with_files(
            files={"file": image},
            params={"algorithm": algorithm},
            wait=wait,
            timeout=timeout,
            on_progress=on_progress,
            on_complete=on_complete,
            **options,
        )
