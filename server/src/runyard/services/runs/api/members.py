"""Users that bodies of requests name."""

from __future__ import annotations

from uuid import UUID

from runyard.identity.checks import as_uuid
from runyard.services.runs.api.edge import Visit
from runyard.services.runs.refused import invalid


async def user_named(visit: Visit, field: str, said: str) -> UUID:
    """The user of this id, who takes part in the workspace.

    Raises:
        Refused: there is none; the problem is the field's.
    """
    user = as_uuid(said)
    member = None if user is None else await visit.room.yard.identity.members.member(visit.caller.workspace, user)
    if user is None or member is None:
        raise invalid(field, f"no user {said[:200]!r} takes part in this workspace")
    return user
