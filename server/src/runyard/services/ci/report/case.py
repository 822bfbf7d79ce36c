"""One test's result, and the sum of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]

OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCase:
    """A test as docs/reference/ci-http.md describes it. `id` is pytest's node id, exactly."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    id: str
    outcome: Outcome
    duration: float
    """Seconds, set-up and tear-down included."""
    message: str | None = None
    """One line."""
    output: str | None = None
    """The traceback."""

    def __post_init__(self) -> None:
        """Make every text one that JSON, Postgres and terminals can take."""
        object.__setattr__(self, "id", presentable(self.id))
        object.__setattr__(self, "message", None if self.message is None else presentable(self.message))
        object.__setattr__(self, "output", None if self.output is None else presentable(self.output))


def presentable(text: str) -> str:
    """The text with a replacement character for NUL and for what is no character at all (lone surrogates)."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of a run. Expected failures count as skipped, as in JUnit; unexpected passes as passed."""

    passed: int
    failed: int
    errors: int
    skipped: int
    total: int
    duration: float
    """Seconds that the tests took, added up."""


def summarize(cases: Iterable[TestCase]) -> Summary:
    """Counts the cases."""
    count: Counter[Outcome] = Counter()
    duration = 0.0
    for case in cases:
        count[case.outcome] += 1
        duration += case.duration
    return Summary(
        passed=count["passed"] + count["xpassed"],
        failed=count["failed"],
        errors=count["error"],
        skipped=count["skipped"] + count["xfailed"],
        total=count.total(),
        duration=round(duration, 3),
    )


def one_line(text: str) -> str | None:
    """The first line that says something, cut to a length that fits anywhere."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) > LONGEST_MESSAGE:
        line = f"{line[: LONGEST_MESSAGE - 1]}…"
    return line or None
