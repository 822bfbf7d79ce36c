"""What people say to a session that is at work: messages, decisions about tools, and that it should end its turn."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from runyard.jobs import Job, JobEnded, Once
from runyard.jobs.events import unpack
from runyard.services.sessions.edge import SessionRefused, Visit, bad_request
from runyard.services.sessions.standing import order_of
from runyard.services.sessions.submitting import read_json
from runyard.services.sessions.words import DECISION, FINISH, INTERRUPT, USER_SAYS
from runyard.yard import Yard

LONGEST: Final = 50_000
"""Characters of a message, as of a task."""

_APPROVALS: Final = "SELECT seq, body FROM events WHERE job = $1 AND type = 'approval' ORDER BY seq"
_MESSAGES: Final = "SELECT seq, body FROM events WHERE job = $1 AND type = 'message' AND seq > $2 ORDER BY seq"


class Message(msgspec.Struct, frozen=True):
    """Something said."""

    content: Annotated[str, Meta(max_length=LONGEST)]


class Decision(msgspec.Struct, frozen=True):
    """About a call of a tool."""

    approved: bool
    comment: Annotated[str, Meta(max_length=4000)] | None = None


def read_message(body: bytes) -> str:
    """The text of a message.

    Raises:
        SessionRefused: there is none.
    """
    content = read_json(body, Message).content
    if not content.strip():
        raise bad_request(f"content is {content!r:.100}: say something")
    return content


def read_decision(body: bytes) -> Decision:
    """What was decided.

    Raises:
        SessionRefused: it can't be told.
    """
    return read_json(body, Decision)


async def say(visit: Visit, job: Job, content: str, *, key: str | None) -> int:
    """Hand a message over, and return the number of its event. Under a key it is said once.

    Raises:
        JobEnded: nobody listens any more.
        IdempotencyReused: the caller has said something else under the key.
    """
    return await visit.room.yard.jobs.send(
        job.id, {"type": USER_SAYS, "content": content}, once=_once(visit, key, USER_SAYS, content)
    )


async def interrupt(visit: Visit, job: Job, *, key: str | None) -> None:
    """Have the session end its turn. Under a key that is said once: again, it would be about the next turn.

    Raises:
        JobEnded: it has ended itself.
        IdempotencyReused: the caller has said something else under the key.
    """
    await visit.room.yard.jobs.send(job.id, {"type": INTERRUPT}, once=_once(visit, key, INTERRUPT))


async def finish(yard: Yard, job: Job) -> None:
    """Have a session end when its turn does, which otherwise would wait for a message then.

    Raises:
        JobEnded: it has.
        SessionRefused: it ends by itself: it isn't interactive, and nobody has interrupted it.
    """
    if not (job.state.ended or order_of(job).interactive or await _interrupted(yard, job)):
        raise SessionRefused(409, "The session is not interactive: it ends by itself", code="not_interactive")
    await yard.jobs.send(job.id, {"type": FINISH})


async def decide(yard: Yard, job: Job, call: str, decision: Decision, *, by: str) -> None:
    """Hand a decision over. Of several about one call the first counts.

    Raises:
        JobEnded: nobody waits for it any more.
        SessionRefused: no such call waits for one, or somebody was faster.
    """
    if job.state.ended:
        raise JobEnded(job.id, job.state)
    asked = await _asked(yard, job, call)
    if await _first_decision(yard, job, call, asked) is not None:
        raise _decided(call)
    comment = {"comment": decision.comment} if decision.comment else {}
    body = {"type": DECISION, "call": call, "approved": decision.approved, "by": by, **comment}
    sent = await yard.jobs.send(job.id, body)
    if await _first_decision(yard, job, call, asked) != sent:
        raise _decided(call)


def _once(visit: Visit, key: str | None, *said: str) -> Once | None:
    if key is None:
        return None
    return Once(sender=visit.principal.user_id, key=key, fingerprint=sha256(msgspec.json.encode(said)).digest())


async def _interrupted(yard: Yard, job: Job) -> bool:
    """Whether anybody ever has: it may wait for a message now, or is about to."""
    rows = await yard.database.fetch(_MESSAGES, job.id, 0)
    return any(msgspec.json.decode(unpack(row["body"]))["type"] == INTERRUPT for row in rows)


async def _asked(yard: Yard, job: Job, call: str) -> int:
    """Number of the event that asked for a decision about this call."""
    for row in await yard.database.fetch(_APPROVALS, job.id):
        told = msgspec.json.decode(unpack(row["body"]))
        if told["call"] == call and told["state"] == "needed":
            return int(row["seq"])
    raise SessionRefused(
        404, f"no such call: {call}", message="No call of this id waits for approval", code="no_such_call"
    )


async def _first_decision(yard: Yard, job: Job, call: str, asked: int) -> int | None:
    for row in await yard.database.fetch(_MESSAGES, job.id, asked):
        said = msgspec.json.decode(unpack(row["body"]))
        if said.get("type") == DECISION and said["call"] == call:
            return int(row["seq"])
    return None


def _decided(call: str) -> SessionRefused:
    return SessionRefused(409, f"already decided: {call}", code="decided")
