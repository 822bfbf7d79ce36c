"""What is known of one job, and whether a fact about it is news. Pure: no clock, no network, no callbacks."""

from __future__ import annotations

from .models import ENDED, JobResponse

_PLACES = {"queued": 0, "in_progress": 1, "processing": 1}


class Track:
    """The states of one job, each told once and never backwards.

    Records of servers that number their changes are ordered by `seq`; those of servers that don't, by how far the job
    has come. A job that starts again after its worker was lost is told from where it gets further than before.

    Attributes:
        latest: the newest record, or None.
        ended: whether the job's end has been told.
    """

    __slots__ = ("_place", "ended", "job_id", "latest", "seq")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.latest: JobResponse | None = None
        self.seq: int | None = None
        self.ended = False
        self._place = (-1, -1)

    def observe(self, record: JobResponse) -> bool:
        """Take a record in; whether it is news."""
        if self.ended:
            return False
        numbered = record.seq is not None
        if record.seq is not None:
            if self.seq is not None and record.seq <= self.seq:
                return False
            self.seq = record.seq
        place = _place(record)
        news = place > self._place or (numbered and place == self._place)
        if news or numbered:
            self.latest = record
        if news:
            self._place = place
        self.ended = record.ended
        return news or self.ended


def _place(record: JobResponse) -> tuple[int, int]:
    if record.status in ENDED:
        return 2, 100
    return _PLACES.get(record.status, 1), record.progress
