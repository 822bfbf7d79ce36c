"""Programs, uploads, frames and signatures that are wrong or meant badly: each has its clear answer, and a conversation
beside them goes on (invariants 4, 5 and 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pytest
from blake3 import blake3
from wasmtime import wat2wasm
from websockets.exceptions import ConnectionClosed

from runyard.testing.running import RunningYard
from tests.conformance.inferlets import programs
from tests.conformance.inferlets.wire import CHUNK, MODULE, NOBODY, Message, Wire, chunks, wire

from .test_inferlets_crowd import talking_beside

COMPONENT = b"\0asm\x0d\0\x01\0"
GOOD = programs.padded(programs.HELLO, CHUNK)
FRAME = 16 * 1024 * 1024
STRANGER = 64 * 1024
DEADLINE = 60.0


Deed = Callable[[Wire], Awaitable[str]]


def upload(content: bytes, manifest: str = "", *, digest: str | None = None) -> Deed:
    """Upload something, and give the refusal."""

    async def do(client: Wire) -> str:
        answer = await client.upload(content, manifest, digest=digest)
        assert answer["successful"] is False
        return str(answer["result"])

    return do


def send(*pieces: Mapping[str, object]) -> Deed:
    """Send chunks of a program as they are, and give the refusal."""

    async def do(client: Wire) -> str:
        named = {"type": "upload_program", "corr_id": 500, "program_hash": blake3(GOOD).hexdigest(), "manifest": ""}
        for piece in pieces:
            await client.send({**named, **piece})
        answer = await client.answer(500)
        assert answer["successful"] is False
        return str(answer["result"])

    return do


def run(program: bytes, event: int, **limits: float) -> Deed:
    """Run a program, and give the text of its end, which is ``event``."""

    async def do(client: Wire) -> str:
        end = await client.ended(await client.run(program, **({"limits": limits} if limits else {})))
        assert end["event"] == event, end
        return str(end["message"])

    return do


def ask(kind: str, **fields: object) -> Deed:
    """Ask for something, and give the refusal."""

    async def do(client: Wire) -> str:
        answer = await client.ask(kind, **fields)
        assert answer["successful"] is False
        return str(answer.get("result") or answer["message"])

    return do


def launch(program: str, **more: object) -> Deed:
    return ask("launch_instance", **{"inferlet": program, "arguments": [], "detached": False} | more)


async def terminate_while_it_waits(client: Wire) -> str:
    """In ``receive``, and without heeding that it is to end."""
    instance = await client.run(programs.STUBBORN)
    await client.signal(instance, "are you there?")
    assert (await client.ask("terminate_instance", instance_id=instance, grace_seconds=0.2))["successful"]
    end = await client.ended(instance)
    assert end["event"] == 2
    return str(end["message"])


def manifest(name: str, version: str = "1.0.0") -> str:
    return f'[package]\nname = "{name}"\nversion = "{version}"\n'


def piece(number: int, **changes: object) -> Message:
    return {**list(chunks(GOOD))[number], **changes}


def start_that(code: str) -> bytes:
    """A module that does something before anybody has called it."""
    return bytes(wat2wasm(f'(module (memory (export "memory") 1) (func $s {code}) (start $s) (func (export "run")))'))


DEEP = wat2wasm('(module (func $f (export "run") (call $f)))')
OUT_OF_BOUNDS = wat2wasm('(module (memory 1) (data (i32.const 65530) "too long") (func (export "_start")))')
DIVIDE = wat2wasm('(module (func (export "run") (drop (i32.div_s (i32.const 1) (i32.const 0)))))')
MANY = wat2wasm(f'(module {"(func)" * 20_000} (func (export "run") unreachable))')
FLOOD = programs.module(f"(loop (call $send {programs.at(0, 50)}) (br 0))", data="x" * 50)

HOSTILE: dict[str, tuple[Deed, str]] = {
    # uploads
    "a wrong hash": (upload(programs.HELLO, digest="0" * 64), "0" * 64),
    "a hash that is none": (upload(programs.HELLO, digest="../../etc/passwd"), "../../etc/passwd"),
    "a chunk out of order": (send(piece(1)), "chunk 0"),
    "a chunk that is missing": (send(piece(0, total_chunks=3), piece(1, chunk_index=2, total_chunks=3)), "Chunk 2"),
    "a chunk twice": (send(piece(0), piece(0)), "Chunk 0"),
    "a chunk too large": (send(piece(0, chunk_data=bytes(CHUNK + 1))), str(CHUNK + 1)),
    "a number of chunks that changes": (send(piece(0), piece(1, total_chunks=9)), "9"),
    "a number of chunks beyond all": (send(piece(0, total_chunks=2**40)), str(2**40)),
    "no chunk at all": (send(piece(0, total_chunks=0)), "one chunk at least"),
    "a program too large": (send(piece(0, total_chunks=2_000)), "268435456"),
    # what is no program
    "nothing": (upload(b""), ""),
    "text": (upload(b"hello, is this WebAssembly?"), ""),
    "half a module": (upload(programs.HELLO[: len(programs.HELLO) // 2]), ""),
    "a module that calls itself a component": (upload(COMPONENT + programs.HELLO[8:]), ""),
    "a component that calls itself a module": (upload(MODULE + programs.COMMAND_HELLO[8:]), ""),
    "a module of version 2": (upload(b"\0asm\2\0\0\0"), ""),
    "damaged code": (upload(programs.SPIN[:-1] + b"\xff"), ""),
    "an import that isn't": (upload(programs.STRANGER), "launch_missiles"),
    "an interface that isn't": (upload(programs.COMPONENT_STRANGER), "acme:rockets/launch"),
    "an import of another type": (upload(programs.WRONG_TYPE), "send"),
    "nothing to run": (upload(programs.LIBRARY), "_start"),
    "a memory beyond the limit": (run(programs.HUGE, 5, memory=1 << 20), "memory"),
    # names
    "a name with two dots": (upload(programs.HELLO, manifest("../../etc")), "../../etc"),
    "a namespace of two dots": (upload(programs.HELLO, manifest("../passwd")), "../passwd"),
    "a version with a way up": (upload(programs.HELLO, manifest("std/a", "../../1.0.0")), "../../1.0.0"),
    "a launch with two dots": (launch("std/../../etc/passwd"), "std/../../etc/passwd"),
    "a launch of nothing": (launch(""), ""),
    "a launch of what isn't": (launch("std/absent@1.0.0"), "std/absent@1.0.0"),
    "a version nobody has": (launch("0" * 64), "0" * 64),
    "too many arguments": (launch("std/absent", arguments=["x"] * 2_000), "1000"),
    "an argument too long": (launch("std/absent", arguments=["x" * 1_000_000] * 1), "std/absent"),
    "limits nobody has": (launch("std/absent", limits={"courage": 1}), "courage"),
    "limits beyond the yard's": (launch("std/absent", limits={"memory": 1 << 40}), "memory"),
    # programs that go wrong
    "a trap": (run(programs.TRAP, 3), "unreachable"),
    "a trap before the start": (run(start_that("unreachable"), 3), "unreachable"),
    "a division by zero": (run(DIVIDE, 3), "divide by zero"),
    "a recursion without end": (run(DEEP, 3), "stack"),
    "data beyond the memory": (run(OUT_OF_BOUNDS, 3), "out of bounds"),
    "twenty thousand functions": (run(MANY, 3), "unreachable"),
    "an address outside": (run(programs.BAD_ADDRESS, 3), "memory"),
    "a loop without end": (run(programs.SPIN, 5, wall_seconds=0.3), "0.3"),
    "a loop at the start": (run(start_that("(loop (br 0))"), 5, wall_seconds=0.3), "0.3"),
    "a loop with much to do": (run(programs.SPIN, 5, fuel=1_000_000), "fuel"),
    "a sleep without end": (run(programs.SLEEP, 5, wall_seconds=0.3), "0.3"),
    "a wait without end": (run(programs.ECHO, 5, idle_seconds=0.3), "0.3"),
    "memory that grows": (run(programs.GROW, 5, memory=16 << 20), "memory"),
    "output without end": (run(programs.CHATTER, 5, output_bytes=100_000), "100000"),
    "messages without end": (run(FLOOD, 5, output_bytes=100_000), "100000"),
    "a wait that doesn't heed the end": (terminate_while_it_waits, "Signal termination"),
    # instances that aren't
    "an id that is none": (ask("attach_instance", instance_id="../x"), "../x"),
    "an instance that isn't": (ask("attach_instance", instance_id=NOBODY), NOBODY),
    "the end of one that isn't": (ask("terminate_instance", instance_id=NOBODY), NOBODY),
    "a message too long": (ask("signal_instance", instance_id=NOBODY, message="x" * (4 << 20) + "x"), str((4 << 20) + 1)),
    "a number of years to wait": (ask("terminate_instance", instance_id=NOBODY, grace_seconds=1e12), "grace_seconds"),
    "a list beyond all": (ask("list_instances", limit=10**9), "limit"),
}  # fmt: skip


@pytest.mark.parametrize(("deed", "says"), HOSTILE.values(), ids=HOSTILE)
async def test_what_is_wrong_is_said(yard: RunningYard, deed: Deed, says: str) -> None:
    """On the same connection, things go on."""
    async with asyncio.timeout(DEADLINE), wire(yard.inferlets_url, "mallory") as mallory:
        text = await deed(mallory)
        assert text
        assert says in text
        await mallory.ping()


async def test_all_of_it_at_once_harms_nobody(yard: RunningYard) -> None:
    """Each on a connection of its own, while others talk."""

    async def one(number: int, deed: Deed) -> None:
        async with wire(yard.inferlets_url, f"mallory-{number}") as mallory:
            assert await deed(mallory)

    async with asyncio.timeout(2 * DEADLINE), talking_beside(yard), asyncio.TaskGroup() as tasks:
        for number, (deed, _) in enumerate(HOSTILE.values()):
            tasks.create_task(one(number, deed))


# ---------------------------------------------------------------- what ends the connection


@dataclass(frozen=True, slots=True)
class Rudeness:
    """Something after which the server wants no more. ``user`` is who does it."""

    frame: bytes | str
    code: int
    user: str | None = "rude"


RUDE = {
    "noise": Rudeness(b"\xff" * 100, 1007),
    "nothing": Rudeness(b"", 1007),
    "a list": Rudeness(b"\x93\x01\x02\x03", 1007),
    "a tower": Rudeness(b"\x91" * 1_000_000, 1007),
    "a length beyond all": Rudeness(b"\x81\xa4type\xdb\xff\xff\xff\xff", 1007),
    "a frame beyond the limit": Rudeness(bytes(FRAME + 1), 1009),
    "text": Rudeness("hello", 1003),
    "noise of nobody": Rudeness(b"\xff" * 100, 1007, user=None),
    "a frame of nobody beyond the limit of strangers": Rudeness(bytes(STRANGER + 1), 1009, user=None),
    "a request of nobody": Rudeness(b"\x82\xa4type\xa4ping\xa7corr_id\x01", 1008, user=None),
}


@pytest.mark.parametrize("rudeness", RUDE.values(), ids=RUDE)
async def test_what_cant_be_answered_ends_the_connection(yard: RunningYard, rudeness: Rudeness) -> None:
    async with asyncio.timeout(DEADLINE), wire(yard.inferlets_url, rudeness.user) as rude:
        with suppress(ConnectionClosed):  # before all of it was sent
            await rude.send(rudeness.frame)
        assert await rude.closed() == rudeness.code


async def test_no_rudeness_harms_anybody_else(yard: RunningYard) -> None:
    async def one(rudeness: Rudeness) -> None:
        for _ in range(5):
            async with wire(yard.inferlets_url, rudeness.user) as rude:
                with suppress(ConnectionClosed):
                    await rude.send(rudeness.frame)
                assert await rude.closed() == rudeness.code

    async with talking_beside(yard), asyncio.TaskGroup() as tasks:
        for rudeness in RUDE.values():
            tasks.create_task(one(rudeness))


async def test_pages_of_other_places_are_not_let_in(yard: RunningYard) -> None:
    """A page in somebody's browser could otherwise talk to the yard on their machine as a guest."""
    async with wire(yard.inferlets_url, origin="https://evil.example") as page:
        answer = await page.ask("identification", username="victim")
        assert answer["successful"] is False
        assert await page.closed() == 1008


async def test_uploads_that_are_never_finished_are_bounded(yard: RunningYard) -> None:
    """One connection has a few under way at once, and the next is refused."""
    async with wire(yard.inferlets_url, "hoarder") as hoarder:
        refused = []
        for number in range(20):
            fields = {"program_hash": f"{number:064x}", "manifest": "", **piece(0)}
            await hoarder.send({"type": "upload_program", "corr_id": 1000 + number, **fields})
        await hoarder.ping()
        refused = [message for message in hoarder.seen if message["corr_id"] >= 1000]
        assert len(refused) >= 10
        assert not any(message["successful"] for message in refused)
        assert {message["result"] for message in refused} == {refused[0]["result"]}
