"""What this service offers to governed runs."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from runyard.identity import NotFound
from runyard.jobs import Asked, Job, NewJob, Offer, Unservable
from runyard.sandbox.hosts import Hosts
from runyard.services.sessions.agents.models import ModelTable, UnknownModel
from runyard.services.sessions.order import Budget, Order, Repository
from runyard.services.sessions.repositories.urls import BadRepository, check_branch, check_path, folder_names, read_url
from runyard.services.sessions.words import KIND
from runyard.yard import Yard

MOST_REPOSITORIES: Final = 16


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A repository to work on."""

    url: str
    branch: str | None = None
    path: str | None = None
    credential: str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Have an agent work on a task.

    Attributes:
        model: a name of the yard's table of models; its own choice by default.
        timeout: seconds; like the others at most what the yard grants.
    """

    task: Annotated[str, Meta(min_length=1, max_length=50_000, pattern=r"\S")]
    model: str | None = None
    repositories: Annotated[list[Wanted], Meta(max_length=MOST_REPOSITORIES)] = []
    timeout: Annotated[float, Meta(gt=0)] | None = None
    max_turns: Annotated[int, Meta(ge=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent says, what it used, and the commits it has read, by repository."""

    answer: str
    usage: dict[str, object]
    commits: dict[str, str]


def offers(yard: Yard, models: ModelTable) -> list[Offer]:
    """``session:run``."""
    hosts = Hosts.parse(yard.settings.session_hosts)

    async def request(asked: Asked) -> NewJob:
        wanted = asked.input
        assert isinstance(wanted, Session)
        try:
            choice = models.choose(wanted.model)
            repositories = await _repositories(yard, asked.tenant, hosts, wanted)
        except (UnknownModel, BadRepository, NotFound) as error:
            raise Unservable(str(error)) from None
        settings = yard.settings
        order = Order(
            session=_session_id(yard), task=wanted.task, model=wanted.model, agent=choice.name,
            notes=[] if choice.note is None else [choice.note], repositories=repositories,
            budget=Budget(
                seconds=min(wanted.timeout or settings.session_timeout, settings.session_timeout),
                turns=min(wanted.max_turns or settings.session_turns, settings.session_turns),
                tokens=min(wanted.max_tokens or settings.session_tokens, settings.session_tokens),
            ),
            user=(await yard.identity.users.get(asked.owner)).name,
        )  # fmt: skip
        return NewJob(
            kind=KIND, owner=asked.owner, tenant=asked.tenant, params=msgspec.to_builtins(order),
            fingerprint=hashlib.sha256(msgspec.json.encode([asked.tenant, wanted], order="deterministic")).digest(),
        )  # fmt: skip

    title = "Have an agent work on a task"
    return [
        Offer(operation="session:run", title=title, input=Session, output=Answered, request=request, result=_result)
    ]


async def _repositories(yard: Yard, tenant: str, hosts: Hosts, wanted: Session) -> list[Repository]:
    found = []
    for one, name in zip(wanted.repositories, folder_names([one.url for one in wanted.repositories]), strict=True):
        read_url(one.url, hosts=hosts)
        if one.branch:
            check_branch(one.branch)
        if one.path:
            check_path(one.path)
        if one.credential:
            kept = await yard.identity.credentials.find(one.credential, tenant=tenant)
            if not kept.fits(one.url):
                raise BadRepository(f"The credential {kept.name!r} is for {kept.host}, not for {one.url!r}.")
        found.append(Repository(name=name, url=one.url, branch=one.branch, path=one.path, credential=one.credential))
    return found


def _session_id(yard: Yard) -> str:
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
    return f"session-{int(yard.clock().timestamp())}-{letters}"


def _result(job: Job) -> Mapping[str, object]:
    return job.result or {"answer": "", "usage": {}, "commits": {}}
