"""The HTTP face of the `compute` service. The contract is ``docs/reference/compute-http.md``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from runyard.artifacts import Artifact, ArtifactMissing
from runyard.identity import Action, Forbidden, Principal, require
from runyard.jobs import Job, JobNotFound
from runyard.services.compute.edge import Admin, Caller, Door, ground, room_of
from runyard.services.compute.forms import read_form
from runyard.services.compute.plugin import Plugin
from runyard.services.compute.plugins import installed
from runyard.services.compute.room import Room
from runyard.services.compute.submitting import CHANNEL_HEADER, MOST_FILES, submit_again, submit_form
from runyard.services.compute.words import PREFIX, STATUS, Status, milliseconds, record, task_type
from runyard.web.bodies import json_response
from runyard.web.cursors import read_cursor, write_cursor
from runyard.web.errors import Refused, invalid
from runyard.web.files import file_response
from runyard.web.long_poll import LONGEST_WAIT, news_of

PLAYABLE: Final = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".ts": "video/mp2t",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
}

routes = APIRouter(route_class=Door, tags=["compute"])


def router(room: Room) -> APIRouter:
    """The service's routes, in ``room``."""
    return ground.router(routes, room)


# -------------------------------------------------------------------- the service


@routes.get("/")
async def root(request: Request) -> Response:
    """That it is here, and whether guests may use it."""
    mode = await room_of(request).guests.mode()
    return json_response(
        {"status": "healthy", "service": "Task Server", "version": "v1", "guestMode": "on" if mode.on else "off"}
    )


@routes.get("/capabilities")
async def capabilities(request: Request) -> Response:
    """How many workers there are, and how many of them could start a job of each type at once."""
    workers, idle = room_of(request).workers.capabilities()
    return json_response({"num_workers": workers, "capabilities": idle})


@routes.get("/plugins")
async def plugins(request: Request) -> Response:
    """What can be asked for."""
    room = room_of(request)
    found = [
        {
            "name": one.name,
            "about": one.about,
            "parameters": one.parameters.model_json_schema(),
            "result": one.result.model_json_schema(mode="serialization"),
            "offered": room.workers.offers(one.name),
            "missing": await asyncio.to_thread(one.missing, room.yard.settings.models),
        }
        for one in installed().values()
    ]
    return json_response(found)


# -------------------------------------------------------------------- submitting


@routes.post("/jobs/{name}")
async def submit(request: Request, name: str, principal: Caller) -> Response:
    """Queue a job."""
    (job,) = await submit_form(request, principal, _plugin(name))
    return json_response(_queued(job), headers=_channel(request))


@routes.post("/jobs/{name}/batch")
async def submit_batch(request: Request, name: str, principal: Caller) -> Response:
    """Queue a job for each of several files."""
    jobs = await submit_form(request, principal, _plugin(name), most=MOST_FILES)
    found = [{**_queued(job), "file": job.params["file"]["name"]} for job in jobs]  # type: ignore[index]
    return json_response({"jobs": found}, headers=_channel(request))


@routes.post("/jobs/{job_id}/retry")
async def retry(request: Request, job_id: str, principal: Caller) -> Response:
    """Queue the same work again."""
    job = await _job(request, job_id, principal)
    return json_response(_queued(await submit_again(request, principal, job, _plugin(task_type(job)))))


@routes.post("/jobs/{job_id}/cancel")
async def cancel(request: Request, job_id: str, principal: Caller) -> Response:
    """Ask for the end of a job."""
    job = await _job(request, job_id, principal, Action.CANCEL)
    return json_response(record(await room_of(request).yard.jobs.cancel(job.id)), status=202)


# -------------------------------------------------------------------- looking


@routes.get("/jobs")
async def list_jobs(
    request: Request,
    principal: Caller,
    *,
    status: Annotated[list[Status], Query()] = [],  # noqa: B006  (FastAPI copies it)
    task_type: Annotated[list[str], Query()] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> Response:
    """The caller's jobs, newest first."""
    room = room_of(request)
    known = installed()
    if unknown := set(task_type) - set(known):
        message = f"There is no such plugin; there are: {', '.join(known)}"
        raise invalid("value_error", ("query", "task_type"), message, min(unknown))
    jobs = await room.yard.jobs.list(
        kinds=[known[name].kind for name in task_type or known],
        owner=principal.user_id,
        tenant=principal.tenant if principal.project is not None else None,
        states=[state for state, word in STATUS.items() if not status or word in status],
        before=None if cursor is None else read_cursor(cursor),
        limit=limit + 1,
    )
    more = len(jobs) > limit
    jobs = jobs[:limit]
    next_cursor = write_cursor(jobs[-1].created_at, jobs[-1].id) if more else None
    return json_response({"jobs": [_record(room, job) for job in jobs], "next_cursor": next_cursor})


@routes.get("/jobs/{job_id}")
async def get_job(
    request: Request,
    job_id: str,
    principal: Caller,
    *,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0.0,
    after: int | None = None,
) -> Response:
    """How a job stands; with ``wait`` as soon as there is something new."""
    room, job = room_of(request), await _job(request, job_id, principal)
    if wait and not job.state.ended and (after is None or job.last_seq <= after):
        job = await news_of(room.yard, job, patience=wait, end=after is None)
    room.read(job)
    return json_response(_record(room, job))


@routes.delete("/jobs/{job_id}")
async def delete_job(request: Request, job_id: str, principal: Caller) -> Response:
    """Remove a job with its files."""
    job = await _job(request, job_id, principal, Action.CANCEL)
    await room_of(request).yard.jobs.delete(job.id)
    return Response(status_code=204)


# -------------------------------------------------------------------- files


@routes.get("/jobs/{job_id}/files")
async def list_files(request: Request, job_id: str, principal: Caller) -> Response:
    """The files of a job: its input and its results."""
    found = await _files(request, await _job(request, job_id, principal))
    return json_response(
        [{"path": one.name, "size": one.size, "sha256": one.digest, "content_type": one.content_type} for one in found]
    )


@routes.get("/jobs/{job_id}/files/{path:path}")
async def get_file(request: Request, job_id: str, path: str, principal: Caller) -> Response:
    """One file of a job, or a range of its bytes."""
    found = await _file(request, await _job(request, job_id, principal), path)
    store = room_of(request).yard.artifacts
    return file_response(request, store, found, content_type="application/octet-stream")


@routes.get("/jobs/{job_id}/view/{path:path}")
async def view_file(request: Request, job_id: str, path: str, principal: Caller) -> Response:
    """A playlist or segment, as players want it."""
    found = await _file(request, await _job(request, job_id, principal), path)
    content_type = PLAYABLE.get(PurePosixPath(path).suffix)
    if content_type is None:
        raise Refused(404, f"File not found: {path} is no part of a stream; it is at /jobs/{job_id}/files/{path}.")
    return file_response(request, room_of(request).yard.artifacts, found, content_type=content_type, inline=True)


# -------------------------------------------------------------------- administration


@routes.get("/admin/jobs/storage/size")
async def storage_size(request: Request, _: Admin) -> Response:
    """What the jobs' files take."""
    size, count = await room_of(request).yard.artifacts.usage(_kinds())
    return json_response({"total_size": size, "job_count": count})


@routes.delete("/admin/jobs/cleanup")
async def cleanup(request: Request, _: Admin, *, days: Annotated[int, Query(ge=0, le=36500)] = 7) -> Response:
    """Remove jobs that have ended and are older than so many days."""
    yard = room_of(request).yard
    before, _count = await yard.artifacts.usage(_kinds())
    deleted = await yard.jobs.delete_ended(_kinds(), before=yard.clock() - timedelta(days=days))
    after, _count = await yard.artifacts.usage(_kinds())
    return json_response({"deleted_count": deleted, "freed_space": max(0, before - after)})


@routes.get("/admin/config")
@routes.get("/admin/pref")
async def get_config(request: Request, _: Admin) -> Response:
    """The guest mode, and who switched it when."""
    mode = await room_of(request).guests.mode()
    return json_response(
        {
            "guest_mode": mode.on,
            "updated_at": None if mode.updated_at is None else milliseconds(mode.updated_at),
            "updated_by": None if mode.updated_by is None else str(mode.updated_by),
        }
    )


class _GuestMode(BaseModel):
    guest_mode: bool


@routes.put("/admin/config/guest-mode")
@routes.put("/admin/pref/guest-mode")
async def switch_guest_mode(request: Request, principal: Admin) -> Response:
    """Let guests in, or not."""
    on = (await read_form(request, _GuestMode)).guest_mode
    await room_of(request).guests.switch(on=on, by=principal)
    return json_response({"guest_mode": on, "message": "Configuration updated successfully"})


# -------------------------------------------------------------------- helpers


def _plugin(name: str) -> Plugin[Any]:
    known = installed()
    if name not in known:
        text = f"There is no plugin {name!r}; there are: {', '.join(known)}."
        raise Refused(405, text, code="unknown_plugin", headers={"Allow": "GET, DELETE"})
    return known[name]


async def _job(request: Request, job_id: str, principal: Principal, action: Action = Action.READ) -> Job:
    """The job, if it is one of this service's and the caller's; nobody learns of others'."""
    try:
        job = await room_of(request).yard.jobs.get(UUID(job_id))
        require(principal, action, owner=job.owner, tenant=job.tenant)
    except (ValueError, Forbidden):
        raise JobNotFound(job_id) from None
    if not job.kind.startswith(PREFIX):
        raise JobNotFound(job_id)
    return job


async def _files(request: Request, job: Job) -> Sequence[Artifact]:
    return [one for one in await room_of(request).yard.artifacts.list(job.id) if not one.name.startswith(".")]


async def _file(request: Request, job: Job, path: str) -> Artifact:
    if path.startswith("/") or ".." in PurePosixPath(path).parts:
        raise Refused(403, "Access denied: path traversal detected")
    if path.startswith("."):
        raise ArtifactMissing(job.id, path)
    try:
        return await room_of(request).yard.artifacts.find(job.id, path)
    except ArtifactMissing:
        folder = f"{path.rstrip('/')}/"
        if path and any(one.name.startswith(folder) for one in await _files(request, job)):
            raise Refused(400, f"Path is not a file: {path}") from None
        raise


def _record(room: Room, job: Job) -> dict[str, object]:
    return record(job, waiting_for=room.waiting_for(job))


def _queued(job: Job) -> dict[str, object]:
    """What was asked for is queued, even if a worker has been quicker than this answer."""
    return {"job_id": str(job.id), "status": "queued", "task_type": task_type(job)}


def _channel(request: Request) -> dict[str, str]:
    """Tells the client that its channel is spoken to."""
    wanted = request.headers.get(CHANNEL_HEADER)
    return {} if wanted is None else {CHANNEL_HEADER: wanted}


def _kinds() -> list[str]:
    return [one.kind for one in installed().values()]
