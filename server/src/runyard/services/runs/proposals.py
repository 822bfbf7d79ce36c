"""What agents want to do, before they do it: judged at once, and where it takes approval, kept until somebody agrees.

An approval is for the plan of the proposal, by its hash. Whatever is done afterwards is what was approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID, uuid4

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs import approvals
from runyard.services.runs.agents import Agent
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.model import Approval
from runyard.services.runs.engine.plan import Doing, Plan
from runyard.services.runs.engine.tiers import Tier, strictest
from runyard.services.runs.evidence.canonical import NotCanonical, canonical
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.policies import AgentActionProposal, PolicyV1, ProposeAgentActionRequest
from runyard.services.runs.models.shapes import PortFamily
from runyard.services.runs.policies.tools import risk
from runyard.services.runs.policies.verdict import Decision, Verdict, approvers, judge, of_tool
from runyard.services.runs.refused import conflict, invalid, not_found

PATIENCE: Final = timedelta(days=1)
"""How long a proposal waits for approval. After that it counts as denied."""

COLUMNS: Final = """
    workspace, id, agent_id, machine_id, tool, kind, parameters, rationale, proposed_by, correlation_id, decision,
    reason, plan_id, approval_id, created_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an agent wants to do, and the answer.

    Attributes:
        machine_id: that does it once it is approved; None if the agent does it itself.
    """

    workspace: str
    id: str
    agent_id: str
    machine_id: str | None
    tool: str
    kind: str
    parameters: Mapping[str, object]
    rationale: str
    proposed_by: str
    correlation_id: str
    decision: Literal["Allow", "NeedsApproval"]
    reason: str
    plan_id: str | None
    approval_id: str | None
    created_at: datetime

    def shown(self) -> AgentActionProposal:
        """The answer as the protocol shows it."""
        return AgentActionProposal(
            proposal_id=self.id,
            agent_id=self.agent_id,
            tool_name=self.tool,
            decision=self.decision,
            reason=self.reason,
            approval_id=self.approval_id,
            plan_id=self.plan_id,
        )


async def duties(where: Connection | Database, agent: Agent, correlation: str) -> frozenset[str]:
    """The kinds of action that an agent has proposed before, and was not denied, in what one correlation id ties."""
    rows = await where.fetch(
        "SELECT DISTINCT kind FROM runs_proposals WHERE workspace = $1 AND agent_id = $2 AND correlation_id = $3",
        agent.workspace, agent.id, correlation,
    )  # fmt: skip
    return frozenset(row["kind"] for row in rows)


def judged(
    agent: Agent,
    asked: ProposeAgentActionRequest,
    policies: list[PolicyV1],
    *,
    caller: Caller,
    done: frozenset[str],
) -> Verdict:
    """What follows for a proposal: from who the agent is, what the tool can do, and what policies say.

    Args:
        done: the kinds of action that it has proposed before, see :func:`duties`.
    """
    if agent.quarantine is not None:
        return Verdict(Decision.DENY, f"Agent {agent.id!r} is in quarantine. {agent.quarantine}")
    if agent.tools is not None and asked.tool_name not in agent.tools:
        return Verdict(Decision.DENY, f"Agent {agent.id!r} may not use {asked.tool_name!r}.")
    wanted = strictest((risk(asked.tool_name).tier, asked.execution_tier))
    if wanted.rank > agent.tier.rank:
        return Verdict(Decision.DENY, f"{asked.tool_name!r} takes the tier {wanted}; the agent's is {agent.tier}.")
    facts: dict[str, object] = {
        "tool": asked.tool_name, "action": asked.action_kind, "agent": agent.id, "tier": str(asked.execution_tier),
        "machine": asked.machine_id or agent.machine_id, "parameters": asked.parameters, "caller": caller.user_id,
    }  # fmt: skip
    told = judge(policies, facts, duties=done, duty=asked.action_kind)
    return of_tool(asked.tool_name, tier=asked.execution_tier, policies=told)


async def add(
    connection: Connection,
    book: Book,
    caller: Caller,
    *,
    agent: Agent,
    asked: ProposeAgentActionRequest,
    verdict: Verdict,
    policies: list[PolicyV1],
    barred: tuple[UUID, ...],
) -> Proposal:
    """Keep a proposal that isn't denied, and ask for approval where it takes some.

    Args:
        barred: users that the agent is, who don't approve what it wants.

    Raises:
        Refused: its parameters have no canonical form.
    """
    _check(asked)
    proposal_id, machine = f"proposal-{uuid4()}", asked.machine_id or agent.machine_id
    plan_id = approval_id = None
    if verdict.decision is Decision.REQUIRE_APPROVAL:
        plan = _plan(proposal_id, agent, asked, machine)
        plan_id, _ = await rows.add_plan(connection, caller.workspace, plan, action=None, by=caller.user, now=book.now)
        approval = Approval(
            workspace=caller.workspace, id=approvals.new_id(), run=proposal_id, plan=plan_id, action=None,
            prompt=f"Agent {agent.name} wants to use {asked.tool_name}: {asked.rationale}"[:10_000],
            plan_hash=plan.digest(), quorum=approvers(policies), barred=barred, requested_by=caller.user,
            requested_at=book.now, due_at=book.now + PATIENCE, correlation_id=caller.correlation_id,
        )  # fmt: skip
        approval_id = (await approvals.ask(connection, book, approval, actor=caller.actor)).id
    row = await connection.fetchrow(
        f"""
        INSERT INTO runs_proposals ({COLUMNS}, key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING {COLUMNS}
        """,
        caller.workspace, proposal_id, agent.id, machine, asked.tool_name, asked.action_kind, asked.parameters,
        asked.rationale, caller.user_id, asked.correlation_id or caller.correlation_id,
        "Allow" if approval_id is None else "NeedsApproval", verdict.reason, plan_id, approval_id, book.now,
        asked.idempotency_key,
    )  # fmt: skip
    assert row is not None
    return Proposal(**row)


async def of_approval(connection: Connection, workspace: str, approval: str) -> Proposal:
    """The proposal that an approval is about.

    Raises:
        Refused: there is none.
    """
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM runs_proposals WHERE workspace = $1 AND approval_id = $2", workspace, storable(approval)
    )
    if row is None:
        raise not_found("Approved action", approval)
    return Proposal(**row)


async def of_key(where: Connection | Database, agent: Agent, asked: ProposeAgentActionRequest) -> Proposal | None:
    """The proposal that was made with the same key, if there is one.

    Raises:
        Refused: the key was used for something else.
    """
    if asked.idempotency_key is None:
        return None
    row = await where.fetchrow(
        f"SELECT {COLUMNS} FROM runs_proposals WHERE workspace = $1 AND agent_id = $2 AND key = $3",
        agent.workspace, agent.id, asked.idempotency_key,
    )  # fmt: skip
    if row is None:
        return None
    known = Proposal(**row)
    if (known.tool, known.parameters) != (asked.tool_name, asked.parameters):
        raise conflict(f"{asked.idempotency_key!r} was used for another proposal. Use a new idempotencyKey.")
    return known


def _check(asked: ProposeAgentActionRequest) -> None:
    try:
        canonical(asked.parameters)
    except NotCanonical as error:
        raise invalid("parameters", str(error)) from None


def _plan(proposal: str, agent: Agent, asked: ProposeAgentActionRequest, machine: str | None) -> Plan:
    doing = Doing(
        action_id="action", operation=asked.tool_name, port_family=PortFamily.ITSM_IT_OPS,
        execution_tier=strictest((asked.execution_tier, Tier.HUMAN_APPROVE)),
        served_by=f"{agent.name}/{machine or agent.id}", input=asked.parameters,
    )  # fmt: skip
    return Plan(run_id=proposal, workflow_id=f"agents/{agent.id}", workflow_version=1, revision=1, doings=(doing,))
