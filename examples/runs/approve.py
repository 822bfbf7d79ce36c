"""Wait for the next approval that somebody asks for, show what it is about, and decide.

    PORTARIUM_TOKEN=ry_... python approve.py

Whoever has started a run can't approve it, so this takes another account than ``start.py``.
"""

from __future__ import annotations

import json
import os

from portarium_client import AuthenticatedClient, iter_events
from portarium_client.api.approvals import decide_approval, get_approval
from portarium_client.api.plans import get_plan
from portarium_client.models import ApprovalDecision, ApprovalV1, DecideApprovalRequest

WORKSPACE = os.environ["PORTARIUM_WORKSPACE"]


def main() -> None:
    url = os.environ.get("PORTARIUM_URL", "http://localhost:8000")
    with AuthenticatedClient(url, os.environ["PORTARIUM_TOKEN"]) as client:
        approval = asked(client)
        plan = get_plan.sync(WORKSPACE, approval.plan_id, client=client)
        print(approval.prompt)
        for effect in plan.planned_effects:
            print("-", effect.summary, json.dumps(effect.input_.to_dict() if effect.input_ else {}, indent=2))
        decision = ApprovalDecision.APPROVED if input("Approve? [y/N] ") == "y" else ApprovalDecision.DENIED
        body = DecideApprovalRequest(decision, input("Why? "), plan_hash=plan.hash_sha_256)  # this plan, and no other
        print(decide_approval.sync(WORKSPACE, approval.approval_id, client=client, body=body).status)


def asked(client: AuthenticatedClient) -> ApprovalV1:
    """The first approval that nobody has decided yet."""
    for event in iter_events(client, WORKSPACE, after="0"):
        if event.type.endswith("ApprovalRequested"):
            found = get_approval.sync(WORKSPACE, event.data["approvalId"], client=client)
            if found.status == "Pending":
                return found
    raise AssertionError  # the stream has no end


if __name__ == "__main__":
    main()
