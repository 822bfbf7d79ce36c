"""The approvals of a run: which are needed, which are given, and which count no more because the plan has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from runyard.services.runs.engine.model import Approval, Snapshot, Step
from runyard.services.runs.engine.moves import Escalate, Expire, Move, OpenGate, VoidGate
from runyard.services.runs.engine.plan import Plan, doings
from runyard.services.runs.engine.references import Scope, find, read
from runyard.services.runs.engine.spec import Action
from runyard.services.runs.engine.spec import Approval as Wanted
from runyard.services.runs.engine.states import StepStatus

EXPIRED: Final = "Nobody decided in time."

_ANYBODY: Final = Wanted()


class Gates:
    """The approvals of one run while it is advanced: moves show as soon as they are named."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self._run = snapshot.run
        self._spec = snapshot.spec
        self._approvers = snapshot.approvers
        self._served_by = snapshot.served_by
        self._approvals = {one.id: one for one in snapshot.approvals if not one.void}
        self._asked: set[str | None] = set()
        self._now = now

    # ---------------------------------------------------------------- how they stand

    @property
    def waiting(self) -> bool:
        """Whether somebody has yet to decide."""
        return bool(self._asked) or any(one.status == "Pending" for one in self._approvals.values())

    def denied(self) -> Approval | None:
        """A denial, if there is one."""
        return next((one for one in self._approvals.values() if one.status == "Denied"), None)

    def sent_back(self) -> Approval | None:
        """A request for changes, if there is one."""
        return next((one for one in self._approvals.values() if one.status == "RequestChanges"), None)

    def open_for(self, action: str | None) -> bool:
        """Whether everything that has to be approved is: of an action, or of the whole run."""
        given = self._of(action)
        needed = action in self._needed
        return (
            action not in self._asked and all(one.status == "Approved" for one in given) and bool(given or not needed)
        )

    def _of(self, action: str | None) -> list[Approval]:
        return [one for one in self._approvals.values() if one.action == action]

    @cached_property
    def _needed(self) -> Mapping[str | None, Action | None]:
        """What has a gate: the whole run (None), actions by name."""
        tier = self._run.tier
        found: dict[str | None, Action | None] = {None: None} if tier.needs_approval else {}
        for action in self._spec.actions:
            own = self._spec.tier_of(action, tier)
            if own.needs_approval and own.rank > tier.rank:
                found[action.action_id] = action
        return found

    # ---------------------------------------------------------------- time

    def in_time(self) -> Iterator[Move]:
        """Denials of what was not decided in time; the next person to ask where that is due."""
        for one in list(self._approvals.values()):
            if one.status != "Pending":
                continue
            if one.due_at is not None and one.due_at <= self._now:
                self._approvals[one.id] = replace(one, status="Denied", rationale=EXPIRED)
                yield Expire(approval=one.id)
                continue
            while one.escalated < len(one.escalate_to) and _escalates_at(one) <= self._now:
                yield Escalate(approval=one.id, to=one.escalate_to[one.escalated])
                one = self._approvals[one.id] = replace(one, escalated=one.escalated + 1)  # noqa: PLW2901

    def times(self) -> Iterator[datetime]:
        """When one of them needs another look."""
        for one in self._approvals.values():
            if one.status == "Pending":
                if one.due_at is not None:
                    yield one.due_at
                if one.escalated < len(one.escalate_to):
                    yield _escalates_at(one)
        for action in self._asked:
            wanted = self._wanted(action)
            yield self._now + timedelta(seconds=min(wanted.due_seconds or DUE, wanted.escalate_after_seconds or DUE))

    # ---------------------------------------------------------------- opening

    def opened(self, steps: Mapping[str, Step], scope: Scope) -> Iterator[Move]:
        """Gates for everything that needs one and is known by now; those whose plan has changed are opened anew."""
        if self._run.hold is not None or self.sent_back() is not None:
            return
        begun = {  # of what is to be tried again, the next try may go to another adapter, which nobody has approved yet
            one.action: one.served_by
            for one in steps.values()
            if one.served_by is not None and one.status is not StepStatus.PENDING
        }
        served_by = {**self._served_by, **begun}
        for name, action in self._needed.items():
            if name is None and all(one.status is not StepStatus.PENDING for one in steps.values()):
                continue
            if action is not None and (
                steps[action.action_id].status is not StepStatus.PENDING or not self._is_known(action, scope)
            ):
                continue
            plan = self._plan(action, scope, served_by)
            digest = plan.digest()
            given = self._of(name)
            for one in given:
                if one.plan_hash != digest:
                    del self._approvals[one.id]
                    yield VoidGate(approval=one.id)
            if not any(one.plan_hash == digest for one in given):
                self._asked.add(name)
                wanted = self._wanted(name)
                yield OpenGate(
                    action=name, plan=plan, wanted=wanted, quorum=max(wanted.quorum, self._approvers),
                    prompt=self._prompt(action),
                )  # fmt: skip

    def plan_of(self, action_id: str | None, scope: Scope) -> Plan:
        """The plan of an action, or of the whole run, as it would be approved now."""
        action = None if action_id is None else self._spec.action(action_id)
        return self._plan(action, scope, self._served_by)

    def _plan(self, action: Action | None, scope: Scope, served_by: Mapping[str, str]) -> Plan:
        run = self._run
        known = Scope(parameters=run.parameters) if action is None else scope
        return Plan(
            run_id=run.id, workflow_id=run.workflow, workflow_version=run.workflow_version, revision=run.revision,
            doings=doings(
                self._spec, self._spec.actions if action is None else [action], tier=run.tier, scope=known,
                served_by=served_by,
            ),
        )  # fmt: skip

    def _is_known(self, action: Action, scope: Scope) -> bool:
        names = [one.action_id for one in self._spec.actions]
        references = [read(text, names) for _, text in find(action.input)]
        return all(one.action is None or one.action in scope.outputs for one in references)

    def _wanted(self, name: str | None) -> Wanted:
        own = None if name is None else self._spec.action(name).approval
        return own or self._spec.approval or _ANYBODY

    def _prompt(self, action: Action | None) -> str:
        if action is None:
            deeds = ", ".join(one.operation for one in self._spec.actions)
            return _short(f"Run {self._run.workflow} (version {self._run.workflow_version}): {deeds}")
        return _short(f"Let {self._run.workflow} do {action.operation} ({action.action_id})")


DUE: Final = 30 * 24 * 3600.0
"""Seconds after which an approval without a due date is denied."""


def _escalates_at(approval: Approval) -> datetime:
    after = approval.escalate_after or DUE
    return approval.requested_at + timedelta(seconds=after * (approval.escalated + 1))


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    return text if len(text) <= 500 else text[:497] + "..."
