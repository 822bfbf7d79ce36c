"""What holds for every run, whatever workflow it is of and whatever happens to it: hypothesis plays people and machines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runyard.services.runs.engine.advance import advance
from runyard.services.runs.engine.moves import OpenGate, Start
from runyard.services.runs.engine.spec import Retry, Spec, before
from runyard.services.runs.engine.states import RunStatus, StepStatus
from runyard.services.runs.engine.tiers import Tier

from .model import CATALOGUE, Lived, action, spec

NAMES = ["a", "b", "c", "d", "e"]
OPERATIONS = ["echo:say", "invoice:create", "person:complete"]


@st.composite
def workflows(draw: st.DrawFn) -> Spec:
    """Any workflow without circles."""
    tier = draw(st.sampled_from(Tier))
    actions = []
    names = NAMES[: draw(st.integers(1, 5))]
    for place, name in enumerate(names):
        earlier = names[:place]
        depends_on = draw(st.lists(st.sampled_from(earlier), unique=True) if earlier else st.just([]))
        uses = draw(st.sampled_from([None, *depends_on]))
        override = draw(st.sampled_from([None, *(one for one in Tier if one.rank >= tier.rank)]))
        operation = draw(st.sampled_from(OPERATIONS))
        value = {"description": "Look", "value": {"$ref": f"actions.{uses}.output"} if uses else 1}
        retry = Retry(max_attempts=draw(st.integers(1, 3)))
        actions.append(
            action(
                name,
                operation,
                depends_on=tuple(depends_on),
                execution_tier_override=override,
                retry=retry,
                input=value,
            )
        )
    return spec(*actions, tier=tier)


class Runs(RuleBasedStateMachine):
    """One run, with people who decide, pause and change adapters, machines that succeed and fail, and time."""

    @initialize(what=workflows(), approvers=st.integers(1, 2))
    def begin(self, what: Spec, approvers: int) -> None:
        self.run = Lived.of(what)
        self.run.approvers = approvers
        self.run.served_by = {one.action_id: "sap/1" for one in what.actions if one.operation == "invoice:create"}
        self.dependencies = what.dependencies()

    @rule()
    def advance(self) -> None:
        seen = len(self.run.started)
        approvals = dict(self.run.approvals)
        steps = dict(self.run.steps)
        was = self.run.run
        self.run.go()
        for start in self.run.started[seen:]:
            assert not was.status.ended
            assert was.hold is None, "who holds a run holds what has not begun"
            self._had_to_be(start, approvals, steps)
        assert advance(self.run.snapshot(), CATALOGUE, self.run.now).moves == (), "what was done is done"

    def _had_to_be(self, start: Start, approvals: dict, steps: dict) -> None:
        assert self.run.steps[start.action].attempt <= self.run.spec.action(start.action).retry.max_attempts
        for name in before(self.dependencies, start.action):
            assert self.run.steps[name].status is StepStatus.SUCCEEDED
        tier = self.run.run.tier
        own = self.run.spec.tier_of(self.run.spec.action(start.action), tier)
        assert (start.by == "person") == (
            own.by_people or self.run.spec.action(start.action).operation == "person:complete"
        )
        for about in [None] * tier.needs_approval + [start.action] * (own.needs_approval and own.rank > tier.rank):
            given = [one for one in self.run.approvals.values() if one.action == about and not one.void]
            assert given
            assert all(one.status == "Approved" and one.id in approvals for one in given)
            for one in given:  # each of them: what is approved is what is done
                plan = self.run.plans[one.plan_hash]
                doing = next(one for one in plan.doings if one.action_id == start.action)
                assert doing.served_by == (start.served_by or "runyard")
                if about is not None:
                    assert doing.input == start.input

    @precondition(lambda self: self.run.running())
    @rule(data=st.data(), fails=st.booleans())
    def work_ends(self, data: st.DataObject, fails: bool) -> None:
        name = data.draw(st.sampled_from(self.run.running()))
        if fails:
            self.run.fail(name)
        else:
            self.run.end(name, {"value": data.draw(st.integers(0, 3))})

    @precondition(lambda self: self.run.pending())
    @rule(data=st.data(), decision=st.sampled_from(["Approved", "Approved", "Approved", "Denied", "RequestChanges"]))
    def somebody_decides(self, data: st.DataObject, decision: str) -> None:
        self.run.decide(decision, data.draw(st.sampled_from(self.run.pending())))

    @precondition(lambda self: self.run.pending() and len(self.run.approvals) < 8)
    @rule(data=st.data())
    def somebody_asks_for_one_more(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.run.pending()))
        more = replace(one, id=f"more-{len(self.run.approvals)}", due_at=None, escalate_to=())
        self.run.approvals[more.id] = more

    @precondition(lambda self: self.run.served_by)
    @rule(data=st.data(), by=st.sampled_from(["sap/1", "oracle/2"]))
    def an_adapter_changes(self, data: st.DataObject, by: str) -> None:
        self.run.served_by[data.draw(st.sampled_from(sorted(self.run.served_by)))] = by

    @precondition(lambda self: not self.run.run.status.ended and self.run.run.hold is None)
    @rule()
    def somebody_pauses(self) -> None:
        self.run.run = replace(self.run.run, status=RunStatus.PAUSED, hold="pause")

    @precondition(lambda self: self.run.run.hold == "pause")
    @rule()
    def somebody_resumes(self) -> None:
        self.run.run = replace(self.run.run, status=RunStatus.RUNNING, hold=None)

    @rule(hours=st.integers(1, 400))
    def time_passes(self, hours: int) -> None:
        self.run.now += timedelta(hours=hours)

    @invariant()
    def an_end_is_whole(self) -> None:
        if not hasattr(self, "run") or not self.run.run.status.ended:
            return
        if self.run.run.status is RunStatus.SUCCEEDED:
            assert all(one.status is StepStatus.SUCCEEDED for one in self.run.steps.values())
            assert set(self.run.run.output) == set(self.run.spec.last())
        else:
            assert self.run.run.error["code"]

    @invariant()
    def a_run_that_goes_on_knows_when_to_look_again(self) -> None:
        """Invariant 7."""
        if hasattr(self, "run") and not self.run.run.status.ended:
            found = advance(self.run.snapshot(), CATALOGUE, self.run.now)
            assert found.moves or found.wake_at > self.run.now

    @invariant()
    def a_run_that_goes_on_waits_for_something(self) -> None:
        """For work, for somebody to decide, or for the next try: never for nothing until its time is over."""
        if not hasattr(self, "run") or self.run.run.status.ended or self.run.run.hold is not None:
            return
        if advance(self.run.snapshot(), CATALOGUE, self.run.now).moves:
            return
        pauses = [one for one in self.run.steps.values() if one.ready_at is not None and one.ready_at > self.run.now]
        assert self.run.running() or self.run.pending() or pauses

    @invariant()
    def nobody_is_asked_twice_for_the_same(self) -> None:
        if hasattr(self, "run"):
            gates = [(move.action, move.plan.digest()) for move in self.run.made if isinstance(move, OpenGate)]
            opened = [one for one in self.run.approvals.values() if not one.id.startswith("more-")]
            live = [(one.action, one.plan_hash) for one in opened if not one.void]
            assert len(live) == len(set(live))
            assert set(live) <= set(gates)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
