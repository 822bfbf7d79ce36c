"""The program itself: help, version, completion, what it loads, and how it takes Ctrl-C."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from cl_client import admin_cli, cli

SOURCE = Path(cli.__file__).parents[2]
PROGRAM = "import sys; from cl_client.{} import main; sys.exit(main())"


@pytest.fixture
def environment(server, home, closed_port):
    """The environment of a program of its own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(SOURCE),
        "COMPUTE_URL": server.url,
        "AUTH_URL": server.url,
        "MQTT_URL": f"mqtt://127.0.0.1:{closed_port}",
        "TERM": "xterm-256color",
        "COLUMNS": "120",
    }


def command(*arguments, module="cli"):
    return [sys.executable, "-c", PROGRAM.format(module), *map(str, arguments)]


def test_help_and_version(run):
    code, out, _ = run("--help")
    assert code == 0
    for word in ("clip-embedding", "jobs", "doctor", "completion", "--profile", "130"):
        assert word in out
    assert run("--version")[1] == "cl_client 0.1.0\n"
    assert run()[0] == 2


@pytest.mark.parametrize("module", ["cli", "admin_cli"])
def test_help_loads_no_more_than_it_shows(module):
    code = (
        f"import sys; from cl_client.{module} import main; main(['--help']); "
        "print([m for m in ('PIL', 'paho', 'httpx', 'pydantic', 'asyncio') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert done.stderr == "[]\n"


def test_every_command_has_a_help_text(run):
    from cl_client._wire.typer_completion import commands
    from cl_client.cli.app import app

    for words in commands(app):
        for word, text in words.words:
            assert text, (*words.path, word)
        for option in words.options:
            assert option.help, (*words.path, *option.flags)


def test_verbose_tells_what_the_client_does(environment, photo):
    done = subprocess.run(
        command("-v", "hash", "compute", photo), capture_output=True, text=True, timeout=30, check=True, env=environment
    )
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error(environment, server):
    for _ in range(300):
        server.add("hash", output={"hash_value": "x" * 500})
    listing = subprocess.Popen(
        command("jobs", "list", "-n", "300", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    listing.stdout.read(10)
    listing.stdout.close()
    assert listing.wait(30) == 1
    assert listing.stderr.read() == b""
    listing.stderr.close()


def test_settings_after_the_command_win(run, server, photo, closed_port):
    assert run("--compute-url", f"http://127.0.0.1:{closed_port}", "jobs", "list", "--compute-url", server.url)[0] == 0


@contextmanager
def terminal(environment, *arguments):
    child = pexpect.spawn(
        sys.executable, command(*arguments)[1:], env=environment, encoding="utf-8", timeout=20, dimensions=(40, 120)
    )
    try:
        yield child
    finally:
        child.close(force=True)


def held_job(server):
    """Wait until a job has come in, and give it."""
    with server.changed:
        assert server.changed.wait_for(lambda: server.jobs, timeout=20)
    return next(iter(server.jobs.values()))


@pytest.fixture
def held(server):
    """Jobs that don't end, and somebody who is told when they come."""
    server.held.clear()
    submit = server.submit

    def told(*arguments):
        job = submit(*arguments)
        with server.changed:
            server.changed.notify_all()
        return job

    server.submit = told


@pytest.mark.parametrize(("answer", "status"), [("n", "queued"), ("y", "failed")])
def test_ctrl_c_offers_to_cancel(environment, server, held, photo, answer, status):
    with terminal(environment, "hash", "compute", photo, "--watch") as child:
        job = held_job(server)
        child.expect("queued")
        child.sendintr()
        child.expect_exact(f"cl_client watch {job.record['job_id']}")
        child.expect_exact("Cancel it? [y/N]")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 130
        assert "Traceback" not in child.before
    assert job.record["status"] == status


def test_ctrl_c_at_the_question_leaves_the_job_alone(environment, server, held, photo):
    with terminal(environment, "hash", "compute", photo, "--watch") as child:
        job = held_job(server)
        child.expect("queued")
        child.sendintr()
        child.expect_exact("Cancel it? [y/N]")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 130
    assert job.record["status"] == "queued"


def test_without_a_terminal_ctrl_c_only_says_how_to_come_back(environment, server, held, photo):
    running = subprocess.Popen(
        command("hash", "compute", photo, "--watch"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    job = held_job(server)
    assert running.stderr.readline() == f"{photo}: queued\n"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert out == ""
    assert f"cl_client watch {job.record['job_id']}" in err
    assert "Traceback" not in err


def test_ctrl_c_stops_watching_but_not_the_job(environment, server):
    job = server.add("hash", status="processing")
    with terminal(environment, "watch", job.record["job_id"]) as child:
        child.expect("processing")
        child.sendintr()
        child.expect_exact("The job goes on")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 130
    assert job.record["status"] == "processing"


def test_one_bar_for_the_whole_run(environment, server, photos):
    with terminal(environment, "media-thumbnail", "generate", photos, "-w", "9", "-h", "9", "-j", "1") as child:
        child.expect("0/3 done")
        child.expect("3 completed")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0


def test_the_password_is_asked_for_and_not_shown(environment, home):
    with terminal(environment, "login") as child:
        child.expect("User name")
        child.sendline("ada")
        child.expect("Password")
        child.sendline("pw")
        child.expect("Signed in as ada")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
        assert "pw" not in child.before
    assert (home / ".cl_client" / "config").exists()


def test_delete_asks(environment, server):
    job_id = server.add("hash").record["job_id"]
    for answer, left in (("n", 1), ("y", 0)):
        with terminal(environment, "jobs", "delete", job_id) as child:
            child.expect_exact("its files?")
            child.sendline(answer)
            child.expect(pexpect.EOF)
            child.wait()
            assert child.exitstatus == 0
        assert len(server.jobs) == left


CASES = [
    ("cl_client has", {"hash"}),
    ("cl_client hash ", {"compute"}),
    ("cl_client hash compute --alg", {"--algorithm"}),
    ("cl_client hash compute --algorithm ", {"md5", "sha256", "sha512"}),
    ("cl_client jobs ", {"list", "show", "cancel", "retry", "delete", "files"}),
    ("cl_client jobs list --status ", {"queued", "processing", "completed", "failed"}),
    ("cl_client completion z", {"zsh"}),
    ("cl-admin users up", {"update"}),
    ("cl-admin config set-guest-mode co", {"compute"}),
]


def completion(name, shell_name, tmp_path, capsys):
    assert {"cl_client": cli, "cl-admin": admin_cli}[name].main(["completion", shell_name]) == 0
    path = tmp_path / f"{name}.{shell_name}"
    path.write_text(capsys.readouterr().out)
    return path


def shell(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_completion_in_bash(tmp_path, capsys, line, offered):
    words = line.split(" ")
    name = words[0]
    quoted = " ".join(f'"{word}"' for word in words)
    function = f"_{name.replace('-', '_')}"
    program = (
        f"source {completion(name, 'bash', tmp_path, capsys)}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
        f'{function}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(
        [shell("bash"), "--norc", "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stderr, set(done.stdout.split())) == ("", offered)


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_completion_in_fish(tmp_path, capsys, line, offered):
    (tmp_path / "empty").mkdir()
    script = completion(line.split(" ")[0], "fish", tmp_path, capsys)
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c", f"source {script}; complete -C '{line}'"], capture_output=True, text=True,
        timeout=30, check=True, cwd=tmp_path / "empty", env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (done.stderr, {line.split("\t")[0] for line in done.stdout.splitlines()}) == ("", offered)


def test_completion_in_zsh(tmp_path, capsys):
    script = completion("cl-admin", "zsh", tmp_path, capsys)
    child = pexpect.spawn(
        shell("zsh"), ["-f", "-i"], encoding="utf-8", timeout=20, dimensions=(50, 150),
        env={"TERM": "dumb", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        child.sendline("PS1='READY> '; unsetopt zle_bracketed_paste")
        child.expect("READY> ")
        child.sendline(f"autoload -Uz compinit && compinit -u -d {tmp_path}/dump && source {script} && echo LOA''DED")
        child.expect("LOADED")
        for typed, added in [
            ("cl-admin us", "ers"),
            ("cl-admin users del", "ete"),
            ("cl-admin config show --js", "on"),
        ]:
            child.expect("READY> ")
            child.send(typed)
            child.expect_exact(typed)
            child.send("\t")
            child.expect_exact(added)
            child.send("\x15\r")
    finally:
        child.close(force=True)
