"""What was asked for: the params of a session's job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository to work on. ``name`` is its folder in the workspace; no two of a session share one.

    Attributes:
        branch: None for the repository's own choice.
        path: the folder in it that the task is about; the whole by default.
        credential: name of what the operator keeps for it; None for a public one.
    """

    name: str
    url: str
    branch: str | None = None
    path: str | None = None
    credential: str | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a session may use up.

    Attributes:
        seconds: from its first start to its end, without the time it waits for people.
        turns: requests to the model.
        tokens: of all requests and answers together.
    """

    seconds: float
    turns: int
    tokens: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it was asked for.

    Attributes:
        session: its id in the protocol.
        model: what the user asked for; None for the yard's default.
        agent: name of the entry in the table of models that does it, see :mod:`~runyard.services.sessions.agents`.
        notes: what the user should know from the beginning.
        approve: tools that wait for a person.
        user: name of who asked.
    """

    session: str
    task: str
    agent: str
    model: str | None = None
    notes: Sequence[str] = ()
    repositories: Sequence[Repository] = ()
    budget: Budget
    interactive: bool = False
    approve: Sequence[str] = ()
    display_name: str | None = None
    labels: Mapping[str, str] = {}
    user: str = ""
