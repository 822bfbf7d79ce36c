"""The document of `ambient_platform`: its code blocks run as they stand against a yard on its default port.

Only placeholders are filled in: addresses of servers that don't exist, and the token of whoever reads it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from ambient_platform import AmbientClient, CreateSessionRequest, RepoHTTP
from ambient_platform.exceptions import AmbientAPIError, AuthenticationError, SessionNotFoundError
from runyard.identity import project_tenant
from runyard.jobs import NewJob
from runyard.services.sessions.order import Budget, Order
from runyard.services.sessions.words import KIND
from runyard.testing.running import RunningYard
from runyard.yard import Yard

from .blocks import blocks_of, run_fragment, run_program, unconfigured
from .ports import alone
from .repositories import served_repository

pytestmark = [pytest.mark.xdist_group("default-ports"), pytest.mark.timeout(300)]

BLOCKS = blocks_of("sessions.md")
CLIENT = Path(__file__).parents[2] / "sdks/python/ambient-platform-sdk"
URL = "http://localhost:8080"
DEADLINE = 120.0
PROJECT = "your-project-name"
SESSION = "session-1234567"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_repository(tmp_path_factory.mktemp("git")) as url:
        yield url


@pytest.fixture(scope="module")
def yard(yard_database: str, repository: str) -> Iterator[RunningYard]:
    settings = {"inferlets_port": "8080", "session_hosts": repository.split("/")[2]}
    with alone(8080), RunningYard(database_url=yard_database, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def runyard(yard: RunningYard) -> Callable[..., str]:
    """The operator's command line."""

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "runyard", *words], env=yard.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return run


@pytest.fixture(scope="module")
def token(runyard: Callable[..., str]) -> str:
    """What `oc whoami -t` would print."""
    runyard("user", "add", "ada")
    runyard("project", "add", PROJECT, "--member", "ada")
    return runyard("token", "create", "--user", "ada", "--format", "openshift")


@pytest.fixture(scope="module")
def finished(yard: RunningYard, token: str) -> None:
    """The session that the document speaks of, at its end."""

    async def make(opened: Yard) -> None:
        order = Order(
            session=SESSION, task="Hello world", agent="embedded", budget=Budget(seconds=60, turns=5, tokens=10_000)
        )
        params = cast("dict[str, object]", msgspec.to_builtins(order))
        owner = (await opened.identity.users.find("ada")).id
        await opened.jobs.submit(NewJob(kind=KIND, owner=owner, tenant=project_tenant(PROJECT), params=params))

    yard.inside(make)
    with AmbientClient(URL, token, PROJECT) as client:
        assert client.wait_for_completion(SESSION, timeout=DEADLINE).status == "completed"


@pytest.fixture(autouse=True)
def environment(token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Somebody who has set what the document says is required; for programs, and for fragments in this process."""
    found = unconfigured(tmp_path) | {"AMBIENT_TOKEN": token, "AMBIENT_PROJECT": PROJECT}
    found.pop("AMBIENT_API_URL", None)
    for name in set(os.environ) - set(found):
        monkeypatch.delenv(name)
    for name in ("AMBIENT_TOKEN", "AMBIENT_PROJECT"):
        monkeypatch.setenv(name, found[name])
    return found


@pytest.fixture
def client() -> Iterator[AmbientClient]:
    with AmbientClient.from_env() as client:
        yield client


async def run(name: str, **names: object) -> dict[str, Any]:
    return await run_fragment(BLOCKS[name], **names)


# ---------------------------------------------------------------- the blocks


def test_quick_start(environment: dict[str, str], tmp_path: Path) -> None:
    program = BLOCKS["Quick Start"].replace("https://your-platform.example.com", URL)
    assert program != BLOCKS["Quick Start"]
    done = run_program(sys.executable, "-c", program, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    created, status, found = done.stdout.splitlines()
    assert created.startswith("Created session: session-")
    assert status in {"Status: pending", "Status: running", "Status: failed"}  # there may be no internet to clone from
    assert found.startswith("Found ")


def test_what_the_shell_is_told_is_enough(environment: dict[str, str], token: str, tmp_path: Path) -> None:
    script = BLOCKS["Project required"]
    for placeholder, value in (("your-bearer-token", token), ("https://your-api.com", URL)):
        assert placeholder in script
        script = script.replace(placeholder, value)
    assert _lists(script, environment, tmp_path) == "True\n"


def test_openshift_users(environment: dict[str, str], token: str, tmp_path: Path) -> None:
    """Their command line says who they are; here a program of its name says it."""
    oc = tmp_path / "oc"
    oc.write_text(f'#!/bin/sh\ncase "$*" in\n"whoami -t") echo "{token}" ;;\n"project -q") echo {PROJECT} ;;\nesac\n')
    oc.chmod(0o755)
    nobody = {name: value for name, value in environment.items() if not name.startswith("AMBIENT_")}
    assert _lists(BLOCKS["OpenShift Users"], nobody | {"PATH": f"{tmp_path}:{nobody['PATH']}"}, tmp_path) == "True\n"


def _lists(script: str, environment: dict[str, str], folder: Path) -> str:
    look = "from ambient_platform import *; print(AmbientClient.from_env().list_sessions().total >= 0)"
    done = run_program("sh", "-c", f"{script}\n{sys.executable} -c '{look}'", cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_create_session(client: AmbientClient, capsys: pytest.CaptureFixture[str]) -> None:
    made = await run("Create Session", client=client)
    assert capsys.readouterr().out == f"Session ID: {made['response'].id}\n"
    created = client.get_session(made["response"].id)
    assert (created.task, created.model) == ("Review this code for security issues", "claude-3.5-sonnet")


async def test_get_session_details(client: AmbientClient, finished: None, capsys: pytest.CaptureFixture[str]) -> None:
    made = await run("Get Session Details", client=client)
    assert made["session"].result
    assert capsys.readouterr().out == f"Status: completed\nResult: {made['session'].result}\n"


async def test_list_sessions(client: AmbientClient, finished: None, capsys: pytest.CaptureFixture[str]) -> None:
    made = await run("List Sessions", client=client)
    assert f"- {SESSION} (completed): Hello world\n" in capsys.readouterr().out
    assert made["sessions"].total == len(made["sessions"].items)


async def test_monitor_session_completion(
    client: AmbientClient, finished: None, capsys: pytest.CaptureFixture[str]
) -> None:
    await run("Get Session Details", client=client)
    capsys.readouterr()
    names = await run_fragment("from ambient_platform import StatusCompleted", client=client)
    made = await run_fragment(BLOCKS["Monitor Session Completion"], **names)
    assert capsys.readouterr().out == f"Success: {made['completed'].result}\n"


async def test_session_status_values() -> None:
    import ambient_platform  # noqa: PLC0415

    made = await run("Session Status Values")
    for name in ("StatusPending", "StatusRunning", "StatusCompleted", "StatusFailed"):
        assert made[name] == getattr(ambient_platform, name)


async def test_environment_variables() -> None:
    made = await run("Environment Variables", AmbientClient=AmbientClient)
    with made["client"] as client:
        assert client.list_sessions().total >= 0


async def test_context_manager() -> None:
    made = await run("Context Manager", AmbientClient=AmbientClient, request=CreateSessionRequest(task="Hello world"))
    assert made["session"].id == made["response"].id
    with pytest.raises(RuntimeError):
        made["client"].list_sessions()


async def test_custom_timeout() -> None:
    (await run("Custom Timeout", AmbientClient=AmbientClient))["client"].close()


async def test_error_handling(client: AmbientClient, capsys: pytest.CaptureFixture[str]) -> None:
    await run("Error Handling", client=client)
    assert capsys.readouterr().out == "Session not found: session not found: invalid-id\n"


def test_the_example(environment: dict[str, str], token: str, repository: str) -> None:
    """`main.py`, which the document promises; here it analyses a repository that can be had, and waits."""
    script = BLOCKS["Examples"].replace('"your-token"', f'"{token}"').replace('"your-project"', f'"{PROJECT}"')
    names = {"REPOSITORY": repository, "MONITOR_SESSION": "true", "PYTHONIOENCODING": "utf-8"}
    done = run_program("sh", "-c", script, cwd=CLIENT, env=environment | names)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Orders" in done.stdout


def test_testing_against_a_real_api(environment: dict[str, str], token: str) -> None:
    script = BLOCKS["Testing Against Real API"]
    values = (('"your-token"', token), ('"your-project"', PROJECT), ("https://your-api.com", URL))
    for placeholder, value in values:
        assert placeholder in script
        script = script.replace(placeholder, value)
    done = run_program("sh", "-ec", script, cwd=CLIENT, env=environment | {"PYTHONIOENCODING": "utf-8"})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Created session: session-" in done.stdout
    assert re.search(r"=== 3 passed, \d+ deselected in ", done.stdout)


async def test_interactive_python_session(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line[4:] for line in BLOCKS["Interactive Python Session"].splitlines() if line.startswith(">>> ")]
    made = await run_fragment("\n".join(lines))
    with made["client"]:
        assert capsys.readouterr().out == f"Session ID: {made['response'].id}\n"


# ---------------------------------------------------------------- what it promises besides


def test_the_summary_is_true(client: AmbientClient, repository: str) -> None:
    request = CreateSessionRequest(
        task="Analyze the repository structure and provide a summary",
        model="claude-3.5-sonnet",
        repos=[RepoHTTP(url=repository, branch="main")],
    )
    found = client.wait_for_completion(client.create_session(request).id, timeout=DEADLINE)
    assert found.status == "completed", found.error
    assert found.completed_at is not None
    assert found.result is not None
    for fact in ("Python", "orders.main:main", "httpx"):
        assert fact in found.result
    assert found.repos[0].commit is not None
    assert len(found.repos[0].commit) == 40
    assert "claude-3.5-sonnet" in found.notes[0]


def test_a_missing_token_is_said(environment: dict[str, str]) -> None:
    nobody = {name: value for name, value in environment.items() if name != "AMBIENT_TOKEN"}
    done = run_program(sys.executable, "main.py", cwd=CLIENT / "examples", env=nobody | {"PYTHONIOENCODING": "utf-8"})
    assert done.stdout == "❌ AMBIENT_TOKEN environment variable is required\n"


def test_the_texts_of_the_troubleshooting_section(client: AmbientClient, token: str) -> None:
    with pytest.raises(SessionNotFoundError) as missing:
        client.get_session("session-xyz")
    assert str(missing.value) == "session not found: session-xyz"
    del client.client.headers["X-Ambient-Project"]
    with pytest.raises(AmbientAPIError) as nowhere:
        client.list_sessions()
    assert str(nowhere.value) == "API error (400): Project required. Set X-Ambient-Project header"
    with AmbientClient(URL, f"{token[:-1]}x", PROJECT) as stranger, pytest.raises(AuthenticationError) as refused:
        stranger.list_sessions()
    assert str(refused.value) == "Authentication failed: Token expired or invalid"
    with AmbientClient(URL, token, "another-project") as elsewhere, pytest.raises(AmbientAPIError) as forbidden:
        elsewhere.list_sessions()
    assert str(forbidden.value) == "API error (403): Unauthorized to access project"


def test_the_service_answers_where_the_document_says(token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "X-Ambient-Project": PROJECT}
    answer = httpx.get(f"{URL}/v1/sessions", headers=headers)
    assert (answer.status_code, set(answer.json())) == (200, {"items", "total"})
