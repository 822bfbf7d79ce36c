"""From a request to a queued session: the same Idempotency-Key and request give the same session."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Final, TypeVar

import asyncpg
import msgspec
from msgspec import Meta

from runyard.identity import NotFound
from runyard.jobs import Job, NewJob
from runyard.services.sessions.agents.models import UnknownModel
from runyard.services.sessions.edge import Visit, bad_request
from runyard.services.sessions.hand.tools import TOOLS
from runyard.services.sessions.order import Budget, Order, Repository
from runyard.services.sessions.repositories.urls import BadRepository, check_branch, check_path, folder_names, read_url
from runyard.services.sessions.words import KIND

MOST_REPOSITORIES: Final = 16
MOST_LABELS: Final = 64
LONGEST_TASK: Final = 50_000
TRIES: Final = 5
"""Two sessions of one second get the same id once in 300 million times."""

T = TypeVar("T")
Number = TypeVar("Number", int, float)

LabelName = Annotated[str, Meta(min_length=1, max_length=63, pattern="^[^=]+$")]
LabelValue = Annotated[str, Meta(max_length=255)]
Short = Annotated[str, Meta(min_length=1, max_length=200)]


class AskedRepository(msgspec.Struct, frozen=True):
    """A repository as the protocol has it."""

    url: str
    branch: str | None = None
    path: str | None = None
    credential: str | None = None


class SessionRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A session as the protocol has it. What it doesn't know is passed over."""

    task: Annotated[str, Meta(max_length=LONGEST_TASK)]
    model: Annotated[str, Meta(max_length=200)] | None = None
    repos: Annotated[list[AskedRepository], Meta(max_length=MOST_REPOSITORIES)] | None = None
    display_name: Annotated[str, Meta(max_length=200)] | None = None
    labels: Annotated[dict[LabelName, LabelValue], Meta(max_length=MOST_LABELS)] | None = None
    timeout: Annotated[float, Meta(gt=0)] | None = None
    max_turns: Annotated[int, Meta(ge=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    interactive: bool = False
    approve: list[Short] | None = None


async def submit(visit: Visit, body: bytes, *, key: str | None) -> Job:
    """Queue what the body asks for.

    Raises:
        SessionRefused: it can't be had.
        RequestInFlight, IdempotencyReused: the key is another request's.
    """
    asked = read_json(body, SessionRequest)
    if not asked.task.strip():
        raise bad_request(f"task is {asked.task!r:.100}: say what is to be done")
    jobs, owner = visit.room.yard.jobs, visit.principal.user_id
    async with visit.room.yard.in_flight.reading(f"{owner}/{KIND}", key):
        new = NewJob(
            kind=KIND,
            owner=owner,
            tenant=visit.tenant,
            idempotency_key=key,
            fingerprint=sha256(msgspec.json.encode([visit.tenant, asked], order="deterministic")).digest(),
        )
        order = await _order(visit, asked)
        for tries in range(TRIES):
            params = msgspec.to_builtins(msgspec.structs.replace(order, session=_new_id(visit)))
            try:
                return await jobs.submit(replace(new, params=params))
            except asyncpg.UniqueViolationError:  # another session of this second has the id
                if tries == TRIES - 1:
                    raise
    raise AssertionError


def read_json(body: bytes, kind: type[T]) -> T:
    """A body as what it should be.

    Raises:
        SessionRefused: it is something else; the text says where, with what is there.
    """
    try:
        found: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"The body is no JSON: {error}") from None
    if b"\\u0000" in body and _has_nul(found):
        raise bad_request("The body has a text with the character NUL in it, which can't be kept")
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise bad_request(_explained(str(error), found)) from None


async def _order(visit: Visit, asked: SessionRequest) -> Order:
    try:
        choice = visit.room.models.choose(asked.model or None)
    except UnknownModel as error:
        raise bad_request(f"model is {error.model!r:.100}: {error}", code="unknown_model") from None
    if unknown := set(asked.approve or ()) - set(TOOLS):
        raise bad_request(f"approve has {min(unknown)!r}: there is no such tool; there are: {', '.join(TOOLS)}")
    return Order(
        session="",
        task=asked.task,
        model=asked.model or None,
        agent=choice.name,
        notes=[] if choice.note is None else [choice.note],
        repositories=await _repositories(visit, asked.repos or []),
        budget=_budget(visit, asked),
        interactive=asked.interactive,
        approve=sorted(set(asked.approve or ())),
        display_name=asked.display_name or None,
        labels=asked.labels or {},
        user=visit.principal.name,
    )


def _budget(visit: Visit, asked: SessionRequest) -> Budget:
    settings = visit.room.yard.settings
    return Budget(
        seconds=_within("timeout", asked.timeout, settings.session_timeout),
        turns=_within("maxTurns", asked.max_turns, settings.session_turns),
        tokens=_within("maxTokens", asked.max_tokens, settings.session_tokens),
    )


def _within(name: str, asked: Number | None, most: Number) -> Number:
    if asked is not None and asked > most:
        raise bad_request(f"{name} is {asked!r}: this yard grants {most!r} at most")
    return most if asked is None else asked


async def _repositories(visit: Visit, asked: Sequence[AskedRepository]) -> list[Repository]:
    found = []
    for place, (one, name) in enumerate(zip(asked, folder_names([one.url for one in asked]), strict=True)):
        try:
            await _check(visit, one)
        except (BadRepository, NotFound) as error:
            raise bad_request(f"repos[{place}]: {error}", code="bad_repository") from None
        found.append(
            Repository(
                name=name,
                url=one.url,
                branch=one.branch or None,
                path=one.path or None,
                credential=one.credential or None,
            )
        )
    return found


async def _check(visit: Visit, asked: AskedRepository) -> None:
    read_url(asked.url, hosts=visit.room.hosts)
    if asked.branch:
        check_branch(asked.branch)
    if asked.path:
        check_path(asked.path)
    if asked.credential:
        kept = await visit.room.yard.identity.credentials.find(asked.credential, tenant=visit.tenant)
        if not kept.fits(asked.url):
            raise BadRepository(f"The credential {kept.name!r} is for {kept.host}, not for {asked.url!r}.")


def _new_id(visit: Visit) -> str:
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(6))
    return f"session-{int(visit.room.yard.clock().timestamp())}-{letters}"


def _has_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_has_nul(name) or _has_nul(inner) for name, inner in value.items())
        case list():
            return any(map(_has_nul, value))
    return False


def _explained(problem: str, body: object) -> str:
    """What the decoder says, with the value that is there."""
    what, _, place = problem.replace("`", "").partition(" - at $")
    place = place.removeprefix(".")
    value = body
    for step in re.findall(r"[^.\[\]]+", place):
        if isinstance(value, list) and step.isdecimal():
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return f"{place}: {what}"
    return f"{place or 'the body'} is {value!r:.300}: {what}"
