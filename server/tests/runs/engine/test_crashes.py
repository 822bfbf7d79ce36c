"""Runs with people, children and crashes at every statement: nothing is lost, done twice, or done without leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.jobs import Job, State
from runyard.services.runs import approvals, workflows
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine import rows, starting, steering
from runyard.services.runs.engine.engine import Engine
from runyard.services.runs.engine.open import make_engine
from runyard.services.runs.engine.spec import Action, Approval, Retry, Spec, before
from runyard.services.runs.engine.states import StepStatus
from runyard.services.runs.engine.steering import Deed, Intervention
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.evidence.chain import Chain
from runyard.services.runs.ledger import Ledger
from runyard.services.runs.refused import Refused
from runyard.services.runs.words import Role
from runyard.testing.running import fresh_yard
from runyard.yard import Yard

from .crashing import Crash, Crashing
from .works import SAY

ERROR = {"code": "broken", "message": "It broke."}


class World:
    """One run, and everybody who has to do with it."""

    def __init__(self, yard: Yard, workspace: str, random: Random) -> None:
        self.yard = yard
        self.workspace = workspace
        self.random = random
        self.engine: Engine = make_engine(yard, Ledger(yard.clock), [SAY])
        self.broken = Crashing(yard.database, random, 0.3)
        self.engine.database = self.broken  # type: ignore[assignment]
        self.starter, self.decider = uuid4(), uuid4()
        self.run = ""
        self.starts: dict[str, set[str]] = {}

    def caller(self, user: UUID, *roles: Role) -> Caller:
        return Caller(
            workspace=self.workspace, user=user, name="x", kind="user", roles=frozenset(roles), correlation_id="c"
        )

    async def change(self, work) -> object:
        """Change something in the transaction of the workspace's book, which may crash."""

        async def inside(connection) -> object:
            book = await self.engine.ledger.open(connection, self.workspace)
            value = await work(connection, book)
            await book.close()
            return value

        return await self.broken.transaction(inside)

    # ---------------------------------------------------------------- what happens

    async def start(self, spec: Spec) -> None:
        self.spec = spec

        async def save(connection, book) -> str:
            kept = await workflows.add(
                connection, self.workspace, name=f"w {uuid4()}", description=None, spec=spec, by=self.starter,
                now=book.now,
            )  # fmt: skip
            return kept.id

        share, self.broken.share = self.broken.share, 0
        workflow = await self.change(save)
        self.broken.share = share
        caller = self.caller(self.starter, Role.OPERATOR)
        while not self.run:
            try:
                started = await self.change(
                    lambda connection, book: starting.start(
                        self.engine, connection, book, caller, str(workflow), parameters={}
                    )
                )
                self.run = started.run.id  # type: ignore[attr-defined]
            except Crash:
                row = await self.yard.database.fetchrow("SELECT id FROM runs WHERE workspace = $1", self.workspace)
                self.run = "" if row is None else row["id"]
        count = await self.yard.database.fetchval("SELECT count(*) FROM runs WHERE workspace = $1", self.workspace)
        assert count == 1

    async def turn(self) -> bool:
        """Let a worker take the run's job, if it is there to be taken; whether it was."""
        job = await self.job()
        if job.state not in {State.QUEUED, State.RUNNING}:
            return False
        entry = await self.yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", job.id)
        claimed = await self.yard.jobs.claim(job.id, entry)
        assert claimed is not None
        try:
            while True:
                look = await self.engine.look(self.run)
                assert look is not None
                standing = await self.engine.go_on(look)
                if standing.run.status.ended:
                    state = State.SUCCEEDED
                    await self.yard.jobs.cancel(claimed.id)
                    await self.yard.jobs.finish(claimed, state)
                    return True
                if not standing.again:
                    break
            if self.random.random() < 0.1:
                return True  # gone before it could say that it waits
            await self.yard.jobs.suspend(
                claimed, "news", checkpoint=None, after=claimed.last_seq, children=standing.children
            )
        except Crash:
            pass
        return True

    async def child(self) -> bool:
        """One of the run's jobs ends."""
        children = await self.children()
        if not children:
            return False
        child = self.random.choice(children)
        if child.state is State.QUEUED:
            entry = await self.yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", child.id)
            child = await self.yard.jobs.claim(child.id, entry)
        if self.random.random() < 0.25:
            await self.yard.jobs.finish(child, State.FAILED, error=ERROR)
        else:
            await self.yard.jobs.finish(child, State.SUCCEEDED, result={"value": self.random.randint(0, 9)})
        return True

    async def decide(self, *, agrees: bool = False) -> bool:
        """Somebody decides one of the approvals, perhaps once more; the starter tries, too, and never may."""
        asked = [one for one in (await self.whole()).approvals if one.status == "Pending" or not agrees]
        if not asked:
            return False
        one = self.random.choice(asked)
        voted = await rows.votes(self.yard.database, one.id)
        decision = "Approved" if agrees else self.random.choice(["Approved"] * 8 + ["Denied", "RequestChanges"])
        users = [self.starter, self.decider, uuid4()]
        user = self.random.choice(users[1:] if agrees else users)
        caller = self.caller(user, Role.APPROVER)
        try:
            await self.change(
                lambda connection, book: approvals.decide(
                    connection, book, caller, one.id, decision=decision, rationale="x",
                    wake=self.engine.wake,
                )
            )  # fmt: skip
        except (Crash, Refused):
            return True
        assert user != self.starter
        assert one.status == "Pending", "what was decided is decided"
        assert decision != "Approved" or user not in voted, "one person is one voice"
        return True

    async def decide_again(self) -> None:
        """What was decided, or counts no more, is decided by nobody any more."""
        for one in (await self.whole()).approvals:
            with pytest.raises(Refused):
                await self.change(
                    lambda connection, book, one=one: approvals.decide(
                        connection, book, self.caller(uuid4(), Role.APPROVER), one.id, decision="Denied",
                        rationale="x", wake=self.engine.wake,
                    )
                )  # fmt: skip

    async def steer(self) -> None:
        """Somebody pauses the run, lets it go on, makes its plan anew or, once in a while, cancels it."""
        caller = self.caller(self.starter, Role.ADMIN)
        kind = self.random.choice(
            ["pause", "resume", "resume", "plan", "cancel" if self.random.random() < 0.1 else "resume"]
        )

        async def work(connection, book) -> object:
            if kind == "plan":
                return await steering.plan_anew(self.engine, connection, book, caller, self.run, parameters={})
            if kind == "cancel":
                return await steering.cancel(self.engine, connection, book, caller, self.run)
            deed = Deed(kind=Intervention(kind), rationale="because", more={})
            return await steering.intervene(self.engine, connection, book, caller, self.run, deed=deed)

        try:
            await self.change(work)
        except (Crash, Refused):
            return

    async def finish(self) -> None:
        """From now on nothing breaks and everybody agrees: the run has to come to its end by itself."""
        self.broken.share = 0
        run = await rows.run(self.yard.database, self.workspace, self.run)
        if run.hold == "pause":
            caller = self.caller(self.starter, Role.ADMIN)
            deed = Deed(kind=Intervention.RESUME, rationale="because", more={})
            await self.change(
                lambda connection, book: steering.intervene(self.engine, connection, book, caller, self.run, deed=deed)
            )
        for _ in range(500):
            if (await self.job()).state.ended:
                return
            if not (await self.turn() or await self.child() or await self.decide(agrees=True)):
                await self.give_up()
        raise AssertionError("the run doesn't come to an end")

    async def give_up(self) -> None:
        """Nothing moves any more: that may only be because the plan was sent back. It is made anew, or given up."""
        run = await rows.run(self.yard.database, self.workspace, self.run)
        assert run.hold == "changes", f"the run is {run.status} and nobody will ever wake it"
        caller = self.caller(self.starter, Role.ADMIN)

        async def anew(connection, book) -> object:
            return await steering.plan_anew(self.engine, connection, book, caller, self.run, parameters=None)

        async def cancel(connection, book) -> object:
            return await steering.cancel(self.engine, connection, book, caller, self.run)

        try:
            await self.change(anew)
        except Refused:  # something of it was done already
            await self.change(cancel)

    # ---------------------------------------------------------------- how it is

    async def whole(self) -> rows.Whole:
        found = await rows.whole(self.yard.database, self.run)
        assert found is not None
        return found

    async def job(self) -> Job:
        run = await rows.run(self.yard.database, self.workspace, self.run)
        return await self.yard.jobs.get(run.job)

    async def children(self) -> list[Job]:
        run = await rows.run(self.yard.database, self.workspace, self.run)
        found = await self.yard.database.fetch(
            "SELECT id FROM jobs WHERE parent = $1 AND ended_at IS NULL ORDER BY created_at, id", run.job
        )
        return [await self.yard.jobs.get(row["id"]) for row in found]

    async def check(self) -> None:
        """What is true at every moment."""
        found = await self.whole()
        run, steps, asked = found.run, found.steps, found.approvals
        dependencies = found.spec.dependencies()
        for step in steps.values():
            if step.attempt:
                for name in before(dependencies, step.action):
                    assert steps[name].status is StepStatus.SUCCEEDED
        if run.tier.needs_approval and any(one.attempt for one in steps.values()):
            given = [one for one in asked if one.action is None and not one.void]
            assert given
            assert all(one.status == "Approved" for one in given)
        for one in asked:
            voters = await rows.votes(self.yard.database, one.id)
            assert self.starter not in voters
            if one.status == "Approved":
                assert len(set(voters)) >= one.quorum == found.spec.approval.quorum
        if run.status.ended:
            assert all(one.status.ended for one in steps.values())
            assert not [one for one in asked if one.status == "Pending"]

    async def check_end(self) -> None:
        """What is true when all is over."""
        await self.decide_again()
        await self.check()
        assert await self.children() == []
        found = await self.whole()
        run, steps = found.run, found.steps
        jobs = await self.yard.database.fetchval("SELECT count(*) FROM jobs WHERE parent = $1", run.job)
        assert jobs == sum(one.attempt for one in steps.values()), "every try is one job, and no job is nobody's"
        kept = await self.yard.database.fetch(
            "SELECT body FROM runs_evidence WHERE workspace = $1 ORDER BY seq", self.workspace
        )
        entries, chain = [msgspec.json.decode(row["body"]) for row in kept], Chain()
        assert [chain.add(entry) for entry in entries] == [None] * len(entries)
        summaries = [entry["summary"] for entry in entries]
        for step in steps.values():
            dispatched = [one for one in summaries if one.startswith(f"Action {step.action} ") and "dispatched" in one]
            assert len(dispatched) == step.attempt
        for one in found.approvals:
            decided = [text for text in summaries if text.startswith(f"Approval {one.id} decided")]
            assert len(decided) == (1 if one.decided_by is not None else 0)
        ends = [one for one in summaries if one in {"Run succeeded.", "Run failed.", "Run was cancelled."}]
        assert len(ends) == 1


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    tier = draw(st.sampled_from([Tier.AUTO, Tier.HUMAN_APPROVE]))
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    actions = []
    for place, name in enumerate(names):
        earlier = names[:place]
        depends_on = draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else []
        uses = draw(st.sampled_from([None, *depends_on]))
        gate = draw(st.booleans()) and tier is Tier.AUTO
        actions.append(
            Action(
                action_id=name, order=place + 1, port_family="ComplianceGrc", operation="echo:say",
                depends_on=tuple(depends_on), retry=Retry(max_attempts=draw(st.integers(1, 2)), backoff_seconds=0),
                execution_tier_override=Tier.HUMAN_APPROVE if gate else None,
                input={"value": {"$ref": f"actions.{uses}.output.value"} if uses else 1},
            )
        )  # fmt: skip
    return Spec(execution_tier=tier, actions=tuple(actions), approval=Approval(quorum=draw(st.integers(1, 3))))


@pytest.fixture(scope="module")
async def yard(yard_database: str) -> AsyncIterator[Yard]:
    async with fresh_yard(yard_database, max_attempts=10_000) as opened:
        yield opened


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(spec=specs(), seed=st.integers(0, 2**32))
async def test_whatever_breaks_a_run_comes_to_its_end(yard: Yard, spec: Spec, seed: int) -> None:
    """Invariants 1 and 4."""
    random = Random(seed)
    name = f"ws-{uuid4().hex[:8]}"
    await yard.database.execute("INSERT INTO projects (name, created_at) VALUES ($1, now())", name)
    world = World(yard, name, random)
    await world.start(spec)
    for _ in range(25):
        deed = random.choice([world.turn, world.turn, world.turn, world.child, world.child, world.decide, world.steer])
        await deed()
        await world.check()
        if (await world.job()).state.ended:
            break
    await world.finish()
    await world.check_end()
