"""Sessions of a project: one by its id, or those that a query asks for, the newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from runyard.jobs import Job
from runyard.jobs.model import JOB_COLUMNS, job_from_row
from runyard.services.sessions.edge import NoSession, Visit, bad_request
from runyard.services.sessions.room import Room
from runyard.services.sessions.words import KIND
from runyard.web.cursors import Place, read_cursor, write_cursor

LARGEST_PAGE: Final = 500
AT_ONCE: Final = 100
"""Sessions held in memory while all of them are sent."""

_CONDITIONS: Final = {
    "pending": "state = 'queued' AND started_at IS NULL",
    "running": "state IN ('running', 'waiting') OR state = 'queued' AND started_at IS NOT NULL",
    "completed": "state = 'succeeded'",
    "failed": "state IN ('failed', 'cancelled')",
}
"""What each of the protocol's words means for a job; the same as :func:`~.standing.status_of`."""


async def find(visit: Visit, name: str) -> Job:
    """The session with this id.

    Raises:
        NoSession: there is none in the project.
    """
    row = await visit.room.yard.database.fetchrow(
        f"SELECT {JOB_COLUMNS} FROM jobs WHERE kind = '{KIND}' AND params->>'session' = $1 AND tenant = $2",
        name, visit.tenant,
    )  # fmt: skip
    if row is None:
        raise NoSession(name)
    return job_from_row(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a listing is asked for. Without a limit, all of them."""

    tenant: str
    statuses: Sequence[str]
    labels: Mapping[str, str]
    search: str | None
    limit: int | None
    before: Place | None

    @classmethod
    def parse(
        cls,
        tenant: str,
        *,
        status: Sequence[str],
        label: Sequence[str],
        search: str | None,
        limit: int | None,
        cursor: str | None,
    ) -> Listing:
        """Read the query.

        Raises:
            SessionRefused, BadCursor: a value can't be used.
        """
        statuses = [word for given in status for word in given.split(",") if word]
        if unknown := [word for word in statuses if word not in _CONDITIONS]:
            raise bad_request(f"status is {unknown[0]!r:.100}: it is one of {', '.join(_CONDITIONS)}")
        for given in label:
            if not given.partition("=")[0] or "=" not in given:
                raise bad_request(f"label is {given!r:.100}: write it as name=value")
        return cls(
            tenant=tenant,
            statuses=statuses,
            labels={name: value for name, _, value in (given.partition("=") for given in label)},
            search=search or None,
            limit=limit,
            before=None if cursor is None else read_cursor(cursor),
        )

    async def page(self, room: Room) -> bytes:
        """The page, how many sessions there are on all pages, and where the next one begins."""
        assert self.limit is not None
        places, total = await self._places(room, self.before, self.limit + 1, counted=True)
        records = await room.records.of([job for _, job in places[: self.limit]])
        further = b""
        if len(places) > self.limit:
            further = b',"nextCursor":"%b"' % write_cursor(*places[self.limit - 1]).encode()
        return b'{"items":[%b],"total":%d%b}' % (b",".join(records), total, further)

    async def everything(self, room: Room) -> AsyncIterator[bytes]:
        """The body of the answer that has all of them, in pieces."""
        before, total = self.before, 0
        yield b'{"items":['
        while places := (await self._places(room, before, AT_ONCE))[0]:
            records = await room.records.of([job for _, job in places])
            yield b"," * bool(total and records) + b",".join(records)
            total += len(records)
            before = places[-1]
        yield b'],"total":%d}' % total

    async def _places(
        self, room: Room, before: Place | None, limit: int, *, counted: bool = False
    ) -> tuple[list[Place], int]:
        """Where the next sessions are, and how many there are in all if they are to be counted."""
        conditions, values = self._conditions()
        count = f"SELECT count(*) FROM jobs WHERE {' AND '.join(conditions)}" if counted else "SELECT 0"
        if before is not None:
            values += before
            conditions.append(f"(created_at, id) < (${len(values) - 1}, ${len(values)})")
        values.append(limit)
        rows = await room.yard.database.fetch(
            f"WITH places AS (SELECT created_at, id FROM jobs WHERE {' AND '.join(conditions)}"
            f" ORDER BY created_at DESC, id DESC LIMIT ${len(values)})"
            f" SELECT created_at, id, total FROM ({count}) AS counted(total) LEFT JOIN places ON true"
            " ORDER BY created_at DESC, id DESC",
            *values,
        )
        return [(row["created_at"], row["id"]) for row in rows if row["id"] is not None], rows[0]["total"]

    def _conditions(self) -> tuple[list[str], list[object]]:
        conditions, values = [f"kind = '{KIND}'", "tenant = $1"], cast("list[object]", [self.tenant])
        if self.statuses:
            conditions.append(f"({' OR '.join(_CONDITIONS[word] for word in self.statuses)})")
        if self.labels:
            values.append({"labels": self.labels})
            conditions.append(f"params @> ${len(values)}")
        if self.search is not None:
            values.append(f"%{_literal(self.search)}%")
            found = (f"params->>'{place}' ILIKE ${len(values)}" for place in ("session", "task", "display_name"))
            conditions.append(f"({' OR '.join(found)})")
        return conditions, values


def _literal(text: str) -> str:
    """Text for a pattern in which nothing stands for anything else."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("\0", "")
