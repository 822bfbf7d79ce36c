"""Agents over HTTP: registered, shown, heard of, trusted or not."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from runyard.database import Connection
from runyard.sandbox.hosts import Hosts
from runyard.services.runs import agents
from runyard.services.runs.agents import Agent
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.heartbeats import heard, require_self, said
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import check_workspace, tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.machines import store as machines
from runyard.services.runs.machines.machine import HEARTBEAT
from runyard.services.runs.models.agents import (
    AgentHeartbeat,
    AgentListResponse,
    AgentV1,
    AgentWorkItems,
    RegisterAgentRequest,
    UpdateAgentRequest,
)
from runyard.services.runs.models.machines import ConnectionTestResult, HeartbeatRequest
from runyard.services.runs.people import work_items
from runyard.services.runs.reach import reach
from runyard.services.runs.refused import Refused, conflict
from runyard.services.runs.words import Act

routes = router("Agents")
AgentId = Annotated[str, Path(alias="agentId", min_length=1)]


@routes.get("/agents", operation_id="listAgents", response_model=AgentListResponse)
async def list_agents(visit: Entered, page: Paged) -> Response:
    """The workspace's agents."""
    visit.caller.require(Act.READ)
    found = await agents.page(visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows)
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    now = visit.room.yard.clock()
    items = [one.shown(now) for one in kept]
    return await look(visit, AgentListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.post(
    "/agents", operation_id="registerAgent", status_code=201, response_model=AgentV1,
    openapi_extra=asks(RegisterAgentRequest),
)  # fmt: skip
async def register(visit: Entered) -> Response:
    """Register an agent. One that comes again and wants more than it was trusted with goes into quarantine."""
    visit.caller.require(Act.AGENT_WRITE)
    asked = await visit.body(RegisterAgentRequest)
    check_workspace(visit, asked.workspace_id)
    await _refuse_drift(visit, asked)

    async def work(connection: Connection, book: Book) -> AgentV1:
        agent = await agents.add(connection, visit.caller.workspace, asked, at=book.now)
        _tell(visit, book, agent, "AgentRegistered", f"Agent {agent.id} registered.")
        return agent.shown(book.now)

    return await command(visit, "CreateAgent", asked, work, status=201, location=lambda made: f"agents/{made.agent_id}")


async def _refuse_drift(visit: Visit, asked: RegisterAgentRequest) -> None:
    known = await agents.called(visit.room.yard.database, visit.caller.workspace, asked.name)
    reason = None if known is None else agents.drift(known, asked)
    if known is None or reason is None:
        return
    suspected = known

    async def work(connection: Connection) -> None:
        book = await visit.room.ledger.open(connection, visit.caller.workspace)
        await agents.suspect(connection, suspected, reason)
        _tell(visit, book, suspected, "AgentQuarantined", f"Agent {suspected.id} is in quarantine. {reason}")
        await book.close()

    if suspected.quarantine is None:
        await visit.room.yard.database.transaction(work)
    raise conflict(
        f"Agent {known.id!r} is in quarantine. {reason} Review it, and say what it may do.", agentId=known.id
    )


@routes.get("/agents/{agentId}", operation_id="getAgent", response_model=AgentV1)
async def get(visit: Entered, agent_id: AgentId) -> Response:
    """An agent."""
    visit.caller.require(Act.READ)
    agent = await agents.find(visit.room.yard.database, visit.caller.workspace, agent_id)
    return await look(visit, agent.shown(visit.room.yard.clock()))


@routes.patch(
    "/agents/{agentId}", operation_id="updateAgent", response_model=AgentV1, openapi_extra=asks(UpdateAgentRequest)
)
async def update(visit: Entered, agent_id: AgentId) -> Response:
    """Change an agent. Saying what it may do ends a quarantine."""
    visit.caller.require(Act.AGENT_WRITE)
    asked = await visit.body(UpdateAgentRequest)

    async def work(connection: Connection, book: Book) -> AgentV1:
        agent = await agents.find(connection, visit.caller.workspace, agent_id)
        visit.match(agent.shown(book.now))
        agent = await agents.change(connection, agent, asked)
        named = ", ".join(sorted(asked.model_fields_set))
        _tell(visit, book, agent, "AgentCapabilitiesUpdated", f"Agent {agent.id} changed: {named}.")
        return agent.shown(book.now)

    return await command(visit, "UpdateAgentCapabilities", asked, work)


@routes.post(
    "/agents/{agentId}/heartbeat", operation_id="heartbeatAgent", response_model=AgentHeartbeat,
    openapi_extra=asks(HeartbeatRequest),
)  # fmt: skip
async def heartbeat(visit: Entered, agent_id: AgentId) -> Response:
    """Hear that an agent lives, and how it is. Its machine may say so for it."""
    database, now = visit.room.yard.database, visit.room.yard.clock()
    if visit.caller.machine_id is None:
        require_self(visit, None)
    asked = await heard(visit)
    agent = await agents.find(database, visit.caller.workspace, agent_id)
    require_self(visit, agent.machine_id)
    await agents.hear(database, agent, at=now, ok=asked.status == "ok", said=said(asked))
    return await look(
        visit,
        AgentHeartbeat(
            agent_id=agent.id, last_heartbeat_at_iso=now, status=asked.status, metrics=asked.metrics,
            location=asked.location, status_message=asked.status_message,
            next_heartbeat_seconds=int(HEARTBEAT.total_seconds()),
        ),
        etag=False,
    )  # fmt: skip


@routes.post("/agents/{agentId}/test", operation_id="testAgentConnection", response_model=ConnectionTestResult)
async def test(visit: Entered, agent_id: AgentId) -> Response:
    """See whether something answers at an agent's endpoint, and how fast."""
    visit.caller.require(Act.MACHINE_TEST)
    agent = await agents.find(visit.room.yard.database, visit.caller.workspace, agent_id)
    reached = await reach(agent.endpoint, Hosts.parse(visit.room.yard.settings.runs_http_hosts))
    return await look(visit, reached.shown(), etag=False)


@routes.get("/agents/{agentId}/work-items", operation_id="listAgentWorkItems", response_model=AgentWorkItems)
async def list_work_items(visit: Entered, agent_id: AgentId, page: Paged) -> Response:
    """The pieces of business that an agent's machine owns."""
    database, workspace = visit.room.yard.database, visit.caller.workspace
    if visit.caller.machine_id is None:
        visit.caller.require(Act.READ)
    agent = await agents.find(database, workspace, agent_id)
    if visit.caller.machine_id is not None:
        require_self(visit, agent.machine_id)
    owner = await user_of(visit, agent)
    found = await work_items.page(
        database,
        workspace,
        where={"owner": "nobody" if owner is None else str(owner)},
        after=page.after,
        rows=page.rows,
    )
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown() for one in kept]
    answer = AgentWorkItems(agent_id=agent.id, items=items, next_cursor=cursor, cursor=cursor)
    return await look(visit, answer, etag=False)


async def user_of(visit: Visit, agent: Agent) -> UUID | None:
    """The user that an agent's machine is; None if it has none, or one that has never enrolled or is gone."""
    if agent.machine_id is None:
        return None
    try:
        machine = await machines.find(visit.room.yard.database, agent.workspace, agent.machine_id)
    except Refused:
        return None
    if machine.client_id is None:
        return None
    return (await visit.room.yard.identity.service_accounts.get(agent.workspace, machine.client_id)).user_id


def _tell(visit: Visit, book: Book, agent: Agent, name: str, summary: str) -> None:
    data = {"agentId": agent.id, "name": agent.name}
    tell(visit, book, name, summary, subject=f"agents/{agent.id}", data=data)
