"""`Job`: the handle on one job. The handle remembers only the id; everything else is asked of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING

from .downloads import Download
from .exceptions import JobFailedError
from .models import JobFile, JobResponse

if TYPE_CHECKING:
    from .compute_client import ComputeClient


class Job:
    """One job. Made by `ComputeClient.submit` and `ComputeClient.job`."""

    def __init__(self, client: ComputeClient, job_id: str) -> None:
        self.id = job_id
        self._client = client

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    async def record(self) -> JobResponse:
        """What the server knows of it now.

        Raises:
            JobNotFoundError: it is gone.
        """
        return await self._client.get_job(self.id)

    async def status(self) -> str:
        """`queued`, `processing`, `completed` or `failed`."""
        return (await self.record()).status

    async def result(self, *, timeout: float | None = None) -> JobResponse:
        """Wait for its end.

        Args:
            timeout: seconds to wait at most; None waits as long as it takes.

        Raises:
            JobFailedError: it failed, or was cancelled.
            JobNotFoundError: it has been deleted.
            TimeoutError: it did not end in time. It goes on.
        """
        record = await self._client.wait_for_job(job_id=self.id, timeout=timeout)
        if record.failed:
            raise JobFailedError(record)
        return record

    async def events(self) -> AsyncGenerator[JobResponse, None]:
        """Its states as they come, each once, the last one whole; a broken connection is made up for.

        Raises:
            JobNotFoundError: it has been deleted.
        """
        told: asyncio.Queue[JobResponse | Exception] = asyncio.Queue()
        subscription = self._client.subscribe_job_updates(
            self.id, on_progress=told.put_nowait, on_error=told.put_nowait
        )
        ended = False
        try:
            while not ended:
                news = await told.get()
                if isinstance(news, Exception):
                    ended = True
                    raise news
                ended = news.ended
                yield news
        finally:
            if not ended:
                self._client.unsubscribe(subscription)

    async def cancel(self) -> JobResponse:
        """Stop it.

        Raises:
            StatusError: 409, it has ended already.
        """
        return await self._client.cancel_job(self.id)

    async def retry(self) -> Job:
        """The same file and parameters again, as a new job."""
        return await self._client.retry_job(self.id)

    async def delete(self) -> None:
        """Remove it and its files, whatever its state."""
        await self._client.delete_job(self.id)

    async def files(self) -> list[JobFile]:
        """Its files."""
        return await self._client.get_job_files(self.id)

    async def download(
        self, file_path: str | None = None, dest: Path | str | None = None, *, on_download: Download | None = None
    ) -> Path:
        """Fetch one of its files, whole and verified, or not at all.

        Args:
            file_path: which one; its main result otherwise.
            dest: the file to write, or a folder to put it in; the present one otherwise.
            on_download: called with bytes fetched and in all.

        Returns:
            The file written.

        Raises:
            FileNotFoundError: it has no main result, or the folder doesn't exist.
        """
        path = file_path or (await self.record()).output_path
        if path is None:
            raise FileNotFoundError(f"Job {self.id} has no main result; files() lists what it has")
        target = Path() if dest is None else Path(dest)
        if target.is_dir():
            target /= path.rpartition("/")[2]
        await self._client.download_job_file(self.id, path, target, on_download=on_download)
        return target
