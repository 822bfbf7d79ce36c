"""The HTTP face of the `sessions` service. The contract is ``docs/reference/sessions-http.md``."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from runyard.artifacts import Artifact, ArtifactMissing
from runyard.identity import Action
from runyard.jobs import Job, JobEnded, JobNotFound
from runyard.services.sessions import talking, transcript
from runyard.services.sessions.edge import (
    JSON,
    Door,
    Entered,
    NoSession,
    SessionRefused,
    Visit,
    bad_request,
    checked_id,
    ground,
    json_response,
    room_of,
)
from runyard.services.sessions.listing import LARGEST_PAGE, Listing, find
from runyard.services.sessions.room import Room
from runyard.services.sessions.standing import metrics, order_of, session
from runyard.services.sessions.stream import page, stream
from runyard.services.sessions.submitting import submit
from runyard.services.sessions.words import OUTPUT, PATCH
from runyard.sizes import MIB
from runyard.web.bodies import read_body
from runyard.web.errors import Refused
from runyard.web.files import file_response
from runyard.web.idempotency import idempotency_key
from runyard.web.long_poll import LONGEST_WAIT, news_of
from runyard.web.sse import EventStream

LARGEST_BODY: Final = 1 * MIB
"""Bytes of a request. A task has 50,000 characters at most."""

STOP_PATIENCE: Final = 10.0
"""Seconds that a session which is to be deleted gets to end by itself."""

PLAIN_TEXT: Final = "text/plain; charset=utf-8"
DIFF: Final = "text/x-diff"
LAST: Final = "last"
"""Stands for the number of the last event there is."""

_CURSOR: Final = re.compile(r"[0-9]{1,18}")

routes = APIRouter(route_class=Door, tags=["sessions"])


def router(room: Room) -> APIRouter:
    """The service's routes, in ``room``."""
    return ground.router(routes, room)


# -------------------------------------------------------------------- sessions


@routes.post("/v1/sessions")
async def create(request: Request, visit: Entered) -> Response:
    """Queue a session."""
    visit.require(Action.SUBMIT)
    key = idempotency_key(request)
    job = await submit(visit, await read_body(request, limit=LARGEST_BODY), key=key)
    return json_response({"id": order_of(job).session, "message": "Session created"}, status=201)


@routes.get("/v1/sessions")
async def list_sessions(
    visit: Entered,
    *,
    limit: Annotated[int | None, Query(ge=1, le=LARGEST_PAGE)] = None,
    cursor: str | None = None,
    status: Annotated[list[str], Query()] = [],  # noqa: B006  (FastAPI copies it)
    label: Annotated[list[str], Query()] = [],  # noqa: B006
    search: str | None = None,
) -> Response:
    """The project's sessions, newest first."""
    listing = Listing.parse(visit.tenant, status=status, label=label, search=search, limit=limit, cursor=cursor)
    if limit is None:
        return StreamingResponse(listing.everything(visit.room), media_type=JSON)
    return Response(await listing.page(visit.room), media_type=JSON)


@routes.get("/v1/sessions/{session_id}")
async def get_session(
    session_id: str, visit: Entered, *, wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0.0
) -> Response:
    """How a session stands; with ``wait`` as soon as it has ended."""
    job = await find(visit, checked_id(session_id))
    if wait and not job.state.ended:
        job = await _end_of(visit, job, wait)
    return await _answer(visit, job)


@routes.delete("/v1/sessions/{session_id}")
async def delete(session_id: str, visit: Entered) -> Response:
    """Remove a session with all it has; one that runs is stopped first."""
    visit.require(Action.CANCEL)
    job = await find(visit, checked_id(session_id))
    with suppress(JobNotFound):  # somebody else is deleting it
        if not job.state.ended:
            with suppress(JobEnded):
                job = await visit.room.yard.jobs.cancel(job.id)
            await _end_of(visit, job, STOP_PATIENCE)
        await visit.room.yard.jobs.delete(job.id)
    return Response(status_code=204)


# -------------------------------------------------------------------- what happens in one


@routes.get("/v1/sessions/{session_id}/events")
async def events(request: Request, session_id: str, visit: Entered, *, after: str | None = None) -> Response:
    """What happens in a session, as it happens."""
    checked_id(session_id)
    cursor = request.headers.get("last-event-id") or after or "0"
    if cursor != LAST and _CURSOR.fullmatch(cursor) is None:
        raise bad_request(f"after is {cursor!r:.100}: it is the id of an event of this session, a number, or {LAST!r}")
    job = await find(visit, session_id)
    position = job.last_seq if cursor == LAST else int(cursor)
    if "application/json" in request.headers.get("accept", ""):
        return json_response(await page(visit.room.yard, job, after=position))
    return EventStream(stream(visit.room.yard, job, after=position))


@routes.get("/v1/sessions/{session_id}/messages")
async def list_messages(session_id: str, visit: Entered) -> Response:
    """The conversation."""
    job = await find(visit, checked_id(session_id))
    return json_response({"items": await transcript.messages(visit.room.yard, job)})


@routes.get("/v1/sessions/{session_id}/logs")
async def logs(
    session_id: str,
    visit: Entered,
    *,
    tail: Annotated[int | None, Query(ge=1, le=transcript.LONGEST_TAIL)] = None,
) -> Response:
    """What tools and the agent have printed."""
    job = await find(visit, checked_id(session_id))
    if tail is not None:
        return Response(await transcript.tail(visit.room.yard, job, lines=tail), media_type=PLAIN_TEXT)
    printed = transcript.output(visit.room.yard, job)
    first = await anext(printed, b"")  # that there is no log any more has to be known before the answer begins
    return StreamingResponse(_behind(first, printed), media_type=PLAIN_TEXT)


@routes.get("/v1/sessions/{session_id}/metrics")
async def numbers(session_id: str, visit: Entered) -> Response:
    """A session in numbers."""
    job = await find(visit, checked_id(session_id))
    return json_response(metrics(job, await visit.room.ledger.of(job), now=visit.room.yard.clock()))


# -------------------------------------------------------------------- talking to one


@routes.post("/v1/sessions/{session_id}/messages")
async def send_message(request: Request, session_id: str, visit: Entered) -> Response:
    """Say something to the agent."""
    visit.require(Action.CANCEL)
    checked_id(session_id)
    key = idempotency_key(request)
    said = talking.read_message(await read_body(request, limit=LARGEST_BODY))
    seq = await talking.say(visit, await find(visit, session_id), said, key=key)
    return json_response({"seq": seq}, status=202)


@routes.post("/v1/sessions/{session_id}/approvals/{call}")
async def decide(request: Request, session_id: str, call: str, visit: Entered) -> Response:
    """Let a call of a tool happen, or not."""
    visit.require(Action.CANCEL)
    checked_id(session_id)
    decision = talking.read_decision(await read_body(request, limit=LARGEST_BODY))
    job = await find(visit, session_id)
    await talking.decide(visit.room.yard, job, call, decision, by=visit.principal.name)
    return json_response({"call": call, "approved": decision.approved}, status=202)


@routes.post("/v1/sessions/{session_id}/interrupt")
async def interrupt(request: Request, session_id: str, visit: Entered) -> Response:
    """End the turn, and keep the session."""
    visit.require(Action.CANCEL)
    checked_id(session_id)
    key = idempotency_key(request)
    job = await find(visit, session_id)
    await talking.interrupt(visit, job, key=key)
    return await _answer(visit, await visit.room.yard.jobs.get(job.id), status=202)


@routes.post("/v1/sessions/{session_id}/finish")
async def finish(session_id: str, visit: Entered) -> Response:
    """Say that nothing more is wanted of an interactive session."""
    visit.require(Action.CANCEL)
    job = await find(visit, checked_id(session_id))
    await talking.finish(visit.room.yard, job)
    return await _answer(visit, await visit.room.yard.jobs.get(job.id), status=202)


@routes.post("/v1/sessions/{session_id}/stop")
async def stop(session_id: str, visit: Entered) -> Response:
    """End a session, whatever it is at."""
    visit.require(Action.CANCEL)
    job = await find(visit, checked_id(session_id))
    if job.state.ended:
        raise JobEnded(job.id, job.state)
    return await _answer(visit, await visit.room.yard.jobs.cancel(job.id), status=202)


# -------------------------------------------------------------------- what it leaves behind


@routes.get("/v1/sessions/{session_id}/artifacts")
async def list_artifacts(session_id: str, visit: Entered) -> Response:
    """The files that the agent has made for the user."""
    job = await find(visit, checked_id(session_id))
    found = [one for one in await visit.room.yard.artifacts.list(job.id) if one.name.startswith(OUTPUT)]
    items = [
        {
            "name": one.name.removeprefix(OUTPUT), "size": one.size, "sha256": one.digest,
            "contentType": one.content_type,
        }
        for one in found
    ]  # fmt: skip
    return json_response({"items": items})


@routes.get("/v1/sessions/{session_id}/artifacts/{name:path}")
async def get_artifact(request: Request, session_id: str, name: str, visit: Entered) -> Response:
    """One of them, or a range of its bytes."""
    job = await find(visit, checked_id(session_id))
    try:
        found = await visit.room.yard.artifacts.find(job.id, f"{OUTPUT}{name}")
        return file_response(request, visit.room.yard.artifacts, found)
    except ArtifactMissing:
        raise ArtifactMissing(job.id, name) from None
    except Refused as error:  # in words of the house: there are no such bytes
        raise SessionRefused(error.status, str(error.detail), code=error.code, headers=error.headers) from None


@routes.get("/v1/sessions/{session_id}/patch")
async def patch(session_id: str, visit: Entered, *, repo: str | None = None) -> Response:
    """What changed in the repositories, or in one of them, as ``git apply`` takes it."""
    job = await find(visit, checked_id(session_id))
    names = [one.name for one in order_of(job).repositories]
    if repo is not None and repo not in names:
        text = f"no such repository: {repo}"
        raise SessionRefused(404, text, message=f"there are: {', '.join(names) or 'none'}", code="no_such_repository")
    wanted = {PATCH.format(name=name) for name in (names if repo is None else [repo])}
    found = [one for one in await visit.room.yard.artifacts.list(job.id) if one.name in wanted]
    headers = {"Content-Length": str(sum(one.size for one in found)), "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(_joined(visit, found), headers=headers, media_type=DIFF)


# -------------------------------------------------------------------- the service


@routes.get("/v1/models")
async def models(visit: Entered) -> Response:
    """What sessions may ask for."""
    found = [{"name": one.name, "agent": one.agent, "default": one.default} for one in visit.room.models]
    return json_response({"items": found})


@routes.get("/health")
async def health() -> Response:
    """Whether this process answers."""
    return json_response({"status": "ok"})


@routes.get("/ready")
async def ready(request: Request) -> Response:
    """Whether it can take work."""
    yard = room_of(request).yard
    if yard.tails.closing.is_set():
        return json_response({"status": "draining"}, status=503)
    await yard.database.fetchval("SELECT 1")
    return json_response({"status": "ready"})


# -------------------------------------------------------------------- helpers


async def _answer(visit: Visit, job: Job, *, status: int = 200) -> Response:
    room = visit.room
    return json_response(session(job, await room.ledger.of(job), agents=room.agents), status=status)


async def _end_of(visit: Visit, job: Job, patience: float) -> Job:
    """The job once it has ended, or as it stands after ``patience`` seconds.

    Raises:
        NoSession: somebody has deleted it meanwhile.
    """
    try:
        return await news_of(visit.room.yard, job, patience=patience, end=True)
    except JobNotFound:
        raise NoSession(order_of(job).session) from None


async def _behind(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


async def _joined(visit: Visit, files: Sequence[Artifact]) -> AsyncIterator[bytes]:
    for file in files:
        async for piece in visit.room.yard.artifacts.read(file.digest):
            yield piece
