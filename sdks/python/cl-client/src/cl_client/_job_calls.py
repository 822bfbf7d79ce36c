"""What a client asks about jobs that are there: their records, files and ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from ._server import ServerCalls
from ._telemetry import span
from .config import ComputeClientConfig
from .downloads import Download, download
from .http_utils import answer_of
from .models import JobFile, JobResponse

_FILES = TypeAdapter(list[JobFile])
_PAGE = 100
_GRACE = 10.0
"""Seconds that an answer may take beyond the time the server was asked to hold it."""


class _Page(BaseModel):
    jobs: list[JobResponse]
    next_cursor: str | None = None


class JobCalls(ServerCalls):
    """The calls about one job, and the list of all."""

    async def get_job(self, job_id: str) -> JobResponse:
        """The job's record.

        Raises:
            JobNotFoundError: there is none.
        """
        endpoint = _job_path(job_id)
        return JobResponse.model_validate(await self._json(lambda: self._session.get(endpoint), job_id=job_id))

    async def fetch(self, job_id: str, *, wait: float = 0, after: int | None = None) -> JobResponse:
        """The job's record, once there is something to tell.

        Args:
            job_id: the job.
            wait: seconds that the server may hold its answer: until the job has ended, or changed since `after`.
            after: the `seq` of a record.

        Raises:
            JobNotFoundError: there is no such job.
        """
        if wait <= 0:
            return await self.get_job(job_id)
        query = f"wait={wait:g}" if after is None else f"wait={wait:g}&after={after}"
        endpoint = f"{_job_path(job_id)}?{query}"
        body = await self._json(lambda: self._session.get(endpoint, timeout=wait + _GRACE), job_id=job_id)
        return JobResponse.model_validate(body)

    async def delete_job(self, job_id: str) -> None:
        """Remove a job and its files, whatever its state.

        Raises:
            JobNotFoundError: there is none.
        """
        endpoint = _job_path(job_id)
        await answer_of(self._caller, lambda: self._session.delete(endpoint), replayable=False, job_id=job_id)

    async def cancel_job(self, job_id: str) -> JobResponse:
        """Stop a job. Its record says `failed`, with the reason `cancelled`, once it has stopped.

        Raises:
            StatusError: 409, it has ended already.
        """
        endpoint = f"{_job_path(job_id)}/cancel"
        return JobResponse.model_validate(await self._json(lambda: self._session.post(endpoint), job_id=job_id))

    async def jobs(
        self, *, status: str | Sequence[str] = (), task_type: str | Sequence[str] = (), limit: int | None = None
    ) -> AsyncGenerator[JobResponse, None]:
        """Your jobs, newest first, fetched page by page as they are consumed.

        Args:
            status: only jobs in one of these.
            task_type: only jobs of one of these plugins.
            limit: stop after so many.
        """
        if limit is not None and limit < 1:
            raise ValueError(f"limit has to be at least 1, not {limit!r}")
        wanted = {"status": _listed(status), "task_type": _listed(task_type)}
        left, cursor = limit, None
        while True:
            query = {**wanted, "limit": [str(_PAGE if left is None else min(left, _PAGE))]}
            if cursor is not None:
                query["cursor"] = [cursor]
            page = await self._page(query)
            for record in page.jobs:
                yield record
            cursor = page.next_cursor
            left = None if left is None else left - len(page.jobs)
            if cursor is None or left == 0:
                return

    async def get_job_files(self, job_id: str) -> list[JobFile]:
        """The files of a job, with sizes and digests."""
        endpoint = f"{_job_path(job_id)}/files"
        return _FILES.validate_python(await self._json(lambda: self._session.get(endpoint), job_id=job_id))

    async def download_job_file(
        self, job_id: str, file_path: str, dest: Path, *, on_download: Download | None = None
    ) -> None:
        """Write a job's file to `dest`, whole and verified, or not at all.

        A connection that breaks is taken up where it broke.

        Args:
            job_id: the job.
            file_path: as records and `get_job_files` name it, such as `output/clip_embedding.npy`.
            dest: the file to write; its folder has to exist.
            on_download: called with bytes fetched and in all.

        Raises:
            JobNotFoundError: there is no such job.
            StatusError: there is no such file.
            DownloadError: the bytes are not what the server's digest says.
        """
        endpoint = ComputeClientConfig.ENDPOINT_GET_JOB_FILE.format(
            job_id=quote(job_id, safe=""), file_path=quote(file_path)
        )
        with span("download", job_id=job_id, file_path=file_path) as headers:
            await download(
                self._session,
                self._caller,
                endpoint,
                Path(dest),
                job_id=job_id,
                headers=headers,
                on_download=on_download,
            )

    async def _page(self, query: dict[str, list[str]]) -> _Page:
        return _Page.model_validate(await self._json(lambda: self._session.get("/jobs", params=query)))


def _job_path(job_id: str) -> str:
    return ComputeClientConfig.ENDPOINT_GET_JOB.format(job_id=quote(job_id, safe=""))


def _listed(values: str | Sequence[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)
