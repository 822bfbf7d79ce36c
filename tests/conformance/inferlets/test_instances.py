"""Instances: launch, talk, detach, attach, end; in which order all of it is told, and to whom."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from blake3 import blake3
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

from runyard.testing.running import RunningYard
from runyard.yard import Yard

from . import programs
from .conftest import Connect, WriteProgram
from .original import Event, Instance, Original
from .wire import CHUNK, DEADLINE, NOBODY, Wire, ends, said, wire

MIB = 1024 * 1024


async def status(guest: Wire, instance: str) -> str:
    listed = (await guest.ask("list_instances"))["instances"]
    return next((one["status"] for one in listed if one["id"] == instance), "gone")


async def until_status(guest: Wire, instance: str, wanted: str) -> None:
    """What another connection, or the program, brings about."""
    async with asyncio.timeout(DEADLINE):
        while await status(guest, instance) != wanted:
            pass


async def received(instance: Instance, count: int) -> list[tuple[Event, str | bytes]]:
    async with asyncio.timeout(DEADLINE):
        return [await instance.recv() for _ in range(count)]


# ---------------------------------------------------------------- order


async def test_an_instance_is_told_of_in_its_own_order(guest: Wire) -> None:
    """The launch's result, all kinds of news as the program gave them, the last return value in the end."""
    instance = await guest.run(programs.EVERYTHING)
    told = await guest.story(instance)
    assert [said(message) for message in told] == programs.TOLD
    assert guest.seen.index(told[0]) > next(
        place for place, message in enumerate(guest.seen) if message["type"] == "instance_launch_result"
    )
    assert str(UUID(instance)) == instance


async def test_an_original_client_gets_all_of_it(original: Original, program_file: WriteProgram) -> None:
    """It drops output of instances it hasn't been told of, and every message must come after the result."""
    wasm, text = program_file(programs.EVERYTHING, name=f"std/{uuid4().hex}")
    await original.upload_program(wasm, text)
    for _ in range(10):
        instance = await original.launch_instance(text.read_text().split('"')[1])
        assert await received(instance, 6) == [
            (Event.Stdout, "a"), (Event.Message, "b"), (Event.Stderr, "c"), (Event.Blob, b"d"), (Event.Message, "e"),
            (Event.Completed, "g"),
        ]  # fmt: skip
    assert original.orphan_events == {}


class Absent(ClientConnection):
    """Its library hasn't come to reading yet: it owes an answer to each ping."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.owed: list[Frame] = []
        self._answer, self.protocol.send_frame = self.protocol.send_frame, self._withhold

    def _withhold(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self.owed.append(frame)
        else:
            self._answer(frame)

    def catch_up(self) -> None:
        for frame in self.owed:
            self._answer(frame)
        self.send_data()


async def test_a_program_is_heard_once_the_answer_to_its_launch_was_read(yard: RunningYard, name: str) -> None:
    """Originals drop the output of instances that they don't know yet."""
    async with wire(yard.inferlets_url, name, create_connection=Absent) as absent:
        instance = await absent.run(programs.printing(6, piece=6))

        async def watch(opened: Yard) -> list[object]:
            return [event async for event in opened.tails.follow(UUID(instance), 0, idle=DEADLINE)]

        assert await asyncio.to_thread(yard.inside, watch)
        await absent.ping()
        assert instance not in [message.get("instance_id") for message in absent.seen]
        absent.socket.catch_up()
        assert [message["type"] for message in await absent.story(instance)] == ["streaming_output", "instance_event"]


async def test_messages_keep_their_order_both_ways(guest: Wire) -> None:
    instance = await guest.run(programs.ECHO)
    for number in range(200):
        await guest.signal(instance, str(number))
    assert [(await guest.event(instance))["message"] for _ in range(200)] == [str(number) for number in range(200)]


async def test_a_component_is_talked_to_like_a_module(guest: Wire) -> None:
    instance = await guest.run(programs.COMPONENT_ECHO)
    await guest.signal(instance, "hé\0llo")
    assert [said(message) for message in await guest.story(instance)] == [(0, "hé\0llo"), (1, "")]


async def test_signals_right_after_the_launch_are_not_lost(guest: Wire) -> None:
    """They follow it in one write, before its answer is there: which instance it will be is known to nobody yet.
    With the answer at hand, none is lost although the program may not have begun."""
    instance = await guest.run(programs.ECHO)
    await guest.signal(instance, "first")
    assert said(await guest.event(instance)) == (0, "first")


async def test_arguments_arrive_as_they_are(guest: Wire) -> None:
    arguments = ["a", "", "ü ∞", "--flag=x", " "]
    instance = await guest.run(programs.ARGUMENTS, *arguments)
    assert [said(message) for message in await guest.story(instance)] == [*((0, text) for text in arguments), (1, "")]


async def test_a_character_in_two_writes_is_one(guest: Wire) -> None:
    """The original made replacement characters of it."""
    told = await guest.story(await guest.run(programs.SPLIT))
    assert [said(message) for message in told] == [("Stdout", "-"), ("Stderr", "é"), (1, "")]


# ---------------------------------------------------------------- how it ends


@pytest.mark.parametrize(
    ("program", "event", "text"),
    [
        (programs.HELLO, Event.Completed, "hello"),
        (programs.ARGUMENTS, Event.Completed, ""),
        (programs.COMPONENT_ERROR, Event.Exception, "Runtime error: oh no"),
        (programs.TRAP, Event.Exception, "Runtime error: Call error: "),
        (programs.BAD_ADDRESS, Event.Exception, "Runtime error: Call error: "),
        (programs.COMPLAIN, Event.Exception, "Runtime error: "),
    ],
    ids=["value", "no value", "error", "trap", "address", "status"],
)
async def test_an_end_is_told_as_it_always_was(guest: Wire, program: bytes, event: Event, text: str) -> None:
    end = await guest.ended(await guest.run(program))
    assert end["event"] == event.value
    assert end["message"].startswith(text)
    assert (end["message"] == text) or event is Event.Exception


@pytest.mark.parametrize(
    ("program", "limits", "named"),
    [
        (programs.SPIN, {"fuel": 100_000}, "fuel"),
        (programs.SPIN, {"wall_seconds": 0.2}, "wall_seconds"),
        (programs.SLEEP, {"wall_seconds": 0.2}, "wall_seconds"),
        (programs.ECHO, {"idle_seconds": 0.2}, "idle_seconds"),
        (programs.CHATTER, {"output_bytes": 10_000}, "output_bytes"),
        (programs.GROW, {"memory": 1 << 20}, "memory"),
    ],
    ids=["fuel", "wall", "sleep", "idle", "output", "memory"],
)
async def test_a_limit_that_is_reached_is_named(
    again: Connect, program: bytes, limits: dict[str, float], named: str
) -> None:
    """The original had the event, and never sent it."""
    async with again(ours=True) as ours:
        end = await ours.ended(await ours.run(program, limits=limits))
    assert (end["event"], end["exit"]["limit"], end["exit"]["reason"]) == (5, named, "out_of_resources")
    assert end["message"]


@pytest.mark.parametrize(
    ("limits", "says"),
    [({"fuel": -1}, "fuel"), ({"memory": 1 << 60}, "memory"), ({"beauty": 1}, "beauty"), ({"fuel": "much"}, "fuel")],
)
async def test_limits_that_cant_be_are_refused(guest: Wire, limits: dict[str, object], says: str) -> None:
    program = (await guest.upload(programs.HELLO))["result"]
    answer = await guest.ask("launch_instance", inferlet=program, arguments=[], detached=False, limits=limits)
    assert answer["successful"] is False
    assert says in answer["message"]


@pytest.mark.parametrize("program", [programs.ECHO, programs.SPIN, programs.SLEEP, programs.STUBBORN])
async def test_terminate_ends_whatever_it_does(guest: Wire, program: bytes) -> None:
    """The answer first, then the end. The original couldn't stop a loop."""
    instance = await guest.run(program)
    answer = await guest.ask("terminate_instance", instance_id=instance, grace_seconds=0.1)
    assert answer["successful"], answer
    end = await guest.ended(instance)
    assert said(end) in {(2, "Signal termination"), (1, "")}
    if program is not programs.ECHO:  # which heeds it
        assert end["event"] == Event.Aborted.value
    assert guest.seen.index(answer) < guest.seen.index(end)


async def test_an_original_terminate_is_at_once(original: Original, program_file: WriteProgram) -> None:
    name = f"std/{uuid4().hex}"
    await original.upload_program(*program_file(programs.ECHO, name=name))
    instance = await original.launch_instance(name)
    await instance.terminate()
    assert await received(instance, 1) == [(Event.Aborted, "Signal termination")]


async def test_an_id_may_be_spelled_in_any_way(guest: Wire) -> None:
    instance = await guest.run(programs.ECHO)
    await guest.signal(instance.upper(), "a")
    await guest.signal(UUID(instance).hex, "b")
    assert [(await guest.event(instance))["message"] for _ in range(2)] == ["a", "b"]


# ---------------------------------------------------------------- detached


async def test_a_detached_instance_tells_nobody_until_somebody_attaches(guest: Wire) -> None:
    instance = await guest.run(programs.EVERYTHING, detached=True)
    await until_status(guest, instance, "Finished")
    assert not [message for message in guest.seen if message.get("instance_id")]
    assert (await guest.ask("attach_instance", instance_id=instance))["message"] == "Instance attached"
    assert [said(message) for message in await guest.story(instance)] == programs.TOLD


async def test_an_attach_is_answered_before_anything_is_told(guest: Wire) -> None:
    instance = await guest.run(programs.EVERYTHING, detached=True)
    answer = await guest.ask("attach_instance", instance_id=instance)
    told = await guest.story(instance)
    assert guest.seen.index(answer) < guest.seen.index(told[0])


async def test_nothing_said_between_two_connections_is_lost(guest: Wire, again: Connect) -> None:
    """The original dropped messages and blobs of those times, and output above a mebibyte."""
    async with again() as first:
        instance = await first.run(programs.ECHO)
        await first.signal(instance, "1")
        assert said(await first.event(instance)) == (0, "1")
    await until_status(guest, instance, "Detached")
    answer = await guest.ask("signal_instance", instance_id=instance, message="2")
    assert answer["successful"], answer
    assert (await guest.ask("attach_instance", instance_id=instance))["successful"]
    await guest.signal(instance, "3")
    assert [said(await guest.event(instance)) for _ in range(2)] == [(0, "2"), (0, "3")]


async def test_what_is_said_before_leaving_arrives(guest: Wire, again: Connect) -> None:
    """Signals have no answer to wait for."""
    instance = await guest.run(programs.ECHO)
    async with again() as hasty:
        for number in range(20):
            await hasty.signal(instance, str(number))
    assert [said(await guest.event(instance)) for _ in range(20)] == [(0, str(number)) for number in range(20)]


async def test_a_closed_connection_kills_nothing(guest: Wire, again: Connect) -> None:
    async with again() as first:
        instance = await first.run(programs.ECHO)
        first.socket.transport.abort()
    await until_status(guest, instance, "Detached")
    assert (await guest.ask("attach_instance", instance_id=instance))["successful"]
    await guest.signal(instance, "alive")
    assert said(await guest.event(instance)) == (0, "alive")


async def test_much_said_while_detached_is_all_there(guest: Wire) -> None:
    size = 4 * MIB
    instance = await guest.run(programs.printing(size), detached=True)
    await until_status(guest, instance, "Finished")
    await guest.ask("attach_instance", instance_id=instance)
    *output, end = await guest.story(instance)
    assert sum(len(message["output"]["Stdout"]) for message in output) == size
    assert end["event"] == Event.Completed.value


async def test_an_end_that_was_told_is_not_listed_again(guest: Wire) -> None:
    instance = await guest.run(programs.HELLO)
    await guest.ended(instance)
    await until_status(guest, instance, "gone")


async def test_who_is_attached_cant_attach_again(guest: Wire) -> None:
    instance = await guest.run(programs.ECHO)
    assert await status(guest, instance) == "Attached"
    answer = await guest.ask("attach_instance", instance_id=instance)
    assert answer["successful"] is False
    assert instance in answer["message"]


async def test_the_same_user_may_look_from_two_places(guest: Wire, again: Connect) -> None:
    """The original had one viewer at a time, and its clients get no more."""
    instance = await guest.run(programs.ECHO)
    async with again() as old, again(ours=True) as other:
        assert not (await old.ask("attach_instance", instance_id=instance))["successful"]
        assert (await other.ask("attach_instance", instance_id=instance))["successful"]
        await guest.signal(instance, "to all")
        assert said(await guest.event(instance)) == said(await other.event(instance)) == (0, "to all")


async def test_a_client_of_ours_goes_on_after_any_event(guest: Wire, again: Connect) -> None:
    instance = await guest.run(programs.ECHO)
    for number in range(20):
        await guest.signal(instance, str(number))
    for _ in range(20):
        await guest.event(instance)
    async with again(ours=True) as ours:
        await ours.ask("attach_instance", instance_id=instance, after=0)
        told = [await ours.event(instance) for _ in range(20)]
        assert [message["message"] for message in told] == [str(number) for number in range(20)]
        numbers = [message["seq"] for message in told]
        assert numbers == sorted(set(numbers))
        await ours.ask("detach_instance", instance_id=instance)
        await ours.ask("attach_instance", instance_id=instance, after=numbers[14])
        assert [(await ours.event(instance))["message"] for _ in range(5)] == [str(number) for number in range(15, 20)]


# ---------------------------------------------------------------- blobs


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
async def test_blobs_of_any_size_go_both_ways(original: Original, program_file: WriteProgram, size: int) -> None:
    """The original lost them all on their way back, and its server stopped after the first."""
    name, content = f"std/{uuid4().hex}", bytes(n % 251 for n in range(size))
    await original.upload_program(*program_file(programs.BLOBS, name=name))
    instance = await original.launch_instance(name)
    for _ in range(2):
        await instance.upload_blob(content)
    assert await received(instance, 2) == [(Event.Blob, content)] * 2


@pytest.mark.parametrize("fault", ["order", "large", "hash", "count"])
async def test_what_is_wrong_with_a_blob_is_said(guest: Wire, fault: str) -> None:
    instance = await guest.run(programs.BLOBS)
    fields, says = {
        "order": ({"chunk_index": 1, "total_chunks": 2, "chunk_data": b"x"}, "1"),
        "large": ({"chunk_index": 0, "total_chunks": 1, "chunk_data": bytes(CHUNK + 1)}, str(CHUNK + 1)),
        "hash": ({"chunk_index": 0, "total_chunks": 1, "chunk_data": b"x"}, "0" * 64),
        "count": ({"chunk_index": 0, "total_chunks": 2**40, "chunk_data": b"x"}, str(2**40)),
    }[fault]
    answer = await guest.ask("upload_blob", instance_id=instance, blob_hash="0" * 64, **fields)
    assert answer["successful"] is False
    assert says in answer["result"]
    assert (await guest.blob(instance, b"good"))["successful"]
    assert said(await guest.event(instance)) == ("Blob", b"good")


# ---------------------------------------------------------------- long ones


async def test_a_message_of_a_mebibyte_fits_an_original_client(original: Original, program_file: WriteProgram) -> None:
    """Its library closes the connection on more than a mebibyte at once."""
    name = f"std/{uuid4().hex}"
    await original.upload_program(*program_file(programs.printing(4 * MIB, piece=65_536), name=name))
    instance = await original.launch_instance(name)
    size = 0
    async with asyncio.timeout(DEADLINE):
        while (told := await instance.recv())[0] is Event.Stdout:
            size += len(told[1])
    assert (size, told[0]) == (4 * MIB, Event.Completed)


# ---------------------------------------------------------------- the list


async def test_the_list_has_ones_own_newest_first(yard: RunningYard, guest: Wire, name: str) -> None:
    instances = [await guest.run(programs.ECHO, f"number {number}") for number in range(3)]
    async with wire(yard.inferlets_url, f"guest-{uuid4().hex}") as other:
        await other.run(programs.ECHO)
    listed = (await guest.ask("list_instances"))["instances"]
    assert [record["id"] for record in listed] == instances[::-1]
    assert listed[0] == {
        "id": instances[2], "arguments": ["number 2"], "status": "Attached", "username": name,
        "elapsed_secs": listed[0]["elapsed_secs"], "kv_pages_used": 0,
    }  # fmt: skip
    assert 0 <= listed[0]["elapsed_secs"] < 60


async def test_the_list_is_cut_at_fifty(guest: Wire) -> None:
    program = (await guest.upload(programs.HELLO))["result"]
    for _ in range(51):
        await guest.launch(program, detached=True)
    assert len((await guest.ask("list_instances"))["instances"]) == 50


# ---------------------------------------------------------------- of others


async def test_others_are_told_nothing_and_can_do_nothing(yard: RunningYard, guest: Wire) -> None:
    """Every request that names an instance. The original checked no owner anywhere."""
    instance = await guest.run(programs.ECHO)
    async with wire(yard.inferlets_url, f"guest-{uuid4().hex}") as other:
        refused = [
            await other.ask("attach_instance", instance_id=instance),
            await other.ask("terminate_instance", instance_id=instance),
            await other.ask("detach_instance", instance_id=instance),
            await other.ask("delete_instance", instance_id=instance),
            await other.ask("signal_instance", instance_id=instance, message="x"),
            await other.ask("query", subject="instance", record=instance),
            await other.blob(instance, b"x"),
        ]
        unknown = [
            await other.ask("attach_instance", instance_id=NOBODY),
            await other.ask("terminate_instance", instance_id=NOBODY),
            await other.ask("detach_instance", instance_id=NOBODY),
            await other.ask("delete_instance", instance_id=NOBODY),
            await other.ask("signal_instance", instance_id=NOBODY, message="x"),
            await other.ask("query", subject="instance", record=NOBODY),
            await other.blob(NOBODY, b"x"),
        ]
        assert (await other.ask("list_instances"))["instances"] == []
        await other.signal(instance, "unasked")
        await other.ping()
    assert [answer["successful"] for answer in refused] == [False] * 7
    texts = [(answer.get("result") or answer["message"]).replace(instance, NOBODY) for answer in refused]
    assert texts == [answer.get("result") or answer["message"] for answer in unknown]  # nobody learns which there are
    await guest.signal(instance, "mine")
    assert said(await guest.event(instance)) == (0, "mine")


async def test_a_program_is_removed_by_its_owner_only(yard: RunningYard, guest: Wire) -> None:
    instance = await guest.run(programs.ECHO)
    digest = blake3(programs.ECHO).hexdigest()
    async with wire(yard.inferlets_url, f"guest-{uuid4().hex}") as other:
        assert not (await other.ask("remove_program", inferlet=digest))["successful"]
    assert (await guest.ask("remove_program", inferlet=digest))["result"] == digest
    assert not (await guest.ask("launch_instance", inferlet=digest, arguments=[], detached=True))["successful"]
    await guest.signal(instance, "what runs goes on")
    assert said(await guest.event(instance)) == (0, "what runs goes on")


async def test_metrics_of_an_instance(guest: Wire) -> None:
    instance = await guest.run(programs.HELLO)
    await guest.ended(instance)
    metrics = json.loads((await guest.ask("query", subject="instance", record=instance))["result"])
    assert metrics["id"] == instance
    assert metrics["fuel"] > 0
    assert metrics["exit"] == {"code": 0, "reason": "completed", "limit": None}


async def test_an_ended_instance_can_be_forgotten(guest: Wire) -> None:
    instance = await guest.run(programs.ECHO)
    assert not (await guest.ask("delete_instance", instance_id=instance))["successful"]
    await guest.ask("terminate_instance", instance_id=instance)
    assert ends(await guest.ended(instance))
    assert (await guest.ask("delete_instance", instance_id=instance))["successful"]
    assert not (await guest.ask("attach_instance", instance_id=instance))["successful"]


async def test_terminating_what_has_ended(guest: Wire) -> None:
    instance = await guest.run(programs.HELLO)
    await guest.ended(instance)
    answer = await guest.ask("terminate_instance", instance_id=instance)
    assert "ended" in answer["result"] or answer["successful"]
