"""The README tells the truth: its programs run, and it names every error, event, call and command."""

import re
from pathlib import Path

import pytest
from ambient_tests_server import TOKEN

import ambient_platform as ap
from ambient_platform import AmbientClient, AsyncAmbientClient
from ambient_platform.cli.app import app

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = dict(re.findall(r"## (\w+)\n(?:(?!\n## ).)*?```python\n(.*?)```", README, re.DOTALL))


@pytest.fixture
def defined(server, monkeypatch):
    """What a block of the README defines."""
    monkeypatch.setenv("AMBIENT_API_URL", server.url)
    monkeypatch.setenv("AMBIENT_TOKEN", TOKEN)
    monkeypatch.setenv("AMBIENT_PROJECT", "demo")

    def run(name):
        names = {}
        exec(compile(BLOCKS[name].replace("http://localhost:8080", server.url), "README.md", "exec"), names)
        return names

    return run


def test_it_has_programs():
    assert list(BLOCKS) == ["Usage", "Async", "Streaming", "Pagination", "Errors"]


def test_usage(defined, capsys):
    defined("Usage")
    assert capsys.readouterr().out == "It is a platform.\n"


async def test_async(defined, capsys):
    await defined("Async")["main"]()
    assert "StatusEvent(seq=1" in capsys.readouterr().out


def test_streaming(defined, server, client, capsys):
    session_id = server.add()
    for kind, fields in (
        ("delta", {"content": "I look "}),
        ("tool_call", {"call": "c1", "name": "run", "arguments": {"command": "ls"}}),
        ("approval", {"call": "c1", "state": "needed"}),
    ):
        server.emit(session_id, kind, **fields)
    server.emit(session_id, "usage", turns=1)
    server.fault("GET .*/events", _finished(server, session_id))
    server.add(session_id)
    defined("Streaming")["watch"](client, session_id)
    assert capsys.readouterr().out == "I look run {'command': 'ls'}\n"
    assert server.decided == {"c1": {"approved": True, "comment": "fine"}}


def _finished(server, session_id):
    """The whole stream at once: the session can't end before the call is approved."""
    import json

    from ambient_tests_server import Answer

    events = [*server.events[session_id], {"seq": 5, "at": "", "type": "status", "status": "completed"}]
    body = "".join(f"id: {one['seq']}\nevent: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
    return Answer(body=body.encode(), headers={"Content-Type": "text/event-stream"})


def test_pagination(defined, server, client, capsys):
    server.add(labels={"team": "web"})
    defined("Pagination")["running"](client)
    assert capsys.readouterr().out.startswith("1 of 1\nsession-")


def test_errors(defined, client, server, capsys):
    look = defined("Errors")["look"]
    look(client)
    with AmbientClient(server.url, TOKEN, "foreign") as foreign:
        look(foreign)
    assert capsys.readouterr().out == "session not found: session-1234567\n403 None req-2\n"


def test_it_names_everything():
    for name in ap.__all__:
        kind = getattr(ap, name)
        if isinstance(kind, type) and issubclass(kind, (Exception, ap.Event)):
            assert f"`{name}`" in README, name
    for name in vars(AsyncAmbientClient):
        if not name.startswith("_") and name not in {"from_env", "close"}:
            assert re.search(rf"\b{name}\b", README), name
    for command in app.registered_commands:
        assert re.search(rf"`[^`]*\b{command.name or command.callback.__name__}\b", README), command
