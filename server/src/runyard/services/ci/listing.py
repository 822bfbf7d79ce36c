"""What a listing is asked for: which statuses, how far back, how many, from where on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from runyard.jobs import Job
from runyard.services.ci.words import Status
from runyard.web.cursors import Place, read_cursor, write_cursor
from runyard.web.errors import invalid

LARGEST_PAGE: Final = 500
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a caller's jobs, newest first. Without a limit, all of them."""

    statuses: tuple[Status, ...]
    since: datetime | None
    limit: int | None
    before: Place | None

    @classmethod
    def parse(
        cls, *, status: Sequence[str], since: str | None, limit: int | None, cursor: str | None, now: datetime
    ) -> Listing:
        """Read the query.

        Raises:
            Refused, BadCursor: a value can't be used.
        """
        words = [word for given in status for word in given.split(",") if word]
        try:
            statuses = tuple(Status(word) for word in words)
        except ValueError:
            known = ", ".join(Status)
            wrong = next(word for word in words if word not in set(Status))
            raise invalid("enum", ("query", "status"), f"Statuses are {known}", wrong) from None
        return cls(
            statuses=statuses,
            since=None if since is None else _moment(since, now),
            limit=limit,
            before=None if cursor is None else read_cursor(cursor),
        )

    def link_after(self, last: Job) -> str:
        """The ``Link`` header that leads to the page after ``last``."""
        query = [("status", str(status)) for status in self.statuses]
        if self.since is not None:
            query.append(("since", self.since.isoformat()))
        query += [("limit", str(self.limit)), ("cursor", write_cursor(last.created_at, last.id))]
        return f'</jobs?{urlencode(query)}>; rel="next"'


def _moment(text: str, now: datetime) -> datetime:
    if (age := _AGE.fullmatch(text)) is not None:
        try:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = "Write an RFC 3339 time such as 2025-10-13T10:30:00Z, or an age such as 90s, 15m, 2h or 7d"
        raise invalid("value_error", ("query", "since"), message, text) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
