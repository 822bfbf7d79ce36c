"""Sessions as listings have them: encoded, and those that have ended remembered, since nothing about them changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from runyard.jobs import Job
from runyard.services.sessions.standing import session
from runyard.services.sessions.tidings import Ledger
from runyard.yard import Yard

REMEMBERED: Final = 4_000
LARGEST: Final = 16 * 1024
"""Bytes of one that is remembered: 64 MiB of all together."""


class Records:
    """Encodes sessions.

    Args:
        agents: kinds of agents by the names of their entries.
    """

    def __init__(self, yard: Yard, ledger: Ledger, agents: Mapping[str, str]) -> None:
        self._yard = yard
        self._ledger = ledger
        self._agents = agents
        self._ended: OrderedDict[UUID, bytes] = OrderedDict()

    async def of(self, jobs: Sequence[UUID]) -> list[bytes]:
        """Those of these sessions' jobs, in their order, without those that were deleted meanwhile."""
        found = {job: known for job in jobs if (known := self._ended.get(job)) is not None}
        if new := [job for job in jobs if job not in found]:
            found |= await self._encoded(await self._yard.jobs.get_many(new))
        return [found[job] for job in jobs if job in found]

    async def _encoded(self, jobs: Sequence[Job]) -> Mapping[UUID, bytes]:
        tidings = await self._ledger.of_each(jobs)
        found = {}
        for job in jobs:
            record = found[job.id] = msgspec.json.encode(session(job, tidings[job.id], agents=self._agents))
            if job.state.ended and len(record) <= LARGEST:
                self._ended[job.id] = record
                if len(self._ended) > REMEMBERED:
                    self._ended.popitem(last=False)
        return found
