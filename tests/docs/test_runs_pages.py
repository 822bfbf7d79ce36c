"""The pages on runs name what the code has, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import create_autospec

import msgspec
import pytest
from fastapi.routing import APIRoute

from runyard.cli import app
from runyard.offers import offered
from runyard.services.inferlets.programs import Programs
from runyard.services.runs.api.routes import all_routes
from runyard.services.runs.contract import contract
from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.spec import MACHINE, PERSON, Action, Approval, Retry, Spec
from runyard.services.runs.engine.states import RunStatus
from runyard.services.runs.engine.steering import Intervention
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.http import call
from runyard.services.runs.refused import PROBLEMS
from runyard.services.runs.words import Role
from runyard.services.sessions.agents.models import ModelTable
from runyard.settings import Settings
from runyard.yard import Yard

from .markdown import CODE, first_cells, row, section
from .terminal import ROOT, RUNS_GUIDE

GUIDE = RUNS_GUIDE.read_text()
REFERENCE = (ROOT / "docs" / "reference" / "runs-http.md").read_text()
OPERATIONS = (ROOT / "docs" / "reference" / "runs-operations.md").read_text()
EVIDENCE = (ROOT / "docs" / "guides" / "evidence.md").read_text()
OPERATING = (ROOT / "docs" / "operations.md").read_text()
COMMANDS = (ROOT / "docs" / "reference" / "cli.md").read_text()
SERVICE = ROOT / "server" / "src" / "runyard" / "services" / "runs"
GENERATION = ROOT / "docs" / "guides" / "python-client-generation.md"
CODEGEN = ROOT / "scripts" / "codegen"

NOUNS = (
    "Workspace|User|ServiceAccount|Workflow|Run|Plan|Action|Approval|HumanTask|WorkItem|Workforce|Machine|Agent|Adapter"
    "|Credential|Policy|MapLayer"
)
EVENT = re.compile(rf"(?:{NOUNS})[A-Z]\w*(?:ed|ing|drawn)")
SPOKEN_OF = {"ApprovalAssigned", "ApprovalEscalated"}
"""Events whose names are put together where they are told."""


def quoted(text: str) -> set[str]:
    """Everything in backquotes, without code."""
    return set(re.findall(r"`([^`]+)`", CODE.sub("", text)))


@cache
def said(folder: Path) -> frozenset[str]:
    """Every text in the code of a folder that is one word."""
    trees = [ast.parse(file.read_text()) for file in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return frozenset(node.value for node in nodes if isinstance(node.value, str) and node.value.isidentifier())


def codes(folder: Path) -> Iterator[str]:
    """What failures are called in a folder's code."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"_error", "JobFailed"}:
                yield from (one.value for one in node.args[:1] if isinstance(one, ast.Constant))
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                for key, value in pairs:
                    if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant):
                        yield value.value


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """All that workflows can ask for; nobody is asked for anything here."""
    yard = create_autospec(Yard, settings=Settings(), instance=True)
    programs, models = create_autospec(Programs, instance=True), create_autospec(ModelTable, instance=True)
    return Catalogue.of([*offered(yard, programs=programs, models=models), call.offer()])


def test_every_operation_is_on_its_page_with_a_sentence() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| .* \| ([^|]+) \|$", OPERATIONS, re.MULTILINE))
    asked = [one["operationId"] for item in contract()["paths"].values() for one in item.values()]
    assert len(asked) >= 113
    assert [one for one in asked if len(told.get(one, "").split()) < 2] == []


def test_every_route_that_is_not_in_the_contract_is_in_the_reference_or_among_the_other_names() -> None:
    beside = {one.path for one in all_routes() if isinstance(one, APIRoute) and not one.include_in_schema}
    short = {path.replace("/v1/workspaces/{workspaceId}", "…") for path in beside}
    pages = REFERENCE + section(GUIDE, "Coming from the original")
    assert [path for path in sorted(short) if path not in pages] == []


def test_every_problem_is_in_the_reference_with_its_status_and_no_other() -> None:
    told = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \|", section(REFERENCE, "Problems"), re.MULTILINE)
    assert {(int(status), slug) for status, slug in told} == {(status, slug) for slug, (status, _) in PROBLEMS.items()}


def test_every_header_of_the_contract_is_in_the_reference() -> None:
    named = quoted(REFERENCE)
    document = contract()
    headers = {*document["components"]["headers"], "Idempotency-Key", "X-Workspace-Id", "X-Portarium-Request: 1"}
    headers = {name.removeprefix("RateLimit") if name[9:] in {"-Remaining", "-Reset"} else name for name in headers}
    assert [name for name in sorted(headers) if name not in named] == []


def test_every_event_is_in_the_guide_and_no_other() -> None:
    told = {word for word in said(SERVICE) if EVENT.fullmatch(word)} | SPOKEN_OF
    assert len(told) > 60
    assert {word for word in quoted(section(GUIDE, "Events")) if word.isidentifier() and word[0].isupper()} == told


def test_every_setting_is_in_the_guide_and_where_operators_look() -> None:
    names = [f"`RUNYARD_{name.upper()}`" for name in Settings.model_fields if name.startswith("runs_")]
    assert len(names) > 7
    assert [name for name in names if name not in section(GUIDE, "For operators")] == []
    assert [name for name in names if name not in OPERATING] == []


def test_every_operation_of_an_action_is_in_the_guide_with_what_it_takes_and_gives(catalogue: Catalogue) -> None:
    table = section(GUIDE, "Operations")
    for operation in [name for name in catalogue.offers if not name.startswith("media:")] + [PERSON, MACHINE]:
        named = quoted(row(table.replace(":", "_").replace("<", "").replace(">", ""), operation.replace(":", "_")))
        for shape in (catalogue.input_of(operation), catalogue.output_of(operation)):
            fields = set() if shape is None else {one.encode_name for one in msgspec.structs.fields(shape)}
            assert fields - named == set(), operation


def test_every_plugin_is_an_operation(catalogue: Catalogue) -> None:
    assert {"media:thumbnail", "media:exif"} <= quoted(section(GUIDE, "Operations")) & set(catalogue.offers)


@pytest.mark.parametrize("shape", [Action, Spec, Approval, Retry])
def test_every_field_of_a_workflow_is_in_the_guide(shape: type[msgspec.Struct]) -> None:
    named = quoted(section(GUIDE, "Workflows") + section(GUIDE, "Approvals"))
    assert {one.encode_name for one in msgspec.structs.fields(shape)} - named - {"actions"} == set()


def test_every_tier_status_role_and_intervention_is_in_the_guide_and_no_other() -> None:
    assert first_cells(section(GUIDE, "Start and follow")) == set(RunStatus)
    assert first_cells(section(GUIDE, "Approvals").partition("| rule |")[0]) == set(Tier)
    assert first_cells(section(GUIDE, "Who takes part")) == set(Role)
    cells = re.findall(r"^\| ([^|]*) \|", section(GUIDE, "Stop, hold, do again").partition("| `error")[0], re.MULTILINE)
    assert quoted(" ".join(cells)) == set(Intervention)


def test_every_code_of_a_failed_run_is_in_the_guide_and_no_other() -> None:
    table = section(GUIDE, "Stop, hold, do again").partition("| `error.code`")[2]
    named = {name for cell in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE) for name in quoted(cell)}
    assert named == {*codes(SERVICE / "engine"), *codes(SERVICE / "http")} - {"failed"}


def test_every_reason_of_the_verifier_is_in_the_guide_to_evidence_and_no_other() -> None:
    found: set[str] = set()
    for file in (SERVICE / "evidence" / "verify.py", SERVICE / "evidence" / "chain.py"):
        found |= set(re.findall(r"(?:reason=|wrong\(|Tampered\(|Break\()\"(\w+)\"", file.read_text()))
    assert found
    assert found - quoted(section(EVIDENCE, "What is found")) == set()


@pytest.mark.parametrize("group", ["workspace", "service-account", "evidence", "machine"])
def test_every_group_of_verbs_is_in_the_reference_of_commands(group: str) -> None:
    assert f"### runyard {group}\n" in COMMANDS
    (found,) = (one.typer_instance for one in app.registered_groups if one.name == group)
    assert found is not None
    verbs = {one.name or one.callback.__name__.replace("_", "-") for one in found.registered_commands if one.callback}
    shown = COMMANDS.partition(f"### runyard {group}\n")[2].partition("### ")[0]
    assert {verb for verb in verbs if not re.search(rf"│ {verb} ", shown)} == set()


def test_the_page_on_generating_names_the_files_of_the_package() -> None:
    package = ROOT / "sdks" / "python" / "portarium-client" / "portarium_client"
    shown = GENERATION.read_text().partition("## What is in the package")[2].partition("##")[0]
    hidden = {"__init__.py", "types.py"}
    assert [one.name for one in package.glob("*.py") if one.name not in hidden and one.name not in shown] == []
    assert [one.name for one in (CODEGEN / "modules").glob("*.py") if one.name not in shown] == []
