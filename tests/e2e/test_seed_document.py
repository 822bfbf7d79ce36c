"""The document that programs of the original client were written by: its code blocks run as they stand, its promises hold.

The blocks are in the folder ``seed``, word for word. Only placeholders are replaced: the key, the path of "a project", the id of
"a job". They name no server, so the yard of this module is on the default port.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pexpect
import psutil
import pytest

from runyard.testing.running import RunningYard, TestUser, wait_until

from .ports import alone

pytestmark = [pytest.mark.xdist_group("default-ports"), pytest.mark.timeout(300)]

SEED = Path(__file__).with_name("seed")
KEY, FOLDER, JOB = "ci_abc123def456ghi789...", "/path/to/project", "550e8400-e29b-41d4-a716-446655440000"
ID = re.compile(r"[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}")
DEADLINE = 120

CALCULATOR = {
    "requirements.txt": "pytest\n",
    "src/__init__.py": "",
    "src/calculator.py": "def add(a, b):\n    return a + b\n",
    "tests/test_calculator.py": "from src.calculator import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n",
}
BROKEN = {**CALCULATOR, "src/calculator.py": "def add(a, b):\n    return a - b\n"}


@pytest.fixture(scope="module")
def yard(yard_database: str) -> Iterator[RunningYard]:
    with alone(8000), RunningYard(database_url=yard_database, settings={"port": "8000"}) as running:
        yield running


@pytest.fixture(scope="module")
def ada(yard: RunningYard) -> TestUser:
    return yard.user("Ada")


@pytest.fixture
def keyless(ada: TestUser, tmp_path: Path) -> dict[str, str]:
    """Environment of somebody who has configured nothing, with an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **ada.environment,
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return {name: value for name, value in environment.items() if not name.startswith("CI_")}


@pytest.fixture
def keyed(keyless: dict[str, str], ada: TestUser) -> dict[str, str]:
    """The same with a key in the environment."""
    return {**keyless, "CI_API_KEY": ada.api_key}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return written(tmp_path / "project", CALCULATOR)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return written(tmp_path / "broken", BROKEN)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def block(name: str, to: Path, *, key: str = "", folder: Path | None = None, job: str = "") -> Path:
    """A block of the document with its placeholders replaced."""
    text = (SEED / name).read_text()
    for placeholder, value in ((KEY, key), (FOLDER, str(folder or "")), (JOB, job)):
        assert value or placeholder not in text or placeholder in re.sub(r"(?m)^[^#]*", "", text), (
            f"{name} needs {placeholder}"
        )
        text = text.replace(placeholder, value or placeholder)
    path = to / name
    path.write_text(text)
    return path


def run(*command: object, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def python(script: Path, *, cwd: Path, env: Mapping[str, str]) -> str:
    done = run(sys.executable, script, cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def submitted(cwd: Path, env: Mapping[str, str]) -> str:
    """The id of a new job."""
    done = run("ci", "submit", "test", "--async", cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr
    return str(ID.findall(done.stdout)[0])


@contextmanager
def paused(yard: RunningYard) -> Iterator[psutil.Process]:
    """The worker does nothing, so that jobs stay in the queue, until the context ends or somebody resumes it."""
    worker = yard.worker()
    worker.suspend()
    try:
        yield worker
    finally:
        with suppress(psutil.NoSuchProcess):
            worker.resume()


# ---------------------------------------------------------------- the library's blocks


def test_create_project_zip(tmp_path: Path, project: Path, keyless: dict[str, str]) -> None:
    said = python(block("create_project_zip.py", tmp_path, folder=project), cwd=tmp_path, env=keyless)
    assert re.fullmatch(r"Zip size: [1-9]\d* bytes\n", said)


def test_submit_tests_streaming(tmp_path: Path, project: Path, keyless: dict[str, str], ada: TestUser) -> None:
    said = python(block("submit_tests_streaming.py", tmp_path, key=ada.api_key), cwd=project, env=keyless)
    assert re.match(rf"Job ID: {ID.pattern}\n", said)
    assert "tests/test_calculator.py::test_add PASSED" in said
    assert said.endswith("Tests passed!\n")


def test_submit_tests_streaming_says_that_tests_failed(
    tmp_path: Path, broken: Path, keyless: dict[str, str], ada: TestUser
) -> None:
    said = python(block("submit_tests_streaming.py", tmp_path, key=ada.api_key), cwd=broken, env=keyless)
    assert "tests/test_calculator.py::test_add FAILED" in said
    assert said.endswith("Tests failed!\n")


def test_submit_tests_async(tmp_path: Path, project: Path, keyless: dict[str, str], ada: TestUser) -> None:
    said = python(block("submit_tests_async.py", tmp_path, key=ada.api_key), cwd=project, env=keyless)
    assert re.match(rf"Job submitted: {ID.pattern}\n", said)
    assert "1 passed" in said


def test_wait_for_job(tmp_path: Path, project: Path, keyed: dict[str, str], ada: TestUser) -> None:
    job = submitted(project, keyed)
    assert run("ci", "wait", job, cwd=project, env=keyed).returncode == 0
    said = python(block("wait_for_job.py", tmp_path, key=ada.api_key, job=job), cwd=tmp_path, env=keyed)
    new, _, everything = said.partition("already completed")
    assert "PASSED" not in new
    assert "tests/test_calculator.py::test_add PASSED" in everything


def test_list_jobs(tmp_path: Path, project: Path, keyed: dict[str, str], ada: TestUser) -> None:
    job = submitted(project, keyed)
    assert run("ci", "wait", job, cwd=project, env=keyed).returncode == 0
    said = python(block("list_jobs.py", tmp_path, key=ada.api_key), cwd=tmp_path, env=keyed)
    assert f"{job}: completed (success=True)\n" in said


# ---------------------------------------------------------------- giving the key


@pytest.mark.parametrize("option", ["option_1.sh", "option_2.sh", "option_3.sh"])
def test_the_key_is_given_in_three_ways(
    option: str, tmp_path: Path, project: Path, keyless: dict[str, str], ada: TestUser
) -> None:
    done = run("bash", block(option, tmp_path, key=ada.api_key), cwd=project, env=keyless)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stderr


def test_the_flag_comes_before_the_environment_and_that_before_the_file(
    project: Path, keyless: dict[str, str], ada: TestUser
) -> None:
    config = Path(keyless["HOME"]) / ".ci" / "config"
    config.parent.mkdir()
    config.write_text("api_key=ci_wrong\n")
    assert run("ci", "list", cwd=project, env=keyless).returncode == 1
    assert run("ci", "list", cwd=project, env={**keyless, "CI_API_KEY": ada.api_key}).returncode == 0
    config.write_text(f"api_key={ada.api_key}\n")
    assert run("ci", "list", cwd=project, env=keyless).returncode == 0
    assert run("ci", "list", cwd=project, env={**keyless, "CI_API_KEY": "ci_wrong"}).returncode == 1
    flagged = run("ci", "list", "--api-key", ada.api_key, cwd=project, env={**keyless, "CI_API_KEY": "ci_wrong"})
    assert flagged.returncode == 0


def test_an_administrator_makes_a_user_and_a_key(
    tmp_path: Path, yard: RunningYard, project: Path, keyless: dict[str, str]
) -> None:
    administrator = {
        **keyless,
        **{name: text for name, text in yard.environment.items() if name.startswith("RUNYARD_")},
    }
    done = run("bash", block("create_user_and_key.sh", tmp_path), cwd=tmp_path, env=administrator)
    assert done.returncode == 0, done.stderr
    (key,) = re.findall(r"API Key: (ci_\S{40})\n", done.stdout)
    assert run("ci", "list", "--api-key", key, cwd=project, env=keyless).stdout == "No jobs found.\n"


# ---------------------------------------------------------------- patterns


def test_pattern_1_quick_testing(tmp_path: Path, project: Path, keyed: dict[str, str]) -> None:
    done = run("bash", block("pattern_1.sh", tmp_path, folder=project), cwd=tmp_path, env=keyed)
    assert done.returncode == 0, done.stderr
    job, *_ = ID.findall(done.stderr)
    assert done.stderr.startswith(f"Job ID: {job}\n")
    assert f"ci wait {job}" in done.stderr
    assert "tests/test_calculator.py::test_add PASSED" in done.stdout


def test_pattern_1_fails_when_a_test_does(tmp_path: Path, broken: Path, keyed: dict[str, str]) -> None:
    done = run("bash", block("pattern_1.sh", tmp_path, folder=broken), cwd=tmp_path, env=keyed)
    assert (done.returncode, "1 failed" in done.stdout) == (1, True), done.stderr


def test_pattern_2_background_testing(tmp_path: Path, project: Path, keyed: dict[str, str]) -> None:
    done = run("bash", block("pattern_2.sh", tmp_path), cwd=project, env=keyed)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stderr


def test_pattern_3_two_terminals(tmp_path: Path, yard: RunningYard, project: Path, keyed: dict[str, str]) -> None:
    with paused(yard) as worker:
        first = pexpect.spawn(
            "bash",
            [str(block("pattern_3_terminal_1.sh", tmp_path))],
            cwd=project,
            env=keyed,
            timeout=DEADLINE,
            encoding="utf-8",
        )
        first.expect(f"Job ID: {ID.pattern}")
        (job,) = ID.findall(str(first.after))
        script = block("pattern_3_terminal_2.sh", tmp_path, job=job)
        second = subprocess.Popen(["bash", str(script)], cwd=project, env=keyed, stdout=subprocess.PIPE, text=True)
        wait_until(lambda: reads_from(second.pid, yard.port), "the second terminal to be connected")
        worker.resume()
        first.expect("1 passed")
        first.expect(pexpect.EOF)
        output, _ = second.communicate(timeout=DEADLINE)
    first.close()
    assert (first.exitstatus, second.returncode) == (0, 0)
    assert "tests/test_calculator.py::test_add PASSED" in output


def reads_from(pid: int, port: int) -> bool:
    """Whether the process, or a child of its, has a connection to the port."""
    with suppress(psutil.NoSuchProcess):
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return any(one.raddr and one.raddr.port == port for process in tree for one in process.net_connections("tcp"))
    return False


def test_pattern_4_pipeline(tmp_path: Path, project: Path, broken: Path, keyed: dict[str, str]) -> None:
    script = block("pattern_4.sh", tmp_path)
    passing = run("bash", script, cwd=project, env=keyed)
    assert (passing.returncode, "1 passed" in passing.stdout) == (0, True), passing.stderr
    assert f"Submitted job: {(project / 'job_id.txt').read_text()}" in passing.stdout
    failing = run("bash", script, cwd=broken, env=keyed)
    assert (failing.returncode, "1 failed" in failing.stdout) == (1, True), failing.stderr


def test_pattern_5_several_projects(tmp_path: Path, project: Path, broken: Path, keyed: dict[str, str]) -> None:
    for name, source in (("project1", project), ("project2", broken), ("project3", project)):
        shutil.copytree(source, tmp_path / name)
    done = run("bash", block("pattern_5.sh", tmp_path), cwd=tmp_path, env=keyed)
    assert done.returncode == 0, done.stderr
    jobs = dict(re.findall(rf"(project\d): ({ID.pattern})", done.stdout))
    assert list(jobs) == ["project1", "project2", "project3"]
    table = done.stdout[done.stdout.index("JOB ID") :]
    assert all(job in table for job in jobs.values())
    ends = {name: run("ci", "wait", job, cwd=tmp_path, env=keyed).returncode for name, job in jobs.items()}
    assert ends == {"project1": 0, "project2": 1, "project3": 0}


# ---------------------------------------------------------------- ci list


def test_the_list_as_documented(project: Path, broken: Path, yard: RunningYard, keyed: dict[str, str]) -> None:
    passed, failed = submitted(project, keyed), submitted(broken, keyed)
    assert run("ci", "wait", passed, cwd=project, env=keyed).returncode == 0
    assert run("ci", "wait", failed, cwd=project, env=keyed).returncode == 1
    with paused(yard):
        queued = submitted(project, keyed)
        lines = run("ci", "list", cwd=project, env=keyed).stdout.splitlines()
        jobs = json.loads(run("ci", "list", "--json", cwd=project, env=keyed).stdout)
    assert lines[0].split("  ")[0] == "JOB ID"
    assert lines[0].split() == ["JOB", "ID", "STATUS", "START", "TIME", "END", "TIME", "SUCCESS"]
    assert lines[1] == "-" * 110
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    row = {line[:36]: line[39:].strip() for line in lines[2:]}
    assert re.fullmatch(rf"completed +{moment} +{moment} +✓", row[passed])
    assert re.fullmatch(rf"completed +{moment} +{moment} +✗", row[failed])
    assert re.fullmatch(r"queued +N/A +N/A +-", row[queued])
    assert [list(job) for job in jobs] == [["job_id", "status", "success", "start_time", "end_time"]] * len(jobs)
    by_id = {job["job_id"]: job for job in jobs}
    assert (by_id[passed]["success"], by_id[failed]["success"], by_id[queued]["success"]) == (
        True,
        False,
        None,
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", by_id[passed]["start_time"])
    assert run("ci", "wait", queued, cwd=project, env=keyed).returncode == 0


# ---------------------------------------------------------------- errors


def test_missing_key(project: Path, keyless: dict[str, str]) -> None:
    done = run("ci", "submit", "test", cwd=project, env=keyless)
    assert done.returncode == 1
    assert (
        "Error: Authentication failed: API key is required. Set CI_API_KEY environment variable, "
        "use --api-key flag, or configure in ~/.ci/config\n"
    ) in done.stderr


def test_invalid_key(project: Path, keyless: dict[str, str]) -> None:
    done = run("ci", "submit", "test", cwd=project, env={**keyless, "CI_API_KEY": KEY})
    assert (done.returncode, done.stdout) == (1, "")
    assert "Error: Authentication failed: 401 Unauthorized\n" in done.stderr


def test_inactive_user(project: Path, yard: RunningYard, keyless: dict[str, str]) -> None:
    bob = yard.user("Bob")
    yard.inside(lambda parts: parts.identity.users.deactivate(bob.id))
    done = run("ci", "submit", "test", cwd=project, env={**keyless, "CI_API_KEY": bob.api_key})
    assert (done.returncode, done.stdout) == (1, "")
    assert "Error: Authentication failed: 403 Forbidden\n" in done.stderr


def test_unreachable_server(project: Path, keyed: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = run("ci", "submit", "test", cwd=project, env={**keyed, "CI_SERVER_URL": f"http://localhost:{port}"})
    assert done.returncode == 1
    assert f"Error: Error submitting to CI server: HTTPConnectionPool(host='localhost', port={port})" in done.stderr


def test_invalid_job_id(project: Path, keyed: dict[str, str]) -> None:
    done = run("ci", "wait", JOB, cwd=project, env=keyed)
    assert done.returncode == 1
    assert "Error: Error waiting for job: 404 Client Error: Not Found for url" in done.stderr


def test_no_error_is_a_traceback(project: Path, keyless: dict[str, str]) -> None:
    for key in ("", "ci_wrong"):
        done = run("ci", "wait", JOB, cwd=project, env={**keyless, "CI_API_KEY": key})
        assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- Ctrl-C


def test_ctrl_c_leaves_a_submitted_job_alone(yard: RunningYard, project: Path, keyed: dict[str, str]) -> None:
    with paused(yard):
        terminal = pexpect.spawn("ci", ["submit", "test"], cwd=project, env=keyed, timeout=DEADLINE, encoding="utf-8")
        terminal.expect(f"ci wait {ID.pattern}")
        (job,) = ID.findall(str(terminal.after))
        terminal.sendintr()
        terminal.expect(r"\^C")
        terminal.expect("Job cancelled by user.")
        said = terminal.read()
        terminal.close()
    assert (terminal.exitstatus, terminal.signalstatus) == (130, None)
    assert "Traceback" not in said
    done = run("ci", "wait", job, "--all", cwd=project, env=keyed)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True)


def test_ctrl_c_stops_waiting_only(yard: RunningYard, project: Path, keyed: dict[str, str]) -> None:
    with paused(yard):
        job = submitted(project, keyed)
        waiting = subprocess.Popen(["ci", "wait", job], cwd=project, env=keyed, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: reads_from(waiting.pid, yard.port), "ci to be connected")
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=DEADLINE)
    assert waiting.returncode == 130
    assert f"Stopped waiting for job {job}." in said
    assert "continues to run" in said
    assert "Traceback" not in said
    assert run("ci", "wait", job, cwd=project, env=keyed).returncode == 0
