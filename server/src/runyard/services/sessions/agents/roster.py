"""The agents of a worker, by the names of their entries in the table of models."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from runyard.services.sessions.agents.agent import Agent, AgentFailed
from runyard.services.sessions.agents.command import CommandAgent
from runyard.services.sessions.agents.embedded import EmbeddedAgent
from runyard.services.sessions.agents.models import BadTable, CommandEntry, EmbeddedEntry, ProviderEntry, read_models
from runyard.services.sessions.words import Reason
from runyard.settings import Settings
from runyard.text import TextProvider

log = structlog.get_logger(__name__)


class Roster:
    """Made by :meth:`open`."""

    def __init__(self, agents: Mapping[str, Agent], unfit: Mapping[str, str]) -> None:
        self._agents = agents
        self._unfit = unfit

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, text: TextProvider) -> AsyncIterator[Roster]:
        """The agents of the settings' table, for as long as the context is open.

        An agent that this worker can't have, for want of a key, doesn't keep it from having the others.

        Raises:
            BadTable: the table can't be read.
        """
        table = await asyncio.to_thread(read_models, settings)
        agents: dict[str, Agent] = {}
        unfit: dict[str, str] = {}
        async with AsyncExitStack() as stack:
            for name, entry in table.entries.items():
                try:
                    match entry:
                        case ProviderEntry():
                            agents[name] = await stack.enter_async_context(_provider_agent(name, entry))
                        case CommandEntry():
                            agents[name] = CommandAgent(entry)
                        case EmbeddedEntry():
                            agents[name] = EmbeddedAgent(text)
                except BadTable as error:
                    log.warning("agent_unfit", model=name, error=str(error))
                    unfit[name] = str(error)
            yield cls(agents, unfit)

    def find(self, name: str) -> Agent:
        """The agent of an entry.

        Raises:
            AgentFailed: this worker hasn't got it.
        """
        if (agent := self._agents.get(name)) is not None:
            return agent
        if (why := self._unfit.get(name)) is not None:
            raise AgentFailed(Reason.PROVIDER_FAILED, why)
        raise AgentFailed(Reason.AGENT_FAILED, f"The worker's table of models has no entry {name!r}.")


@asynccontextmanager
async def _provider_agent(name: str, entry: ProviderEntry) -> AsyncIterator[Agent]:
    await asyncio.to_thread(importlib.import_module, "runyard.services.sessions.agents.provider")  # it takes seconds
    # Whoever has no such entry does without the libraries behind it.
    from runyard.services.sessions.agents.connection import connect  # noqa: PLC0415
    from runyard.services.sessions.agents.provider import ProviderAgent  # noqa: PLC0415

    async with connect(name, entry) as connection:
        yield ProviderAgent(connection, entry)
