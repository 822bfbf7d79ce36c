"""kill -9 of the worker, the server and Postgres while jobs are submitted, claimed, run and finished (invariants 1 and 2).

A kill lands on several jobs at once, each at another step, and the kills sweep over the life of a job.
"""

import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import ci_client
from ci_client._wire.retry import RetryPolicy
from runyard.testing.running import RunningYard, wait_until
from runyard.yard import Yard

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(240)]

LINES = 60
JOBS = 5
KILLS = 4
STAGGER = 0.06
PATIENT = RetryPolicy(attempts=60, first_delay=0.1, longest_delay=1.0)

PROJECT = {
    "requirements.txt": "pytest\n",
    "pytest.ini": "[pytest]\naddopts = -s\n",
    "test_lines.py": f"""\
from time import sleep as work

def test_lines():
    print("BEGIN")
    for n in range({LINES}):
        print(f"line {{n}}", flush=True)
        work(0.002)
    print("END")
""",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in PROJECT.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def fragile(project):
    """A yard with a database of its own, that notices lost workers quickly."""
    with RunningYard(settings={"heartbeat_seconds": "1.5", "worker_slots": "4", "drain_seconds": "3"}) as yard:
        user = yard.user()
        with ci_client.CI(yard.url, api_key=user.api_key) as client:
            assert client.submit(project).result(timeout=120).success
        yield yard, user


def kill_worker(yard: RunningYard) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        yard.worker().kill()


def kill_server(yard: RunningYard) -> None:
    yard.kill()
    yard.start()


def kill_postgres(yard: RunningYard) -> None:
    note = yard.data_dir / "postgres" / "data" / "postmaster.pid"
    wait_until(note.exists, "Postgres to run")
    os.kill(int(note.read_text().split()[0]), signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_worker, kill_server, kill_postgres])
def test_nothing_acknowledged_is_lost_or_reported_twice(fragile, project, kill: Callable[[RunningYard], None]):
    yard, user = fragile
    acknowledged: list[str] = []
    logs: dict[str, list[str]] = {}

    def one(delay: float) -> None:
        threading.Event().wait(delay)  # the moment in a job's life that a kill hits, not a wait for anything
        with ci_client.CI(yard.url, api_key=user.api_key, retry=PATIENT) as client:
            job = client.submit(project)
            acknowledged.append(job.id)
            events = list(job.events(patience=90))
        assert isinstance(events[-1], ci_client.Completed), events[-1]
        assert events[-1].success, events[-1]
        assert sum(isinstance(event, ci_client.Completed) for event in events) == 1
        logs[job.id] = "".join(event.text for event in events if isinstance(event, ci_client.Log)).splitlines()

    for round_ in range(KILLS):
        with ThreadPoolExecutor(JOBS) as pool:
            running = [pool.submit(one, n * STAGGER) for n in range(JOBS)]
            threading.Event().wait(0.05 + round_ * 0.07)
            kill(yard)
            for done in running:
                done.result()

    assert len(set(acknowledged)) == KILLS * JOBS
    for job, lines in logs.items():
        assert_every_attempt_is_in_order(job, lines)
    facts = yard.inside(lambda inside: read_facts(inside, user.id))
    assert facts["jobs"] >= len(acknowledged)
    assert facts["unended"] == 0
    assert facts["gaps"] == 0
    assert facts["ends"] == facts["jobs"]


def assert_every_attempt_is_in_order(job: str, lines: list[str]) -> None:
    """Lines of one attempt come once and in order; the last attempt has them all."""
    attempts: list[list[int]] = []
    for line in lines:
        if line.endswith("BEGIN"):
            attempts.append([])
        elif found := re.fullmatch(r"line (\d+)", line):
            attempts[-1].append(int(found[1]))
    assert attempts, (job, lines)
    assert attempts[-1] == list(range(LINES)), (job, attempts)
    for attempt in attempts:
        assert attempt == list(range(len(attempt))), (job, attempts)


async def read_facts(yard: Yard, owner: object) -> dict[str, int]:
    """What the database itself says of a user's jobs."""
    row = await yard.database.fetchrow(
        """
        SELECT count(*) AS jobs, count(*) FILTER (WHERE ended_at IS NULL) AS unended,
            coalesce(sum((SELECT count(*) FROM events WHERE job = jobs.id AND type = 'state'
                AND convert_from(substr(body, 2), 'UTF8') ~ '"state":"(succeeded|failed|cancelled)"')), 0)::int AS ends,
            count(*) FILTER (WHERE last_seq <> (SELECT count(DISTINCT seq) FROM events WHERE job = jobs.id)
                OR last_seq <> (SELECT count(*) FROM events WHERE job = jobs.id)) AS gaps
        FROM jobs WHERE owner = $1
        """,
        owner,
    )
    assert row is not None
    return dict(row)


def test_a_stopped_yard_goes_on_where_it_was(fragile, project):
    """Ctrl-C: running jobs go back to the queue, streams are told to reconnect, the next start finishes them."""
    yard, user = fragile
    with ci_client.CI(yard.url, api_key=user.api_key) as client:
        job = client.submit(project, env={"PYTEST_ADDOPTS": ""})
        events = job.events(patience=90)
        first = next(event for event in events if isinstance(event, ci_client.Log))
        assert first.text
        yard.stop()
        yard.start()
        rest = list(events)
    assert isinstance(rest[-1], ci_client.Completed)
    assert rest[-1].success


@pytest.mark.parametrize("worker", [True, False])
def test_an_orderly_end_closes_the_worker_and_the_database(worker):
    """What Ctrl-C does: nothing of the yard is left, and its exit says that all is well."""
    with RunningYard(worker=worker) as own:
        processes = [psutil.Process(own.pid), *([own.worker()] if worker else [])]
        processes.append(psutil.Process(int((own.data_dir / "postgres/data/postmaster.pid").read_text().split()[0])))
        own.stop()
        assert own.exit_code == 0
        assert [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
