"""Asking for agreement, and the one function in which anybody ever agrees or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid4

from runyard.database import Connection
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.gates import EXPIRED
from runyard.services.runs.engine.model import Approval
from runyard.services.runs.engine.wake import Wake
from runyard.services.runs.evidence.entry import SYSTEM, Actor
from runyard.services.runs.ledger import Book
from runyard.services.runs.refused import conflict, forbidden, not_found
from runyard.services.runs.words import Act, Role

Decision: TypeAlias = Literal["Approved", "Denied", "RequestChanges"]

EVENTS: Final[dict[Decision, str]] = {
    "Approved": "ApprovalGranted",
    "Denied": "ApprovalDenied",
    "RequestChanges": "ApprovalChangesRequested",
}


def new_id() -> str:
    """An id for an approval."""
    return f"approval-{uuid4().hex}"


async def ask(connection: Connection, book: Book, new: Approval, *, actor: Actor) -> Approval:
    """Ask for agreement to a plan."""
    await rows.add_approval(connection, new)
    book.record(
        "Approval", f"Approval {new.id} requested: {new.prompt}", actor=actor, correlation_id=new.correlation_id,
        run_id=new.run, plan_id=new.plan, work_item_id=new.work_item, approval_id=new.id,
    )  # fmt: skip
    tell(book, new, "ApprovalRequested")
    return new


async def decide(
    connection: Connection,
    book: Book,
    caller: Caller,
    approval_id: str,
    *,
    decision: Decision,
    rationale: str,
    plan_hash: str | None = None,
    wake: Wake,
) -> Approval:
    """Agree, or not: the first denial or request for changes counts, and the approval that completes the quorum.

    Args:
        plan_hash: of the plan that the caller has seen; None if they trust the approval's own.
        wake: tells the run.

    Raises:
        Refused: it was decided before (the problem names the decision that counts), the plan is another by now, the
            time is over, or the caller may not decide: whoever asked for something never agrees to it themselves.
    """
    caller.require(Act.APPROVAL_DECIDE)
    found = await rows.approval(connection, caller.workspace, approval_id)
    if found is None:
        raise not_found("Approval", approval_id)
    await _require_right(connection, caller, found)
    if found.void:
        raise conflict(f"Approval {found.id!r} counts no more: {found.rationale}", decision=settled(found))
    if found.status != "Pending":
        raise conflict(f"Approval {found.id!r} was decided already: {found.status}.", decision=settled(found))
    if found.due_at is not None and found.due_at <= book.now:
        late = replace(found, status="Denied", rationale=EXPIRED, decided_at=found.due_at)
        raise conflict(f"Approval {found.id!r} was due and counts as denied.", decision=settled(late))
    if plan_hash is not None and plan_hash != found.plan_hash:
        raise conflict(
            f"Approval {found.id!r} is for another plan, with hash {found.plan_hash}. Read it again.",
            planHash=found.plan_hash,
        )
    count = 0
    if decision == "Approved":
        votes = await rows.vote(connection, found.id, caller.user, rationale=rationale, now=book.now)
        if votes is None:
            raise conflict(f"You have approved {found.id!r} already; it takes {found.quorum} different people.")
        count = votes
    enough = decision != "Approved" or count >= found.quorum
    decided = found
    if enough:
        decided = replace(found, status=decision, decided_at=book.now, decided_by=caller.user, rationale=rationale)
        await rows.save_approval(connection, decided)
    summary = (
        f"Approval {found.id} decided: {decision}."
        if enough
        else (f"Approval {found.id} approved by {count} of {found.quorum}.")
    )
    book.record(
        "Approval", summary, actor=caller.actor, correlation_id=caller.correlation_id, run_id=found.run,
        plan_id=found.plan, work_item_id=found.work_item, approval_id=found.id,
    )  # fmt: skip
    tell(book, decided, EVENTS[decision] if enough else "ApprovalEndorsed", correlation_id=caller.correlation_id)
    if enough:
        await wake(connection, found.run)
    return decided


async def _require_right(connection: Connection, caller: Caller, approval: Approval) -> None:
    """Return if this caller may decide this approval.

    Raises:
        Refused: they asked for it themselves, or others were asked.
    """
    if caller.user in {approval.requested_by, *approval.barred, *await rows.askers(connection, approval.run)}:
        raise forbidden("Whoever asked for something can't approve it. Let somebody else decide.")
    if caller.kind == "machine":
        raise forbidden("A machine can't decide an approval.")
    if approval.roles and not caller.roles & {Role(role) for role in approval.roles}:
        raise forbidden(f"This approval takes the role {' or '.join(approval.roles)}.")
    if approval.asked and caller.user not in approval.asked:
        raise forbidden("Somebody else was asked to decide this. An admin can ask you instead.")


def settled(approval: Approval) -> dict[str, object]:
    """The decision that counts, for whoever came later."""
    found: dict[str, object] = {"approvalId": approval.id, "status": approval.status}
    if approval.decided_at is not None:
        found["decidedAtIso"] = _iso(approval.decided_at)
    if approval.decided_by is not None:
        found["decidedByUserId"] = str(approval.decided_by)
    if approval.rationale is not None:
        found["rationale"] = approval.rationale
    return found


async def expire(connection: Connection, book: Book, approval: Approval) -> None:
    """Nobody decided in time: that is a denial."""
    await _end(connection, book, approval, why=EXPIRED, event="ApprovalExpired")


async def void(connection: Connection, book: Book, approval: Approval, why: str) -> None:
    """It counts no more. Where it was open, it is so no longer."""
    if approval.status != "Pending":
        await rows.save_approval(connection, replace(approval, void=True))
        return
    await _end(connection, book, replace(approval, void=True), why=why, event="ApprovalVoided")


async def _end(connection: Connection, book: Book, approval: Approval, *, why: str, event: str) -> None:
    ended = replace(approval, status="Denied", rationale=why, decided_at=max(book.now, approval.requested_at))
    await rows.save_approval(connection, ended)
    book.record(
        "Approval", f"Approval {approval.id} ended undecided: {why}", actor=SYSTEM,
        correlation_id=approval.correlation_id, run_id=approval.run, plan_id=approval.plan, approval_id=approval.id,
    )  # fmt: skip
    tell(book, ended, event)


async def hand_over(
    connection: Connection, book: Book, approval: Approval, to: UUID, *, actor: Actor, escalated: bool = False
) -> Approval:
    """Ask somebody else; when it is escalated, whoever was asked before may still decide."""
    asked: tuple[UUID, ...] = (to,)
    if escalated:
        asked = (*approval.asked, to) if approval.asked else ()
    changed = replace(approval, assignee=to, asked=asked, escalated=approval.escalated + int(escalated))
    await rows.save_approval(connection, changed)
    how = "escalated" if escalated else "assigned"
    book.record(
        "Approval", f"Approval {approval.id} {how} to user {to}.", actor=actor,
        correlation_id=approval.correlation_id, run_id=approval.run, plan_id=approval.plan, approval_id=approval.id,
    )  # fmt: skip
    tell(book, changed, f"Approval{how.capitalize()}")
    return changed


def tell(book: Book, approval: Approval, name: str, *, correlation_id: str | None = None) -> None:
    """Put what happened to an approval into the workspace's stream."""
    book.tell(
        "approval", name, subject=f"approvals/{approval.id}",
        data={**settled(approval), "runId": approval.run, "planId": approval.plan, "prompt": approval.prompt},
        correlation_id=correlation_id or approval.correlation_id, run_id=approval.run, action_id=approval.action,
    )  # fmt: skip


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
