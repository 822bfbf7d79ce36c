"""The wire: frames, numbers and fields of every message, byte for byte where the protocol has vectors."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress

import msgpack  # type: ignore[import-untyped]
import pytest
from blake3 import blake3
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from runyard.testing.running import RunningYard

from . import programs
from .signing import signature
from .wire import DEADLINE, MODULE, NOBODY, OPEN_DOOR, Message, Wire, wire

RESPONSE = ["type", "corr_id", "successful", "result"]
RESULT = ["type", "corr_id", "successful", "message"]


def frame(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


# ---------------------------------------------------------------- the protocol's vectors

PING = frame("82 a474797065 a470696e67 a7636f72725f6964 01")
PONG = frame("84 a474797065 a8726573706f6e7365 a7636f72725f6964 01 aa7375636365737366756c c3 a6726573756c74 a4506f6e67")
OUTPUT = frame("a66f7574707574 81 a65374646f7574 a66865 6c6c6f0a")


async def raw(guest: Wire) -> bytes:
    async with asyncio.timeout(DEADLINE):
        found = await guest.socket.recv(decode=False)
    assert isinstance(found, bytes)
    return found


async def test_a_ping_is_answered_in_the_bytes_it_always_was(guest: Wire) -> None:
    await guest.send(PING)
    assert await raw(guest) == PONG


async def test_output_is_in_the_bytes_it_always_was(guest: Wire) -> None:
    instance = await guest.run(programs.HELLO)
    head = frame("83 a474797065 b073747265616d696e675f6f7574707574 ab696e7374616e63655f6964 d924")
    assert await raw(guest) == head + instance.encode() + OUTPUT


async def test_a_chunk_is_binary(guest: Wire) -> None:
    instance = await guest.run(programs.BLOBS)
    await guest.blob(instance, b"\0asm")
    assert frame("aa6368756e6b5f64617461 c404 0061736d") in await raw(guest)


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (MODULE, "0d66d411a21e80d93afa1487b002a1867432c04ba1d08dc790d259639f6a69c4"),
        (bytes(n % 256 for n in range(262_145)), "cf296e59091d2af677f6637d62d10ff3c4790adf8013367466db76e54262232b"),
    ],
)
async def test_digests_are_what_they_always_were(guest: Wire, content: bytes, digest: str) -> None:
    instance = await guest.run(programs.BLOBS)
    assert blake3(content).hexdigest() == digest
    assert (await guest.blob(instance, content))["successful"]
    told = [await guest.event(instance)]
    while len(told) < told[0]["total_chunks"]:
        told.append(await guest.event(instance))
    assert [list(one) for one in told] == [
        ["type", "corr_id", "instance_id", "blob_hash", "chunk_index", "total_chunks", "chunk_data"]
    ] * len(told)
    assert {(one["type"], one["corr_id"], one["blob_hash"]) for one in told} == {("download_blob", 0, digest)}
    assert [one["chunk_index"] for one in told] == list(range(told[0]["total_chunks"]))
    assert [len(one["chunk_data"]) for one in told[:-1]] == [262_144] * (len(told) - 1)
    assert b"".join(one["chunk_data"] for one in told) == content


def test_a_signature_is_what_it_always_was() -> None:
    """The vector checks what these tests sign with; the server's own tests check it with the same vector."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signed = "qVr47gqJleGdJeI7GBlFiHrMyP2KEllB02dwuV943zMG+/VZvqTlJz1lVUwC5s3NbpqJ3HBu2psYicW/vi70Aw=="
    assert base64.b64encode(signature(key, bytes(range(48)))).decode() == signed


# ---------------------------------------------------------------- fields


async def test_answers_have_the_fields_they_always_had_and_no_others(guest: Wire) -> None:
    """Strict clients of the original kind see nothing they don't know."""
    uploaded = await guest.upload(programs.ECHO)
    launched = await guest.ask("launch_instance", inferlet=uploaded["result"], arguments=["a"], detached=True)
    attached = await guest.ask("attach_instance", instance_id=launched["message"])
    listed = await guest.ask("list_instances")
    ended = await guest.ask("terminate_instance", instance_id=launched["message"])
    event = await guest.event(launched["message"])
    assert [list(one) for one in (uploaded, ended)] == [RESPONSE] * 2
    assert [(one["type"], list(one)) for one in (launched, attached)] == [
        ("instance_launch_result", RESULT), ("instance_attach_result", RESULT),
    ]  # fmt: skip
    assert attached["message"] == "Instance attached"
    assert (listed["type"], list(listed)) == ("live_instances", ["type", "corr_id", "instances"])
    (record,) = listed["instances"]
    assert list(record) == ["id", "arguments", "status", "username", "elapsed_secs", "kv_pages_used"]
    assert (event["type"], list(event)) == ("instance_event", ["type", "instance_id", "event", "message"])


REFUSED = [
    ("query", {"subject": "weather", "record": ""}),
    ("launch_instance", {"inferlet": "std/nothing@1.0.0", "arguments": [], "detached": False}),
    ("launch_instance_from_registry", {"inferlet": "std/nothing", "arguments": [], "detached": False}),
    ("launch_server_instance", {"inferlet": "std/nothing", "port": 8000, "arguments": []}),
    ("attach_instance", {"instance_id": NOBODY}),
    ("attach_instance", {"instance_id": "nonsense"}),
    ("terminate_instance", {"instance_id": "nonsense"}),
    ("attach_remote_service", {"endpoint": "e", "service_type": "t", "service_name": "n"}),
    ("upload_blob", {"instance_id": NOBODY, "blob_hash": "0" * 64, "chunk_index": 0, "total_chunks": 1, "chunk_data": b""}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields"), REFUSED, ids=[kind for kind, _ in REFUSED])
async def test_refusals_are_answers_of_the_same_kind(guest: Wire, kind: str, fields: Message) -> None:
    answer = await guest.ask(kind, **fields)
    assert answer["successful"] is False
    assert list(answer) == (RESULT if answer["type"].endswith("_result") else RESPONSE)
    assert answer["type"] == {
        "launch_instance": "instance_launch_result",
        "launch_instance_from_registry": "instance_launch_result",
        "attach_instance": "instance_attach_result",
    }.get(kind, "response")
    assert answer[list(answer)[-1]]


@pytest.mark.parametrize("kind", ["identification", "signature", "internal_authenticate"])
async def test_who_is_in_is_in(guest: Wire, kind: str) -> None:
    answer = await guest.ask(kind, username="somebody", signature="c2ln", token="t")
    assert (answer["successful"], answer["result"]) == (True, "Already authenticated")


@pytest.mark.parametrize("number", [0, 1, 127, 128, 65_536, 2**31, 2**32 - 1])
async def test_a_request_has_any_number(guest: Wire, number: int) -> None:
    await guest.send({"type": "ping", "corr_id": number})
    assert (await guest.receive())["corr_id"] == number


async def test_numbers_may_be_used_again(guest: Wire) -> None:
    for _ in range(3):
        await guest.send(PING)
        assert (await guest.receive())["corr_id"] == 1


async def test_unknown_fields_are_nobodys_business(guest: Wire) -> None:
    answer = await guest.ask("ping", shiny={"new": [1, 2, 3]})
    assert answer["result"] == "Pong"


# ---------------------------------------------------------------- transport


async def test_text_ends_the_connection(guest: Wire) -> None:
    """The original ignored it, and whoever sent it waited for ever."""
    await guest.send('{"type": "ping", "corr_id": 77}')
    assert await guest.closed() == 1003


async def test_nothing_is_compressed_or_negotiated(guest: Wire) -> None:
    """The client offers compression, as the library does."""
    assert guest.socket.protocol.extensions == []
    assert guest.socket.subprotocol is None


async def test_pings_of_the_websocket_itself_are_answered(guest: Wire) -> None:
    async with asyncio.timeout(DEADLINE):
        assert await (await guest.socket.ping()) >= 0


async def test_a_message_may_come_in_fragments(guest: Wire) -> None:
    await guest.socket.send([PING[:3], PING[3:10], PING[10:]])
    assert (await guest.receive())["result"] == "Pong"


@pytest.mark.parametrize("path", ["/", "", "/ws", "/any/where?at=all"])
async def test_any_path_will_do(yard: RunningYard, name: str, path: str) -> None:
    async with connect(yard.inferlets_url.rstrip("/") + path) as socket:
        await socket.send(msgpack.packb({"type": "identification", "corr_id": 1, "username": name}))
        async with asyncio.timeout(DEADLINE):
            assert msgpack.unpackb(await socket.recv())["result"] == OPEN_DOOR


# ---------------------------------------------------------------- what nobody can read


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ({"type": "fly_to_the_moon"}, "fly_to_the_moon"),
        ({"type": 7}, "7"),
        ({}, "type"),
        ({"type": "query", "subject": "model_status"}, "record"),
        ({"type": "launch_instance", "inferlet": "x", "arguments": "not a list", "detached": False}, "arguments"),
        ({"type": "launch_instance", "inferlet": "x", "arguments": [1], "detached": False}, "arguments"),
        ({"type": "launch_instance", "inferlet": "x", "arguments": [], "detached": "no"}, "detached"),
        ({"type": "attach_instance", "instance_id": 5}, "instance_id"),
    ],
)
async def test_what_has_a_number_is_answered(guest: Wire, message: Message, names: str) -> None:
    """The original kept silent, and its clients waited for ever."""
    await guest.send({"corr_id": 41, **message})
    answer = await guest.answer(41)
    assert answer["type"] == "response"
    assert answer["successful"] is False
    assert names in answer["result"]
    await guest.ping()


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x81", b"\xff" * 50, b"\x01", b"\x90", PING + b"\0"])
async def test_what_cant_be_read_ends_the_connection(guest: Wire, content: bytes) -> None:
    await guest.send(content)
    assert await guest.closed() == 1007


@pytest.mark.parametrize("user", ["somebody", None])
async def test_a_frame_beyond_the_limit_ends_the_connection(yard: RunningYard, user: str | None) -> None:
    async with wire(yard.inferlets_url, user) as rude:
        with suppress(ConnectionClosed):  # before all of it was sent
            await rude.send(bytes(16 * 1024 * 1024 + 1))
        assert await rude.closed() == 1009
