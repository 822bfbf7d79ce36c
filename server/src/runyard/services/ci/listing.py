"""What a listing is asked for: which statuses, how far back, how many, from where on."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from runyard.jobs import Job
from runyard.services.ci.edge import invalid
from runyard.services.ci.words import Status

LARGEST_PAGE: Final = 500
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a caller's jobs, newest first. Without a limit, all of them."""

    statuses: tuple[Status, ...]
    since: datetime | None
    limit: int | None
    before: tuple[datetime, UUID] | None

    @classmethod
    def parse(
        cls, *, status: Sequence[str], since: str | None, limit: int | None, cursor: str | None, now: datetime
    ) -> Listing:
        """Read the query.

        Raises:
            Refused: a value can't be used.
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
            before=None if cursor is None else _place(cursor),
        )

    def link_after(self, last: Job) -> str:
        """The ``Link`` header that leads to the page after ``last``."""
        query = [("status", str(status)) for status in self.statuses]
        if self.since is not None:
            query.append(("since", self.since.isoformat()))
        query += [("limit", str(self.limit)), ("cursor", _cursor(last))]
        return f'</jobs?{urlencode(query)}>; rel="next"'


def _cursor(job: Job) -> str:
    return base64.urlsafe_b64encode(f"{job.created_at.isoformat()}/{job.id}".encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, _, job = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("/")
        created = datetime.fromisoformat(moment)
        return (created if created.tzinfo else created.replace(tzinfo=UTC)), UUID(job)
    except (ValueError, binascii.Error):
        raise invalid(
            "value_error",
            ("query", "cursor"),
            "Not a cursor of this yard; take it from the Link header",
            cursor,
        ) from None


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
