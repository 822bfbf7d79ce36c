"""The `runs` service: a workflow tests a project, asks somebody and makes a picture; then its evidence is checked."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shutil import make_archive
from zipfile import ZipFile

from rich.console import Console
from rich.table import Table

from demos.row import Row
from portarium_client import AuthenticatedClient, ClientCredentials, iter_events, iterate
from portarium_client.api.approvals import decide_approval, list_approvals
from portarium_client.api.evidence import export_evidence
from portarium_client.api.files import upload_file
from portarium_client.api.runs import get_run, list_run_evidence, start_run
from portarium_client.api.workflows import create_workflow
from portarium_client.models import (
    ApprovalDecision,
    ApprovalStatus,
    CreateWorkflowRequest,
    DecideApprovalRequest,
    EvidenceEntryV1,
    RunStatus,
    StartRunRequest,
)
from portarium_client.types import File
from runyard.clock import utc_now
from runyard.database import Connection
from runyard.identity.roles import WorkspaceRole
from runyard.identity.workspace_users import WorkspaceUser
from runyard.services.runs.evidence.verify import Report, verify
from runyard.services.runs.verbs import open_desk
from runyard.testing.running import RunningYard

WORKSPACE = "ws-demo"
WORKFLOW, PROJECT, FILM = "runs/preview.json", "calculator", "media/clip.mp4"
PERSON, PROGRAM, YARD = "Grace", "ci", "the yard"
SUCCEEDED = str(RunStatus.SUCCEEDED)
STATES = {
    "RunStarted": "queued",
    "ActionDispatched test": "testing",
    "RunWaiting": f"asks {PERSON}",
    "ActionDispatched picture": "picturing",
    "RunSucceeded": "proving",
}
"""What a row says after an event."""

ENDS = ("RunSucceeded", "RunFailed", "RunCancelled")

BUNDLE, FORGED = "evidence.zip", "forged.zip"


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace, with a program that may start runs, and a person who may agree to what they do.

    Attributes:
        names: whom the evidence means, by the ids of users.
        folder: of the proof.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    person: str = field(repr=False)
    names: dict[str, str]
    folder: Path

    def client(self) -> AuthenticatedClient:
        """A client of the program's."""
        return AuthenticatedClient(self.url, ClientCredentials(self.url, self.client_id, self.client_secret))


def place(yard: RunningYard) -> Place:
    """Make the workspace, as the operator of the yard does on its command line."""
    return asyncio.run(_place(yard))


async def _place(yard: RunningYard) -> Place:
    async with open_desk(yard.settings) as desk:
        identity, now = desk.identity, utc_now()

        async def make(connection: Connection) -> None:
            await identity.workspaces.create(connection, WORKSPACE, "Demo", now=now)
            users = identity.workspace_users
            await users.add(connection, WORKSPACE, "ada@example.com", roles=[WorkspaceRole.ADMIN], now=now)

        async def let_in(connection: Connection) -> WorkspaceUser:
            users, roles = identity.workspace_users, [WorkspaceRole.APPROVER]
            return await users.add(connection, WORKSPACE, "grace@example.com", roles=roles, now=now)

        await desk.change(WORKSPACE, "made the workspace", make)
        person = await desk.change(WORKSPACE, "let somebody take part", let_in)
        program = await desk.change(
            WORKSPACE,
            "made a service account",
            lambda connection: identity.service_accounts.create(
                connection, WORKSPACE, PROGRAM, roles=[WorkspaceRole.OPERATOR]
            ),
        )
        key = await identity.keys.issue(person.user_id, kind="ry", project=WORKSPACE)
        account = program.account
        names = {str(account.user_id): PROGRAM, str(person.user_id): PERSON}
        return Place(
            yard.url, account.client_id, program.secret.reveal(), key.secret.reveal(), names, yard.data_dir / "demo"
        )


def rows(where: Place, examples: Path) -> list[Row]:
    """A row for the run."""
    workflow = json.loads((examples / WORKFLOW).read_text())
    name = f"{workflow['name'].lower()} of {PROJECT}"
    return [Row(service="runs", name=name, good=SUCCEEDED, run=partial(govern, where, workflow, examples))]


def govern(where: Place, workflow: dict[str, object], examples: Path, row: Row) -> None:
    """Have the program start the workflow and the person agree once the tests have passed; then check the proof."""
    with where.client() as client:
        made = create_workflow.sync(WORKSPACE, client=client, body=CreateWorkflowRequest.from_dict(workflow))
        given = {"project": zipped(client, examples / PROJECT), "film": uploaded(client, examples / FILM)}
        run = start_run.sync(WORKSPACE, client=client, body=StartRunRequest(made.workflow_id, given))
        row.job, row.link = run.run_id, f"{where.url}/v1/workspaces/{WORKSPACE}/runs/{run.run_id}"
        follow(where, client, row)
        run = get_run.sync(WORKSPACE, run.run_id, client=client)
        row.state, row.note = str(run.status), run.error.message if run.error else ""
        if run.status == RunStatus.SUCCEEDED and run.steps:
            report = proof(where, client)
            tests, picture = (step.output.to_dict() if step.output else {} for step in run.steps)
            row.state = SUCCEEDED if report.good else "forged"
            row.result = (
                f"{tests['tests']['passed']} tests, {PERSON} agrees, {picture['width']} x {picture['height']} pixels, "
                f"{report.entries} entries proven"
            )


def follow(where: Place, client: AuthenticatedClient, row: Row) -> None:
    """Show what happens to the run, and have the person asked, until its end."""
    for event in iter_events(client, WORKSPACE, after="0"):
        if event.run_id == row.job:
            name = event.type.rpartition(".")[2]
            row.note = name
            row.state = STATES.get(f"{name} {event.body.get('actionid', '')}".strip(), row.state)
            if name == "RunWaiting":
                agree(where, row.job)
            if name in ENDS:
                return


def agree(where: Place, run: str) -> None:
    """Approve what waits for it, as the person."""
    decision = DecideApprovalRequest(ApprovalDecision.APPROVED, "The tests pass.")
    with AuthenticatedClient(where.url, where.person) as client:
        asked = list_approvals.sync(WORKSPACE, client=client, run_id=run, status=ApprovalStatus.PENDING)
        for approval in asked.items:
            decide_approval.sync(WORKSPACE, approval.approval_id, client=client, body=decision)


def zipped(client: AuthenticatedClient, folder: Path) -> dict[str, object]:
    """A folder as a file of the workspace."""
    with tempfile.TemporaryDirectory(prefix="runyard-demo-") as scratch:
        return uploaded(client, Path(make_archive(f"{scratch}/{folder.name}", "zip", folder)))


def uploaded(client: AuthenticatedClient, path: Path) -> dict[str, object]:
    """A file of the workspace, as parameters name it."""
    with path.open("rb") as content:
        file = upload_file.sync(WORKSPACE, client=client, body=File(content), name=path.name)
    return {"$file": file.to_dict()}


def proof(where: Place, client: AuthenticatedClient) -> Report:
    """Take the evidence out of the yard, forge a copy, and look at the true one as anybody can."""
    where.folder.mkdir()
    bundle = where.folder / BUNDLE
    bundle.write_bytes(export_evidence.sync(WORKSPACE, client=client).payload.read())
    with ZipFile(bundle) as true, ZipFile(where.folder / FORGED, "w") as forged:
        for name in true.namelist():
            forged.writestr(name, true.read(name).replace(b"decided: Approved", b"decided: Denied"))
    return verify(bundle)


def story(console: Console, where: Place, rows: list[Row]) -> None:
    """Print the evidence of the run, and what is found in both files."""
    row = rows[0]
    if not row.as_expected:
        return
    console.print(f"\n[bold]runyard evidence verify[/]  [dim]what is proven of {row.name}[/]")
    table = Table.grid(padding=(0, 2))
    with where.client() as client:
        for entry in iterate(list_run_evidence.sync, WORKSPACE, row.job, client=client):
            table.add_row(
                f"[dim]{entry.occurred_at_iso:%H:%M:%S}[/]", actor(where, entry), readable(entry.summary),
                f"[dim]{entry.hash_sha_256[:12]}[/]",
            )  # fmt: skip
    console.print(table)
    for name, said in ((BUNDLE, "Nothing was changed, removed, moved or cut off."), (FORGED, "Nobody noticed.")):
        report = verify(where.folder / name)
        mark = "[green]✓[/]" if report.good else "[red]✗[/]"
        found = said if report.good else report.findings[0].text.partition(" (")[0]
        console.print(f"{mark} {name}: {found}", highlight=False)


def actor(where: Place, entry: EvidenceEntryV1) -> str:
    """Who did it."""
    user = entry.to_dict()["actor"].get("userId", "")
    return where.names.get(user, YARD)


def readable(summary: str) -> str:
    """A summary without the ids, which are long."""
    return re.sub(r" (approval|run|plan)-[0-9a-f]{32}", "", summary)
