"""What people say to a session that is at work: messages, decisions about tools, and that it should end its turn."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from runyard.jobs import Job, JobEnded
from runyard.jobs.events import unpack
from runyard.services.sessions.edge import SessionRefused, bad_request
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


async def say(yard: Yard, job: Job, content: str) -> int:
    """Hand a message over, and return the number of its event.

    Raises:
        JobEnded: nobody listens any more.
    """
    return await yard.jobs.send(job.id, {"type": USER_SAYS, "content": content})


async def interrupt(yard: Yard, job: Job) -> None:
    """Have the session end its turn.

    Raises:
        JobEnded: it has ended itself.
    """
    await yard.jobs.send(job.id, {"type": INTERRUPT})


async def finish(yard: Yard, job: Job) -> None:
    """Have an interactive session end when its turn does.

    Raises:
        JobEnded: it has.
        SessionRefused: it isn't interactive, and ends by itself.
    """
    if not job.state.ended and not order_of(job).interactive:
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
