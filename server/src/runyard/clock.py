"""The present, in UTC: the only place that asks the machine. Everything else is given a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def utc_now() -> datetime:
    """The present, by this machine's clock."""
    return datetime.now(UTC)
