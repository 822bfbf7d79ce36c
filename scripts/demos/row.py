"""One line of the demo: a job, how it stands, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Row:
    """``run`` submits the job and keeps the rest up to date until its end. ``good`` is the state it should end in."""

    service: str
    name: str
    good: str
    run: Callable[[Row], None] = field(repr=False)
    job: str = ""
    state: str = "packing"
    note: str = ""
    result: str = ""
    link: str = ""
    started: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it has taken, as its user sees it, from the first byte to the result."""
        return (self.ended or time.monotonic()) - self.started if self.started else 0.0

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it should have."""
        return self.state == self.good
