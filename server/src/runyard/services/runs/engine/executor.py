"""Jobs of the kind ``run.workflow``: each advances one run for as long as there is something to do, then waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from runyard.jobs import JobContext, JobFailed
from runyard.services.runs.engine.engine import Engine, Standing
from runyard.services.runs.engine.model import Run
from runyard.services.runs.engine.states import RunStatus

KIND: Final = "run.workflow"
_NOW: Final = timedelta(0)


class RunJob:
    """Advances runs. Everything it knows is in their rows, so it may die at any moment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """Advance the run until nothing is left to do now; it ends with the run."""
        run_id = str(ctx.job.params["run"])
        while True:
            look = await self._engine.look(run_id)
            if look is None:
                raise JobFailed("removed", f"There is no run {run_id!r} any more.")
            standing = await self._engine.go_on(look)
            await self._engine.stop_others(ctx.job.id, standing.children)
            if standing.run.status.ended:
                return await self._end(ctx, standing.run)
            if standing.again:
                continue
            await ctx.suspend(
                "news", checkpoint=None, delay=self._delay(standing), after=ctx.job.last_seq,
                children=standing.children,
            )  # fmt: skip

    def _delay(self, standing: Standing) -> timedelta | None:
        if standing.wake_at is None:
            return None
        return max(_NOW, standing.wake_at - self._engine.jobs.clock())

    async def _end(self, ctx: JobContext, run: Run) -> Mapping[str, object]:
        if run.status is RunStatus.FAILED:
            error = run.error or {}
            raise JobFailed(error.get("code", "failed"), error.get("message", "The run failed."))
        if run.status is RunStatus.CANCELLED:
            await self._engine.jobs.cancel(ctx.job.id)
            await ctx.cancelled.wait()
        return {"status": run.status, "output": run.output}
