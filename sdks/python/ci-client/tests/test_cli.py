"""The `ci` command as scripts and people see it: texts, streams, exit codes; real processes where signals matter."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from ci_client import cli

SOURCE = Path(cli.__file__).parents[1]
DONE = {"type": "complete", "success": True, "status": "completed"}
MISSING_KEY = (
    "Error: Authentication failed: API key is required. Set CI_API_KEY environment variable, "
    "use --api-key flag, or configure in ~/.ci/config\n"
)


@pytest.fixture
def run(server, key, home, project, monkeypatch, capfd):
    """Run `ci` in this process, with a key, in the project: exit code, stdout, stderr."""
    monkeypatch.setenv("CI_SERVER_URL", server.url)
    monkeypatch.setenv("CI_API_KEY", key)
    monkeypatch.chdir(project)

    def run(*arguments):
        capfd.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as ended:
            code = ended.code
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def environment(server, key, home):
    """The environment of a `ci` of its own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(SOURCE),
        "CI_SERVER_URL": server.url,
        "CI_API_KEY": key,
        "TERM": "xterm-256color",
    }


@contextlib.contextmanager
def process(environment, project, *arguments):
    with subprocess.Popen(
        [sys.executable, "-m", "ci_client", *arguments],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def passing(server):
    server.next_job = job = server.add_job()
    job.add({"type": "log", "data": "test_a PASSED\n"}, {"type": "log", "data": "no newline"}, DONE)
    return job


def test_help_and_version(run):
    code, out, _ = run()
    assert code == 1
    assert out.startswith("usage: ci")
    code, out, _ = run("--help")
    assert code == 0
    for part in ("submit", "wait", "list", "exit codes:", "130", "API key", "CI_API_KEY"):
        assert part in out
    assert run("--version")[1] == "ci 0.1.0\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ["submit", "lint"],
        ["wait"],
        ["list", "--", "x"],
        ["submit", "test", "--odd"],
        ["submit"],
        ["nonsense"],
        ["list", "--status", "odd"],
    ],
)
def test_wrong_usage_is_2(run, wrong):
    code, out, err = run(*wrong)
    assert (code, out) == (2, "")
    assert "usage: ci" in err


@pytest.mark.parametrize(
    "wrong",
    [["--timeout", "soon"], ["--timeout", "0"], ["--env", "NAME"], ["--env", "=1"]],
)
def test_values_that_cannot_be_read_are_wrong_usage(run, wrong):
    code, _, err = run("submit", "test", *wrong)
    assert code == 2
    assert repr(wrong[1]) in err


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h5s", 3605)])
def test_durations(text, seconds):
    assert cli.duration(text) == seconds


def test_submit_streams_the_log_and_names_the_job(run, server):
    job = passing(server)
    code, out, err = run("submit", "test")
    assert (code, out) == (0, "test_a PASSED\nno newline")
    assert err == (f"Job ID: {job.job_id}\nYou can reconnect from another terminal with: ci wait {job.job_id}\n\n")
    assert [request.path for request in server.requests] == ["/submit-stream"]


def test_submit_async_prints_the_id_alone(run, server):
    code, out, err = run("submit", "test", "--async")
    assert (code, out, err) == (0, f"Job submitted: {server.submissions[0][0].job_id}\n", "")


def test_submit_passes_its_options_on(run, server):
    run(
        "submit",
        "test",
        "--async",
        "--env",
        "A=b=c",
        "--timeout",
        "2m",
        "--python",
        "3.12",
        "--network",
        "tests/y.py",
        "--",
        "tests/x.py",
    )
    options = json.loads(server.submissions[0][1]["options"])
    assert options == {
        "env": {"A": "b=c"},
        "timeout": 120.0,
        "python": "3.12",
        "tests": ["tests/y.py", "tests/x.py"],
        "network": True,
    }


def test_submit_with_the_same_idempotency_key_is_the_same_job(run):
    assert (
        run("submit", "test", "--async", "--idempotency-key", "k")[1]
        == run("submit", "test", "--async", "--idempotency-key", "k")[1]
    )


def test_submit_list_sends_nothing_and_needs_no_key(run, server, monkeypatch, project):
    monkeypatch.delenv("CI_API_KEY")
    (project / "out").symlink_to("/etc/hosts")
    code, out, err = run("submit", "test", "--list")
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines()] == ["requirements.txt", "tests/test_sum.py"]
    assert "2 files" in err
    assert "Digest: sha256:" in err
    assert "Left out: out (a link that leaves the project)" in err
    assert not server.requests


def test_failing_tests_are_1_and_the_summary_is_told_when_asked_for(run, server, finished):
    server.next_job = finished
    code, out, err = run("submit", "test", "--summary")
    assert code == 1
    assert out.endswith("Grüße, \u2028 and \u0085 too\n")
    assert "1 passed, 1 failed in 0.2 s" in err
    assert "failed tests/test_sum.py::test_off[1] - assert 1 == 2" in err
    assert f"ci rerun {finished.job_id} --failed" in err


def test_without_a_terminal_a_failure_says_no_more_than_it_always_did(run, server, finished):
    _, _, err = run("wait", finished.job_id, "--all")
    assert err == ""


def test_a_job_that_could_not_be_run_says_why(run, server):
    job = server.add_job(status="failed", success=False, details={"message": "There is no requirements.txt"})
    job.add({"type": "complete", "success": False, "status": "failed"})
    assert run("wait", job.job_id, "--all") == (1, "", "Error: There is no requirements.txt\n")
    assert run("wait", job.job_id, "--all", "--exit-codes", "extended")[0] == 3


def test_the_environment_can_ask_for_extended_codes(run, server, monkeypatch):
    monkeypatch.setenv("CI_EXIT_CODES", "extended")
    assert run("wait", "nope")[0] == 1
    assert run("list", "--api-key", "wrong")[0] == 4
    assert run("list", "--server", "http://127.0.0.1:1")[0] == 3
    assert run("list", "--exit-codes", "simple", "--server", "http://127.0.0.1:1")[0] == 1


def test_wait_shows_new_lines_only_unless_told(run, finished):
    code, out, _ = run("wait", finished.job_id)
    assert (code, out) == (1, "This job has already completed.\n")
    assert run("wait", finished.job_id, "--all")[1].startswith("tests/test_sum.py::test_sum PASSED\n")


def test_wait_resumes_what_breaks(run, server, finished):
    server.fault(".*/stream", cut_after=400)
    server.fault(".*/stream", cut_after=50, clean=True)
    code, out, _ = run("wait", finished.job_id, "--all")
    assert (code, len(out.split("\n"))) == (1, 4)


def test_wait_for_an_unknown_job(run):
    code, out, err = run("wait", "nope")
    assert (code, out) == (1, "")
    assert err.startswith("Error: Error waiting for job: 404 Client Error: Not Found for url: ")
    assert "Job not found" in err


@pytest.mark.parametrize("command", [["submit", "test"], ["submit", "test", "--async"], ["wait", "x"], ["list"]])
def test_without_a_key_nothing_is_sent(run, server, monkeypatch, command):
    monkeypatch.delenv("CI_API_KEY")
    code, out, err = run(*command)
    assert (code, out, err.lstrip("\n")) == (1, "", MISSING_KEY)
    assert not server.requests
    assert run("cancel", "x")[0] == 4


@pytest.mark.parametrize("command", [["submit", "test"], ["submit", "test", "--async"], ["wait", "x"], ["list"]])
def test_a_wrong_key_is_explained(run, command):
    code, out, err = run(*command, "--api-key", "wrong")
    assert (code, out) == (1, "")
    head, *hint = err.lstrip("\n").splitlines()
    assert head == "Error: Authentication failed: 401 Unauthorized"
    assert len(hint) == 5
    assert hint[0] == ""
    for way in ("--api-key", "CI_API_KEY", "~/.ci/config"):
        assert way in err
    assert err.startswith("\n") == (command == ["submit", "test"])


def test_a_denial_with_a_reason_is_no_authentication_failure(run, server):
    server.fault("/submit-async", status=403, body={"detail": "No network here", "code": "network_not_allowed"})
    _, _, err = run("submit", "test", "--async", "--network")
    assert err.startswith("Error: Error submitting to CI server: 403 Client Error")
    assert "No network here" in err


def test_an_unreachable_server_is_named(run):
    code, _, err = run("list", "--server", "http://127.0.0.1:1")
    assert code == 1
    assert err.startswith("Error: Error fetching jobs from CI server: HTTPConnectionPool(host='127.0.0.1', port=1)")


def test_the_key_comes_from_flag_then_environment_then_file(run, server, key, home, monkeypatch):
    (home / ".ci").mkdir()
    (home / ".ci" / "config").write_text(f"api_key={key}\n")
    monkeypatch.setenv("CI_API_KEY", "wrong")
    assert run("list")[0] == 1
    assert run("list", "--api-key", key)[0] == 0
    monkeypatch.setenv("CI_API_KEY", "")
    assert run("list")[0] == 0


def test_list_prints_the_documented_table(run, server):
    server.add_job("a" * 36)
    server.add_job("b" * 36, status="running", success=None, end_time=None)
    server.add_job("c" * 36, status="completed", success=False, end_time="2025-10-13T10:30:15+00:00Z")
    server.add_job("d" * 36, status="queued", success=None, start_time="odd", end_time=None)
    _, out, _ = run("list")
    assert [line.rstrip() for line in out.splitlines()] == [
        "JOB ID                                 STATUS       START TIME             END TIME               SUCCESS",
        "-" * 110,
        f"{'a' * 36}   completed    2025-10-13 10:30:00    2025-10-13 10:30:15    ✓",
        f"{'b' * 36}   running      2025-10-13 10:30:00    N/A                    -",
        f"{'c' * 36}   completed    2025-10-13 10:30:00    2025-10-13 10:30:15    ✗",
        f"{'d' * 36}   queued       odd                    N/A                    -",
    ]


def test_list_json_is_the_servers_array(run, server):
    assert run("list", "--json") == (0, "[]\n", "")
    assert run("list") == (0, "No jobs found.\n", "")
    job = server.add_job("a" * 36)
    _, out, _ = run("list", "--json")
    assert json.loads(out) == [job.summary()]
    assert out.startswith('[\n  {\n    "job_id"')


def test_list_filters(run, server):
    server.add_job(status="running", success=None)
    server.add_job()
    assert len(json.loads(run("list", "--json", "--status", "running,queued", "--since", "2h", "--limit", "7")[1])) == 1
    assert server.requests[-1].query == {"status": ["running,queued"], "since": ["2h"], "limit": ["7"]}


def test_cancel_and_rerun(run, server, finished):
    job = server.add_job(status="running", success=None)
    assert run("cancel", job.job_id) == (0, f"Job {job.job_id} is cancelled.\n", "")
    code, _, err = run("cancel", job.job_id)
    assert code == 1
    assert "The job has ended" in err
    code, out, err = run("rerun", finished.job_id, "--failed")
    assert code == 0
    assert out.startswith("Job submitted: ")
    assert err.startswith("Follow it with: ci wait ")


def test_tests_are_shown(run, server, finished):
    _, out, _ = run("tests", finished.job_id, "--slowest")
    assert out.splitlines() == [
        "failed       0.20 s  tests/test_sum.py::test_off[1]",
        "passed       0.05 s  tests/test_sum.py::test_sum",
    ]
    _, out, _ = run("tests", finished.job_id, "--failed")
    assert "    assert 1 == 2\n\n    Traceback:\n      assert 1 == 2\n" in out
    assert json.loads(run("tests", finished.job_id, "--json")[1])[1]["outcome"] == "failed"
    assert run("tests", server.add_job(tests=[]).job_id)[1] == "No tests.\n"
    code, _, err = run("tests", server.add_job().job_id)
    assert code == 1
    assert "This job has no test results" in err


def test_artifacts_are_listed_and_downloaded(run, server, finished, tmp_path):
    assert run("artifacts", finished.job_id)[1].splitlines() == [
        "      12 B  report.xml",
        "    1.0 MB  logs/big.bin",
    ]
    code, out, _ = run("artifacts", finished.job_id, "--all", "--output", str(tmp_path / "got"))
    assert code == 0
    assert [Path(line).read_bytes() for line in out.splitlines()] == list(finished.artifacts.values())
    code, _, err = run("artifacts", finished.job_id, "--download", "nope")
    assert code == 2
    assert "'nope'; this job has: logs/big.bin, report.xml" in err
    assert run("artifacts", server.add_job().job_id)[1] == "No artifacts.\n"


def test_watch_without_a_terminal_prints_what_happens(run, finished):
    code, out, _ = run("watch", finished.job_id)
    assert code == 1
    assert out.splitlines() == [
        "queued, number 2 in line",
        "running",
        "phase: environment (cached)",
        "phase: test",
        "failed: tests/test_sum.py::test_off[1] - assert 1 == 2",
        f"Job {finished.job_id}: tests failed; 1 failed, 1 passed",
    ]


def test_watch_tells_infrastructure_apart(run, server):
    job = server.add_job()
    job.add({"type": "complete", "success": False, "status": "failed", "message": "No Python 2.7 here"})
    code, out, _ = run("watch", job.job_id)
    assert (code, out) == (3, f"Job {job.job_id}: failed; No Python 2.7 here\n")


def test_whoami(run, server):
    server.key_warning = "This key is old."
    code, out, err = run("whoami")
    assert code == 0
    assert out.splitlines() == [
        "User:    Ada <ada@example.com>",
        "Key:     laptop",
        "Created: 2025-01-01T00:00:00Z (300 days ago)",
        "Expires: 2026-01-01T00:00:00Z",
    ]
    assert err == "Warning: This key is old.\n"


def test_profiles_from_adding_to_removing(run, server, key, home, monkeypatch):
    for name in ("CI_API_KEY", "CI_SERVER_URL"):
        monkeypatch.delenv(name)
    assert run("profile", "list")[1].startswith("No profiles yet.")
    assert run("profile", "add", "lab", "--server", server.url)[0] == 0
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO(key + "\n"))
    assert run("profile", "add", "lab", "--api-key-stdin")[0] == 0
    assert run("list", "--profile", "lab")[0] == 0
    assert run("list")[0] == 1
    assert run("profile", "use", "lab")[0] == 0
    assert run("list")[0] == 0
    _, out, _ = run("profile", "list")
    assert out.startswith("* lab ")
    assert key not in out
    _, out, _ = run("config", "explain")
    assert f"Server:  {server.url}  (profile lab)" in out
    assert "API key: ci_kkk…  (profile lab)" in out
    assert run("profile", "use", "--none")[1] == "No profile is in use.\n"
    assert run("profile", "remove", "lab")[0] == 0
    assert run("profile", "remove", "lab")[0] == 2
    assert run("profile", "add", "empty")[0] == 2
    assert (home / ".ci" / "config").stat().st_mode & 0o777 == 0o600


def test_config_explain_warns_of_a_readable_key(run, home, key):
    (home / ".ci").mkdir()
    (home / ".ci" / "config").write_text(f"api_key={key}\n")
    (home / ".ci" / "config").chmod(0o644)
    _, out, err = run("config", "explain")
    assert "chmod 600" in err
    assert key not in out + err


def test_the_ui_without_its_extra_says_how_to_get_it(run, monkeypatch):
    monkeypatch.setattr("ci_client.commands.ui.find_spec", lambda name: None)
    code, _, err = run("ui")
    assert code == 2
    assert "pip install 'ci-client[ui]'" in err


def test_an_error_that_is_not_ours_is_not_hidden(run, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("ci_client.commands.listing.connected", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main(["list"])


def test_ctrl_c_in_submit_detaches(environment, server, project):
    server.next_job = job = server.add_job(status="running", success=None)
    job.add({"type": "log", "data": "working\n"})
    with process(environment, project, "submit", "test") as running:
        assert running.stdout.readline() == "working\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert out == ""
    assert "\n\nJob cancelled by user.\n" in err
    assert "Traceback" not in err
    assert not server.seen("POST", ".*/cancel")


def test_ctrl_c_in_wait_detaches(environment, server, project):
    job = server.add_job(status="running", success=None)
    job.add({"type": "log", "data": "working\n"})
    with process(environment, project, "wait", job.job_id, "--all") as running:
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert f"Stopped waiting for job {job.job_id}." in err
    assert "continues to run" in err
    assert "ci wait" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [["list"], ["submit", "test", "--async"], ["watch", "j"]])
def test_ctrl_c_elsewhere_is_quiet(run, monkeypatch, command):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ci_client._wire.requests_shell.RequestsTransport.call", interrupted)
    code, _, err = run(*command)
    assert code == 130
    assert "Traceback" not in err


def test_a_closed_pipe_is_quiet(environment, server, project):
    for _ in range(3000):
        server.add_job()
    with process(environment, project, "list") as running:
        running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()
        assert running.wait(20) == 1
    assert err == ""


@pytest.fixture
def terminal(environment, project):
    """Start `ci` on a terminal."""
    started = []

    def start(*arguments):
        child = pexpect.spawn(
            sys.executable,
            ["-m", "ci_client", *arguments],
            cwd=str(project),
            env=environment,
            encoding="utf-8",
            timeout=20,
            dimensions=(40, 120),
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def test_a_second_ctrl_c_on_a_terminal_offers_to_cancel(terminal, server):
    job = server.add_job(status="running", success=None)
    job.add({"type": "log", "data": "working\n"})
    child = terminal("wait", job.job_id, "--all")
    child.expect("working")
    child.sendintr()
    child.expect("Press Ctrl-C again within 2 seconds")
    child.sendintr()
    child.expect("Cancel the job too")
    child.sendline("y")
    child.expect("is cancelled")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 130
    assert job.status == "cancelled"


def test_on_a_terminal_outcomes_have_colour_and_the_end_a_summary(terminal, finished):
    child = terminal("wait", finished.job_id, "--all")
    child.expect_exact("\x1b[32mPASSED\x1b[0m")
    child.expect_exact("1 failed")
    child.expect(pexpect.EOF)


def test_no_color_is_heeded(terminal, environment, finished):
    environment["NO_COLOR"] = "1"
    child = terminal("wait", finished.job_id, "--all")
    child.expect(pexpect.EOF)
    assert "\x1b[" not in child.before
    assert "1 passed, 1 failed" in child.before


def test_watch_on_a_terminal_draws_and_concludes(terminal, server, finished):
    finished.events, rest = finished.events[:-1], finished.events[-1:]
    child = terminal("watch", finished.job_id)
    child.expect("failed  tests/test_sum.py::test_off")
    finished.add(*rest)
    child.expect("tests failed; 1 failed, 1 passed")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 1


def test_a_slow_upload_shows_a_bar_on_a_terminal(monkeypatch):
    import io

    from ci_client import terminal

    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(terminal, "_PATIENCE", 0)
    with terminal.progress("Uploading") as moved:
        moved(500, 1000)
        moved(1000, 1000)
    assert "Uploading" in screen.getvalue()


@pytest.mark.parametrize(("size", "text"), [(5, "5 B"), (1500, "1.5 kB"), (2e6, "2.0 MB"), (3e9, "3.0 GB")])
def test_sizes(size, text):
    from ci_client._wire.terminal import show_size

    assert show_size(size) == text


def test_help_loads_neither_requests_nor_rich(environment, project):
    code = "import sys, ci_client.cli as c; c.build_parser(); print([m for m in ('requests','rich','pathspec') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "[]\n"
