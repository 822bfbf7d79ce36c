"""A worker for sessions and nothing else, in a process of its own: ``python lonely_worker.py SETTINGS`` (JSON)."""

from __future__ import annotations

import asyncio
import json
import sys

from runyard.jobs import Worker
from runyard.sandbox import probe
from runyard.services.sessions.executor import open_sessions
from runyard.settings import Settings
from runyard.text.open import NoText
from runyard.yard import open_yard


async def main(settings: Settings) -> None:
    sandbox = probe("auto")
    async with (
        open_yard(settings, application="test") as yard,
        open_sessions(yard, sandbox, NoText()) as registrations,
    ):
        await Worker(
            registrations, settings=settings, store=yard.jobs, tails=yard.tails, artifacts=yard.artifacts,
            signals=yard.signals, sandbox=sandbox,
        ).run()  # fmt: skip


asyncio.run(main(Settings(**json.loads(sys.argv[1]))))
