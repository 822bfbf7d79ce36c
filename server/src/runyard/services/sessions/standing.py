"""How a session stands, in the protocol's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

import msgspec

from runyard.jobs import Job, State
from runyard.services.sessions.memory import Usage
from runyard.services.sessions.order import Order, Repository
from runyard.services.sessions.tidings import Tidings
from runyard.services.sessions.words import STATUS, Reason, Status

STOPPED = "The session was stopped."

_REASONS: Final = {**{str(reason): reason for reason in Reason}, "worker_lost": Reason.INTERRUPTED}
"""Why a session failed, by the codes of failed jobs; all others are faults of the agent's side."""


def timestamp(at: datetime, *, precise: bool = False) -> str:
    """A time as the protocol writes it; with milliseconds when it is ``precise``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds" if precise else "seconds").replace("+00:00", "Z")


def status_of(job: Job) -> Status:
    """The protocol's word. A session that goes on after it has waited, or was lost, hasn't stopped being at work."""
    return "running" if job.state is State.QUEUED and job.started_at is not None else STATUS[job.state]


def ending(state: State, error: Mapping[str, object] | None) -> dict[str, object]:
    """The end of a session: its status, and why it failed if it did."""
    if state is State.SUCCEEDED:
        return {"status": STATUS[state]}
    if state is State.CANCELLED or error is None:
        return {"status": STATUS[state], "reason": Reason.STOPPED, "error": STOPPED}
    return {
        "status": STATUS[state],
        "reason": _REASONS.get(str(error["code"]), Reason.AGENT_FAILED),
        "error": str(error["message"]),
    }


def order_of(job: Job) -> Order:
    """What was asked for."""
    return msgspec.convert(job.params, Order)


def session(job: Job, tidings: Tidings, *, agents: Mapping[str, str]) -> dict[str, object]:
    """A session as the protocol has it. What there is none of is left out.

    Args:
        job: the session's job.
        tidings: what became known of it since it was asked for.
        agents: kinds of agents by the names of their entries.
    """
    order, result = order_of(job), job.result or {}
    found = {
        "id": order.session,
        "task": order.task,
        "model": order.model or order.agent,
        "createdAt": timestamp(job.created_at),
        "startedAt": None if job.started_at is None else timestamp(job.started_at),
        "completedAt": None if job.ended_at is None else timestamp(job.ended_at),
        **(ending(job.state, job.error) if job.state.ended else {"status": status_of(job)}),
        "result": result.get("answer"),
        "displayName": order.display_name,
        "labels": order.labels,
        "timeout": order.budget.seconds,
        "interactive": order.interactive,
        "waiting": (tidings.waiting or "message") if job.state is State.WAITING else None,
        "agent": agents.get(order.agent, order.agent),
        "repos": [_repository(one, tidings.repositories.get(one.name, {}), result) for one in order.repositories],
        "notes": [*order.notes, *(note for note in tidings.notes if note not in order.notes)],
        "usage": result.get("usage", tidings.usage),
    }
    return {name: value for name, value in found.items() if value is not None}


def metrics(job: Job, tidings: Tidings, *, now: datetime) -> dict[str, object]:
    """A session in numbers."""
    order, until = order_of(job), job.ended_at or now
    usage = (job.result or {}).get("usage", tidings.usage)
    found = {
        "sessionId": order.session,
        "status": status_of(job),
        "createdAt": timestamp(job.created_at),
        "startedAt": None if job.started_at is None else timestamp(job.started_at),
        "completedAt": None if job.ended_at is None else timestamp(job.ended_at),
        "queuedSeconds": ((job.started_at or until) - job.created_at).total_seconds(),
        "durationSeconds": None if job.started_at is None else (until - job.started_at).total_seconds(),
        "timeoutSeconds": order.budget.seconds,
        "maxTurns": order.budget.turns,
        "maxTokens": order.budget.tokens,
        "attempts": job.attempt,
        "events": job.last_seq,
        **(Usage().told() if usage is None else cast("Mapping[str, object]", usage)),
    }
    return {name: value for name, value in found.items() if value is not None}


def _repository(asked: Repository, known: Mapping[str, object], result: Mapping[str, object]) -> dict[str, object]:
    commits = cast("Mapping[str, object]", result.get("commits", {}))
    found = {
        "name": asked.name,
        "url": asked.url,
        "branch": known.get("branch") or asked.branch,
        "path": asked.path,
        "credential": asked.credential,
        "commit": commits.get(asked.name, known.get("commit")),
    }
    return {name: value for name, value in found.items() if value is not None}
