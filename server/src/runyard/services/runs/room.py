"""What the face of this service stands on in an API process: the yard, its books, the pace and a secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from runyard.jobs import Offer
from runyard.services.runs.engine.engine import Engine
from runyard.services.runs.engine.open import make_engine
from runyard.services.runs.evidence.checkpoint import Notary
from runyard.services.runs.evidence.rounds import Rounds
from runyard.services.runs.evidence.store import EvidenceStore
from runyard.services.runs.ledger import CHANNEL, Ledger
from runyard.services.runs.tail import Streams
from runyard.web.pace import Pace
from runyard.yard import Yard


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What everybody who is served here shares.

    Attributes:
        ledger: opens the books of workspaces.
        evidence: reads what was written there, proves it and signs for it.
        streams: follow the events of workspaces.
        engine: advances runs, and does to them what people ask for.
        pace: keeps callers from asking too fast.
        secret: what cursors and the cookies of a sign-in are signed with.
    """

    yard: Yard
    ledger: Ledger
    evidence: EvidenceStore
    streams: Streams
    engine: Engine
    pace: Pace
    secret: bytes


@asynccontextmanager
async def open_room(yard: Yard, offers: Sequence[Offer] = ()) -> AsyncIterator[Room]:
    """The service's part of an API process.

    Args:
        offers: what the yard's other services can do for runs.

    Raises:
        SigningKeyUnusable: the key that signs for evidence, or the one of tokens, can't be read.
    """
    settings = yard.settings
    key = await yard.identity.tokens.key()
    notary = await asyncio.to_thread(Notary.of, settings.data_dir / "keys")
    evidence = EvidenceStore(yard.database, notary, clock=yard.clock)
    streams = Streams(yard.database, yard.signals, closing=yard.tails.closing)
    rounds = Rounds(evidence, yard.signals, channel=CHANNEL)
    ledger = Ledger(yard.clock)
    async with AsyncExitStack() as stack:
        for part in (streams, rounds):
            await part.start()
            stack.push_async_callback(part.stop)
        yield Room(
            yard=yard,
            ledger=ledger,
            evidence=evidence,
            streams=streams,
            engine=make_engine(yard, ledger, offers),
            pace=Pace(rate=settings.runs_rate, burst=settings.runs_burst),
            secret=key.derive("runs"),
        )
