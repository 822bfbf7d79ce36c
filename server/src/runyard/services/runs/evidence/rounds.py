"""The notary's rounds: in a process that serves, what was written is signed within some minutes, asked for or not."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from runyard.database import DatabaseUnavailable, Signals
from runyard.services.runs.evidence.store import EvidenceStore

PERIOD: Final = 600.0
"""Seconds from an entry to a checkpoint that covers it, at most."""

log = structlog.get_logger(__name__)


class Rounds:
    """Sleeps until something is written, waits for more of it, then signs once.

    Args:
        channel: where writing is announced.
    """

    def __init__(self, store: EvidenceStore, signals: Signals, *, channel: str, period: float = PERIOD) -> None:
        self._store = store
        self._signals = signals
        self._channel = channel
        self._period = period
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin. The first round is for what was written while nobody served."""
        await self._signals.listen(self._channel, self._heard)
        self._signals.on_gap(self._news.set)
        self._news.set()
        self._task = asyncio.create_task(self._walk(), name="evidence checkpoints")

    async def stop(self) -> None:
        """End."""
        self._signals.unlisten(self._channel, self._heard)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _heard(self, _: str) -> None:
        self._news.set()

    async def _walk(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(self._period)
            self._news.clear()
            try:
                for workspace in await self._store.unsigned():
                    await self._sign(workspace)
            except DatabaseUnavailable as error:
                log.warning("checkpoints_later", error=str(error))
                self._news.set()

    async def _sign(self, workspace: str) -> None:
        """One whose tree is damaged is no reason to leave the others without."""
        try:
            await self._store.checkpoint(workspace)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("checkpoint_failed", workspace=workspace)
