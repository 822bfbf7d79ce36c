"""What the face of this service stands on in an API process: the yard, its table of models, and everybody's pace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from runyard.sandbox.hosts import Hosts
from runyard.services.sessions.agents.models import ModelTable, read_models
from runyard.services.sessions.records import Records
from runyard.services.sessions.tidings import Ledger
from runyard.web.pace import Pace
from runyard.yard import Yard


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What everybody who is served here shares.

    Attributes:
        models: says which agent does what a session asks for.
        agents: what kind of agent each entry of that table is.
        hosts: those of the internal network that repositories may come from.
        ledger: knows what became of sessions.
        records: sessions for listings.
        pace: keeps callers from asking too fast.
    """

    yard: Yard
    models: ModelTable
    agents: Mapping[str, str]
    hosts: Hosts
    ledger: Ledger
    records: Records
    pace: Pace


async def open_room(yard: Yard) -> Room:
    """The service's part of an API process.

    Raises:
        ValueError: the table of models or the list of hosts can't be used; the text says why.
    """
    settings = yard.settings
    models = await asyncio.to_thread(read_models, settings)
    agents = {each.name: each.agent for each in models}
    ledger = Ledger(yard)
    return Room(
        yard=yard,
        models=models,
        agents=agents,
        hosts=Hosts.parse(settings.session_hosts),
        ledger=ledger,
        records=Records(yard, ledger, agents),
        pace=Pace(rate=settings.session_rate, burst=settings.session_burst),
    )
