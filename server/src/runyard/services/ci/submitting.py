"""From a request to a queued job: the same Idempotency-Key and request give the same job."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec
from fastapi import Request

from runyard.artifacts import Blob
from runyard.identity import Action, Principal, require
from runyard.jobs import Job, NewJob
from runyard.services.ci.edge import yard_of
from runyard.services.ci.options import Options
from runyard.services.ci.upload import read_submission
from runyard.services.ci.words import KIND, PACKAGE
from runyard.web.idempotency import idempotency_key


async def submit_form(request: Request, principal: Principal) -> Job:
    """Queue what a form asks for."""
    require(principal, Action.SUBMIT, tenant=principal.tenant)

    async def read() -> NewJob:
        got = await read_submission(request, yard_of(request), principal)
        return _new_job(principal, principal.tenant, got.package, got.options)

    return await _submit(request, principal, read)


async def submit_again(request: Request, principal: Principal, job: Job, package: Blob, options: Options) -> Job:
    """Queue a run of what ``job`` ran, where ``job`` is."""
    require(principal, Action.SUBMIT, tenant=job.tenant)

    async def read() -> NewJob:
        return _new_job(principal, job.tenant, package, options, rerun_of=job)

    return await _submit(request, principal, read)


async def _submit(request: Request, principal: Principal, read: Callable[[], Awaitable[NewJob]]) -> Job:
    yard, key = yard_of(request), idempotency_key(request)
    async with yard.in_flight.reading(f"{principal.user_id}/{KIND}", key):
        return await yard.jobs.submit(replace(await read(), idempotency_key=key))


def _new_job(
    principal: Principal, tenant: str, package: Blob, options: Options, *, rerun_of: Job | None = None
) -> NewJob:
    params = {
        "package": {"sha256": package.digest, "size": package.size},
        "options": options.stored(),
        "rerun_of": None if rerun_of is None else str(rerun_of.id),
    }
    return NewJob(
        kind=KIND,
        owner=principal.user_id,
        tenant=tenant,
        params=params,
        fingerprint=hashlib.sha256(msgspec.json.encode([tenant, params], order="deterministic")).digest(),
        artifacts={PACKAGE: (package.digest, "application/zip")},
    )
