"""The pages on sessions name what the code has, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields

import ambient_platform
from ambient_platform import CreateSessionRequest, Event
from ambient_platform.cli.app import app
from runyard.services.sessions import api, stream
from runyard.services.sessions.agents.models import CommandEntry, ProviderEntry
from runyard.services.sessions.agents.tools import TOOLS
from runyard.services.sessions.words import Reason
from runyard.settings import Settings

from .markdown import first_cells, section
from .terminal import ROOT, SESSIONS_GUIDE

GUIDE = SESSIONS_GUIDE.read_text()
REFERENCE = (ROOT / "docs" / "reference" / "sessions-http.md").read_text()
SERVICE = ROOT / "server" / "src" / "runyard" / "services" / "sessions"
WEB = SERVICE.parents[1] / "web"


def test_every_route_is_in_the_reference_with_its_method() -> None:
    rows = re.findall(r"^\| ([A-Z]+) (`[^|]*) \|", REFERENCE, re.MULTILINE)
    named = {(method, path) for method, cell in rows for path in re.findall(r"`([^`]+)`", cell)}
    short = {"/artifacts/{name}": "/v1/sessions/{id}/artifacts/{name}"}
    named = {(method, short.get(path, path)) for method, path in named}
    missing = []
    for route in api.routes.routes:
        path = route.path.replace("{session_id}", "{id}").replace(":path}", "}")
        missing += [(method, path) for method in route.methods if (method, path) not in named]
    assert missing == []


def test_every_type_of_event_is_in_the_reference_and_no_other() -> None:
    said = set(re.findall(r"\"type\": \"(\w+)\"", (SERVICE / "stream.py").read_text()))
    said |= {str(kind) for kind, tell in stream.TELLERS.items() if tell is stream._as_it_is}
    assert first_cells(section(REFERENCE, "Events")) - {"type"} == said


def test_every_class_of_event_is_in_the_guide() -> None:
    exported = {name: getattr(ambient_platform, name) for name in ambient_platform.__all__}
    kinds = {name for name, kind in exported.items() if isinstance(kind, type) and issubclass(kind, Event)}
    assert first_cells(section(GUIDE, "Watch, leave, come back")) == kinds - {"Event"}


def test_every_code_of_an_error_is_in_the_reference_and_no_other() -> None:
    cells = re.findall(r"^\| [\d, ]+ \| ([^|]*) \|", section(REFERENCE, "Refusals"), re.MULTILINE)
    named = {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}
    said = re.compile(r"\bcode(?:: str)? ?= ?\"(\w+)\"|, code = .*, \"(\w+)\"$", re.MULTILINE)
    sources = [*SERVICE.glob("*.py"), WEB / "files.py"]
    assert named == {one or other for file in sources for one, other in said.findall(file.read_text())}


def test_every_reason_of_a_failure_is_in_both() -> None:
    reasons = {str(reason) for reason in Reason}
    assert first_cells(section(GUIDE, "How sessions end")) - {"reason"} == reasons
    assert [reason for reason in reasons if f"`{reason}`" not in section(REFERENCE, "Refusals")] == []


def test_every_setting_is_in_the_guide() -> None:
    names = [name for name in Settings.model_fields if name.startswith("session_")]
    assert len(names) > 15
    assert [name for name in names if f"`RUNYARD_{name.upper()}`" not in GUIDE] == []


def test_every_field_of_a_model_is_in_the_guide_and_no_other() -> None:
    known = {*ProviderEntry.__struct_fields__, *CommandEntry.__struct_fields__}
    assert first_cells(section(GUIDE, "Models")) == known


def test_every_tool_is_in_the_guide_and_no_other() -> None:
    assert first_cells(section(GUIDE, "Tools and approvals")) == set(TOOLS)


def test_all_that_may_be_asked_for_is_in_the_guide() -> None:
    table = section(GUIDE, "What you may ask for")
    assert [one.name for one in fields(CreateSessionRequest) if f"`{one.name}" not in table] == []


def test_every_command_is_in_the_guide_and_no_other() -> None:
    cells = re.findall(r"^\| `ambient ([^|]*) \|", section(GUIDE, "In the shell"), re.MULTILINE)
    named = {name.split()[0] for cell in cells for name in re.findall(r"[a-z][a-z ]*", cell)}
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name for group in app.registered_groups}
    assert commands | groups <= named
