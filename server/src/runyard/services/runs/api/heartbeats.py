"""Heartbeats of machines and agents: who may send them, and what they look like."""

from __future__ import annotations

from pydantic import ValidationError

from runyard.services.runs.api.edge import Visit
from runyard.services.runs.api.problems import validation
from runyard.services.runs.models.machines import HeartbeatRequest
from runyard.services.runs.refused import Refused, forbidden
from runyard.services.runs.words import Act


async def heard(visit: Visit) -> HeartbeatRequest:
    """The body. What is wrong with one is a bad request: the protocol's programs expect 400 here.

    Raises:
        Refused: it can't be used.
    """
    try:
        return await visit.body(HeartbeatRequest)
    except ValidationError as error:
        refused = validation(error)
        raise Refused("bad-request", refused.detail, errors=refused.errors) from None


def said(asked: HeartbeatRequest) -> dict[str, object]:
    """What is kept of one."""
    return asked.model_dump(by_alias=True, exclude_none=True)


def require_self(visit: Visit, machine_id: str | None) -> None:
    """Return if the caller is this machine, or may speak for machines.

    Raises:
        Refused: they may not.
    """
    if visit.caller.machine_id is None:
        visit.caller.require(Act.MACHINE_TEST)
    elif visit.caller.machine_id != machine_id:
        raise forbidden("A machine speaks for itself only.")
