"""Frames are read strictly, refused clearly and written as the protocol's vectors have them."""

from __future__ import annotations

import uuid

import msgspec
import pytest

from runyard.services.inferlets.instances import Ending
from runyard.services.inferlets.ws import requests as ask
from runyard.services.inferlets.ws.answers import (
    LONGEST_FOR_ORIGINALS,
    PIECE,
    EventFrames,
    live_instances,
    response,
    result,
)
from runyard.services.inferlets.ws.requests import BadRequest, Unreadable, read_frame

INSTANCE = uuid.UUID("6f1d6f5e-54a7-4a4e-8f63-52a3bd6f4a10")
pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


def test_a_ping_is_read_as_the_protocol_writes_it() -> None:
    assert read_frame(bytes.fromhex("82a474797065a470696e67a7636f72725f696401")) == ask.Ping(corr_id=1)


def test_its_answer_is_written_as_the_protocol_has_it() -> None:
    wanted = "84a474797065a8726573706f6e7365a7636f72725f696401aa7375636365737366756cc3a6726573756c74a4506f6e67"
    assert response(1, "Pong").hex() == wanted


def test_output_is_written_as_the_protocol_has_it() -> None:
    frames = EventFrames(INSTANCE, ours=False)
    (frame,) = frames.printed(7, "stdout", "hi\n")
    name = str(INSTANCE).encode().hex()
    assert frame.hex() == (
        "83a474797065b073747265616d696e675f6f7574707574ab696e7374616e63655f6964"
        f"d924{name}a66f757470757481a65374646f7574a368690a"
    )


def test_chunks_are_read_from_binary() -> None:
    fields = {"corr_id": 3, "program_hash": "00", "manifest": "", "chunk_index": 0, "total_chunks": 1}
    chunk = read_frame(pack({"type": "upload_program", **fields, "chunk_data": b"\0asm"}))
    assert isinstance(chunk, ask.UploadProgram)
    assert chunk.chunk_data == b"\0asm"


def test_keys_nobody_knows_are_no_trouble() -> None:
    assert read_frame(pack({"type": "ping", "corr_id": 2, "tomorrow": [1, {"x": None}]})) == ask.Ping(corr_id=2)


@pytest.mark.parametrize(
    ("message", "code", "corr_id", "says"),
    [
        ({"type": "dance", "corr_id": 5}, "unknown_type", 5, "'dance'"),
        ({"corr_id": 5}, "unknown_type", 5, "None"),
        ({"type": 7, "corr_id": 5}, "unknown_type", 5, "7"),
        ({"type": "query", "corr_id": 5, "subject": "x"}, "bad_message", 5, "`record`"),
        ({"type": "query", "corr_id": 5, "subject": 1, "record": ""}, "bad_message", 5, "$.subject"),
        ({"type": "ping", "corr_id": -1}, "bad_message", None, "$.corr_id"),
        ({"type": "ping", "corr_id": 2**32}, "bad_message", None, "$.corr_id"),
        ({"type": "ping"}, "bad_message", None, "`corr_id`"),
    ],
)
def test_what_cannot_be_taken_is_named(message: dict[str, object], code: str, corr_id: int | None, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_frame(pack(message))
    assert (caught.value.code, caught.value.corr_id) == (code, corr_id)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        pack([1, 2]),
        pack("ping"),
        b"\x91" * 5000,
        b"\xdf\xff\xff\xff\xff",
        b"\x81\xa4type\xdb\xff\xff\xff\xff",
    ],
)
def test_what_is_no_message_is_unreadable(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        read_frame(frame)


def test_those_who_know_pieces_get_long_texts_in_pieces() -> None:
    text = "ä" * PIECE  # two bytes each
    frames = [unpack(frame) for frame in EventFrames(INSTANCE, ours=True).said(4, text)]
    assert "".join(frame["message"] for frame in frames) == text
    assert [(frame["seq"], frame["part"], frame["parts"]) for frame in frames] == [(4, 0, 2), (4, 1, 2)]
    assert all(len(frame["message"].encode()) <= PIECE for frame in frames)


def test_others_get_frames_they_can_take_and_one_end() -> None:
    text = "x" * (LONGEST_FOR_ORIGINALS + 1)
    ending = Ending(reason="completed", text=text)
    raw = list(EventFrames(INSTANCE, ours=False).ended(9, ending))
    frames = [unpack(frame) for frame in raw]
    assert [frame["event"] for frame in frames] == [0, 1]
    assert "".join(frame["message"] for frame in frames) == text
    assert all(len(frame) < 2**20 for frame in raw)
    assert set(frames[0]) == {"type", "instance_id", "event", "message"}


@pytest.mark.parametrize(
    ("ending", "event", "exit_"),
    [
        (Ending(reason="completed", text="v"), 1, {"code": 0, "reason": "completed", "limit": None}),
        (Ending(reason="exception", text="v", code=3), 3, {"code": 3, "reason": "exception", "limit": None}),
        (Ending(reason="aborted", text="v"), 2, {"code": 130, "reason": "aborted", "limit": None}),
        (
            Ending(reason="out_of_resources", text="v", limit="fuel"),
            5,
            {"code": 137, "reason": "out_of_resources", "limit": "fuel"},
        ),
        (Ending(reason="server_error", text="v"), 4, {"code": 70, "reason": "server_error", "limit": None}),
    ],
)
def test_an_end_says_how(ending: Ending, event: int, exit_: dict[str, object]) -> None:
    (frame,) = EventFrames(INSTANCE, ours=True).ended(3, ending)
    told = unpack(frame)
    assert (told["event"], told["message"], told["exit"], told["seq"]) == (event, "v", exit_, 3)


def test_results_and_lists_begin_with_their_type() -> None:
    assert list(unpack(result("instance_launch_result", 1, "id"))) == ["type", "corr_id", "successful", "message"]
    assert list(unpack(live_instances(1, []))) == ["type", "corr_id", "instances"]


def test_long_output_is_told_to_belong_together() -> None:
    frames = [unpack(frame) for frame in EventFrames(INSTANCE, ours=True).printed(4, "stderr", "x" * (PIECE + 1))]
    assert [(frame["seq"], frame["part"], frame["parts"]) for frame in frames] == [(4, 0, 2), (4, 1, 2)]
    plain = [unpack(frame) for frame in EventFrames(INSTANCE, ours=False).printed(4, "stderr", "x" * (PIECE + 1))]
    assert "".join(frame["output"]["Stderr"] for frame in plain) == "x" * (PIECE + 1)
    assert set(plain[0]) == {"type", "instance_id", "output"}
