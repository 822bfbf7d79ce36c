"""What agents want to do, over HTTP: proposed, and once approved, done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Final, Literal
from uuid import NAMESPACE_OID, uuid5

from fastapi import Path, Response

from runyard.database import Connection, Database
from runyard.services.runs import agents, proposals
from runyard.services.runs.agents import Agent
from runyard.services.runs.api.agents import user_of
from runyard.services.runs.api.commands import command
from runyard.services.runs.api.edge import Entered, Visit, asks, router
from runyard.services.runs.api.heartbeats import require_self
from runyard.services.runs.engine import rows
from runyard.services.runs.ledger import Book
from runyard.services.runs.machines import invocations, store
from runyard.services.runs.machines.invocation import Invocation
from runyard.services.runs.models.machines import InvocationStatus
from runyard.services.runs.models.policies import (
    AgentActionExecution,
    AgentActionProposal,
    ExecuteAgentActionRequest,
    PolicyV1,
    ProposeAgentActionRequest,
)
from runyard.services.runs.policies import store as policies
from runyard.services.runs.policies.verdict import Decision, Verdict
from runyard.services.runs.proposals import Proposal
from runyard.services.runs.refused import Refused, conflict
from runyard.services.runs.words import Act

WITHIN: Final = timedelta(hours=1)
"""How long an approved action may take."""

_STATUSES: Final[Mapping[InvocationStatus, Literal["Executing", "Executed", "Failed"]]] = MappingProxyType(
    {
        InvocationStatus.ACCEPTED: "Executing",
        InvocationStatus.RUNNING: "Executing",
        InvocationStatus.COMPLETED: "Executed",
        InvocationStatus.FAILED: "Failed",
    }
)

routes = router("AgentActions")


@routes.post(
    "/agent-actions:propose", operation_id="proposeAgentAction", response_model=AgentActionProposal,
    responses={202: {"model": AgentActionProposal, "description": "Somebody has to approve it first."}},
    openapi_extra=asks(ProposeAgentActionRequest),
)  # fmt: skip
async def propose(visit: Entered) -> Response:
    """Ask whether an agent may do something: 200, it may; 202, once somebody has approved; 403, it may not."""
    asked = await visit.body(ProposeAgentActionRequest)
    database, workspace = visit.room.yard.database, visit.caller.workspace
    agent = await agents.find(database, workspace, asked.agent_id)
    _require_agent(visit, agent)
    if asked.machine_id is not None:
        await store.find(database, workspace, asked.machine_id)
    if (known := await proposals.of_key(database, agent, asked)) is not None:
        status = 202 if known.approval_id is not None else 200
        return Response(known.shown().encoded(), status, media_type="application/json")
    verdict = await _judged(visit, database, agent, asked, await _policies(database, workspace, asked))
    if verdict.decision is Decision.DENY:
        await _deny(visit, agent, asked, verdict)
    user = await user_of(visit, agent)
    barred = () if user is None else (user,)

    async def work(connection: Connection, book: Book) -> AgentActionProposal:
        current = await agents.find(connection, workspace, asked.agent_id)
        told = await _policies(connection, workspace, asked)
        if (await _judged(visit, connection, current, asked, told)).decision is not verdict.decision:
            raise conflict("The policies changed just now. Propose it again.")
        made = await proposals.of_key(connection, current, asked) or await proposals.add(
            connection, book, visit.caller, agent=current, asked=asked, verdict=verdict, policies=told, barred=barred
        )
        _record(visit, book, agent, asked, verdict)
        return made.shown()

    status = 202 if verdict.decision is Decision.REQUIRE_APPROVAL else 200
    return await command(visit, "ProposeAgentAction", asked, work, status=status)


async def _judged(
    visit: Visit,
    where: Connection | Database,
    agent: Agent,
    asked: ProposeAgentActionRequest,
    told: list[PolicyV1],
) -> Verdict:
    done = await proposals.duties(where, agent, asked.correlation_id or visit.caller.correlation_id)
    return proposals.judged(agent, asked, told, caller=visit.caller, done=done)


async def _policies(where: Connection | Database, workspace: str, asked: ProposeAgentActionRequest) -> list[PolicyV1]:
    """Those that the proposal names, which have to be there, and all others in force."""
    named = await policies.named(where, workspace, asked.policy_ids)
    known = {one.policy_id for one in named}
    return [*named, *(one for one in await policies.active(where, workspace) if one.policy_id not in known)]


async def _deny(visit: Visit, agent: Agent, asked: ProposeAgentActionRequest, verdict: Verdict) -> None:
    """Say no, and have it on record that we did.

    Raises:
        Refused: always.
    """

    async def work(connection: Connection) -> None:
        book = await visit.room.ledger.open(connection, visit.caller.workspace)
        _record(visit, book, agent, asked, verdict)
        await book.close()

    await visit.room.yard.database.transaction(work)
    raise Refused("forbidden", verdict.reason, extra={"decision": "Denied"})


def _record(visit: Visit, book: Book, agent: Agent, asked: ProposeAgentActionRequest, verdict: Verdict) -> None:
    book.record(
        "Policy", f"Agent {agent.id} proposed {asked.tool_name}: {verdict.word}.", actor=visit.caller.actor,
        correlation_id=visit.caller.correlation_id,
    )  # fmt: skip
    data: dict[str, object] = {"agentId": agent.id, "toolName": asked.tool_name, "decision": verdict.word}
    book.tell(
        "agent", "ActionProposed", subject=f"agents/{agent.id}", data=data,
        correlation_id=visit.caller.correlation_id,
    )  # fmt: skip


# -------------------------------------------------------------------- once it is approved


@routes.post(
    "/agent-actions/{approvalId}/execute", operation_id="executeApprovedAgentAction",
    response_model=AgentActionExecution, openapi_extra=asks(ExecuteAgentActionRequest),
)  # fmt: skip
async def execute(visit: Entered, approval_id: Annotated[str, Path(alias="approvalId", min_length=1)]) -> Response:
    """Have an approved action done by its machine, once; asked again, say how it goes."""
    asked = await visit.body(ExecuteAgentActionRequest)

    async def work(connection: Connection, book: Book) -> AgentActionExecution:
        proposal = await proposals.of_approval(connection, visit.caller.workspace, approval_id)
        agent = await agents.find(connection, visit.caller.workspace, proposal.agent_id)
        _require_agent(visit, agent)
        if agent.quarantine is not None:  # whatever was approved before that
            raise conflict(f"Agent {agent.id!r} is in quarantine. {agent.quarantine} Have an admin review it.")
        await _check(visit, connection, proposal, asked)
        return _shown(await _invocation(visit, connection, book, proposal), approval_id)

    return await command(visit, "ExecuteApprovedAgentAction", asked, work)


async def _check(visit: Visit, connection: Connection, proposal: Proposal, asked: ExecuteAgentActionRequest) -> None:
    assert proposal.approval_id is not None
    approval = await rows.approval(connection, visit.caller.workspace, proposal.approval_id)
    if approval is None or approval.status != "Approved" or approval.void:
        status = "gone" if approval is None else approval.status
        raise conflict(f"Approval {proposal.approval_id!r} is {status}: only what was approved is done.")
    if asked.payload is not None and asked.payload != proposal.parameters:
        raise conflict("The payload isn't what was approved. Propose it anew, or leave it out.")
    if proposal.machine_id is None:
        raise conflict("The proposal names no machine that could do it: the agent has to do it itself.")


async def _invocation(visit: Visit, connection: Connection, book: Book, proposal: Proposal) -> Invocation:
    assert proposal.machine_id is not None
    machine = await store.lock(connection, proposal.workspace, proposal.machine_id)
    opened = await invocations.open(
        connection, book, machine, id=f"invocation-{uuid5(NAMESPACE_OID, proposal.id)}", operation=proposal.tool,
        input=proposal.parameters, within=WITHIN, asked_by=visit.caller.user_id, actor=visit.caller.actor,
        correlation_id=proposal.correlation_id, plan_id=proposal.plan_id,
    )  # fmt: skip
    return await invocations.settle(connection, book, opened)


def _shown(invocation: Invocation, approval_id: str) -> AgentActionExecution:
    return AgentActionExecution(
        execution_id=invocation.id,
        approval_id=approval_id,
        status=_STATUSES[invocation.status],
        output=None if invocation.output is None else dict(invocation.output),
        error_message=None if invocation.error is None else invocation.error.message,
    )


def _require_agent(visit: Visit, agent: Agent) -> None:
    """Return if the caller is the agent's machine, or may speak for agents."""
    if visit.caller.machine_id is None:
        visit.caller.require(Act.AGENT_PROPOSE)
    else:
        require_self(visit, agent.machine_id)
