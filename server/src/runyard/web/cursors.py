"""Where a page of jobs ends and the next begins, as a text for the caller to send back."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

Place: TypeAlias = tuple[datetime, UUID]
"""A job's in a listing, the newest first: when it was made, and its id."""


class BadCursor(ValueError):
    """The text is no cursor of ours."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"{cursor!r:.200} is no cursor of this yard.")
        self.cursor = cursor


def write_cursor(created: datetime, job: UUID) -> str:
    """The cursor that leads to what comes after this job."""
    return base64.urlsafe_b64encode(f"{created.isoformat()}/{job}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Place:
    """Where to go on.

    Raises:
        BadCursor: it says no place.
    """
    try:
        moment, _, job = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("/")
        created = datetime.fromisoformat(moment)
        return (created if created.tzinfo else created.replace(tzinfo=UTC)), UUID(job)
    except (ValueError, binascii.Error):
        raise BadCursor(cursor) from None
