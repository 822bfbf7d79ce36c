"""What was looked up about users, remembered until they change: a change is told by NOTIFY to every process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Signals

CHANNEL: Final = "runyard_identity"
"""Carries the ids of users that changed, or whose keys did. Triggers of migrations 0002 and 0006 send them."""

MOST: Final = 10_000
"""Handles remembered; the oldest go first."""

STALE: Final = timedelta(seconds=15)
"""Longest that something is remembered: the connection that changes are heard on may be cut off in silence."""


class OfUser(Protocol):
    """Something that changes with a user."""

    @property
    def user_id(self) -> UUID:
        """Whose it is."""
        ...


Handle = TypeVar("Handle")
Found = TypeVar("Found", bound=OfUser)


@dataclass(frozen=True, slots=True)
class _Known(Generic[Found]):
    found: Found
    until: datetime


@dataclass(slots=True, eq=False)
class _Look:
    """Who has changed while the database was asked: what it says of them may be what was before."""

    changed: set[UUID] = field(default_factory=set)
    everybody: bool = False

    def outdated(self, user_id: UUID) -> bool:
        return self.everybody or user_id in self.changed


class Remembered(ABC, Generic[Handle, Found]):
    """Finds what belongs to a handle, such as a user's number or a key's digest.

    It remembers nothing before :meth:`listen`, nor while changes can't be heard, so that what it says is always true.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._signals: Signals | None = None
        self._known: dict[Handle, _Known[Found]] = {}
        self._handles: dict[UUID, set[Handle]] = {}
        self._looks: set[_Look] = set()

    async def listen(self, signals: Signals) -> None:
        """Remember from now on, and forget what ``signals`` tells of."""
        await signals.listen(CHANNEL, lambda payload: self.forget(UUID(payload)))
        signals.on_gap(self._forget_all)
        self._signals = signals

    async def find(self, handle: Handle) -> Found:
        """What belongs to the handle; raises what :meth:`_look` does."""
        known = self._known.get(handle)
        if known is not None and self._hearing and self._clock() < known.until:
            return known.found
        look = _Look()
        self._looks.add(look)
        try:
            found = await self._look(handle)
        finally:
            self._looks.discard(look)
        if self._hearing and not look.outdated(found.user_id):
            self._remember(handle, found)
        return found

    def forget(self, user_id: UUID) -> None:
        """The user changed: look them up again."""
        for look in self._looks:
            look.changed.add(user_id)
        for handle in self._handles.pop(user_id, ()):
            del self._known[handle]

    @abstractmethod
    async def _look(self, handle: Handle) -> Found:
        """Ask the database."""

    @property
    def _hearing(self) -> bool:
        return self._signals is not None and self._signals.hearing

    def _forget_all(self) -> None:
        for look in self._looks:
            look.everybody = True
        self._known.clear()
        self._handles.clear()

    def _remember(self, handle: Handle, found: Found) -> None:
        self._drop(handle)
        self._known[handle] = _Known(found, self._clock() + STALE)
        self._handles.setdefault(found.user_id, set()).add(handle)
        if len(self._known) > MOST:
            self._drop(next(iter(self._known)))

    def _drop(self, handle: Handle) -> None:
        known = self._known.pop(handle, None)
        if known is None:
            return
        others = self._handles[known.found.user_id]
        others.discard(handle)
        if not others:
            del self._handles[known.found.user_id]
