"""What bad networks do to a client of a real yard: nothing (invariants 2 and 3)."""

from pathlib import Path

import pytest

import ci_client
from ci_client._wire.retry import RetryPolicy
from runyard.testing.faults import Cut, Latency, Reset, Slice, Throttle
from runyard.testing.running import RunningYard, TestUser
from runyard.testing.sync_proxy import SyncFaultProxy

PATIENT = RetryPolicy(attempts=30, first_delay=0.01, longest_delay=0.1)
EVERY = 3
"""A cut at every byte of a stream is in the clients' own tests; here at every third, with the real server."""

PROJECT = {
    "requirements.txt": "pytest\n",
    "pytest.ini": "[pytest]\naddopts = -s -q --no-header\n",
    "test_words.py": "def test_words():\n    print('\\n'.join('wörds ' * 3 + str(n) for n in range(12)))\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in PROJECT.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def user(yard: RunningYard) -> TestUser:
    return yard.user()


@pytest.fixture(scope="module")
def finished(yard: RunningYard, user: TestUser, project: Path):
    """A job that has ended, and its events as an undisturbed client sees them."""
    with ci_client.CI(yard.url, api_key=user.api_key) as client:
        job = client.submit(project)
        assert job.result(timeout=60).success
        events = list(job.events())
    return job.id, events


@pytest.fixture
def proxy(yard: RunningYard):
    with SyncFaultProxy("127.0.0.1", yard.port) as proxy:
        yield proxy


@pytest.mark.parametrize("fault", [Cut, Reset])
def test_a_stream_that_breaks_anywhere_is_resumed_exactly(proxy, user, finished, fault):
    job, expected = finished
    with ci_client.CI(proxy.url, api_key=user.api_key, retry=PATIENT) as client:
        with proxy.inject(Slice(1 << 16)):
            list(client.job(job).events())
        length = proxy.bytes_down
    for after in range(300, length, EVERY * (1 if fault is Cut else 3)):
        with ci_client.CI(proxy.url, api_key=user.api_key, retry=PATIENT) as client:
            client._transport.chance = lambda: 0.0  # full jitter, all of it: reconnect at once
            proxy.inject(fault(after=after), times=1)
            events = list(client.job(job).events())
            proxy.clear()
        assert [strip(event) for event in events] == [strip(event) for event in expected], after


@pytest.mark.parametrize("fault", [Latency(0.02, jitter=0.02), Throttle(20_000), Slice(3, pause=0.0005)])
def test_a_slow_network_only_takes_longer(proxy, user, finished, fault):
    job, expected = finished
    proxy.inject(fault)
    with ci_client.CI(proxy.url, api_key=user.api_key, retry=PATIENT) as client:
        events = list(client.job(job).events())
    assert [strip(event) for event in events] == [strip(event) for event in expected]


def test_a_submit_whose_answer_is_lost_makes_one_job(yard, proxy, user, project):
    """The server has done it, the client doesn't know: its retry gets the same job."""
    with ci_client.CI(yard.url, api_key=user.api_key) as direct:
        before = {job.job_id for job in direct.jobs()}
        with ci_client.CI(proxy.url, api_key=user.api_key, retry=PATIENT) as client:
            proxy.inject(Cut(lazy=True), times=1)
            job = client.submit(project)
            assert proxy.connections >= 2
            assert job.result(timeout=60).success
        assert {job.job_id for job in direct.jobs()} - before == {job.id}


def strip(event: ci_client.Event) -> tuple[type, str]:
    """An event without what may differ between two readings: where lines were cut into parts."""
    return type(event), event.text if isinstance(event, ci_client.Log) else repr(event)
