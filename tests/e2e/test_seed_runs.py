"""The document of `portarium_client`: its code blocks run as they stand against a yard.

Only placeholders are filled in: the address of a server that doesn't exist, and the token of whoever reads it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from portarium_client import AuthenticatedClient, ClientCredentials, errors, iter_events, iterate, wait_for_run
from portarium_client.api.approvals import decide_approval, list_approvals
from portarium_client.api.runs import get_run, list_runs, start_run
from portarium_client.api.workflows import create_workflow
from portarium_client.models import (
    ApprovalDecision,
    CreateWorkflowRequest,
    DecideApprovalRequest,
    StartRunRequest,
)
from runyard.testing.running import RunningYard

from .blocks import blocks_of, run_fragment, run_program, unconfigured

BLOCKS = blocks_of("runs.md")
WORKSPACE = "ws-acme"
WORKFLOW = "wf-invoice-approval"
ADA = "ada@example.org"
DEADLINE = 60.0


@pytest.fixture(scope="module")
def yard(yard_database: str) -> Iterator[RunningYard]:
    with RunningYard(database_url=yard_database, settings={"runs_http_hosts": "127.0.0.1"}) as running:
        yield running


def operate(yard: RunningYard, *words: str) -> str:
    """The operator's command line."""
    command = [sys.executable, "-m", "runyard", *words]
    return subprocess.run(command, env=yard.environment, capture_output=True, text=True, check=True).stdout


def account(yard: RunningYard, name: str, *roles: str) -> ClientCredentials:
    """A service account of the workspace."""
    said = operate(
        yard,
        "service-account",
        "create",
        WORKSPACE,
        "--name",
        name,
        *(word for role in roles for word in ("--role", role)),
    )
    found = dict(re.findall(r"^PORTARIUM_(CLIENT_\w+)=(\S+)$", said, re.MULTILINE))
    return ClientCredentials(yard.url, found["CLIENT_ID"], found["CLIENT_SECRET"], workspace_id=WORKSPACE)


@pytest.fixture(scope="module")
def operator(yard: RunningYard) -> ClientCredentials:
    operate(yard, "workspace", "create", WORKSPACE, "--admin", ADA)
    return account(yard, "ci", "admin", "operator")


@pytest.fixture(scope="module")
def approver(yard: RunningYard, operator: ClientCredentials) -> str:
    """A person's key: programs don't decide."""
    return operate(yard, "token", "create", "--user", ADA, "--project", WORKSPACE).strip()


@pytest.fixture(scope="module")
def client(yard: RunningYard, operator: ClientCredentials) -> Iterator[AuthenticatedClient]:
    """A connection to a workspace with the document's workflow."""
    with AuthenticatedClient(yard.url, operator) as opened:
        workflow: dict[str, Any] = {
            "name": "invoice-approval",
            "executionTier": "HumanApprove",
            "actions": [
                {
                    "actionId": "read",
                    "order": 1,
                    "portFamily": "FinanceAccounting",
                    "operation": "http:request",
                    "input": {"method": "GET", "url": f"{yard.url}/health"},
                }
            ],
        }
        made = create_workflow.sync(WORKSPACE, client=opened, body=CreateWorkflowRequest.from_dict(workflow))
        assert made.workflow_id == WORKFLOW
        yield opened


def filled(block: str, yard: RunningYard, token: str) -> str:
    """A block with what its reader puts in."""
    return (
        block.replace("https://portarium.example.com", yard.url)
        .replace('"eyJhbGciOiJSUzI1NiIs..."', repr(token))
    )  # fmt: skip


def test_usage(yard: RunningYard, client: AuthenticatedClient, operator: ClientCredentials, tmp_path: Path) -> None:
    (tmp_path / "usage.py").write_text(filled(BLOCKS["Usage"], yard, operator.token()))
    done = run_program(sys.executable, "usage.py", cwd=tmp_path, env=unconfigured(tmp_path))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert re.fullmatch(r"Run started: \S+, status: (Pending|Running|WaitingForApproval)", first)
    assert re.fullmatch(r"Run started: \S+", second)
    started = get_run.sync(WORKSPACE, first.split()[2].rstrip(","), client=client)
    assert started.to_dict()["parameters"] == {"invoice_id": "inv-123", "amount": 5000}


def test_usage_with_a_token_that_is_not_good_says_so(
    yard: RunningYard, client: AuthenticatedClient, tmp_path: Path
) -> None:
    (tmp_path / "usage.py").write_text(filled(BLOCKS["Usage"], yard, "eyJhbGciOiJSUzI1NiIs..."))
    done = run_program(sys.executable, "usage.py", cwd=tmp_path, env=unconfigured(tmp_path))
    assert "Unauthorized: 401" in done.stderr


async def test_authentication(yard: RunningYard, client: AuthenticatedClient, operator: ClientCredentials) -> None:
    code = f"from portarium_client import AuthenticatedClient\n{filled(BLOCKS['Authentication'], yard, '')}"
    names = await run_fragment(code, get_fresh_token=operator.token)
    with names["client"] as connection:
        assert list_runs.sync(client=connection, workspace_id=WORKSPACE) is not None
        with connection.with_headers({"X-Workspace-Id": "ws-other"}) as other, pytest.raises(errors.Forbidden):
            list_runs.sync(client=other, workspace_id=WORKSPACE)


def test_a_token_is_the_answer_to_client_credentials(yard: RunningYard, operator: ClientCredentials) -> None:
    refused = httpx.post(f"{yard.url}/v1/auth/token", data={"grant_type": "client_credentials", "client_id": "nobody"})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert operator.token().count(".") == 2


async def test_pagination(client: AuthenticatedClient) -> None:
    for number in range(25):
        start_run.sync(WORKSPACE, client=client, body=StartRunRequest(WORKFLOW, input={"number": number}))
    names = await run_fragment(BLOCKS["Pagination"], client=client)
    first, second = names["response"], names["next_page"]
    assert len(first.items) == 20
    assert second.items
    assert not {run.id for run in first.items} & {run.id for run in second.items}
    every = [run.id for run in iterate(list_runs.sync, client=client, workspace_id=WORKSPACE, limit=20)]
    assert len(every) == len(set(every)) >= 25


def test_a_run_waits_for_a_second_person_and_is_done(
    yard: RunningYard, client: AuthenticatedClient, approver: str
) -> None:
    run = start_run.sync(WORKSPACE, client=client, body=StartRunRequest(WORKFLOW, input={"invoice_id": "inv-9"}))
    events = iter_events(client, WORKSPACE, after="0")
    next(event for event in events if event.type.endswith("ApprovalRequested") and event.run_id == run.run_id)
    [approval] = list_approvals.sync(WORKSPACE, client=client, run_id=run.run_id).items
    decision = DecideApprovalRequest(ApprovalDecision.APPROVED, "The amount is right.")
    with pytest.raises(errors.Forbidden):
        decide_approval.sync(WORKSPACE, approval.approval_id, client=client, body=decision)
    with AuthenticatedClient(yard.url, approver) as other:
        decided = decide_approval.sync(WORKSPACE, approval.approval_id, client=other, body=decision)
        assert decided.status == "Approved"
        with pytest.raises(errors.Conflict):
            decide_approval.sync(WORKSPACE, approval.approval_id, client=other, body=decision)
    ended = wait_for_run(client, WORKSPACE, run.run_id, timeout=DEADLINE)
    assert ended.status == "Succeeded", json.dumps(ended.to_dict(), indent=1)
