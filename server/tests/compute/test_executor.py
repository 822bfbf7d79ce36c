"""Media processes: what they do, what they see, and what becomes of a job when one breaks down."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.jobs import State
from runyard.services.compute.plugins import installed

from .conftest import Bench


async def test_a_job_has_its_result_and_its_files(bench: Bench) -> None:
    job = await bench.ended(await bench.submit("shout", b"hello", times=2))
    assert job.state is State.SUCCEEDED
    assert job.progress == 100
    assert job.result is not None
    assert job.result["text"] == "HELLOHELLO"
    assert await bench.read(job, "output/shout.txt") == b"HELLOHELLO"
    assert await bench.read(job, "input/a.txt") == b"hello"


async def test_the_process_stays_warm(bench: Bench) -> None:
    jobs = [await bench.ended(await bench.submit("shout")) for _ in range(3)]
    assert len({job.result["process"] for job in jobs if job.result}) == 1


async def test_progress_is_told_on_the_way(bench: Bench) -> None:
    job, events = await bench.story(await bench.submit("shout", progress=True))
    told = [event.data["percent"] for event in events if event.type == "progress"]
    assert job.state is State.SUCCEEDED
    assert told
    assert told == sorted(told)  # type: ignore[type-var]
    assert told[-1] == 90


@pytest.mark.parametrize(
    ("kind", "reason", "says"),
    [
        ("crash", "crashed", "broke down"),
        ("exception", "internal", "ZeroDivisionError"),
        ("hog", "too_large", "memory"),
        ("refuse", "unsupported_media", "not to my taste"),
    ],
)
async def test_a_broken_job_says_why(bench: Bench, kind: str, reason: str, says: str) -> None:
    job = await bench.ended(await bench.submit("trouble", kind=kind))
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error["code"] == reason
    assert says in str(job.error["message"])
    assert str(bench.yard.settings.data_dir) not in str(job.error["message"])


async def test_a_broken_process_harms_no_other_job(bench: Bench) -> None:
    jobs = [await bench.submit("trouble", kind=kind) for kind in ("crash", "exception", "crash")]
    good = [await bench.submit("shout") for _ in range(6)]
    assert [(await bench.ended(job)).state for job in good] == [State.SUCCEEDED] * 6
    assert [(await bench.ended(job)).state for job in jobs] == [State.FAILED] * 3


async def test_a_cancelled_job_ends_its_process(bench: Bench) -> None:
    job = await bench.submit("trouble", kind="hang")
    await bench.running(job)
    await bench.yard.jobs.cancel(job.id)
    assert (await bench.ended(job)).state is State.CANCELLED
    assert (await bench.ended(await bench.submit("shout"))).state is State.SUCCEEDED


async def test_a_deleted_job_leaves_nothing(bench: Bench) -> None:
    job = await bench.submit("trouble", kind="hang")
    await bench.running(job)
    await bench.yard.jobs.delete(job.id)
    assert await bench.yard.database.fetchval("SELECT count(*) FROM events WHERE job = $1", job.id) == 0
    assert (await bench.ended(await bench.submit("shout"))).state is State.SUCCEEDED


async def test_links_among_the_results_are_not_followed(bench: Bench) -> None:
    job = await bench.ended(await bench.submit("trouble", kind="link", path="/etc/passwd"))
    assert job.state is State.SUCCEEDED
    assert [one.name for one in await bench.yard.artifacts.list(job.id)] == ["input/a.txt"]


async def test_many_results_are_all_kept(bench: Bench) -> None:
    job = await bench.ended(await bench.submit("trouble", kind="litter"))
    assert len(await bench.yard.artifacts.list(job.id)) == 301


async def test_what_a_plugin_prints_does_no_harm(bench: Bench) -> None:
    assert (await bench.ended(await bench.submit("trouble", kind="noise"))).state is State.SUCCEEDED


async def test_a_process_sees_neither_the_network_nor_the_yard(bench: Bench) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    job = await bench.ended(await bench.submit("trouble", kind="network", path=str(port)))
    server.close()
    assert job.state is State.FAILED
    for place in (bench.yard.settings.data_dir, Path(__file__).parents[3] / "docs", "/home/runner"):
        peeked = await bench.ended(await bench.submit("trouble", kind="peek", path=str(place)))
        assert peeked.result == {"seen": []}


async def test_jobs_that_wait_are_done_together(bench: Bench) -> None:
    in_the_way = [await bench.submit("trouble", kind="hang") for _ in range(bench.yard.settings.compute_slots)]
    for job in in_the_way:
        await bench.running(job)
    jobs = [await bench.submit("together", str(number).encode()) for number in range(20)]
    for job in jobs:
        await bench.running(job)
    for job in in_the_way:
        await bench.yard.jobs.cancel(job.id)
    ended = [await bench.ended(job) for job in jobs]
    results = [job.result or {} for job in ended]
    assert [result["text"] for result in results] == [str(number) for number in range(20)]
    assert max(int(str(result["batch"])) for result in results) > 1


async def test_one_bad_file_does_not_spoil_its_batch(bench: Bench) -> None:
    jobs = [await bench.submit("together", bad=number == 3, kill=number == 5) for number in range(8)]
    ended = [await bench.ended(job) for job in jobs]
    assert [job.state for job in ended] == [
        State.FAILED if number in {3, 5} else State.SUCCEEDED for number in range(8)
    ]
    assert ended[5].error_code == "crashed"


def test_only_plugins_with_all_they_need_are_offered(bench: Bench) -> None:
    assert "shout" in bench.work.task_types
    assert "absent" not in bench.work.task_types
    assert "absent" in installed()


def test_a_broken_plugin_is_left_out() -> None:
    assert not {"broken", "misnamed"} & set(installed())
