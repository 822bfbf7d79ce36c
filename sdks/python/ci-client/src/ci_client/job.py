"""`Job`: the handle on one job. Every method asks the server; the handle itself remembers only the id."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import quote

from ._wire.errors import TimedOut, UsageError
from ._wire.requests_shell import Request, RequestsTransport, new_idempotency_key
from ._wire.stream import StreamPolicy
from .archive import Progress
from .download import download
from .events import Completed, JobSubmitted
from .follow import EventFeed, EventStream
from .records import (
    Artifact,
    JobDetails,
    JobSummary,
    TestCase,
    artifact_from,
    details_from,
    job_id_from,
    list_from,
    summary_from,
    test_case_from,
)


class Job:
    """One job. Made by `CI.submit` and `CI.job`."""

    def __init__(
        self,
        transport: RequestsTransport,
        job_id: str,
        *,
        submitted: JobSubmitted | None = None,
        opened: EventStream | None = None,
    ) -> None:
        if not job_id or "/" in job_id:
            raise UsageError(f"{job_id!r} is no job id")
        self.id = job_id
        self._transport = transport
        self._submitted = submitted
        self._opened = opened

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def refresh(self) -> JobDetails:
        """What the server knows about the job now."""
        return details_from(self._get("/details"))

    def events(self, *, from_beginning: bool = True, after: str | None = None, patience: float = 300.0) -> EventFeed:
        """The job's events, live, each exactly once, ending with `Completed`; broken connections are resumed.

        Args:
            from_beginning: start with the first event rather than the present one.
            after: start after this cursor, an event's `cursor`; overrides `from_beginning`.
            patience: seconds to go on trying when the stream is broken and does not move.

        Raises:
            StreamLost: it broke and could not be resumed in time. The job goes on.
            StatusError: the server refused it.
        """
        params = {"events": "all"}
        if from_beginning:
            params["from_beginning"] = "true"
        opened, cursor = None, after
        if from_beginning and after is None and self._opened is not None and self._submitted is not None:
            opened, self._opened = self._opened, None
            cursor = self._submitted.cursor
        return EventFeed(
            self._transport,
            self._path("/stream"),
            params=params,
            cursor=cursor,
            policy=StreamPolicy(patience=patience),
            opened=opened,
        )

    def result(self, *, timeout: float | None = None) -> Completed:
        """Wait for the end.

        Args:
            timeout: seconds to wait at most; None waits as long as the job takes.

        Raises:
            TimedOut: it did not end in time. The job goes on.
        """
        feed = self.events(from_beginning=False)
        clock = threading.Timer(timeout, feed.stop) if timeout is not None else None
        if clock is not None:
            clock.daemon = True
            clock.start()
        try:
            for event in feed:
                if isinstance(event, Completed):
                    return event
        finally:
            feed.close()
            if clock is not None:
                clock.cancel()
        raise TimedOut(f"Job {self.id} has not ended within {timeout} s; it goes on")

    def cancel(self) -> JobSummary:
        """Ask the server to stop the job.

        Raises:
            Conflict: it has already ended.
        """
        request = Request(method="POST", path=self._path("/cancel"), repeatable=True)
        return summary_from(self._transport.json(request))

    def rerun(self, *, failed: bool = False) -> Job:
        """Run the same package again.

        Args:
            failed: only the tests that failed.

        Raises:
            Conflict: there is nothing to run again.
        """
        request = Request(
            method="POST",
            path=self._path("/rerun"),
            json={"failed": failed},
            idempotency_key=new_idempotency_key(),
        )
        return Job(self._transport, job_id_from(self._transport.json(request)))

    def tests(self, *, failed: bool = False, slowest: int | None = None) -> list[TestCase]:
        """The job's test cases.

        Args:
            failed: only those that failed or could not run.
            slowest: only so many, the slowest first.

        Raises:
            NotFound: there are no results (`code` is `no_results`), or no such job.
        """
        params = {}
        if failed:
            params["failed"] = "true"
        if slowest is not None:
            params["slowest"] = str(slowest)
        return [test_case_from(item) for item in list_from(self._get("/tests", params), "test cases")]

    def artifacts(self) -> list[Artifact]:
        """The files the job left behind."""
        return [artifact_from(item) for item in list_from(self._get("/artifacts"), "artifacts")]

    def download(self, name: str, path: Path | str, *, on_progress: Progress | None = None) -> Path:
        """Fetch an artifact, whole and verified, or not at all.

        Args:
            name: the artifact's name.
            path: the file to write, or a folder to put it in.
            on_progress: called with bytes fetched and in all.

        Returns:
            The file written.
        """
        artifact = next((item for item in self.artifacts() if item.name == name), None)
        if artifact is None:
            raise UsageError(f"Job {self.id} has no artifact {name!r}; artifacts() lists what it has")
        return self.fetch(artifact, path, on_progress=on_progress)

    def fetch(self, artifact: Artifact, path: Path | str, *, on_progress: Progress | None = None) -> Path:
        """As `download`, for an artifact that `artifacts` has already described."""
        folder = self._path("/artifacts")
        return download(self._transport, folder, artifact, Path(path), on_progress=on_progress)

    def _path(self, rest: str) -> str:
        return f"/jobs/{quote(self.id, safe='')}{rest}"

    def _get(self, rest: str, params: dict[str, str] | None = None) -> object:
        return self._transport.json(Request(method="GET", path=self._path(rest), params=params))
