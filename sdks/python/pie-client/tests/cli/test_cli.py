"""`pie` as people and scripts use it."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pie_tests_waiting import eventually_here

from pie import KeyEncrypted
from pie.cli.settings import read_key


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


# run


def test_run_is_like_running_it_here(pie, program):
    path = program("hello")
    assert pie("run", path, "--", "a", "--b") == (0, "hello a --b\ndone\n", "")


def test_run_uploads_once(pie, program, server):
    path = program("hello")
    pie("run", path)
    pie("run", path)
    assert sum(request["type"] == "upload_program" for request in server.requests) == 1


def test_run_takes_webassembly_text(pie, tmp_path, server):
    path = tmp_path / "program.wat"
    path.write_text('(module (func (export "run")))')
    code, _, err = pie("run", path)
    assert (code, err) == (1, "Error: Upload Program failed: it is no WebAssembly\n")  # of this server, which runs none
    sent = next(request for request in server.requests if request["type"] == "upload_program")
    assert sent["chunk_data"] == path.read_bytes()


def test_run_sends_what_is_typed(pie, program):
    assert pie("run", program("echo"), typed="one\ntwo\nbye\n") == (0, "one\ntwo\nbye\n", "")


def test_a_line_that_is_refused_is_told_and_the_next_ones_go_on(pie, program, server):
    server.refuse_once["signal_instance"] = "too long", "too_large"
    code, out, err = pie("run", program("echo"), typed="one\nbye\n")
    assert (code, out, err) == (0, "bye\n", "Error: Signal Instance failed: too long\n")


def test_run_gives_a_slow_program_time(pie, program, server):
    server.full = 1
    assert pie("run", program("echo"), typed="bye\n") == (0, "bye\n", "")


def test_run_ends_though_the_input_goes_on(program, server, home):
    path = program("hello")
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from pie.cli import main; sys.exit(main())", "run", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.wait(20) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("hello \ndone\n", "")
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


@pytest.mark.parametrize(
    ("behaviour", "status", "words"),
    [
        ("fails", 1, "about to fail\nException: Runtime error: broken\n"),
        ("exhausts", 1, "OutOfResources: fuel is used up\n"),
        ("exits", 255, "Exception: Runtime error: exit status -1\n"),
    ],
)
def test_run_ends_with_the_programs_status(pie, program, behaviour, status, words):
    assert pie("run", program(behaviour)) == (status, "", words)


def test_run_takes_names_and_limits(pie, server):
    server.install("hello", "demo/hello")
    code, out, _ = pie("run", "demo/hello", "--fuel", "10", "--memory", "65536", "--wall", "1.5", "--no-input")
    assert (code, out) == (0, "hello \ndone\n")
    limits = next(request["limits"] for request in server.requests if "limits" in request)
    assert limits == {"fuel": 10, "memory": 65536, "wall_seconds": 1.5}


def test_run_prints_events_as_json(pie, program):
    code, out, _ = pie("run", program("every_event"), "--json")
    assert code == 0
    assert [event["event"] for event in lines(out)] == ["Message", "Stdout", "Stderr", "Blob", "Completed"]
    assert lines(out)[3]["data"] == "YmxvYg=="
    assert lines(out)[4]["exit"] == {"code": 0, "reason": "completed", "limit": None}


def test_run_keeps_blobs(pie, program, tmp_path):
    code, out, err = pie("run", program("every_event"), "--blobs", tmp_path / "blobs")
    (blob,) = (tmp_path / "blobs").iterdir()
    assert blob.read_bytes() == b"blob"
    assert (code, out) == (0, "text\noutreturned\n")
    assert "(4 bytes)" in err
    assert "--blobs" in pie("run", program("every_event"))[2]


def test_an_unknown_program_is_told(pie):
    assert pie("run", "demo/none") == (1, "", "Error: Launch Instance failed: no program 'demo/none'\n")


def test_ctrl_c_ends_the_program(program, server, home):
    path = program("sleeps")
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from pie.cli import main; sys.exit(main())", "run", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(20) == 130
    assert server.requests[-1]["type"] == "terminate_instance"


# submit and attach


def test_submit_launches_from_the_registry_and_prefixes_lines(pie, server):
    server.install("every_event", "demo/all")
    code, out, err = pie("submit", "demo/all", "--", "x")
    (launch,) = (request for request in server.requests if request["type"] == "launch_instance_from_registry")
    assert launch["arguments"] == ["x"]
    (instance,) = server.instances
    assert (code, out) == (0, "".join(f"[Instance {instance[:8]}] {text}\n" for text in ("text", "out", "returned")))
    assert err == f"[Instance {instance[:8]}] err\nA blob of 4 bytes; keep blobs with: --blobs FOLDER\n"


def test_submit_uploads_a_file_with_its_manifest(pie, program, server):
    path = program("fails", "demo/fails")
    code, _, err = pie("submit", "-p", path, "-m", "Pie.toml", "first", "--", "second")
    assert code == 1
    assert "Exception: Runtime error: broken" in err
    (launch,) = (request for request in server.requests if request["type"] == "launch_instance")
    assert (launch["inferlet"], launch["arguments"]) == ("demo/fails@1.0.0", ["first", "second"])
    pie("submit", "-p", path, "-m", "Pie.toml")
    assert sum(request["type"] == "upload_program" for request in server.requests) == 1


def test_a_detached_program_is_attached_by_the_beginning_of_its_id(pie, server):
    server.install("hello", "demo/hello")
    code, out, _ = pie("submit", "-d", "demo/hello", "--json")
    instance_id = json.loads(out)["id"]
    assert code == 0
    code, out, _ = pie("attach", instance_id[:6])
    assert (code, out) == (0, f"[Instance {instance_id[:8]}] hello \n[Instance {instance_id[:8]}] done\n")
    assert [event["event"] for event in lines(pie("attach", instance_id, "--after", "0", "--json")[1])] == [
        "Stdout",
        "Completed",
    ]
    assert pie("submit", "-d", "demo/hello")[1].strip() in server.instances


def test_an_unknown_beginning_is_told(pie, server):
    server.install("sleeps", "demo/sleeps")
    assert pie("attach", "zz") == (2, "", "Error: You have no instance 'zz'; see: pie list\n")
    pie("submit", "-d", "demo/sleeps")
    pie("submit", "-d", "demo/sleeps")
    code, _, err = pie("abort", "")
    assert code == 2
    assert "begins 2 ids" in err


@pytest.mark.parametrize("arguments", [("submit",), ("submit", "-p", "x.wasm"), ("install",)])
def test_what_is_missing_is_told(pie, arguments):
    code, _, err = pie(*arguments)
    assert code == 2
    assert "Error: " in err


@pytest.mark.parametrize("command", ["submit", "run"])
def test_ctrl_d_leaves_the_program_running(server, home, command):
    server.install("sleeps", "demo/sleeps")
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from pie.cli import main; sys.exit(main())", command, "demo/sleeps"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    assert "ready" in process.stdout.readline()
    os.write(keyboard, b"\x04")
    assert process.wait(20) == 0
    process.stdout.close()
    seen = os.read(keyboard, 10_000).decode()
    os.close(keyboard)
    assert "Ctrl-D leaves it running" in seen
    assert "pie attach" in seen
    assert [instance.exit for instance in server.instances.values()] == [None]


# The rest.


def test_install_gives_the_name(pie, program, server):
    path = program("hello", "demo/hello")
    assert pie("install", path, "-m", "Pie.toml") == (0, "demo/hello@1.0.0\n", "")
    digest = json.loads(pie("install", "-p", path, "--json")[1])["program"]
    assert digest in server.programs
    pie("install", path)
    pie("install", path, "--force")
    assert sum(request["type"] == "upload_program" for request in server.requests) == 2
    Path("Pie.toml").write_text("[package]")
    assert "lacks a name" in pie("install", path, "-m", "Pie.toml")[2]


def test_uninstall_removes_a_program(pie, server):
    server.install("hello", "demo/hello")
    assert pie("uninstall", "demo/hello") == (0, "demo/hello\n", "")
    assert server.programs == {}
    code, _, err = pie("uninstall", "demo/hello", "--json")
    assert code == 1
    assert "demo/hello" in err


def test_list_shows_instances(pie, server):
    assert pie("list")[1] == "No instances.\n"
    server.install("sleeps", "demo/sleeps")
    instance_id = pie("submit", "-d", "demo/sleeps", "--", "two words", "\x1b[31m", "x" * 100)[1].strip()
    _, out, _ = pie("list")
    assert instance_id[:4] in out
    assert instance_id[:5] not in out
    assert "Detached" in out
    assert "'two words'" in out
    assert "\x1b" not in out
    assert instance_id[:8] in pie("list", "--long")[1]
    assert instance_id in pie("list", "--full")[1]
    (record,) = json.loads(pie("list", "--json")[1])
    assert (record["id"], record["status"]) == (instance_id, "Detached")


def test_abort_ends_a_program(pie, server):
    server.install("sleeps", "demo/sleeps")
    instance_id = pie("submit", "-d", "demo/sleeps")[1].strip()
    assert pie("abort", instance_id[:8]) == (0, f"Instance {instance_id} is told to end.\n", "")
    server.install("echo", "demo/echo")
    instance_id = pie("submit", "-d", "demo/echo")[1].strip()
    assert json.loads(pie("abort", instance_id[:8], "--json")[1]) == {"id": instance_id}


def test_ping_measures(pie):
    assert pie("ping")[1].startswith("Pong in ")
    assert json.loads(pie("ping", "--json")[1])["milliseconds"] > 0


def test_nobody_there_is_told(pie, server):
    server.go_away()
    code, _, err = pie("ping")
    assert code == 3
    assert err.startswith("Error: Cannot connect to ws://127.0.0.1:")
    server.come_back()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(pie, shell):
    _, out, _ = pie("completion", shell)
    for word in ("run", "submit", "attach", "install", "keys", "mcp"):
        assert word in out


def test_version_and_help(pie):
    assert pie("--version")[1].startswith("pie 0.")
    assert "Exit codes" in pie("--help")[1]
    assert pie("nonsense")[0] == 2


def test_verbose_tells_what_the_client_does(pie, home, server):
    assert pie("-v", "ping")[0] == 0


# Who, where, with which key.


def test_the_server_may_be_named_in_many_ways(pie, server, home, monkeypatch, tmp_path):
    assert pie("ping", "--url", "ws://127.0.0.1:1")[0] == 3
    assert pie("ping", "--host", "127.0.0.1", "--port", str(server.port))[0] == 0
    monkeypatch.delenv("PIE_URL")
    (home / ".pie").mkdir()
    (home / ".pie" / "cli_config.toml").write_text(f'host = "127.0.0.1"\nport = {server.port}\nenable_auth = false\n')
    assert pie("ping")[0] == 0
    monkeypatch.setenv("PIE_CLI_HOME", str(tmp_path))
    (tmp_path / "cli_config.toml").write_text("port = 1\n")
    assert pie("ping")[0] == 3
    assert pie("ping", "--config", home / ".pie" / "cli_config.toml")[0] == 0
    (tmp_path / "cli_config.toml").write_text("nonsense")
    assert pie("ping")[0] == 2
    assert pie("ping", "--config", tmp_path / "none.toml")[0] == 2
    assert pie("ping", "--url", "http://localhost")[0] == 2


def test_a_new_key_opens_the_server(pie, server, home, monkeypatch):
    code, line, _ = pie("keys", "new")
    assert code == 0
    assert (home / ".ssh" / "id_ed25519").stat().st_mode & 0o777 == 0o600
    assert pie("keys", "show")[1] == line
    server.users = {"alice": [line.strip()]}
    assert pie("ping")[0] == 0
    assert pie("ping", "--username", "bob")[0] == 4
    assert pie("keys", "new")[0] == 2
    other = home / "other"
    assert pie("keys", "new", other)[0] == 0
    code, _, err = pie("ping", "--key", other)
    assert code == 4
    assert "doesn't take this key" in err
    monkeypatch.setenv("PIE_PRIVATE_KEY", str(other))
    assert pie("ping")[0] == 4


def test_without_a_key_one_is_told_how_to_make_one(pie, server):
    server.users = {"alice": []}
    assert pie("ping") == (
        4,
        "",
        "Error: The server wants a private key, and there is none: make one with: pie keys new\n",
    )


def test_keys_are_listed(pie, home):
    assert "pie keys new" in pie("keys", "list")[1]
    line = pie("keys", "new")[1].strip()
    (home / ".ssh" / "id_rsa").write_text("nonsense")
    first, second = json.loads(pie("keys", "list", "--json")[1])
    assert (first["kind"], first["public"]) == ("Ed25519", line)
    assert second["kind"] == "can't be used"
    assert "id_rsa" in pie("keys", "list")[1]


def test_keys_are_tried_in_order(pie, home, server, monkeypatch, tmp_path):
    """Files that need no passphrase, then the ssh-agent, then those that need one."""
    path = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        eventually_here(lambda: os.path.exists(path) or process.poll() is not None)
        assert process.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        held = pie("keys", "new", home / ".ssh" / "held")[1].strip()
        subprocess.run(["ssh-add", "-q", str(home / ".ssh" / "held")], check=True, capture_output=True)
        assert pie("keys", "show")[1].strip() == held
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(home / ".ssh" / "id_ed25519")],
            check=True,
            input=b"",
        )
        (home / ".ssh" / "id_ecdsa").write_text("nonsense")
        assert pie("keys", "show")[1].strip() == held
        server.users = {"alice": [held]}
        assert pie("ping")[0] == 0
        plain = pie("keys", "new", home / ".ssh" / "id_rsa")[1].strip()
        assert pie("keys", "show")[1].strip() == plain
        (home / ".ssh" / "id_rsa").unlink()
        subprocess.run(["ssh-add", "-q", "-D"], check=True, capture_output=True)
        code, _, err = pie("ping")
        assert code == 4
        assert "id_ed25519" in err
        assert "encrypted" in err
    finally:
        process.terminate()
        process.wait(10)


def test_a_passphrase_is_asked_for_where_somebody_can_be_asked(home, monkeypatch):
    (home / ".ssh").mkdir()
    place = home / ".ssh" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(place)], check=True)
    line = " ".join(place.with_suffix(".pub").read_text().split()[:2])
    asked = []
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or "secret")
    with pytest.raises(KeyEncrypted):
        read_key(place)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert read_key(place).public_line == line
    assert asked == [f"Passphrase of {place}: "]


def test_settings_are_written_changed_and_shown(pie, home, server, monkeypatch):
    monkeypatch.delenv("PIE_URL")
    monkeypatch.delenv("PIE_USERNAME")
    path = home / ".pie" / "cli_config.toml"
    assert pie("config", "init", "--no-auth") == (0, f"{path}\n", "")
    assert pie("config", "show")[1] == 'host = "127.0.0.1"\nport = 8080\nenable_auth = false\n'
    code, _, err = pie("config", "init")
    assert code == 2
    assert "pie config update" in err
    name = 'a"\\\x7fé😀'
    assert pie("config", "update", "--port", str(server.port), "--username", name)[0] == 0
    known = json.loads(pie("config", "show", "--json")[1])
    assert known == {"host": "127.0.0.1", "port": server.port, "enable_auth": False, "username": name}
    assert pie("ping")[0] == 0
    assert server.requests[-2]["username"] == name
    assert pie("config", "update")[0] == 2
    assert pie("config", "update", "--port", "0")[0] == 2


def test_settings_may_be_elsewhere(pie, home, tmp_path):
    place = tmp_path / "new" / "settings.toml"
    assert pie("config", "update", "--path", place, "--host", "example.test", "--key", "~/.ssh/id_rsa")[0] == 0
    known = json.loads(pie("config", "show", "--path", place, "--json")[1])
    assert (known["host"], known["private_key_path"]) == ("example.test", "~/.ssh/id_rsa")
    assert pie("config", "show")[0] == 2


def test_a_reader_that_goes_away_is_no_traceback(server, home):
    server.install("chatter", "demo/chatter")
    command = (
        f"{sys.executable} -c 'import sys; from pie.cli import main; sys.exit(main())' run demo/chatter -- 5000 100"
    )
    done = subprocess.run(f"{command} | head -1", check=False, shell=True, capture_output=True, text=True, timeout=30)
    assert done.stdout.startswith("0:")
    assert "Traceback" not in done.stderr
