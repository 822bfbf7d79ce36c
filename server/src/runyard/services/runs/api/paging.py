"""Pages of lists: by key, so that they are stable while rows come, and as fast at the end as at the beginning.

A cursor says after which row the next page begins. It is signed together with the query it belongs to.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from fastapi import Request

from runyard.services.runs.refused import invalid
from runyard.services.runs.room import Room

MOST: Final = 200
DEFAULT: Final = 50
LONGEST: Final = 1000
"""Characters of a cursor."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SEAL: Final = 12
"""Bytes of a cursor's signature. Who forges one only sees the page that they could have asked for."""

_OWN: Final = frozenset({"limit", "cursor"})
"""Parameters that don't say which list it is."""

T = TypeVar("T")


class Place(NamedTuple):
    """A row's in a list: lists are in the order of their rows' making, those of one moment in that of their ids."""

    at: datetime
    id: str

    @property
    def uuid(self) -> UUID:
        """The id, where ids are UUIDs."""
        return UUID(self.id) if self.id else UUID(int=0)


BEGINNING: Final = Place(datetime(1, 1, 1, tzinfo=UTC), "")
"""Before every row. So a page is always ``WHERE (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which rows of a list are wanted.

    Attributes:
        limit: how many at most.
        after: the row before the first of them.
    """

    limit: int
    after: Place
    query: bytes
    secret: bytes

    @property
    def rows(self) -> int:
        """How many to read: one more than wanted tells whether there is a further page."""
        return self.limit + 1

    def cut(self, found: Sequence[T], place: Callable[[T], Place]) -> tuple[list[T], str | None]:
        """The page and the cursor of the next one, from up to :attr:`rows` rows."""
        page = list(found[: self.limit])
        return page, self.cursor(place(page[-1])) if len(found) > self.limit else None

    def cursor(self, last: Place) -> str:
        """A cursor for what comes after ``last``."""
        body = struct.pack(">q", (last.at - _EPOCH) // _MICROSECOND) + last.id.encode()
        return base64.urlsafe_b64encode(self._seal(body) + body).decode().rstrip("=")

    def _seal(self, body: bytes) -> bytes:
        return hmac.digest(self.secret, b"cursor\0" + self.query + b"\0" + body, "sha256")[:_SEAL]

    def opened(self, cursor: str) -> Place:
        """The place that a cursor of this query speaks of.

        Raises:
            Refused: it is not one.
        """
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        seal, body = sealed[:_SEAL], sealed[_SEAL:]
        if not hmac.compare_digest(seal, self._seal(body)):
            raise invalid("cursor", "not a cursor of this list with these filters; begin again without one")
        (microseconds,) = struct.unpack(">q", body[:8])
        return Place(_EPOCH + microseconds * _MICROSECOND, body[8:].decode())


def page_of(request: Request, room: Room, *, limit: int, cursor: str | None) -> Page:
    """Which page a request wants.

    Raises:
        Refused: the cursor is not one of this query.
    """
    query = "&".join(
        sorted(f"{name}={value}" for name, value in request.query_params.multi_items() if name not in _OWN)
    )
    asked = f"{request.url.path}?{query}".encode()
    page = Page(limit=limit, after=BEGINNING, query=asked, secret=room.secret)
    if cursor is None:
        return page
    return Page(limit=limit, after=page.opened(cursor), query=asked, secret=room.secret)
