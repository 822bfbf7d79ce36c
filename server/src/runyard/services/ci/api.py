"""The HTTP face of the `ci` service. The contract is ``docs/reference/ci-http.md``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from runyard.artifacts import ArtifactMissing, Blob
from runyard.identity import Action, Principal, require
from runyard.jobs import Job, JobNotFound
from runyard.services.ci import cases
from runyard.services.ci.edge import Caller, Door, ground, yard_of
from runyard.services.ci.listing import LARGEST_PAGE, Listing
from runyard.services.ci.options import read_options
from runyard.services.ci.report import TestCase
from runyard.services.ci.stream import START, Cursor, stream
from runyard.services.ci.submitting import submit_again, submit_form
from runyard.services.ci.words import CASES, KIND, PACKAGE, outcome, package_of, select, summary, timestamp
from runyard.web.bodies import json_response, read_body
from runyard.web.errors import Refused, invalid
from runyard.web.files import file_response
from runyard.web.sse import EventStream
from runyard.yard import Yard

RERUN_BODY: Final = 4096
HIDDEN: Final = "."

routes = APIRouter(route_class=Door, tags=["ci"])


def router(yard: Yard) -> APIRouter:
    """The service's routes, on ``yard``."""
    return ground.router(routes, yard)


# -------------------------------------------------------------------- submitting


@routes.post("/submit-async")
async def submit_async(request: Request, principal: Caller) -> Response:
    """Queue a test run and say its id."""
    return json_response({"job_id": str((await submit_form(request, principal)).id)})


@routes.post("/submit-stream")
async def submit_stream(request: Request, principal: Caller, *, events: Literal["all"] | None = None) -> Response:
    """Queue a test run and stream it, its id first."""
    job = await submit_form(request, principal)
    pieces = stream(yard_of(request), job, cursor=START, announce=True, everything=events == "all")
    return EventStream(pieces)


@routes.post("/submit")
async def submit(request: Request, principal: Caller) -> Response:
    """Queue a test run and stream it."""
    return EventStream(stream(yard_of(request), await submit_form(request, principal), cursor=START))


class _Rerun(msgspec.Struct, forbid_unknown_fields=True):
    failed: bool = False


@routes.post("/jobs/{job_id}/rerun")
async def rerun(request: Request, job_id: str, principal: Caller) -> Response:
    """Queue a run of the same package with the same options, or of only the tests that failed."""
    yard, job = yard_of(request), await _job(request, job_id, principal)
    wanted = await _rerun_body(request)
    options = read_options(job.params["options"])
    if wanted.failed:
        failing = cases.to_rerun(await _cases(yard, job))
        if not failing:
            raise Refused(409, f"No test of job {str(job.id)!r} failed.", code="nothing_to_rerun")
        options = msgspec.structs.replace(options, tests=failing)
    package = await yard.artifacts.find(job.id, PACKAGE)
    new = await submit_again(request, principal, job, Blob(package.digest, package.size), options)
    return json_response({"job_id": str(new.id)})


async def _rerun_body(request: Request) -> _Rerun:
    body = await read_body(request, limit=RERUN_BODY)
    try:
        return msgspec.json.decode(body, type=_Rerun) if body else _Rerun()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid("value_error", ("body",), f'Send {{"failed": true}} or {{"failed": false}}: {error}') from None


# -------------------------------------------------------------------- looking


@routes.get("/jobs")
async def list_jobs(
    request: Request,
    principal: Caller,
    *,
    status: Annotated[list[str], Query()] = [],  # noqa: B006  (FastAPI copies it)
    since: str | None = None,
    limit: Annotated[int | None, Query(ge=1, le=LARGEST_PAGE)] = None,
    cursor: str | None = None,
) -> Response:
    """The caller's jobs, newest first."""
    yard = yard_of(request)
    page = Listing.parse(status=status, since=since, limit=limit, cursor=cursor, now=yard.clock())
    selection = select(page.statuses)
    jobs = await yard.jobs.list(
        kinds=[KIND],
        owner=principal.user_id,
        tenant=principal.tenant if principal.project is not None else None,
        states=selection.states,
        failed_with=selection.failed_with,
        failed_without=selection.failed_without,
        since=page.since,
        before=page.before,
        limit=None if limit is None else limit + 1,
    )
    more = limit is not None and len(jobs) > limit
    jobs = jobs[:limit]
    return json_response([summary(job) for job in jobs], headers={"Link": page.link_after(jobs[-1])} if more else None)


@routes.get("/jobs/{job_id}")
async def get_job(request: Request, job_id: str, principal: Caller) -> Response:
    """How a job stands."""
    return json_response(summary(await _job(request, job_id, principal)))


@routes.get("/jobs/{job_id}/details")
async def get_details(request: Request, job_id: str, principal: Caller) -> Response:
    """All there is to know about a job."""
    yard, job = yard_of(request), await _job(request, job_id, principal)
    ended = outcome(job)
    return json_response(
        {
            **summary(job),
            "created_at": timestamp(job.created_at),
            "reason": ended["reason"],
            "message": ended["message"],
            "exit_code": ended["exit_code"],
            "options": read_options(job.params["options"]).shown(),
            "attempt": job.attempt,
            "queue_position": await yard.jobs.queue_position(job),
            "tests": ended["tests"],
            "environment": (job.result or {}).get("environment"),
            "rerun_of": job.params["rerun_of"],
            "package": package_of(job),
        }
    )


@routes.get("/jobs/{job_id}/stream")
async def stream_job(
    request: Request,
    job_id: str,
    principal: Caller,
    *,
    from_beginning: bool = False,
    events: Literal["all"] | None = None,
) -> Response:
    """A job's output as it is printed, and its end."""
    job = await _job(request, job_id, principal)
    last = request.headers.get("last-event-id")
    try:
        cursor = Cursor.parse(last) if last else START if from_beginning else None
    except ValueError:
        message = "Send back an id of this stream: <seq> or <seq>.<line>"
        raise invalid("value_error", ("header", "last-event-id"), message, last) from None
    return EventStream(stream(yard_of(request), job, cursor=cursor, everything=events == "all"))


@routes.post("/jobs/{job_id}/cancel")
async def cancel(request: Request, job_id: str, principal: Caller) -> Response:
    """Ask for the end of a job. A running one ends as soon as its processes have."""
    job = await _job(request, job_id, principal, Action.CANCEL)
    return json_response(summary(await yard_of(request).jobs.cancel(job.id)), status=202)


# -------------------------------------------------------------------- results


@routes.get("/jobs/{job_id}/tests")
async def list_tests(
    request: Request,
    job_id: str,
    principal: Caller,
    *,
    failed: bool = False,
    slowest: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The test cases of a run, in the order they ran, or the slowest first."""
    found = await _cases(yard_of(request), await _job(request, job_id, principal))
    chosen = cases.choose(found, failed=failed, slowest=slowest)
    return Response(await asyncio.to_thread(msgspec.json.encode, chosen), media_type="application/json")


@routes.get("/jobs/{job_id}/artifacts")
async def list_artifacts(request: Request, job_id: str, principal: Caller) -> Response:
    """The files of a run."""
    job = await _job(request, job_id, principal)
    found = await yard_of(request).artifacts.list(job.id)
    return json_response(
        [
            {"name": one.name, "size": one.size, "sha256": one.digest, "content_type": one.content_type}
            for one in found
            if not one.name.startswith(HIDDEN)
        ]
    )


@routes.get("/jobs/{job_id}/artifacts/{name:path}")
async def get_artifact(request: Request, job_id: str, name: str, principal: Caller) -> Response:
    """One file of a run, or a range of its bytes."""
    yard, job = yard_of(request), await _job(request, job_id, principal)
    if name.startswith(HIDDEN):
        raise ArtifactMissing(job.id, name)
    found = await yard.artifacts.find(job.id, name)
    return file_response(request, yard.artifacts, found)


# -------------------------------------------------------------------- service and caller


@routes.get("/health")
async def health() -> Response:
    """Whether this process answers."""
    return json_response({"status": "ok"})


@routes.get("/me")
async def me(request: Request, principal: Caller) -> Response:
    """Who calls, and how their key stands; a token of the auth service is no key."""
    yard = yard_of(request)
    user = {"id": str(principal.user_id), "name": principal.name, "email": principal.email}
    if principal.credential.id is None:
        return json_response({"user": user, "key": None, "warning": None})
    key = await yard.identity.keys.get(principal.credential.id)
    status = yard.identity.keys.status(key)
    return json_response(
        {
            "user": user,
            "key": {
                "id": str(key.id),
                "name": key.name,
                "created_at": timestamp(key.created_at),
                "last_used_at": None if key.last_used_at is None else timestamp(key.last_used_at),
                "expires_at": None if key.expires_at is None else timestamp(key.expires_at),
                "age_days": status.age.days,
            },
            "warning": status.warning,
        }
    )


# -------------------------------------------------------------------- helpers


async def _job(request: Request, job_id: str, principal: Principal, action: Action = Action.READ) -> Job:
    """The job, if it is one of this service's and the caller may do ``action``."""
    try:
        job = await yard_of(request).jobs.get(UUID(job_id))
    except ValueError:
        raise JobNotFound(job_id) from None
    if job.kind != KIND:
        raise JobNotFound(job_id)
    require(principal, action, owner=job.owner, tenant=job.tenant)
    return job


async def _cases(yard: Yard, job: Job) -> Sequence[TestCase]:
    try:
        found = await yard.artifacts.find(job.id, CASES)
    except ArtifactMissing:
        raise Refused(404, f"Job {str(job.id)!r} has no test results.", code="no_results") from None
    kept = b"".join([piece async for piece in yard.artifacts.read(found.digest)])
    return await asyncio.to_thread(cases.restore, kept)
