"""Agents in the database: who they are, what they may do, and whether they are trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import asyncpg

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.machines import store as machines
from runyard.services.runs.machines.machine import status_of
from runyard.services.runs.models.agents import AgentV1, RegisterAgentRequest, UpdateAgentRequest
from runyard.services.runs.models.machines import AgentCapability, MachineStatus
from runyard.services.runs.policies.tools import risk
from runyard.services.runs.refused import conflict, invalid, not_found

COLUMNS: Final = """
    workspace, id, name, model_id, endpoint, capabilities, machine_id, tools, tier, quarantine, created_at, heard_at,
    heard_ok, heard
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent.

    Attributes:
        tools: all it may use; None for all that its tier lets it.
        tier: the strictest that its actions may take.
        quarantine: why it isn't trusted; None while it is.
    """

    workspace: str
    id: str
    name: str
    model_id: str | None
    endpoint: str
    capabilities: tuple[AgentCapability, ...]
    machine_id: str | None
    tools: tuple[str, ...] | None
    tier: Tier
    quarantine: str | None
    created_at: datetime
    heard_at: datetime | None
    heard_ok: bool
    heard: Mapping[str, object]

    def status(self, now: datetime) -> MachineStatus:
        """How it is, by what was heard of it."""
        return status_of(self.heard_at, ok=self.heard_ok, now=now)

    def shown(self, now: datetime) -> AgentV1:
        """The agent as the protocol shows it."""
        message = self.heard.get("statusMessage")
        return AgentV1(
            agent_id=self.id,
            workspace_id=self.workspace,
            name=self.name,
            model_id=self.model_id,
            endpoint=self.endpoint,
            allowed_capabilities=self.capabilities,
            id=self.id,
            machine_id=self.machine_id,
            allowed_tools=self.tools,
            policy_tier=self.tier,
            status=self.status(now),
            quarantine_reason=self.quarantine,
            last_heartbeat_at_iso=self.heard_at,
            status_message=message if isinstance(message, str) else None,
        )


async def find(where: Connection | Database, workspace: str, agent: str) -> Agent:
    """The agent of this id.

    Raises:
        Refused: there is none.
    """
    row = await where.fetchrow(
        f"SELECT {COLUMNS} FROM runs_agents WHERE workspace = $1 AND id = $2", workspace, storable(agent)
    )
    if row is None:
        raise not_found("Agent", agent)
    return _agent(row)


async def called(where: Connection | Database, workspace: str, name: str) -> Agent | None:
    """The agent of this name, if there is one."""
    row = await where.fetchrow(f"SELECT {COLUMNS} FROM runs_agents WHERE workspace = $1 AND name = $2", workspace, name)
    return None if row is None else _agent(row)


async def page(database: Database, workspace: str, *, after: tuple[datetime, str], rows: int) -> list[Agent]:
    """Up to ``rows`` agents, in the order of their registration."""
    found = await database.fetch(
        f"""
        SELECT {COLUMNS} FROM runs_agents WHERE workspace = $1 AND (created_at, id) > ($2, $3)
        ORDER BY created_at, id LIMIT $4
        """,
        workspace, *after, rows,
    )  # fmt: skip
    return list(map(_agent, found))


async def add(connection: Connection, workspace: str, asked: RegisterAgentRequest, *, at: datetime) -> Agent:
    """Register an agent.

    Raises:
        Refused: its machine isn't registered or may not do what the agent is to do; a tool takes a stricter tier than
            the agent's; the name is taken.
    """
    capabilities = tuple(dict.fromkeys(asked.allowed_capabilities))
    await _check_machine(connection, workspace, asked.machine_id, capabilities)
    _check_tools(asked.allowed_tools, asked.policy_tier)
    row = await connection.fetchrow(
        f"""
        INSERT INTO runs_agents
            (workspace, id, name, model_id, endpoint, capabilities, machine_id, tools, tier, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (workspace, name) DO NOTHING RETURNING {COLUMNS}
        """,
        workspace, f"agent-{uuid4()}", asked.name, asked.model_id, asked.endpoint, list(map(str, capabilities)),
        asked.machine_id, asked.allowed_tools, asked.policy_tier, at,
    )  # fmt: skip
    if row is None:
        raise conflict(f"An agent called {asked.name!r} is registered already.")
    return _agent(row)


async def change(connection: Connection, agent: Agent, asked: UpdateAgentRequest) -> Agent:
    """Change what is named. Saying what it may do ends a quarantine.

    Raises:
        Refused: as for :func:`add`.
    """
    said = asked.allowed_capabilities
    capabilities = agent.capabilities if said is None else tuple(dict.fromkeys(said))
    tools, tier = asked.allowed_tools or agent.tools, asked.policy_tier or agent.tier
    await _check_machine(connection, agent.workspace, agent.machine_id, capabilities)
    _check_tools(tools, tier)
    reviewed = {"allowed_capabilities", "allowed_tools"} & asked.model_fields_set
    try:
        row = await connection.fetchrow(
            f"""
            UPDATE runs_agents SET name = coalesce($3, name), model_id = coalesce($4, model_id),
                endpoint = coalesce($5, endpoint), capabilities = $6, tools = $7, tier = $8, quarantine = $9
            WHERE workspace = $1 AND id = $2 RETURNING {COLUMNS}
            """,
            agent.workspace, agent.id, asked.name, asked.model_id, asked.endpoint, list(map(str, capabilities)), tools,
            tier, None if reviewed else agent.quarantine,
        )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise conflict(f"An agent called {asked.name!r} is registered already.") from None
    assert row is not None
    return _agent(row)


async def suspect(connection: Connection, agent: Agent, reason: str) -> None:
    """Put an agent into quarantine."""
    await connection.execute(
        "UPDATE runs_agents SET quarantine = $3 WHERE workspace = $1 AND id = $2", agent.workspace, agent.id, reason
    )


async def hear(database: Database, agent: Agent, *, at: datetime, ok: bool, said: Mapping[str, object]) -> None:
    """Note a sign of life."""
    await database.execute(
        """
        UPDATE runs_agents SET heard_at = greatest(heard_at, $3), heard_ok = $4, heard = $5
        WHERE workspace = $1 AND id = $2
        """,
        agent.workspace, agent.id, at, ok, said,
    )  # fmt: skip


def drift(agent: Agent, asked: RegisterAgentRequest) -> str | None:
    """How a second registration of an agent differs from what it was trusted with; None if it doesn't."""
    sets = (
        ("capabilities", set(agent.capabilities), set(asked.allowed_capabilities)),
        ("tools", set(agent.tools or ()), set(asked.allowed_tools or ())),
    )
    changed = [f"{name} {', '.join(sorted(old ^ new))}" for name, old, new in sets if old != new]
    return f"It was registered again with other {' and '.join(changed)}."[:1000] if changed else None


async def _check_machine(
    connection: Connection, workspace: str, machine_id: str | None, capabilities: tuple[AgentCapability, ...]
) -> None:
    if machine_id is None:
        return
    machine = await machines.find(connection, workspace, machine_id)
    missing = sorted(set(capabilities) - set(machine.capabilities or ()))
    if missing:
        raise invalid("allowedCapabilities", f"machine {machine_id!r} does not have {', '.join(missing)}")


def _check_tools(tools: tuple[str, ...] | None, tier: Tier) -> None:
    for tool in tools or ():
        if risk(tool).tier.rank > tier.rank:
            raise invalid("allowedTools", f"{tool!r} takes the tier {risk(tool).tier}; the agent's is {tier}")


def _agent(row: Mapping[str, object]) -> Agent:
    known = dict(row)
    capabilities, tools = known["capabilities"], known["tools"]
    known["capabilities"] = tuple(map(AgentCapability, capabilities))  # type: ignore[call-overload]
    known["tools"] = None if tools is None else tuple(tools)  # type: ignore[arg-type]
    return Agent(**(known | {"tier": Tier(str(known["tier"])), "heard": known["heard"] or {}}))  # type: ignore[arg-type]
