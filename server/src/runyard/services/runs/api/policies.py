"""Policies over HTTP: saved, shown, and asked what they say."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from runyard.database import Connection
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import check_workspace, tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.policies import (
    EvaluatePolicyRequest,
    PolicyDecision,
    PolicyListResponse,
    PolicyV1,
    SavedPolicy,
    SavePolicyRequest,
)
from runyard.services.runs.policies import store
from runyard.services.runs.policies.verdict import judge, of_tool
from runyard.services.runs.words import Act

routes = router("Policies")
PolicyId = Annotated[str, Path(alias="policyId", min_length=1)]


@routes.get("/policies", operation_id="listPolicies", response_model=PolicyListResponse)
async def list_policies(visit: Entered, page: Paged) -> Response:
    """The workspace's policies."""
    visit.caller.require(Act.READ)
    found = await store.page(visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows)
    items, cursor = page.cut(found, lambda one: Place(one.created_at_iso, one.policy_id))
    return await look(visit, PolicyListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.post(
    "/policies", operation_id="savePolicy", status_code=201, response_model=SavedPolicy,
    openapi_extra=asks(SavePolicyRequest),
)  # fmt: skip
async def save(visit: Entered) -> Response:
    """Save a policy, or the next version of one."""
    visit.caller.require(Act.POLICY_WRITE)
    asked = await visit.body(SavePolicyRequest)
    check_workspace(visit, asked.workspace_id)

    async def work(connection: Connection, book: Book) -> SavedPolicy:
        policy = await store.save(connection, visit.caller.workspace, asked, by=visit.caller.user_id, at=book.now)
        tell(
            visit, book, "PolicySaved", f"Policy {policy.policy_id} saved, version {policy.version}.",
            subject=f"policies/{policy.policy_id}", category="Policy",
            data={"policyId": policy.policy_id, "version": policy.version, "active": policy.active},
        )  # fmt: skip
        return SavedPolicy(policy_id=policy.policy_id, version=policy.version)

    return await command(
        visit, "SavePolicy", asked, work, status=201, location=lambda made: f"policies/{made.policy_id}"
    )


@routes.get("/policies/{policyId}", operation_id="getPolicy", response_model=PolicyV1)
async def get(visit: Entered, policy_id: PolicyId) -> Response:
    """A policy."""
    visit.caller.require(Act.READ)
    return await look(visit, await store.find(visit.room.yard.database, visit.caller.workspace, policy_id))


@routes.post(
    "/policy/evaluate", operation_id="evaluatePolicy", response_model=PolicyDecision,
    openapi_extra=asks(EvaluatePolicyRequest),
)  # fmt: skip
async def evaluate(visit: Entered) -> Response:
    """Ask whether something may be done: a gate for tools. The answer is recorded; it opens no approval."""
    visit.caller.require(Act.POLICY_EVALUATE)
    asked = await visit.body(EvaluatePolicyRequest)
    facts: dict[str, object] = {
        "tool": asked.action_type, "action": asked.action_type, "agent": asked.agent_id, "run": asked.run_id,
        "context": asked.context, "caller": visit.caller.user_id,
    }  # fmt: skip

    async def work(connection: Connection, book: Book) -> PolicyDecision:
        policies = await store.active(connection, visit.caller.workspace)
        verdict = of_tool(asked.action_type, policies=judge(policies, facts))
        book.record(
            "Policy", f"{asked.action_type} was judged: {verdict.word}.", actor=visit.caller.actor,
            correlation_id=asked.correlation_id or visit.caller.correlation_id, run_id=asked.run_id,
        )  # fmt: skip
        return PolicyDecision(decision=verdict.word, reason=verdict.reason)

    return await command(visit, "EvaluatePolicy", asked, work)
