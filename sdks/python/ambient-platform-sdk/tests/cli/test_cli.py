"""`ambient` as people and scripts use it."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from ambient_tests_server import TOKEN, Answer, refused

COMMAND = [sys.executable, "-c", "import sys; from ambient_platform.cli import main; sys.exit(main())"]


def squeezed(text):
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


# Giving tasks.


def test_create_prints_the_id(ambient, server):
    assert ambient("create", "Hello world") == (0, "session-1700000000-abcdef\n", "")
    assert json.loads(ambient("create", "Hello world", "--json")[1])["message"] == "Session created"


def test_create_takes_all_there_is(ambient, server):
    code, *_ = ambient(
        "create", "-", "-r", "https://h/a#dev", "--repo", "https://h/b", "--credential", "bot", "-m", "gpt", "--name", "n",
        "--label", "a=b=c", "--timeout", "60", "--max-turns", "3", "--max-tokens", "9", "-i", "--approve", "run",
        "--idempotency-key", "key", typed="do it\n",
    )  # fmt: skip
    assert code == 0
    (seen,) = server.requests
    assert seen.headers["idempotency-key"] == "key"
    assert seen.json == {
        "task": "do it\n", "model": "gpt", "displayName": "n", "labels": {"a": "b=c"}, "timeout": 60.0, "maxTurns": 3,
        "maxTokens": 9, "interactive": True, "approve": ["run"],
        "repos": [{"url": "https://h/a", "branch": "dev", "credential": "bot"}, {"url": "https://h/b", "credential": "bot"}],
    }  # fmt: skip


def test_create_waits_and_watches(ambient, server):
    code, out, err = ambient("create", "x", "--wait")
    assert (code, out, err) == (0, "It is a platform.\n", "Session session-1700000000-abcdef\n")
    code, out, _ = ambient("create", "x", "--watch")
    assert (code, out) == (0, "● running\n✓ completed\n")
    code, out, _ = ambient("create", "x", "--wait", "--json")
    assert json.loads(out)["result"] == "It is a platform."


def test_a_session_that_fails_fails_the_command(ambient, server):
    session_id = server.add(status="failed", error="it broke", reason="agent_failed")
    assert ambient("get", session_id)[0] == 0
    assert ambient("get", session_id, "--wait")[0] == 1
    server.fault("POST .*", Answer(201, {"id": session_id, "message": ""}))
    assert ambient("create", "x", "--wait") == (
        1,
        "",
        f"Session {session_id}\nSession {session_id} failed: agent_failed: it broke\n",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", " "), "Task cannot be empty"),
        (("create", "x", "--repo", "git@h:a"), "Repository 0: Unsupported URL scheme"),
        (("create", "x", "--label", "a"), "'a' is no label; write it like team=web"),
        (("create", "x", "-m", "nonsense"), "unknown model 'nonsense' - configured: analyst, gpt (request id req-1)"),
        (("list", "--project", "Wrong"), "Project must be a valid"),
        (("list", "--url", "nowhere"), "Base URL must include scheme"),
        (
            ("list", "--profile", "none"),
            "There is no profile 'none' (known: none yet). Add it with: ambient profiles add",
        ),
        (("profiles", "use"), "Give the name of a profile, or --none"),
    ],
)
def test_what_can_not_work_is_told(ambient, arguments, words):
    code, out, err = ambient(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert words in err


# Watching and talking.


def test_watch_shows_all_that_happens(ambient, server):
    session_id = server.add()
    server.script(session_id)
    assert ambient("watch", session_id) == (
        0,
        f"""\
● running
▸ platform main @ 01234567 ready
> a task
! claude-3.5-sonnet is not configured; the embedded agent does the work
I look around.
→ run_command {{"command": "ls"}}
? run_command waits for approval: ambient approve {session_id} c1 (or with --refuse)
? run_command approved by alice: go
  README.md
← README.md
+ report.md (6 B)
✓ completed (2 turns, 100 tokens in, 20 out, 1 tool call)
""",
        "",
    )


def test_watch_shows_what_goes_wrong(ambient, server):
    session_id = server.add()
    for kind, fields in (
        ("repo", {"name": "a", "url": "https://h/a", "branch": "b", "state": "failed", "error": "not there"}),
        ("delta", {"content": "half a"}),
        ("tool_call", {"call": "c1", "name": "look"}),
        ("tool_result", {"call": "c1", "ok": False, "content": "no\x1b[2J", "truncated": False}),
        ("tool_result", {"call": "c1", "ok": True, "content": "\n".join("abcdefgh"), "truncated": False}),
        ("tool_result", {"call": "c1", "ok": True, "content": "a", "truncated": True}),
        ("tool_result", {"call": "c1", "ok": True}),
        ("approval", {"call": "c9", "state": "refused"}),
        ("message", {"role": "assistant", "content": "another message"}),
        ("status", {"status": "running", "waiting": "message"}),
        ("status", {"status": "running", "waiting": "approval"}),
        ("telepathy", {}),
        ("status", {"status": "failed", "reason": "budget", "error": "too many turns"}),
    ):
        server.emit(session_id, kind, **fields)
    assert ambient("watch", session_id) == (
        1,
        f"""\
▸ a b failed not there
half a
→ look
✗ no\\x1b[2J
← a
  b
  c
  d
  e
  f
  … 2 lines more
← a
  … and more
← done
? a tool refused
another message
… waits for a message: ambient send {session_id} TEXT
✗ failed (budget): too many turns
""",
        "",
    )  # fmt: skip


def test_watch_begins_behind_an_event_and_prints_json(ambient, server):
    session_id = server.add()
    server.script(session_id)
    code, out, _ = ambient("watch", session_id, "--after", "13", "--json")
    assert code == 0
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [14, 15]
    assert ambient("watch", session_id, "--after", "15") == (0, "", "")
    code, out, _ = ambient("watch", session_id, "--after", "last", "--json")
    assert (code, [json.loads(line)["seq"] for line in out.splitlines()]) == (0, [15])
    code, _, err = ambient("watch", session_id, "--after", "first")
    assert (code, "'first'" in err) == (2, True)


def test_a_message_that_came_in_pieces_is_completed(ambient, server):
    session_id = server.add()
    server.emit(session_id, "delta", content="one ")
    server.emit(session_id, "message", role="assistant", content="one two\n")
    server.emit(session_id, "message", role="assistant", content="three")
    server.emit(session_id, "status", status="completed")
    assert ambient("watch", session_id)[1] == "one two\nthree\n✓ completed\n"


def test_send_talks(ambient, server):
    session_id = server.add()
    assert ambient("send", session_id, "go on") == (
        0,
        f"Sent. See what comes of it with: ambient watch {session_id} --after 1\n",
        "",
    )
    assert json.loads(ambient("send", session_id, "-", "--json", typed="more")[1]) == {"seq": 2}
    server.fault("POST .*", Answer(202, {"seq": 2}))
    server.emit(session_id, "message", role="assistant", content="Well.")
    server.emit(session_id, "status", status="running", waiting="message")
    code, out, _ = ambient("send", session_id, "x", "--watch")
    assert (code, out.splitlines()[0]) == (0, "Well.")
    assert "ambient send" in out
    assert "go on" in ambient("messages", session_id)[1]
    assert json.loads(ambient("messages", session_id, "--json")[1])[0]["content"] == "go on"


def test_approve_decides(ambient, server):
    session_id = server.add()
    assert ambient("approve", session_id, "c1")[1] == "Call c1 is approved.\n"
    assert ambient("approve", session_id, "c2", "--refuse", "--comment", "no")[1] == "Call c2 is refused.\n"
    assert server.decided == {"c1": {"approved": True}, "c2": {"approved": False, "comment": "no"}}
    assert ambient("approve", session_id, "c1")[0] == 1


def test_sessions_are_interrupted_cancelled_finished_and_deleted(ambient, server):
    one, two = server.add(), server.add()
    assert ambient("interrupt", one)[1] == f"The turn of {one} is told to end.\n"
    assert ambient("cancel", one, two)[1] == f"Session {one} is told to end.\nSession {two} is told to end.\n"
    assert ambient("delete", one)[1] == f"Session {one} is deleted.\n"
    assert ambient("delete", one)[2].startswith(f"Error: session not found: {one} (request id req-")
    three = server.add("session-3")
    assert ambient("finish", three)[1] == "Session session-3 is finished.\n"


def test_ctrl_c_leaves_the_session_running(server, home):
    session_id = server.add()
    process = subprocess.Popen(
        [*COMMAND, "watch", session_id], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    server.emit(session_id, "note", content="hello")
    assert process.stdout.readline() == "! hello\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == f"Stopped watching. The session goes on: ambient watch {session_id}\n"
    assert server.sessions[session_id]["status"] == "running"


def test_ctrl_c_while_waiting(server, home):
    session_id = server.add()
    process = subprocess.Popen([*COMMAND, "get", "--wait", session_id], stderr=subprocess.PIPE, text=True)
    server.until(lambda: server.seen("GET .*/events"))
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 130


# What there is.


def test_list_shows_sessions(ambient, server):
    assert ambient("list")[1] == "No sessions.\n"
    for number in range(3):
        server.add(task=f"task {number}\nmore", model="m", labels={"n": str(number)})
    server.add(waiting="message", displayName="\x1b[31mname")
    code, out, err = ambient("list", "-n", "2")
    assert code == 0
    lines = squeezed(out)
    assert lines[0] == "ID STATUS CREATED MODEL TASK"
    assert lines[2].endswith("running, waits 2026-02-13T20:13:09Z \\x1b[31mname")
    assert lines[3].endswith("running 2026-02-13T20:13:09Z m task 2")
    assert err == "2 more; see them with: ambient list --all\n"
    assert len(ambient("list", "-n", "2", "--all")[1].splitlines()) == 6
    (found,) = json.loads(ambient("list", "--label", "n=1", "--status", "running", "--json")[1])
    assert found["labels"] == {"n": "1"}


def test_get_shows_a_session(ambient, server):
    session_id = server.add(
        status="completed", model="m", agent="embedded", labels={"a": "b"}, notes=["a note"], result="the \x1b answer",
        repos=[{"url": "https://h/a", "branch": "b", "commit": "0123456789"}],
    )  # fmt: skip
    _, out, _ = ambient("get", session_id)
    assert squeezed(out) == [
        f"Session {session_id}", "Status completed", "Task a task", "Model m", "Agent embedded", "Labels a=b",
        "Created 2026-02-13T20:13:09Z", "Repository https://h/a b 01234567", "Note a note", "", "the \\x1b answer",
    ]  # fmt: skip
    assert json.loads(ambient("get", session_id, "--json")[1])["agent"] == "embedded"
    waiting = server.add(waiting="approval")
    assert "running, waits for approval" in ambient("get", waiting)[1]
    assert ambient("get", waiting, "--wait", "--timeout", "0.05")[0] == 3


def test_models_are_listed(ambient):
    assert squeezed(ambient("models")[1])[2:] == ["analyst embedded yes", "gpt ai"]
    assert json.loads(ambient("models", "--json")[1])[0]["name"] == "analyst"


def test_results_are_taken(ambient, server, tmp_path):
    session_id = server.add()
    assert ambient("artifacts", session_id)[1] == "No artifacts.\n"
    server.files[session_id] = {"out/report.md": b"hello\n", "b": b"x" * 2500}
    assert squeezed(ambient("artifacts", session_id)[1])[2:] == ["6 B text/plain out/report.md", "2.5 kB text/plain b"]
    assert json.loads(ambient("artifacts", session_id, "--json")[1])[1]["size"] == 2500
    assert ambient("artifacts", session_id, "-d", "b")[2] == "b (2.5 kB)\n"
    assert ambient("artifacts", session_id, "--all", "--into", "there")[0] == 0
    assert (tmp_path / "there" / "out" / "report.md").read_text() == "hello\n"
    server.files[session_id]["../evil"] = b"x"
    code, _, err = ambient("artifacts", session_id, "--all", "--into", "there")
    assert code == 2
    assert "would lie outside 'there'" in err
    assert ambient("logs", session_id, "--tail", "1")[1].startswith("line 4\n")
    assert json.loads(ambient("metrics", session_id)[1]) == {"turns": 2, "durationSeconds": 1.5}


def test_a_patch_stays_what_it_is(server, home, ambient, tmp_path):
    session_id = server.add()
    done = subprocess.run([*COMMAND, "patch", session_id, "--repo", "one"], capture_output=True, check=True)
    assert done.stdout == b"--- a/caf\xe9\n+++ one"
    assert ambient("patch", session_id, "-o", "x.patch") == (0, "", "x.patch (18 bytes)\n")
    assert (tmp_path / "x.patch").read_bytes() == b"--- a/caf\xe9\n+++ all"


# Where, who, and what goes wrong.


def test_profiles_name_servers(ambient, server, home, monkeypatch):
    for name in ("AMBIENT_API_URL", "AMBIENT_TOKEN", "AMBIENT_PROJECT"):
        monkeypatch.delenv(name)
    assert "No profiles yet" in ambient("profiles", "list")[1]
    code, _, err = ambient("list")
    assert code == 2
    assert "AMBIENT_TOKEN environment variable is required; or keep one in a profile: ambient profiles add" in err
    assert ambient("profiles", "add", "mine", "--url", server.url, "--project", "demo", typed=f"{TOKEN}\n")[0] == 0
    config = home / ".ambient" / "config"
    assert config.stat().st_mode & 0o777 == 0o600
    assert ambient("list", "--profile", "mine")[0] == 0
    assert ambient("profiles", "use", "mine")[0] == 0
    assert ambient("list") == (0, "No sessions.\n", "")
    assert ambient("list", "--project", "foreign")[0] == 4
    (row,) = json.loads(ambient("profiles", "list", "--json")[1])
    assert row == {"name": "mine", "in_use": True, "url": server.url, "project": "demo", "token": True}
    assert squeezed(ambient("profiles", "list")[1])[2] == f"* mine yes demo {server.url}"
    # The token stays with its server.
    assert "AMBIENT_TOKEN" in ambient("list", "--url", "http://127.0.0.1:1")[2]
    ambient("profiles", "add", "mine", "--project", "other")
    assert TOKEN in config.read_text()
    ambient("profiles", "add", "mine", "--url", "http://127.0.0.1:1")
    assert TOKEN not in config.read_text()
    assert ambient("profiles", "add", "mine", typed="short\n")[0] == 2
    config.chmod(0o644)
    config.write_text(f"[profile mine]\nserver_url={server.url}\napi_key={TOKEN}\nproject=demo\n")
    monkeypatch.setenv("AMBIENT_PROFILE", "mine")
    assert "Warning: " in ambient("list")[2]
    monkeypatch.setenv("AMBIENT_PROJECT", "foreign")
    assert ambient("list")[0] == 4  # the environment wins over a profile that is only in use
    assert ambient("profiles", "use", "--none")[1] == "No profile is in use.\n"
    assert ambient("profiles", "remove", "mine")[1] == "Profile mine is removed.\n"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (refused(401, "Token expired or invalid"), 4),
        (refused(403, "Unauthorized to access project"), 4),
        (refused(400, "Invalid session ID"), 2),
        (refused(404, "session not found: x"), 1),
        (refused(500, "Internal server error"), 3),
        (Answer(200, []), 3),
    ],
)
def test_exit_codes_tell_failures_apart(ambient, server, fault, code):
    server.fault("GET .*", fault)
    assert ambient("get", "x")[0] == code


def test_nobody_there_is_told(ambient, server):
    server.go_away()
    code, _, err = ambient("get", "x")
    assert code == 3
    assert err.startswith("Error: Failed to connect to API: ")
    server.come_back()


def test_doctor_finds_all_well(ambient, server):
    code, out, _ = ambient("doctor")
    assert code == 0
    assert out.count("✓") == 4
    assert "analyst (default), gpt" in out
    assert [one["ok"] for one in json.loads(ambient("doctor", "--json")[1])] == [True] * 4


def test_doctor_says_what_to_do(ambient, server, monkeypatch):
    monkeypatch.setenv("AMBIENT_PROJECT", "foreign")
    code, out, _ = ambient("doctor")
    assert code == 4
    assert "API error (403): Unauthorized to access project" in out
    monkeypatch.delenv("AMBIENT_PROJECT")
    code, out, _ = ambient("doctor")
    assert code == 2
    assert "AMBIENT_PROJECT environment variable is required" in out
    server.fault("GET /health", Answer(502))
    assert ambient("doctor")[0] == 3
    monkeypatch.setenv("AMBIENT_API_URL", "http://127.0.0.1:1")
    code, out, _ = ambient("doctor")
    assert code == 3
    assert "runyard serve" in out


def test_doctor_knows_original_servers(ambient, original, server, monkeypatch):
    server.fault("GET /v1/models", Answer(500))
    assert ambient("doctor")[0] == 3
    server.fault("GET /v1/models", Answer(200, {"items": []}))
    assert "The operator has to configure one" in ambient("doctor")[1]
    monkeypatch.setenv("AMBIENT_API_URL", original.url)
    code, out, _ = ambient("doctor")
    assert code == 0
    assert "a server of the original kind" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(ambient, shell):
    _, out, _ = ambient("completion", shell)
    for word in ("create", "watch", "artifacts", "profiles", "completed"):
        assert word in out


def test_version_and_help(ambient):
    assert ambient("--version")[1] == "ambient 1.0.0\n"
    assert "Exit codes" in ambient("--help")[1]
    assert ambient("nonsense")[0] == 2


def test_verbose_tells_what_the_client_does(server, home):
    server.fault("GET .*", Answer(503, headers={"Retry-After": "0"}))
    done = subprocess.run([*COMMAND, "-v", "list"], capture_output=True, text=True, check=True)
    assert "trying again in 0.0 s" in done.stderr
    assert TOKEN not in done.stderr


def test_a_reader_that_goes_away_is_no_traceback(server, home):
    session_id = server.add()
    for number in range(5000):
        server.events[session_id].append({"seq": number + 1, "type": "note", "content": "x" * 100})
    server.emit(session_id, "status", status="completed")
    environment = {**os.environ, "SESSION": session_id}
    command = (
        f"{sys.executable} -c 'import sys; from ambient_platform.cli import main; sys.exit(main())' watch $SESSION"
    )
    done = subprocess.run(
        f"{command} | head -1", check=False, shell=True, capture_output=True, text=True, timeout=30, env=environment
    )
    assert done.stdout.startswith("! xxx")
    assert "Traceback" not in done.stderr
