"""Advancing runs: look at one without a lock, prepare what it asks for, then make its moves under its workspace's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from runyard.artifacts import ArtifactStore
from runyard.database import Connection, Database
from runyard.identity import project_tenant
from runyard.jobs import Asked, Job, JobEnded, JobNotFound, JobStore, NewJob, State, Unservable
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.advance import advance
from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.files import known_files
from runyard.services.runs.engine.helpers import Adapters, Helpers, Machines, Policies
from runyard.services.runs.engine.making import Making, Prepared
from runyard.services.runs.engine.model import Failure, Outcome, Run, Snapshot
from runyard.services.runs.engine.moves import Start
from runyard.services.runs.engine.references import files_in, without_marks
from runyard.services.runs.engine.spec import Action
from runyard.services.runs.engine.states import StepStatus
from runyard.services.runs.engine.wake import Waker
from runyard.services.runs.ledger import Book, Ledger
from runyard.services.runs.refused import Refused
from runyard.sizes import MIB

LARGEST_OUTPUT: Final = 1 * MIB
"""Bytes of JSON that an action may give; what is larger belongs into a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A run as it was seen without a lock, and what was prepared for its actions."""

    snapshot: Snapshot
    prepared: Mapping[str, Prepared]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a run stands after it was advanced.

    Attributes:
        children: the jobs that work for it.
        again: there is more to do at once.
    """

    run: Run
    children: frozenset[UUID]
    wake_at: datetime | None
    again: bool


class Engine:
    """What advances runs, in any process: the rules, and all they are applied to."""

    def __init__(
        self, *, jobs: JobStore, artifacts: ArtifactStore, ledger: Ledger, catalogue: Catalogue, people: Helpers,
        machines: Machines, adapters: Adapters, policies: Policies,
    ) -> None:  # fmt: skip
        self.jobs = jobs
        self.database = jobs.database
        self.ledger = ledger
        self.catalogue = catalogue
        self.people = people
        self.machines = machines
        self.adapters = adapters
        self.policies = policies
        self.wake = Waker(jobs)
        self._artifacts = artifacts

    async def look(self, run_id: str) -> Look | None:
        """A run with all that has become of its work, and the jobs it would start now; None if there is none."""
        found = await rows.whole(self.database, run_id)
        if found is None:
            return None
        snapshot = _snapshot(found)
        if found.run.status.ended:
            return Look(snapshot=snapshot, prepared={})
        snapshot = await self.placed(self.database, snapshot)
        snapshot = replace(snapshot, outcomes=await self._outcomes(snapshot))
        snapshot = replace(snapshot, look_at=await self._look_at(snapshot))
        prepared: dict[str, Prepared] = {}
        now = max(self.jobs.clock(), found.written_at)  # what the book will say, or nothing would be prepared in time
        for move in advance(snapshot, self.catalogue, now).moves:
            if isinstance(move, Start) and move.by == "job":
                prepared[move.action] = Prepared(input=move.input, job=await self._prepare(snapshot, move))
        return Look(snapshot=snapshot, prepared=prepared)

    async def go_on(self, look: Look) -> Standing:
        """Make the moves of a run that was looked at."""
        return await self.database.transaction(lambda connection: self._go_on(connection, look))

    async def _go_on(self, connection: Connection, look: Look) -> Standing:
        seen = look.snapshot
        book = await self.ledger.open(connection, seen.run.workspace)
        now = await rows.whole(connection, seen.run.id)
        assert now is not None
        run = now.run
        if run.status.ended:
            return Standing(run=run, children=frozenset(), wake_at=None, again=False)
        snapshot = replace(seen, run=run, steps=now.steps, approvals=now.approvals)
        work = {one.work_id: name for name, one in seen.steps.items()}
        snapshot = replace(  # an action that was begun anew since has nothing to do with what came of it before
            snapshot,
            outcomes={
                name: seen.outcomes[name]
                for name, one in snapshot.steps.items()
                if name in seen.outcomes and work.get(one.work_id) == name
            },
        )
        found = advance(snapshot, self.catalogue, book.now)
        making = Making(
            connection=connection, book=book, jobs=self.jobs, people=self.people, machines=self.machines,
            snapshot=snapshot, prepared=look.prepared, by=run.started_by,
        )  # fmt: skip
        await making.make(found.moves)
        await book.close()
        children = [
            UUID(one.work_id)
            for one in making.steps.values()
            if one.status is StepStatus.RUNNING and one.work == "job" and one.work_id is not None
        ]
        return Standing(
            run=making.run, children=frozenset(children), wake_at=found.wake_at,
            again=making.missed and not making.run.status.ended,
        )  # fmt: skip

    async def hold(self, connection: Connection, book: Book, run: Run, *, by: UUID | None = None) -> Making:
        """A run that something is done to from outside, in the transaction of its workspace's book.

        Args:
            by: who asks for what is planned now; by default, who started the run.
        """
        found = await rows.whole(connection, run.id)
        assert found is not None
        return Making(
            connection=connection, book=book, jobs=self.jobs, people=self.people, machines=self.machines,
            snapshot=_snapshot(found), prepared={}, by=by or run.started_by,
        )  # fmt: skip

    async def placed(self, where: Database | Connection, snapshot: Snapshot) -> Snapshot:
        """A run with what its workspace has for it now: adapters, and how many people policies ask for."""
        workspace, spec = snapshot.run.workspace, snapshot.spec
        return replace(
            snapshot,
            served_by=await self._served_by(where, workspace, spec.actions),
            approvers=await self.policies.approvers(where, workspace, spec.policy_ids) if spec.policy_ids else 1,
        )

    async def stop_others(self, job: UUID, children: Collection[UUID]) -> None:
        """Cancel what a run's job has begun and no step of the run waits for: all but ``children``."""
        found = await self.database.fetch(
            "SELECT id FROM jobs WHERE parent = $1 AND ended_at IS NULL AND NOT cancelling AND id <> ALL($2)",
            job, list(children),
        )  # fmt: skip
        for row in found:
            with suppress(JobEnded, JobNotFound):
                await self.jobs.cancel(row["id"])

    # ---------------------------------------------------------------- what has become of the work

    async def _served_by(
        self, where: Database | Connection, workspace: str, actions: Sequence[Action]
    ) -> Mapping[str, str]:
        """The adapters of those actions that have one; the others can't be done now."""
        found: dict[str, str] = {}
        for family in {one.port_family for one in actions if self.catalogue.needs_adapter(one.operation)}:
            theirs = [
                one for one in actions if one.port_family == family and self.catalogue.needs_adapter(one.operation)
            ]
            with suppress(Refused):
                found |= await self.adapters.serving(where, workspace, theirs)
        return found

    async def _outcomes(self, snapshot: Snapshot) -> Mapping[str, Outcome]:
        found: dict[str, Outcome] = {}
        running = [one for one in snapshot.steps.values() if one.status is StepStatus.RUNNING and one.work_id]
        ids = {one.work_id: one.action for one in running if one.work_id is not None}
        jobs = {one.work_id for one in running if one.work == "job" and one.work_id is not None}
        if jobs:
            known = {str(job.id): job for job in await self.jobs.get_many([UUID(one) for one in jobs])}
            for work_id in jobs:
                outcome = await self._of_job(snapshot, ids[work_id], known.get(work_id))
                if outcome is not None:
                    found[ids[work_id]] = outcome
        for kind, helpers in (("person", self.people), ("machine", self.machines)):
            theirs = [one.work_id for one in running if one.work == kind and one.work_id is not None]
            if theirs:
                ended = await helpers.outcomes(snapshot.run, theirs)
                found |= {ids[work_id]: outcome for work_id, outcome in ended.items()}
        return found

    async def _look_at(self, snapshot: Snapshot) -> datetime | None:
        at_work = [
            one.work_id
            for one in snapshot.steps.values()
            if one.status is StepStatus.RUNNING and one.work == "machine" and one.work_id is not None
        ]
        return await self.machines.ends_by(snapshot.run, at_work) if at_work else None

    async def _of_job(self, snapshot: Snapshot, action: str, job: Job | None) -> Outcome | None:
        if job is None:
            return Outcome(error={"code": "removed", "message": "The job was removed before it could be read."})
        if not job.state.ended:
            return None
        if job.state is not State.SUCCEEDED:
            error = job.error or {}
            code = "cancelled" if job.state is State.CANCELLED else str(error.get("code", "failed"))
            return Outcome(error={"code": code, "message": str(error.get("message", ""))})
        offer = self.catalogue.offers.get(snapshot.spec.action(action).operation)
        output = dict(offer.result(job) if offer is not None else job.result or {})
        if (size := len(msgspec.json.encode(output))) > LARGEST_OUTPUT:
            text = f"The output has {size} bytes; {LARGEST_OUTPUT} are allowed. Put what is large into a file."
            return Outcome(error={"code": "output_too_large", "message": text})
        files = {
            one.name: {"sha256": one.digest, "name": one.name.rpartition("/")[2], "size": one.size}
            for one in await self._artifacts.list(job.id)
            if not one.name.startswith((".", "input/"))
        }
        return Outcome(output=output, files=files)

    # ---------------------------------------------------------------- what is asked for

    async def _prepare(self, snapshot: Snapshot, move: Start) -> NewJob | Failure:
        run = snapshot.run
        offer = self.catalogue.offers[snapshot.spec.action(move.action).operation]
        try:
            await self._check_files(snapshot, move.input)
            value = msgspec.convert(without_marks(move.input or {}), offer.input)
            return await offer.request(
                Asked(
                    input=value, owner=run.started_by, tenant=project_tenant(run.workspace),
                    key=f"{run.id}/{move.action}",
                )
            )  # fmt: skip
        except msgspec.ValidationError as error:
            return {"code": "bad_input", "message": f"The input of {move.action!r}: {error}"}
        except Unservable as error:
            return {"code": "unservable", "message": str(error)}

    async def _check_files(self, snapshot: Snapshot, value: object) -> None:
        """Return if the files that an action is to get are the workspace's own: uploaded there, or made by this run."""
        made = [one.files for one in snapshot.steps.values()] + [one.files for one in snapshot.outcomes.values()]
        known = {str(file["sha256"]) for files in made for file in files.values()}
        wanted = {str(one.get("sha256")) for one in files_in(value)} - known
        if wanted and (unknown := wanted - await known_files(self.database, snapshot.run.workspace, wanted)):
            raise Unservable(f"There is no file with SHA-256 {min(unknown)!r:.100} in the workspace.")


def _snapshot(found: rows.Whole) -> Snapshot:
    return Snapshot(run=found.run, spec=found.spec, steps=found.steps, approvals=found.approvals)
