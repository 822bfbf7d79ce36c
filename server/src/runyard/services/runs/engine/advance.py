"""The rules of a run: what is to be done next, given everything that is known. Pure.

Asked again with what it named done, it names nothing more: a crash between two moves is mended by asking once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.gates import Gates
from runyard.services.runs.engine.model import Failure, Outcome, Run, Snapshot, Step
from runyard.services.runs.engine.moves import Become, Finish, Move, PlanRun, Settle, Start
from runyard.services.runs.engine.references import BadReference, Scope, TooLarge, Unresolved, resolve
from runyard.services.runs.engine.spec import MACHINE, PERSON, Action, Retry
from runyard.services.runs.engine.states import RunStatus, StepStatus
from runyard.services.runs.evidence.canonical import NotCanonical

LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries, at most."""

SECONDS: Final[Mapping[str, float]] = {"person": 30 * 24 * 3600.0, "job": 24 * 3600.0, "machine": 3600.0}
"""How long an action has that says nothing of it. Jobs have limits of their own, too."""

_ONCE: Final = Retry()


@dataclass(frozen=True, slots=True)
class Advance:
    """What happens now, and when to look again if nothing happens before."""

    moves: tuple[Move, ...]
    wake_at: datetime | None


def advance(snapshot: Snapshot, catalogue: Catalogue, now: datetime) -> Advance:
    """What is to be done next."""
    if snapshot.run.status.ended:
        return Advance((), None)
    view = _View(snapshot, catalogue, now)
    moves = tuple(view.moves())
    ends = bool(moves) and isinstance(moves[-1], Finish)
    return Advance(moves, None if ends else view.wake_at())


class _View:
    """A run in the middle of being advanced: moves show in ``steps`` and ``gates`` as soon as they are named."""

    def __init__(self, snapshot: Snapshot, catalogue: Catalogue, now: datetime) -> None:
        self.run: Run = snapshot.run
        self.spec = snapshot.spec
        self.steps: dict[str, Step] = dict(snapshot.steps)
        self.outcomes = snapshot.outcomes
        self.served_by = snapshot.served_by
        self.look_at = snapshot.look_at
        self.catalogue = catalogue
        self.now = now
        self.dependencies = self.spec.dependencies()
        self.gates = Gates(snapshot, now)

    def moves(self) -> Iterator[Move]:
        for step in list(self.steps.values()):
            if step.status is StepStatus.RUNNING and (move := self._settle(step)) is not None:
                yield move
        yield from self.gates.in_time()
        end = self._end()
        if end is None:
            try:
                if self.run.status is RunStatus.PENDING:
                    plan = self.gates.plan_of(None, self.scope())
                    plan.digest()  # so that a plan without one never gets further
                    yield PlanRun(plan=plan)
                yield from self.gates.opened(self.steps, self.scope())
            except (NotCanonical, TooLarge) as error:
                end = Finish(status=RunStatus.FAILED, error=_error("bad_input", str(error)))
        if end is None:
            yield from self._starts()
            end = self._end()  # an action whose input can't be had has failed
        yield from self._standing() if end is None else (end,)

    # ---------------------------------------------------------------- what has ended

    def _settle(self, step: Step) -> Settle | None:
        outcome = self.outcomes.get(step.action)
        if outcome is None and step.deadline is not None and step.deadline <= self.now:
            message = f"{step.action!r} took longer than it may."
            outcome = Outcome(error=_error("timeout", message))
        if outcome is None:
            return None
        if outcome.error is None:
            return self._settled(step, Settle(
                action=step.action, status=StepStatus.SUCCEEDED, output=outcome.output or {}, files=outcome.files
            ))  # fmt: skip
        retry = self.spec.action(step.action).retry or _ONCE
        if step.attempt < retry.max_attempts:
            pause = min(retry.backoff_seconds * 2.0 ** (step.attempt - 1), max(LONGEST_PAUSE, retry.backoff_seconds))
            again = self.now + timedelta(seconds=pause)
            return self._settled(step, Settle(
                action=step.action, status=StepStatus.PENDING, error=outcome.error, again_at=again
            ))  # fmt: skip
        return self._failed(step, outcome.error)

    def _failed(self, step: Step, error: Failure) -> Settle:
        return self._settled(step, Settle(action=step.action, status=StepStatus.FAILED, error=error))

    def _settled(self, step: Step, move: Settle) -> Settle:
        self.steps[step.action] = replace(
            step, status=move.status, output=move.output, files=move.files, error=move.error, ready_at=move.again_at
        )
        return move

    def _end(self) -> Finish | None:
        if (failed := next((one for one in self.steps.values() if one.status is StepStatus.FAILED), None)) is not None:
            why = dict(failed.error or {})
            return Finish(
                status=RunStatus.FAILED,
                error={**_error(why.get("code", "failed"), why.get("message", "")), "actionId": failed.action},
            )
        if (denied := self.gates.denied()) is not None:
            text = f"Approval {denied.id} was denied: {denied.rationale or 'no reason was given'}"
            return Finish(status=RunStatus.FAILED, error=_error("denied", text))
        if all(one.status is StepStatus.SUCCEEDED for one in self.steps.values()):
            return Finish(
                status=RunStatus.SUCCEEDED,
                output={name: dict(self.steps[name].output or {}) for name in self.spec.last()},
            )
        if self.run.deadline <= self.now:
            return Finish(status=RunStatus.FAILED, error=_error("timeout", "The run took longer than it may."))
        return None

    # ---------------------------------------------------------------- what begins

    def _starts(self) -> Iterator[Move]:
        if self._held() or not self.gates.open_for(None):
            return
        for action in self.spec.actions:
            step = self.steps[action.action_id]
            if step.status is StepStatus.PENDING and self._may_start(step):
                yield self._start(action, step)

    def _may_start(self, step: Step) -> bool:
        return (
            (step.ready_at is None or step.ready_at <= self.now)
            and all(self.steps[name].status is StepStatus.SUCCEEDED for name in self.dependencies[step.action])
            and self.gates.open_for(step.action)
        )

    def _start(self, action: Action, step: Step) -> Move:
        by = self._who(action)
        served_by = self.served_by.get(action.action_id)
        if by == "machine" and action.operation != MACHINE and served_by is None:
            text = f"No adapter that is enabled serves {action.port_family}, or more than one does."
            return self._failed(step, _error("no_adapter", text))
        names = [one.action_id for one in self.spec.actions]
        try:
            value = resolve(action.input, self.scope(), names)
            self._check(action, by, value)
        except (Unresolved, BadReference) as error:
            return self._failed(step, _error("bad_reference", str(error)))
        except (TooLarge, msgspec.ValidationError) as error:
            return self._failed(step, _error("bad_input", f"The input of {step.action!r}: {error}"))
        deadline = self.now + timedelta(seconds=action.timeout_seconds or SECONDS[by])
        self.steps[step.action] = replace(step, status=StepStatus.RUNNING, deadline=deadline)
        return Start(action=action.action_id, by=by, input=value, deadline=deadline, served_by=served_by)

    def _check(self, action: Action, by: Literal["job", "person", "machine"], value: object) -> None:
        """Return if an input fits by now; that of a job is looked at when the job is prepared.

        Raises:
            ValidationError: it doesn't.
        """
        if (by, action.operation) in {("person", PERSON), ("machine", MACHINE)}:
            wanted = self.catalogue.input_of(action.operation)
            assert wanted is not None
            msgspec.convert({} if value is None else value, wanted)
        elif by == "machine" and value is not None and not isinstance(value, dict):
            raise msgspec.ValidationError(f"{value!r:.100} is no object")

    def _who(self, action: Action) -> Literal["job", "person", "machine"]:
        if action.operation == PERSON or self.spec.tier_of(action, self.run.tier).by_people:
            return "person"
        return "job" if action.operation in self.catalogue.offers else "machine"

    def scope(self) -> Scope:
        done = [one for one in self.steps.values() if one.status is StepStatus.SUCCEEDED]
        return Scope(
            parameters=self.run.parameters,
            outputs={one.action: one.output or {} for one in done},
            files={one.action: one.files for one in done},
        )

    # ---------------------------------------------------------------- how it stands then

    def _held(self) -> bool:
        return self.run.hold is not None or self.gates.sent_back() is not None

    def _standing(self) -> Iterator[Move]:
        hold = self.run.hold or ("changes" if self.gates.sent_back() is not None else None)
        if hold is not None:
            status = RunStatus.PAUSED
        elif self.gates.waiting and not self._is_busy():
            status = RunStatus.WAITING_FOR_APPROVAL
        else:
            status = RunStatus.RUNNING
        if status is not self.run.status or hold != self.run.hold:
            yield Become(status=status, hold=hold)

    def _is_busy(self) -> bool:
        """Whether something runs, or will be tried again by itself."""
        return any(
            one.status is StepStatus.RUNNING or (one.status is StepStatus.PENDING and one.ready_at is not None)
            for one in self.steps.values()
        )

    def wake_at(self) -> datetime | None:
        times = [self.run.deadline, *self.gates.times()]
        if self.look_at is not None:
            times.append(self.look_at)
        for step in self.steps.values():
            if step.status is StepStatus.RUNNING and step.deadline is not None:
                times.append(step.deadline)
            if step.status is StepStatus.PENDING and step.ready_at is not None and step.ready_at > self.now:
                times.append(step.ready_at)
        return min(times)


def _error(code: str, message: str) -> Failure:
    return {"code": code, "message": message}
