"""What the nine plugin clients share: one way to submit a file, and to wait or be called back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import quote

from cl_client._fields import FieldValue, form_fields
from cl_client.exceptions import JobFailedError
from cl_client.models import JobResponse, OnJobResponseCallback
from cl_client.uploads import FilePart, Source, Upload, open_part

if TYPE_CHECKING:
    from cl_client.compute_client import ComputeClient

DEFAULT_PRIORITY = 5


class SubmitOptions(TypedDict, total=False):
    """What every plugin call takes beside its own parameters.

    Attributes:
        priority: 0 to 10, 5 by default; larger is sooner.
        filename: what the server is told that the file is called.
        idempotency_key: makes repeating the call give the same job.
        on_upload: called with bytes sent, and in all.
    """

    priority: int
    filename: str
    idempotency_key: str
    on_upload: Upload


class BasePluginClient:
    """One plugin of a server.

    Args:
        client: the server.
        task_type: the plugin.
    """

    def __init__(self, client: ComputeClient, task_type: str) -> None:
        self.client = client
        self.task_type = task_type
        self.endpoint = f"/jobs/{quote(task_type, safe='')}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.task_type!r})"

    async def submit_with_files(
        self,
        files: Mapping[str, Source | FilePart],
        params: Mapping[str, FieldValue] | None = None,
        priority: int = DEFAULT_PRIORITY,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        *,
        filename: str | None = None,
        idempotency_key: str | None = None,
        on_upload: Upload | None = None,
    ) -> JobResponse:
        """Submit a job.

        Args:
            files: form fields with files: paths, bytes, binary files or async iterators of bytes.
            params: the plugin's parameters; None values are left to the server.
            priority: 0 to 10; larger is sooner.
            wait: return when the job has ended.
            timeout: seconds to wait at most.
            on_progress: called with each new state of the job.
            on_complete: called once, when it has ended.
            filename: what the server is told that the file is called.
            idempotency_key: makes repeating the call give the same job.
            on_upload: called with bytes sent, and in all.

        Returns:
            The record: as it is now, or with `wait` as it is at the end.

        Raises:
            FileNotFoundError: a file isn't there; nothing was sent.
            StatusError: the server refused the job.
            JobFailedError: with `wait`, the job failed.
            TimeoutError: with `wait`, it did not end in time. It goes on.
        """
        job_id = await self.send(
            files,
            params or {},
            priority=priority,
            filename=filename,
            idempotency_key=idempotency_key,
            on_upload=on_upload,
            watch=wait or on_progress is not None or on_complete is not None,
        )
        if on_progress is not None or on_complete is not None:
            self.client.mqtt_subscribe_job_updates(
                job_id=job_id, on_progress=on_progress, on_complete=on_complete, task_type=self.task_type
            )
        if not wait:
            return await self.client.get_job(job_id)
        job = await self.client.wait_for_job(job_id=job_id, timeout=timeout)
        if job.failed:
            raise JobFailedError(job)
        return job

    async def submit_job(
        self,
        params: Mapping[str, FieldValue],
        priority: int = DEFAULT_PRIORITY,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
    ) -> JobResponse:
        """As `submit_with_files`, for a plugin that needs no file."""
        return await self.submit_with_files({}, params, priority, wait, timeout, on_progress, on_complete)

    async def send(
        self,
        files: Mapping[str, Source | FilePart],
        params: Mapping[str, FieldValue],
        *,
        priority: int = DEFAULT_PRIORITY,
        filename: str | None = None,
        idempotency_key: str | None = None,
        on_upload: Upload | None = None,
        watch: bool = False,
    ) -> str:
        """Submit a job and give its id; what `submit_with_files` does first."""
        parts: dict[str, FilePart] = {}
        try:
            for name, source in files.items():
                parts[name] = await open_part(source, filename=filename)
            return await self.client.http_submit_job(
                self.endpoint,
                data={**form_fields(params), "priority": str(priority)},
                files=parts,
                watch=watch,
                idempotency_key=idempotency_key,
                on_upload=on_upload,
            )
        finally:
            for part in parts.values():
                part.close()
