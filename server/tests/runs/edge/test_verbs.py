"""The operator's first steps, as typed: what they print where, and how they end."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner

from runyard.services.runs.evidence.verbs import evidence_verbs
from runyard.services.runs.outpost.verbs import machine_verbs
from runyard.services.runs.verbs import open_desk, service_account_verbs, workspace_verbs
from runyard.settings import Settings


@pytest.fixture(scope="module")
def settings(yard_database, tmp_path_factory):
    return Settings(
        data_dir=tmp_path_factory.mktemp("yard"), database_url=yard_database, database_schema=f"test_{uuid4().hex[:12]}"
    )


@pytest.fixture
def runyard(settings):
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.add_typer(workspace_verbs(lambda: settings), name="workspace")
    app.add_typer(service_account_verbs(lambda: settings), name="service-account")
    app.add_typer(evidence_verbs(lambda: settings), name="evidence")
    app.add_typer(machine_verbs(lambda: settings), name="machine")

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return SimpleNamespace(out=result.stdout, err=result.stderr)

    return run


@pytest.fixture
def workspace(runyard):
    name = f"ws-{uuid4().hex[:8]}"
    runyard("workspace", "create", name, "--admin", f"{name}@example.com")
    return name


def at_the_desk(settings, task):
    """What ``task`` finds in the yard."""

    async def look():
        async with open_desk(settings) as desk:
            return await task(desk)

    return asyncio.run(look())


def summaries(settings, workspace):
    async def look(desk):
        rows = await desk.database.fetch(
            "SELECT convert_from(body, 'UTF8')::jsonb ->> 'summary' AS text FROM runs_evidence WHERE workspace = $1"
            " ORDER BY seq",
            workspace,
        )
        return [row["text"] for row in rows]

    return at_the_desk(settings, look)


def test_a_first_workspace_has_an_admin_who_is_told_how_to_get_a_token(runyard, settings):
    said = runyard("workspace", "create", "ws-first", "--admin", "ada@example.com", "--name", "The first")
    assert "'ws-first' made, with ada@example.com as its admin" in said.out
    assert "runyard token create --user ada@example.com --project ws-first" in said.err
    listed = json.loads(runyard("workspace", "list", "--json").out)
    assert [(each["id"], each["name"]) for each in listed if each["id"] == "ws-first"] == [("ws-first", "The first")]
    assert summaries(settings, "ws-first") == ["The operator of the yard made the workspace."]


def test_a_project_becomes_a_workspace_once(runyard, settings):
    at_the_desk(settings, lambda desk: desk.identity.projects.add("lab"))
    runyard("workspace", "create", "lab", "--admin", "ada@example.com")
    assert "taken" in runyard("workspace", "create", "lab", "--admin", "ada@example.com", code=1).err


@pytest.mark.parametrize(("name", "admin"), [("Not A Label", "ada@example.com"), ("ws-fine", "nonsense")])
def test_what_cannot_be_made_leaves_nothing_behind(runyard, settings, name, admin):
    assert runyard("workspace", "create", name, "--admin", admin, code=1).err.startswith("Error: ")
    assert name not in {each.name for each in at_the_desk(settings, lambda desk: desk.identity.projects.all())}


def test_more_people_take_part(runyard, settings, workspace):
    said = runyard("workspace", "add-user", workspace, "bob@example.com", "--role", "approver", "--role", "operator")
    assert said.out == f"bob@example.com takes part in '{workspace}' as operator, approver.\n"
    assert "already" in runyard("workspace", "add-user", workspace, "bob@example.com", "--role", "admin", code=1).err
    assert "not found" in runyard("workspace", "add-user", "ws-none", "eve@example.com", "--role", "admin", code=1).err
    assert all("@" not in text for text in summaries(settings, workspace))


def test_a_programs_secret_is_printed_as_a_shell_reads_it(runyard, settings, workspace):
    said = runyard("service-account", "create", workspace, "--name", "ci", "--role", "operator", "--expires", "90d")
    printed = dict(line.split("=", 1) for line in said.out.splitlines())
    assert set(printed) == {"PORTARIUM_CLIENT_ID", "PORTARIUM_CLIENT_SECRET"}
    assert "not shown again" in said.err
    account = at_the_desk(settings, lambda desk: desk.identity.exchange(*printed.values(), address="here"))
    assert (account.workspace, account.name, account.roles) == (workspace, "ci", ("operator",))
    listed = runyard("service-account", "list", workspace).out
    assert printed["PORTARIUM_CLIENT_ID"] in listed
    assert printed["PORTARIUM_CLIENT_SECRET"] not in listed


def test_a_program_gets_a_new_secret_and_is_ended(runyard, settings, workspace):
    made = json.loads(
        runyard("service-account", "create", workspace, "--name", "ci", "--role", "auditor", "--json").out
    )
    renewed = json.loads(runyard("service-account", "rotate", workspace, made["client_id"], "--json").out)
    assert renewed["client_secret"] != made["client_secret"]
    runyard("service-account", "revoke", workspace, made["client_id"])
    assert "ended" in runyard("service-account", "list", workspace).out
    assert "not found" in runyard("service-account", "rotate", workspace, made["client_id"], code=1).err
    told = summaries(settings, workspace)[1:]
    assert [text.replace(made["client_id"], "it") for text in told] == [
        "The operator of the yard made a service account.",
        "The operator of the yard gave it a new secret.",
        "The operator of the yard ended it.",
    ]


def test_a_machine_is_let_in_once(runyard, workspace):
    said = runyard("machine", "add", workspace, "forge", "--operation", "order:total", "--operation", "order:print")
    assert said.out.startswith(f"{workspace}.machine-")
    assert "runyard machine run" in said.err
    refused = runyard("machine", "add", workspace, "forge", code=1)
    assert "'forge' is registered already. Choose another name" in refused.err
    assert refused.out == ""


def test_a_machine_does_operations_only(runyard, workspace):
    assert (
        "'nonsense' is no operation"
        in runyard("machine", "add", workspace, "forge", "--operation", "nonsense", code=2).err
    )


@pytest.mark.parametrize(
    "words",
    [
        ("workspace", "add-user", "ws-none", "eve@example.com", "--role", "admin"),
        ("service-account", "create", "ws-none", "--name", "ci", "--role", "admin"),
        ("machine", "add", "ws-none", "forge"),
    ],
    ids=" ".join,
)
def test_a_workspace_that_is_not_there_is_named_with_the_way_to_those_that_are(runyard, words):
    assert "Workspace 'ws-none' not found. Those that exist: runyard workspace list" in runyard(*words, code=1).err


def test_an_account_that_is_not_there_is_named_with_the_way_to_those_that_are(runyard, workspace):
    said = runyard("service-account", "revoke", workspace, "sa-none", code=1).err
    assert f"'sa-none' not found. Those that exist: runyard service-account list {workspace}" in said


def test_a_bundle_that_cannot_be_written_is_said_by_its_own_name(runyard, workspace, tmp_path):
    wanted = tmp_path / "nowhere" / "bundle.zip"
    said = runyard("evidence", "export", workspace, "--output", str(wanted), code=1).err
    assert f"{wanted} can't be written (No such file or directory)" in said


def test_a_key_that_is_none_is_said(runyard, workspace, tmp_path):
    bundle = tmp_path / "bundle.zip"
    runyard("evidence", "export", workspace, "--output", str(bundle))
    assert (
        "'nonsense' is no verifier key" in runyard("evidence", "verify", str(bundle), "--key", "nonsense", code=1).err
    )
    assert "1 entry of" in runyard("evidence", "verify", str(bundle)).out


def test_a_machine_without_a_table_is_told_where_to_read_about_it(runyard, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "machine.toml can't be read" in runyard("machine", "run", code=1).err


def test_a_machine_that_cannot_reach_the_yard_says_where_it_looked(runyard, tmp_path):
    table = tmp_path / "machine.toml"
    table.write_text('[operations."order:total"]\ncommand = ["true"]\n')
    said = runyard(
        "machine", "run", "--table", str(table), "--state", str(tmp_path / "account.json"),
        "--url", "http://127.0.0.1:1", "--token", "ws.machine-1.ry_client_1", code=1,
    ).err  # fmt: skip
    assert "The yard at http://127.0.0.1:1 can't be reached" in said
    assert "ry_client_1" not in said
