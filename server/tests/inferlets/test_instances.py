"""Instances: what they say and hear, how they end, and that one harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest
from blake3 import blake3

from runyard.jobs import JobEnded, State
from runyard.services.inferlets import instances
from runyard.services.inferlets.instances import Gave, Printed, Said

from . import programs as wat
from .conftest import Bench


async def test_a_program_prints_and_returns(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(wat.HELLO))
    assert (end.reason, end.text, end.code) == ("completed", "hello", 0)
    assert said == [Printed("stdout", b"hello\n")]


async def test_a_component_prints(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(wat.COMMAND_HELLO))
    assert end.reason == "completed", end
    assert said == [Printed("stdout", b"hello\n")]


async def test_arguments_arrive(bench: Bench) -> None:
    _, said = await bench.story(await bench.launch(wat.ARGUMENTS, "a", "", "ü ∞"))
    assert said == [Said("a"), Said(""), Said("ü ∞")]


@pytest.mark.parametrize("program", [wat.ECHO, wat.COMPONENT_ECHO], ids=["module", "component"])
async def test_messages_come_back(bench: Bench, program: bytes) -> None:
    job = await bench.launch(program)
    await bench.text(job, "hé\0llo")
    async with aclosing(bench.says(job)) as says:
        assert await anext(says) == Said("hé\0llo")
    with suppress(JobEnded):  # the component hears one message only
        await instances.terminate(bench.yard, job.id, grace=0)


async def test_messages_keep_their_order(bench: Bench) -> None:
    job = await bench.launch(wat.ECHO)
    for number in range(50):
        await bench.text(job, str(number))
    async with aclosing(bench.says(job)) as says:
        assert [await anext(says) for _ in range(50)] == [Said(str(number)) for number in range(50)]
    await instances.terminate(bench.yard, job.id)


@pytest.mark.parametrize("size", [0, 1, 262_144, 2_000_000])
async def test_blobs_come_back(bench: Bench, size: int) -> None:
    content = bytes(number % 256 for number in range(size))

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    job = await bench.launch(wat.BLOBS)
    blob = await bench.yard.artifacts.put(pieces(), limit=size)
    await instances.send_blob(bench.yard, job.id, blob, blake3(content).hexdigest())
    async with aclosing(bench.says(job)) as says:
        assert await anext(says) == Gave("out/1", size, blob.digest, blake3(content).hexdigest())
    await instances.terminate(bench.yard, job.id)


async def test_a_component_sends_a_blob(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(wat.COMPONENT_BLOB))
    assert end.reason == "completed", end
    assert [one.size for one in said if isinstance(one, Gave)] == [70000]


async def test_characters_are_not_torn_apart(bench: Bench) -> None:
    _, said = await bench.story(await bench.launch(wat.SPLIT))
    assert said == [Printed("stdout", b"-"), Printed("stderr", "é".encode())]


async def test_a_status_other_than_0_is_an_exception(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(wat.COMPLAIN))
    assert (end.reason, end.text, end.code) == ("exception", "Runtime error: exit status 3", 3)
    assert said == [Printed("stderr", b"oh no")]


async def test_status_0_is_completion(bench: Bench) -> None:
    end, _ = await bench.story(await bench.launch(wat.TIDY))
    assert (end.reason, end.code) == ("completed", 0)


@pytest.mark.parametrize(
    ("program", "says"),
    [(wat.TRAP, "unreachable"), (wat.BAD_ADDRESS, "outside of the program's memory")],
    ids=["trap", "address"],
)
async def test_a_trap_is_an_exception(bench: Bench, program: bytes, says: str) -> None:
    end, _ = await bench.story(await bench.launch(program))
    assert end.reason == "exception"
    assert end.text.startswith("Runtime error: Call error: ")
    assert says in end.text


@pytest.mark.parametrize(
    ("program", "limits", "limit"),
    [
        (wat.SPIN, {"fuel": 100_000}, "fuel"),
        (wat.SPIN, {"wall_seconds": 0.2}, "wall_seconds"),
        (wat.SLEEP, {"wall_seconds": 0.2}, "wall_seconds"),
        (wat.ECHO, {"idle_seconds": 0.2}, "idle_seconds"),
        (wat.COMPONENT_ECHO, {"idle_seconds": 0.2}, "idle_seconds"),
        (wat.GROW, {"memory": 1 << 20}, "memory"),
        (wat.HUGE, {}, "memory"),
        (wat.CHATTER, {"output_bytes": 100_000}, "output_bytes"),
    ],
    ids=["fuel", "spin", "sleep", "idle", "idle component", "grow", "huge", "chatter"],
)
async def test_a_limit_ends_it_and_is_named(
    bench: Bench, program: bytes, limits: dict[str, object], limit: str
) -> None:
    end, said = await bench.story(await bench.launch(program, **limits))
    assert (end.reason, end.limit) == ("out_of_resources", limit)
    printed = sum(len(one.content) for one in said if isinstance(one, Printed))
    assert printed == limits.get("output_bytes", 0)


@pytest.mark.parametrize(
    "program", [wat.SPIN, wat.SLEEP, wat.CHATTER, wat.BLOBS], ids=["spin", "sleep", "chatter", "receive"]
)
async def test_an_instance_can_be_ended_whatever_it_does(bench: Bench, program: bytes) -> None:
    job = await bench.launch(program)
    await bench.running(job)
    await instances.terminate(bench.yard, job.id, grace=0)
    end, _ = await bench.story(job)
    assert (end.reason, end.text) == ("aborted", "Signal termination")


async def test_a_program_is_told_before_it_is_ended(bench: Bench) -> None:
    job = await bench.launch(wat.COMPONENT_ECHO)
    await bench.running(job)
    await instances.terminate(bench.yard, job.id, grace=20)
    end, _ = await bench.story(job)
    assert end.reason == "aborted"


async def test_an_error_the_program_returns_is_its_text(bench: Bench) -> None:
    end, _ = await bench.story(await bench.launch(wat.COMPONENT_ERROR))
    assert (end.reason, end.text) == ("exception", "Runtime error: oh no")


async def test_keys_are_kept_for_their_tenant(bench: Bench) -> None:
    for tenant, expected in (("user:a", "key"), ("user:a", "value"), ("user:b", "key")):
        _, said = await bench.story(await bench.launch(wat.REMEMBER, tenant=tenant))
        assert said == [Said(expected)]


async def test_broadcasts_reach_subscribers_of_the_same_tenant(bench: Bench) -> None:
    mine, other = await bench.launch(wat.LISTEN, tenant="user:m"), await bench.launch(wat.LISTEN, tenant="user:o")
    for job in (mine, other):
        async with aclosing(bench.says(job)) as says:
            assert await anext(says) == Said("ready")
    await bench.launch(wat.TELL, tenant="user:m")
    _, said = await bench.story(mine)
    assert said == [Said("ready"), Said("hello")]
    assert (await bench.yard.jobs.get(other.id)).state is State.RUNNING
    await instances.terminate(bench.yard, other.id)


async def test_50_instances_talk_at_once(bench: Bench) -> None:
    jobs = await asyncio.gather(*[bench.launch(wat.ECHO) for _ in range(50)])

    async def converse(number: int) -> None:
        async with aclosing(bench.says(jobs[number])) as says:
            for turn in range(5):
                await bench.text(jobs[number], f"{number}/{turn}")
                assert await anext(says) == Said(f"{number}/{turn}")
        await instances.terminate(bench.yard, jobs[number].id)

    await asyncio.gather(*[converse(number) for number in range(50)])
    for job in jobs:
        end, _ = await bench.story(job)
        assert end.reason == "aborted"


@pytest.mark.kill
async def test_when_a_process_dies_its_instances_end_and_others_start(bench: Bench) -> None:
    job = await bench.launch(wat.ECHO)
    await bench.text(job, "here")
    async with aclosing(bench.says(job)) as says:
        await anext(says)
    for host in tuple(bench.work.hosts.hosts):
        await host._companion.kill()
    end, _ = await bench.story(job)
    assert end.reason == "server_error"
    assert "broke down" in end.text
    end, _ = await bench.story(await bench.launch(wat.HELLO))
    assert end.reason == "completed"


async def test_the_compiled_form_is_made_again_when_it_is_gone(bench: Bench) -> None:
    program = wat.module("(call $exit (i32.const 7))")
    uploaded = await bench.upload(program)
    for path in (bench.yard.settings.data_dir / "inferlets" / "compiled").glob(f"{uploaded.blake3}*"):
        path.unlink()
    end, _ = await bench.story(await bench.launch(program))
    assert end.code == 7


async def test_an_attempt_after_a_lost_one_does_not_run_again(bench: Bench) -> None:
    job = await bench.launch(wat.ECHO)
    await bench.running(job)
    await bench.yard.jobs.requeue(await bench.yard.jobs.get(job.id))
    end, said = await bench.story(job)
    assert (end.reason, said) == ("server_error", [])
    assert "interrupted" in end.text
