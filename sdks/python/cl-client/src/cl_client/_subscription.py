"""One subscription to a job: whom to call, and in what order."""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import Awaitable, Callable

from ._home import Home
from .models import JobResponse, OnJobResponseCallback

log = logging.getLogger("cl_client")


class Subscription:
    """Callbacks of one subscriber. What one of them raises is logged, and stops nobody."""

    def __init__(
        self,
        job_id: str,
        on_progress: OnJobResponseCallback | None,
        on_complete: OnJobResponseCallback | None,
        task_type: str,
        on_error: Callable[[Exception], object] | None,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.job_id = job_id
        self.task_type = task_type
        self._on_progress = on_progress
        self._on_complete = on_complete
        self._on_error = on_error
        self._last: asyncio.Task[None] | None = None
        self._told = False

    def tell_first(self, record: JobResponse, home: Home) -> None:
        """Pass on what was known at the beginning, unless something newer has been told meanwhile."""
        if not self._told:
            self.tell(record, home)

    def tell(self, record: JobResponse, home: Home) -> None:
        """Pass a new state on."""
        self._told = True
        if self._on_progress is not None:
            callback = self._on_progress
            self._call(lambda: callback(record), home)
        if record.ended and self._on_complete is not None:
            last = self._on_complete
            self._call(lambda: last(record), home)

    def fail(self, error: Exception, home: Home) -> None:
        """Say that nothing more will come."""
        if self._on_error is not None:
            callback = self._on_error
            self._call(lambda: callback(error), home)

    def _call(self, callback: Callable[[], object], home: Home) -> None:
        try:
            outcome = callback()
        except Exception:
            log.exception("a callback of job %s failed", self.job_id)
            return
        if not inspect.isawaitable(outcome):
            return
        if home.loop is None:
            log.warning("a coroutine callback of job %s was dropped: no event loop was running", self.job_id)
            if inspect.iscoroutine(outcome):
                outcome.close()
            return
        self._last = home.loop.create_task(self._after(self._last, outcome))

    async def _after(self, previous: asyncio.Task[None] | None, outcome: Awaitable[object]) -> None:
        """Coroutine callbacks run one after the other: the end is never told before a step."""
        if previous is not None and not previous.done():
            await asyncio.wait({previous})
        try:
            await outcome
        except Exception:
            log.exception("a callback of job %s failed", self.job_id)
