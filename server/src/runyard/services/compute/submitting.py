"""From a form to queued jobs: the file goes straight to the artifacts, the fields through the plugin's parameters."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runyard.artifacts import Blob
from runyard.identity import Action, Principal, require
from runyard.jobs import Job, NewJob
from runyard.services.compute.edge import room_of
from runyard.services.compute.plugin import Plugin
from runyard.services.compute.words import CHANNEL, INPUT, channel
from runyard.sizes import MIB
from runyard.web.bodies import form_of
from runyard.web.errors import Refused, invalid
from runyard.web.idempotency import idempotency_key
from runyard.web.multipart import BadForm, Part

AROUND_FILES: Final = 1 * MIB
"""Bytes a form may have beside its files."""

FIELD: Final = 64 * 1024
FIELDS: Final = 64
LONGEST_NAME: Final = 200
MOST_FILES: Final = 100
CHANNEL_HEADER: Final = "Runyard-Channel"

LONGEST_KEY: Final = 200
"""A batch makes a key of it for each of its jobs."""


class Submission(BaseModel):
    """The field that every plugin has."""

    model_config = ConfigDict(extra="forbid")

    priority: Annotated[int, Field(ge=0, le=10)] = 5


async def submit_form(request: Request, principal: Principal, plugin: Plugin[Any], *, most: int = 1) -> list[Job]:
    """Queue a job for each file of a form.

    Raises:
        Refused: a field is missing or can't be used.
        TooLarge, FormTooLarge, BadForm, IdempotencyReused, RequestInFlight: what they say.
    """
    require(principal, Action.SUBMIT, tenant=principal.tenant)
    yard, key = room_of(request).yard, idempotency_key(request, longest=LONGEST_KEY)
    wanted = request.headers.get(CHANNEL_HEADER)
    if wanted is not None and not CHANNEL.fullmatch(wanted):
        message = "A channel has 8 to 64 letters, digits, hyphens and underscores"
        raise invalid("value_error", ("header", CHANNEL_HEADER.lower()), message, wanted[:300])
    async with yard.in_flight.reading(f"{principal.user_id}/{plugin.kind}", key):
        files, fields = await _read(request, most=most)
        common, params = _checked(plugin, fields)
        return [
            await yard.jobs.submit(
                _new_job(
                    principal, plugin, name, blob, params, priority=common.priority, channel=wanted,
                    key=None if key is None else f"{key}#{number}" if number else key,
                )
            )
            for number, (name, blob) in enumerate(files)
        ]  # fmt: skip


async def submit_again(request: Request, principal: Principal, job: Job, plugin: Plugin[Any]) -> Job:
    """Queue another job with the file and the parameters of this one."""
    require(principal, Action.SUBMIT, tenant=principal.tenant)
    yard = room_of(request).yard
    name = job.params["file"]["name"]  # type: ignore[index]
    found = await yard.artifacts.find(job.id, INPUT + name)
    given = {key: value for key, value in job.params["params"].items() if key not in {"input_path", "output_path"}}  # type: ignore[attr-defined]
    wanted = request.headers.get(CHANNEL_HEADER)
    if wanted is None or not CHANNEL.fullmatch(wanted):
        wanted = channel(job) if CHANNEL.fullmatch(channel(job)) else None
    blob = Blob(found.digest, found.size)
    params = plugin.parameters.model_validate(given)
    return await yard.jobs.submit(
        _new_job(principal, plugin, name, blob, params, priority=job.priority, channel=wanted)
    )


async def _read(request: Request, *, most: int) -> tuple[list[tuple[str, Blob]], dict[str, str]]:
    """The form's files, stored, and its other fields."""
    yard = room_of(request).yard
    limit = yard.settings.upload_limit * most + AROUND_FILES
    form = form_of(request, limit=limit, parts=FIELDS + most)
    if form is None:
        raise invalid("missing", ("body", "file"), "Field required")
    files: list[tuple[str, Blob]] = []
    fields: dict[str, str] = {}
    async for part in form.parts():
        if part.name == "file":
            if len(files) == most:
                message = "The field 'file' is there twice." if most == 1 else f"There are more than {most} files."
                raise BadForm(message)
            files.append(await _keep(part, request))
        elif part.name in fields:
            raise BadForm(f"The form has the field {part.name!r} twice.")
        elif text := await part.text(limit=FIELD):
            fields[part.name] = text
    if not files:
        raise invalid("missing", ("body", "file"), "Field required")
    return files, fields


async def _keep(part: Part, request: Request) -> tuple[str, Blob]:
    yard = room_of(request).yard
    name = clean_name(part.filename or "")
    if not name:
        raise invalid("value_error", ("body", "file"), "The field must be a file with a name", part.filename)
    return name, await yard.artifacts.put(part.stream(), limit=yard.settings.upload_limit)


def clean_name(given: str) -> str:
    """The last part of a path from any system, without what no file's name should have; empty if nothing is left."""
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable()).strip()
    if shown in {".", ".."}:
        return ""
    while len(shown.encode()) > LONGEST_NAME:
        stem, dot, suffix = shown.rpartition(".")
        shown = f"{stem[:-1]}.{suffix}" if dot and stem and len(suffix) <= 10 else shown[:-1]
    return shown


def _checked(plugin: Plugin[Any], fields: Mapping[str, str]) -> tuple[Submission, Any]:
    """The fields, typed; every problem is told at once."""
    common: dict[str, str] = {}
    own: dict[str, str] = {}
    for name, value in fields.items():
        (common if name in Submission.model_fields else own)[name] = value
    problems: list[object] = []
    checked: list[Any] = []
    for model, given in ((Submission, common), (plugin.parameters, own)):
        try:
            checked.append(model.model_validate(given))
        except ValidationError as error:
            problems += [
                {**problem, "loc": ["body", *problem["loc"]]}
                for problem in msgspec.json.decode(error.json(include_url=False))
            ]
    if problems:
        raise Refused(422, problems)
    return checked[0], checked[1]


def _new_job(
    principal: Principal,
    plugin: Plugin[Any],
    name: str,
    blob: Blob,
    params: Any,
    *,
    priority: int,
    channel: str | None,
    key: str | None = None,
) -> NewJob:
    paths = {"input_path": INPUT + name, "output_path": plugin.output(params, name)}
    stored = {
        "params": {**paths, **params.model_dump(mode="json")},
        "file": {"name": name, "sha256": blob.digest, "size": blob.size},
        "user": principal.number,
        "channel": channel,
    }
    asked = [stored["params"], stored["file"]]
    return NewJob(
        kind=plugin.kind,
        owner=principal.user_id,
        tenant=principal.tenant,
        params=stored,
        priority=priority,
        idempotency_key=key,
        fingerprint=hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).digest(),
        artifacts={INPUT + name: (blob.digest, "application/octet-stream")},
    )
