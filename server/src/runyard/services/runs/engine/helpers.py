"""Who else does the work of a run: persons and machines, as the engine knows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from runyard.database import Connection, Database
from runyard.services.runs.engine.model import Outcome, Run
from runyard.services.runs.engine.spec import Action
from runyard.services.runs.ledger import Book


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Work for somebody else.

    Attributes:
        served_by: the adapter, as :meth:`Helpers.adapters` named it; None without one.
        due_at: when it has to be done.
    """

    run: Run
    action: Action
    attempt: int
    input: Mapping[str, object]
    plan: str
    served_by: str | None
    due_at: datetime


class Helpers(Protocol):
    """Persons or machines."""

    async def open(self, connection: Connection, book: Book, errand: Errand) -> str:
        """Ask for work to be done; the id of the task or invocation. The run is woken when it has ended.

        Raises:
            Unservable: nobody can do it.
        """
        ...

    async def outcomes(self, run: Run, ids: Sequence[str]) -> Mapping[str, Outcome]:
        """What became of those that have ended."""
        ...

    async def withdraw(self, connection: Connection, book: Book, run: Run, ids: Collection[str]) -> None:
        """It needn't be done any more."""
        ...


class Machines(Helpers, Protocol):
    """Helpers who may fall silent."""

    async def ends_by(self, run: Run, ids: Sequence[str]) -> datetime | None:
        """When the first of them ends if nothing more is heard of it."""
        ...


class Adapters(Protocol):
    """Which adapter serves what."""

    async def serving(
        self, where: Database | Connection, workspace: str, actions: Sequence[Action]
    ) -> Mapping[str, str]:
        """The adapter of each action (by id) that exactly one enabled adapter serves: its provider and id."""
        ...


class Policies(Protocol):
    """What the policies of a workflow ask for."""

    async def approvers(self, where: Database | Connection, workspace: str, policy_ids: Sequence[str]) -> int:
        """How many different people have to approve whatever needs approval; 1 without a policy that says more."""
        ...
