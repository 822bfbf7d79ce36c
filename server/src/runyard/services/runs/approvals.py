"""Asking for agreement, and the one function in which anybody ever agrees or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid4

from runyard.database import Connection
from runyard.identity.members import Member
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.gates import EXPIRED
from runyard.services.runs.engine.model import Approval
from runyard.services.runs.engine.wake import Wake
from runyard.services.runs.evidence.entry import SYSTEM, Actor
from runyard.services.runs.ledger import Book
from runyard.services.runs.refused import conflict, forbidden, invalid, not_found
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
    found = await _find(connection, caller.workspace, approval_id)
    await _require_right(connection, caller, found)
    _require_open(found, book.now)
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


async def _find(connection: Connection, workspace: str, approval_id: str) -> Approval:
    found = await rows.approval(connection, workspace, approval_id)
    if found is None:
        raise not_found("Approval", approval_id)
    return found


def _require_open(approval: Approval, now: datetime) -> None:
    """Return if it can still be decided.

    Raises:
        Refused: it can't; the problem names the decision that counts.
    """
    if approval.void:
        raise conflict(f"Approval {approval.id!r} counts no more: {approval.rationale}", decision=settled(approval))
    if approval.status != "Pending":
        raise conflict(f"Approval {approval.id!r} was decided already: {approval.status}.", decision=settled(approval))
    if approval.due_at is not None and approval.due_at <= now:
        late = replace(approval, status="Denied", rationale=EXPIRED, decided_at=approval.due_at)
        raise conflict(f"Approval {approval.id!r} was due and counts as denied.", decision=settled(late))


async def _require_right(connection: Connection, caller: Caller, approval: Approval) -> None:
    """Return if this caller may decide this approval.

    Raises:
        Refused: they asked for it themselves, or others were asked.
    """
    if caller.user in await _askers(connection, approval):
        raise forbidden("Whoever asked for something can't approve it. Let somebody else decide.")
    if caller.kind != "user":  # whoever holds a program's secret would be two people, or approve their own
        raise forbidden("Only people decide approvals, no programs or machines.")
    if approval.roles and not caller.roles & {Role(role) for role in approval.roles}:
        raise forbidden(f"This approval takes the role {' or '.join(approval.roles)}.")
    if approval.asked and caller.user not in approval.asked:
        raise forbidden("Somebody else was asked to decide this. An admin can ask you instead.")


async def _askers(connection: Connection, approval: Approval) -> frozenset[UUID]:
    """All who have a part in what is to be approved. They don't decide about it, nor who does."""
    return await rows.askers(connection, approval.run) | {approval.requested_by, *approval.barred}


async def require_able(connection: Connection, approval: Approval, person: Member) -> None:
    """Return if somebody who may decide approvals may decide this one, too.

    Raises:
        Refused: they have asked for it, or it takes another role.
    """
    if person.user_id in await _askers(connection, approval):
        raise invalid("assigneeUserId", f"user {str(person.user_id)!r} has asked for this; name somebody else")
    require_role("assigneeUserId", person, approval.roles)


def require_role(field: str, person: Member, roles: Sequence[str]) -> None:
    """Return if somebody has one of the roles, if there are any.

    Raises:
        Refused: they have none of them.
    """
    if roles and person.roles.isdisjoint(map(Role, roles)):
        raise invalid(field, f"user {str(person.user_id)!r} lacks the role {' or '.join(roles)}, which this takes")


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


async def reassign(connection: Connection, book: Book, caller: Caller, approval_id: str, *, to: Member) -> Approval:
    """Ask somebody else to decide. Of several that it takes, they are only the first who is asked.

    Raises:
        Refused: there is no such approval, it was decided, they could not decide it, or the caller may not say who
            does: who asked for something doesn't replace whom others have named, and only admins name themselves.
    """
    caller.require(Act.APPROVAL_CREATE)
    found = await _find(connection, caller.workspace, approval_id)
    _require_open(found, book.now)
    if found.asked and caller.user in await _askers(connection, found):
        raise forbidden("Whoever has asked for something can't have another one decide than was named.")
    if found.asked and to.user_id == caller.user and Role.ADMIN not in caller.roles:
        raise forbidden("Nobody takes over a decision themselves. Let an admin, or another operator, hand it to you.")
    await require_able(connection, found, to)
    asked = (to.user_id,) if found.quorum == 1 else ()
    return await _hand_over(connection, book, found, to.user_id, asked=asked, actor=caller.actor, how="assigned")


async def escalate(connection: Connection, book: Book, approval: Approval, to: UUID) -> Approval:
    """Ask one more; whoever was asked before may still decide."""
    asked = (*approval.asked, to) if approval.asked else ()
    approval = replace(approval, escalated=approval.escalated + 1)
    return await _hand_over(connection, book, approval, to, asked=asked, actor=SYSTEM, how="escalated")


async def _hand_over(
    connection: Connection, book: Book, approval: Approval, to: UUID, *, asked: tuple[UUID, ...], actor: Actor,
    how: Literal["assigned", "escalated"],
) -> Approval:  # fmt: skip
    changed = replace(approval, assignee=to, asked=asked)
    await rows.save_approval(connection, changed)
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
