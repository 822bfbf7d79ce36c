"""The document that programs of the original client were written by: its blocks run as they stand (`seed.md`).

Only placeholders are replaced: the server's address and the session's id.
"""

import dataclasses
import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from ambient_tests_server import TOKEN, Answer

import ambient_platform
from ambient_platform import AmbientClient, CreateSessionRequest

ROOT = Path(__file__).parents[1]
BLOCKS = dict(
    re.findall(
        r"^## ([^\n]+)\n\n```(?:python|bash)\n(.*?)^```$",
        (ROOT / "tests" / "seed.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
)
ID = "session-1234567"


@pytest.fixture
def environment(server, monkeypatch):
    monkeypatch.setenv("AMBIENT_API_URL", server.url)
    monkeypatch.setenv("AMBIENT_TOKEN", TOKEN)
    monkeypatch.setenv("AMBIENT_PROJECT", "demo")


def run(name, **names):
    exec(compile(BLOCKS[name], name, "exec"), names)
    return names


def test_quick_start(server, environment, capsys, monkeypatch):
    monkeypatch.setitem(
        BLOCKS, "Quick Start", BLOCKS["Quick Start"].replace("https://your-platform.example.com", server.url)
    )
    run("Quick Start")
    (session_id,) = server.sessions
    assert capsys.readouterr().out == f"Created session: {session_id}\nStatus: completed\nFound 1 sessions\n"
    (created,) = server.seen("POST /v1/sessions")
    assert created.json == {
        "task": "Analyze the repository structure and provide a summary",
        "model": "claude-3.5-sonnet",
        "repos": [{"url": "https://github.com/ambient-code/platform", "branch": "main"}],
    }


def test_quick_start_accepts_its_own_address(environment):
    source = BLOCKS["Quick Start"].partition("# Create a session")[0]
    names = {}
    exec(source, names)
    names["client"].close()
    assert names["client"].base_url == "https://your-platform.example.com"


def test_create_session(client, capsys):
    run("Create Session", client=client)
    assert capsys.readouterr().out == "Session ID: session-1700000000-abcdef\n"


def test_get_session_details(client, server, capsys):
    server.add(ID, status="completed", result="It is a platform.")
    run("Get Session Details", client=client)
    assert capsys.readouterr().out == "Status: completed\nResult: It is a platform.\n"


def test_list_sessions(client, server, capsys):
    server.add(ID)
    run("List Sessions", client=client)
    assert capsys.readouterr().out == f"- {ID} (running): a task\n"


def test_monitor_session_completion(client, server, capsys):
    names = run("Session Status Values")
    server.add(ID, status="completed", result="yes")
    run("Monitor Session Completion", client=client, **names)
    server.add(ID, status="failed", error="no")
    run("Monitor Session Completion", client=client, **names)
    server.add(ID)
    waits = BLOCKS["Monitor Session Completion"].replace("300.0", "0.05")
    exec(waits, {"client": client, **names})
    assert capsys.readouterr().out == "Success: yes\nFailed: no\nSession monitoring timed out\n"


def test_session_status_values():
    names = run("Session Status Values")
    assert [names[f"Status{name}"] for name in ("Pending", "Running", "Completed", "Failed")] == [
        ambient_platform.StatusPending,
        ambient_platform.StatusRunning,
        ambient_platform.StatusCompleted,
        ambient_platform.StatusFailed,
    ]


def test_environment_variables(environment, server):
    with run("Environment Variables", AmbientClient=AmbientClient)["client"] as client:
        assert (client.base_url, client.token, client.project) == (server.url, TOKEN, "demo")


def test_context_manager(environment, server):
    names = run("Context Manager", AmbientClient=AmbientClient, request=CreateSessionRequest(task="Hello world"))
    assert names["session"].task == "Hello world"
    with pytest.raises(RuntimeError, match="closed"):
        names["client"].get_session(names["session"].id)


def test_custom_timeout():
    client = run("Custom Timeout", AmbientClient=AmbientClient)["client"]
    client.close()
    assert client.timeout == 60.0
    assert client.client.timeout.read == 60.0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "Session not found: session not found: invalid-id"),
        (Answer(401, {"error": "Token expired or invalid"}), "Auth failed: Authentication failed: Token expired or invalid"),
        (Answer(400, {"error": "Project required. Set X-Ambient-Project header"}),
         "API error: API error (400): Project required. Set X-Ambient-Project header"),
    ],
)  # fmt: skip
def test_error_handling(client, server, capsys, answer, words):
    if answer is not None:
        server.fault("GET .*", answer)
    run("Error Handling", client=client)
    assert capsys.readouterr().out == f"{words}\n"


def test_error_handling_without_a_server(client, server, capsys):
    server.go_away()
    run("Error Handling", client=client)
    assert capsys.readouterr().out.startswith("Connection failed: Failed to connect to API: ")
    server.come_back()


def test_the_signatures_are_the_references():
    """Positions, names, defaults; what is ours comes behind, by keyword or with a default."""
    promised = re.findall(r"def (\w+)\(self, ?(.*?)\)", BLOCKS["AmbientClient"])
    assert [name for name, _ in promised] == ["__init__", "create_session", "get_session", "wait_for_completion"]
    for name, text in promised:
        wanted = [one.partition(":")[0].strip() for one in text.split(",")]
        given = list(inspect.signature(getattr(AmbientClient, name)).parameters.values())[1:]
        positional = [one.name for one in given if one.kind is one.POSITIONAL_OR_KEYWORD]
        assert positional == wanted
        defaults = {
            one.partition(":")[0].strip(): one.rpartition("=")[2].strip() for one in text.split(",") if "=" in one
        }
        assert {one.name: str(one.default) for one in given if one.name in defaults} == defaults
    assert not [
        one for one in inspect.signature(AmbientClient.list_sessions).parameters.values() if one.default is one.empty
    ][1:]


def test_the_data_classes_are_the_references():
    promised = re.findall(r"class (\w+):\n((?:    .*\n)+)", BLOCKS["Data Classes"])
    assert len(promised) == 6
    for name, body in promised:
        kind = getattr(ambient_platform, name)
        wanted = re.findall(r"^    (\w+): ([^=#\n]+?)(?: = (None))?\s*(?:#.*)?$", body, re.MULTILINE)
        fields = dataclasses.fields(kind)
        assert [one.name for one in fields][: len(wanted)] == [field for field, _, _ in wanted]
        for field, (_, _, default) in zip(fields, wanted, strict=False):
            assert (field.default is None) == (default == "None")
        assert all(one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
                   for one in fields[len(wanted):])  # fmt: skip
        instance = kind(*("x" for _ in wanted))
        setattr(instance, fields[0].name, "mutable")
        assert typing.get_type_hints(kind)


def test_the_interactive_session(environment, server, capsys):
    lines = [
        line.removeprefix(">>> ")
        for line in BLOCKS["Interactive Python Session"].splitlines()
        if line.startswith(">>>")
    ]
    names = {}
    exec("\n".join(lines), names)
    names["client"].close()
    assert capsys.readouterr().out == "Session ID: session-1700000000-abcdef\n"
    (created,) = server.seen("POST /v1/sessions")
    assert created.json == {"task": "Hello world", "model": "claude-3.5-sonnet"}


def test_every_block_is_run_above():
    tests = Path(__file__).read_text()
    assert [name for name in BLOCKS if f'"{name}"' not in tests] == []


def example(**environment):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "main.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8", **environment},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_the_example_runs(server):
    given = {"AMBIENT_API_URL": server.url, "AMBIENT_TOKEN": TOKEN, "AMBIENT_PROJECT": "demo"}
    code, out = example(**given, MONITOR_SESSION="true")
    assert code == 0
    assert "✅ Created session: session-1700000000-abcdef" in out
    assert "✅ It is a platform." in out
    assert example(**given)[0] == 0


def test_the_example_tells_what_is_missing(server):
    assert example() == (1, "❌ AMBIENT_TOKEN environment variable is required\n")
    assert example(AMBIENT_TOKEN=TOKEN) == (1, "❌ AMBIENT_PROJECT environment variable is required\n")
    given = {"AMBIENT_API_URL": server.url, "AMBIENT_TOKEN": TOKEN, "AMBIENT_PROJECT": "foreign"}
    assert example(**given) == (1, "❌ API error (403): Unauthorized to access project\n")
