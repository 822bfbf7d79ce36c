"""How each input of a run ended, and the report of them all: tables for people, JSON for programs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cl_client import JobResponse
from cl_client._wire.program import FAILED, OK
from cl_client._wire.terminal import note, printable, say, say_json, show_facts, show_table

from .failures import Failure
from .inputs import Source
from .summaries import Fact, facts_of, line_of
from .terminal import show_duration, status_style

_SHOWN_FILES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one input ended.

    Attributes:
        job_id: its job; None if it never came to one.
        record: the last one seen of its job; None if it was only submitted.
        saved: files that were written for it.
        failure: why it is not well, or None.
    """

    source: Source
    job_id: str | None = None
    record: JobResponse | None = None
    saved: tuple[Path, ...] = ()
    failure: Failure | None = None

    @property
    def code(self) -> int:
        """The exit code it asks for."""
        return self.failure.code if self.failure else OK

    def document(self) -> dict[str, object]:
        """The outcome for programs: the record, with the file it is about."""
        record = self.record.model_dump(mode="json") if self.record else {"job_id": self.job_id}
        document: dict[str, object] = {"file": self.source.label, **record}
        if self.saved:
            document["saved"] = [str(path) for path in self.saved]
        if self.failure and not (self.record and self.record.failed):
            document["error"] = {"exit_code": self.failure.code, "message": self.failure.message}
        return document


class Report:
    """Tells outcomes as they come, or all together at the end."""

    def __init__(self, sources: Sequence[Source], *, as_json: bool, detached: bool) -> None:
        self._places = {source: place for place, source in enumerate(sources)}
        self._several = len(sources) > 1
        self._as_json = as_json
        self._detached = detached
        self._outcomes: list[Outcome] = []
        self._started = time.monotonic()

    @property
    def outcomes(self) -> list[Outcome]:
        """What has ended so far, in the order of the sources."""
        return sorted(self._outcomes, key=lambda outcome: self._places[outcome.source])

    def take(self, outcome: Outcome) -> None:
        """One more has ended."""
        self._outcomes.append(outcome)
        if self._as_json:
            say_json(outcome.document(), line=self._several)
        elif self._detached and outcome.job_id:
            say(f"{outcome.job_id}  {printable(outcome.source.label)}" if self._several else outcome.job_id)

    def close(self) -> int:
        """Tell what has not been told yet; the exit code of all together."""
        code = max((outcome.code for outcome in self._outcomes), default=OK)
        if not self._outcomes:
            return code
        if self._as_json or self._detached:
            self._tell_failures()
        elif self._several:
            self._tell_many()
        else:
            self._tell_one(self._outcomes[0])
        return code

    def _tell_one(self, outcome: Outcome) -> None:
        if outcome.record is not None:
            show_facts([*record_facts(outcome.record), *_saved(outcome)], style=status_style)
        if outcome.record is None or not outcome.record.failed:
            self._tell_failures()

    def _tell_many(self) -> None:
        ordered = self.outcomes
        show_table(
            ["File", "Status", "Job ID", "Result"],
            [_row(outcome) for outcome in ordered],
            fold="Result",
            style=status_style,
        )
        failed = sum(outcome.failure is not None for outcome in ordered)
        well = f"{len(ordered) - failed} completed" + (f", {failed} failed" if failed else "")
        note(f"\n{well} in {show_duration(time.monotonic() - self._started)}")

    def _tell_failures(self) -> None:
        for outcome in self.outcomes:
            if outcome.failure:
                where = f"{printable(outcome.source.label)}: " if self._several else ""
                note(f"Error: {where}{outcome.failure.message}")


def record_facts(record: JobResponse) -> list[Fact]:
    """A job's record, for people: what it is, how it stands, what it found out or why it failed."""
    facts = [
        ("Job ID", record.job_id),
        ("Task Type", record.task_type),
        ("Status", status_of(record)),
        ("Progress", f"{record.progress} %"),
    ]
    if record.failed:
        return [*facts, ("Error", record.error_message or "no reason given")]
    if record.task_output is not None:
        return [*facts, *facts_of(record.task_type, record.task_output)]
    return [*facts, ("Waiting", record.waiting_for)] if record.waiting_for else facts


def status_of(record: JobResponse) -> str:
    """The status, with the reason where that says more."""
    return f"{record.status} ({record.reason})" if record.reason else record.status


def failure_of_job(record: JobResponse) -> Failure | None:
    """The failure of a job that ended badly."""
    return Failure(FAILED, record.error_message or "the job failed") if record.failed else None


def _saved(outcome: Outcome) -> list[Fact]:
    """What was written: each file, or the folder of many."""
    paths = outcome.saved
    if len(paths) > _SHOWN_FILES:
        return [("Saved", f"{os.path.commonpath(paths)} ({len(paths)} files)")]
    return [("Saved", str(path)) for path in paths]


def _row(outcome: Outcome) -> list[str]:
    record = outcome.record
    if outcome.failure is not None:
        result = outcome.failure.message
    elif outcome.saved:
        result = ", ".join(place for _, place in _saved(outcome))
    else:
        result = line_of(record.task_type, record.task_output or {}) if record else ""
    status = record.status if record and (record.ended or outcome.failure is None) else "failed"
    return [outcome.source.label, status, outcome.job_id or "-", result]
