"""The pages on inferlets name what the code has, and nothing else."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from msgspec import Struct
from msgspec.structs import fields

from runyard.services.inferlets.limits import Limits
from runyard.services.inferlets.ws import answers, requests
from runyard.services.inferlets.ws.socket import Close
from runyard.settings import Settings

from . import markdown
from .markdown import first_cells, row
from .terminal import ROOT

GUIDE = (ROOT / "docs" / "guides" / "inferlets.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
REFERENCE = (ROOT / "docs" / "reference" / "inferlets-ws.md").read_text()
SERVICE = ROOT / "server" / "src" / "runyard" / "services" / "inferlets"
OTHERS_CLOSES = {1001, 1009, 1012}
"""What is said by proxies that go, by the WebSocket library of frames too large, and by the HTTP server when it ends."""


def section(title: str) -> str:
    """A section of the reference."""
    return markdown.section(REFERENCE, title)


@pytest.mark.parametrize("kind", get_args(requests.Request), ids=lambda kind: kind.__struct_config__.tag)
def test_every_request_is_in_the_reference_with_its_fields(kind: type[Struct]) -> None:
    text = section("Signing in") + section("Requests")
    tag = kind.__struct_config__.tag
    assert f"`{tag}`" in section("Requests")
    described = "\n".join(line for line in text.splitlines() if f"`{tag}" in line)
    if "the same" in described:
        described += row(text, "launch_instance")
    named = set(re.findall(r"\w+", described))
    assert {field.encode_name for field in fields(kind)} - named == set()


def test_the_reference_names_no_request_that_does_not_exist() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(requests.Request)}
    assert first_cells(section("Requests")) - {"type"} == tags


def test_every_answer_is_in_the_reference_and_no_other() -> None:
    sent = set(re.findall(r"_message\(\"(\w+)\"", (SERVICE / "ws" / "answers.py").read_text()))
    assert first_cells(section("Answers and events")) - {"type"} == sent | set(get_args(answers.ResultKind))


def test_every_code_of_a_refused_answer_is_in_the_reference_and_no_other() -> None:
    sources = [*SERVICE.glob("ws/*.py"), SERVICE / "programs" / "errors.py"]
    said = re.compile(r"\bcode ?= ?\"(\w+)\"|str\(error\), \"(\w+)\"")
    codes = {one or other for file in sources for one, other in said.findall(file.read_text())}
    assert first_cells(section("Codes of refused answers")) - {"code"} == codes


def test_every_close_is_in_the_reference_and_no_other() -> None:
    cells = re.findall(r"^\| ([\d, ]+) \|", section("Closes"), re.MULTILINE)
    named = {int(code) for cell in cells for code in cell.split(",")}
    assert named == {int(code) for code in Close} | OTHERS_CLOSES


def test_every_subject_is_in_the_reference_and_no_other() -> None:
    known = re.findall(r"^    \"(\w+)\": _\w+,$", (SERVICE / "ws" / "queries.py").read_text(), re.MULTILINE)
    assert first_cells(section("Subjects")) == set(known)


def test_every_way_to_end_is_in_the_reference() -> None:
    rows = re.findall(r"^\| (\d) \|.*\| `(\w+)` \| (\d+) \|$", section("Events"), re.MULTILINE)
    ends = {reason: (int(event), int(status)) for event, reason, status in rows}
    assert ends == {reason: (event, answers.EXITS[reason]) for reason, event in answers.CODES.items()}


def test_every_limit_is_in_the_guide_and_in_the_reference() -> None:
    names = [field.name for field in fields(Limits)]
    assert [name for name in names if f"`{name}`" not in GUIDE] == []
    assert [name for name in names if f"`{name}`" not in row(section("Requests"), "launch_instance")] == []


def test_every_setting_is_in_the_guide_or_in_operations() -> None:
    names = [name for name in Settings.model_fields if name.startswith(("inferlet_", "inferlets_", "text_"))]
    assert len(names) > 15
    pages = GUIDE + OPERATIONS
    assert [name for name in names if f"`RUNYARD_{name.upper()}`" not in pages] == []
