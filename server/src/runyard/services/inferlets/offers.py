"""What this service offers to governed runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from runyard.identity import OPERATOR
from runyard.jobs import Asked, Job, NewJob, Offer, Unservable
from runyard.services.inferlets import instances
from runyard.services.inferlets.limits import BadLimits
from runyard.services.inferlets.limits import asked as limits_of
from runyard.services.inferlets.programs import ProgramError, Programs, read_reference
from runyard.yard import Yard

Argument = Annotated[str, Meta(pattern=r"^[^\x00]*$", max_length=100_000)]


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """Run a program to its end. The action fails when the program does.

    Attributes:
        program: ``ns/name@version``, or its digest; one of the workspace's, or one that the yard has for all.
        limits: ``fuel``, ``memory``, ``wall_seconds``, ``output_bytes``, ``idle_seconds``; the yard's by default.
    """

    program: Annotated[str, Meta(min_length=1, max_length=300)]
    arguments: Annotated[list[Argument], Meta(max_length=1000)] = []
    limits: dict[str, float] = {}


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What the program left behind. ``value`` is what it returned, as text."""

    code: int | None
    value: str
    fuel: int | None = None
    memory: int | None = None


def offers(yard: Yard, programs: Programs) -> list[Offer]:
    """``program:run``."""

    async def request(asked: Asked) -> NewJob:
        wanted = asked.input
        assert isinstance(wanted, Launch)
        reach = [asked.tenant, OPERATOR.tenant]
        try:
            limits = limits_of({name: _whole(value) for name, value in wanted.limits.items()}, yard.settings)
            program = await programs.find(read_reference(wanted.program), tenants=reach)
            await programs.resolve(program, tenants=reach)
        except (ProgramError, BadLimits) as error:
            raise Unservable(str(error)) from None
        user = await yard.identity.users.get(asked.owner)
        return instances.instance_of(
            program, owner=asked.owner, tenant=asked.tenant, user=user.name, arguments=wanted.arguments, limits=limits
        )

    title = "Run a WebAssembly program"
    return [Offer(operation="program:run", title=title, input=Launch, output=Ran, request=request, result=_result)]


def _whole(value: float) -> float:
    """Numbers without a fraction as integers, which most limits are."""
    return int(value) if value.is_integer() else value


def _result(job: Job) -> Mapping[str, object]:
    found = job.result or {}
    return {name: found.get(name) for name in ("code", "value", "fuel", "memory")}
