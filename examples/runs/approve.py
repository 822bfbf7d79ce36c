"""Wait for the next approval that somebody asks for, show what it is about, and decide.

    PORTARIUM_WORKSPACE=ws-acme PORTARIUM_TOKEN=ry_... python approve.py

Whoever has started a run can't approve it, so this takes another account than ``start.py``.
"""

from __future__ import annotations

import json
import os
import sys

import httpx

from portarium_client import AuthenticatedClient, iter_events
from portarium_client.api.approvals import decide_approval, get_approval, list_approvals
from portarium_client.api.plans import get_plan
from portarium_client.errors import ApiError
from portarium_client.models import ApprovalDecision, ApprovalStatus, ApprovalV1, DecideApprovalRequest

URL = os.environ.get("PORTARIUM_URL", "http://localhost:8000")
WORKSPACE, TOKEN = os.environ.get("PORTARIUM_WORKSPACE", ""), os.environ.get("PORTARIUM_TOKEN", "")


def main() -> None:
    with AuthenticatedClient(URL, TOKEN) as client:
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
    pending = list_approvals.sync(WORKSPACE, client=client, status=ApprovalStatus.PENDING).items
    if pending:
        return pending[0]
    for event in iter_events(client, WORKSPACE, after="0"):
        if event.type.endswith("ApprovalRequested"):
            found = get_approval.sync(WORKSPACE, event.data["approvalId"], client=client)
            if found.status == "Pending":
                return found
    raise AssertionError  # the stream has no end


if __name__ == "__main__":
    if not (WORKSPACE and TOKEN):
        sys.exit("Say where, and who you are: export PORTARIUM_WORKSPACE=ws-acme PORTARIUM_TOKEN=ry_...")
    try:
        main()
    except (ApiError, httpx.TransportError) as error:
        sys.exit(f"{URL}: {error}")
