"""What the compute service answers, as typed values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, JsonValue

if TYPE_CHECKING:
    from .results import PluginResult

SUCCEEDED: Final = "completed"
FAILED: Final = frozenset({"failed", "error", "cancelled"})
ENDED: Final = FAILED | {SUCCEEDED}


class JobResponse(BaseModel):
    """The record of a job. Times are in milliseconds since 1970.

    The fields from `reason` on are null on servers of the original kind. `status` is shown as the server wrote it; ask
    `ended`, `succeeded` and `failed` rather than comparing texts.
    """

    job_id: str
    task_type: str
    status: str
    progress: int = 0
    params: dict[str, JsonValue] = {}
    task_output: dict[str, JsonValue] | None = None
    error_message: str | None = None
    priority: int = 5
    created_at: int
    updated_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    reason: str | None = None
    seq: int | None = None
    attempt: int | None = None
    waiting_for: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.status == SUCCEEDED

    @property
    def failed(self) -> bool:
        """Whether it ended badly: failed or cancelled."""
        return self.status in FAILED

    @property
    def output_path(self) -> str | None:
        """The path of its main result, for `download_job_file`; None when it has none."""
        path = self.params.get("output_path")
        return path if isinstance(path, str) else None

    @property
    def typed(self) -> PluginResult | None:
        """`task_output` as the result type of its plugin, see `cl_client.results`; None without an output.

        Raises:
            pydantic.ValidationError: the output is not of that type.
        """
        from .results import result_of

        return result_of(self.task_type, self.task_output)


OnJobResponseCallback = Callable[[JobResponse], object]
"""Called with a job's record: a plain function, or a coroutine function, on the event loop of the caller."""


class JobFile(BaseModel):
    """A file of a job. `path` is what `download_job_file` takes, `sha256` in hex, `size` in bytes."""

    path: str
    size: int
    sha256: str
    content_type: str


class WorkerCapability(BaseModel):
    """What one worker announces."""

    worker_id: str
    capabilities: list[str]
    idle_count: int
    timestamp: int


class WorkerCapabilitiesResponse(BaseModel):
    """What all workers together offer: idle workers for each task type."""

    num_workers: int
    capabilities: dict[str, int]


class ServerInfo(BaseModel):
    """What the server tells about itself. `guest_mode` is whether it wants no token."""

    status: str
    service: str
    version: str
    guest_mode: bool = Field(validation_alias="guestMode")  # told as `on` or `off`


class PluginInfo(BaseModel):
    """A plugin of the server. Its parameters and result are described as JSON schemas.

    `offered` says whether a worker takes such jobs now, None if that isn't known; `missing`, what the server's machine
    lacks for it and how to get that.
    """

    name: str
    about: str = ""
    parameters: dict[str, JsonValue] = {}
    result: dict[str, JsonValue] = {}
    offered: bool | None = None
    missing: str | None = None


class StorageSize(BaseModel):
    """What all jobs' files take, in bytes."""

    total_size: int
    job_count: int


class Cleanup(BaseModel):
    """What a clean-up removed; `freed_space` is in bytes."""

    deleted_count: int
    freed_space: int
