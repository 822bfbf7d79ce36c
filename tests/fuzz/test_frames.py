"""The decoder of client frames takes what is good, and answers everything else with an error of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.services.inferlets.ws.requests import BadRequest, Unreadable

from .fuzz_frames import Mutator, good_messages, read

SCRIPT = Path(__file__).with_name("fuzz_frames.py")
MIB = 1 << 20
pack = msgspec.msgpack.encode


@pytest.mark.parametrize("message", good_messages(), ids=lambda message: str(message["type"]))
def test_every_request_is_read(message: dict[str, object]) -> None:
    request = read(pack(message))
    assert not isinstance(request, BadRequest | Unreadable), request
    fields = msgspec.to_builtins(request, builtin_types=(bytes,))
    if message["type"] not in {"launch_server_instance", "attach_remote_service"}:  # refused unread
        assert fields == fields | message


@pytest.mark.parametrize("message", good_messages(), ids=lambda message: str(message["type"]))
def test_a_message_without_one_of_its_fields_is_answered(message: dict[str, object]) -> None:
    ours = {"runyard", "limits", "idempotency_key", "after", "grace_seconds", "limit", "cursor"}
    unread = {"port", "inferlet", "arguments", "endpoint", "service_type", "service_name"}
    needed = set(message) - {"type", "corr_id"} - ours
    if message["type"] in {"launch_server_instance", "attach_remote_service"}:
        needed -= unread
    for key in needed:
        problem = read(pack({name: value for name, value in message.items() if name != key}))
        assert isinstance(problem, BadRequest)
        assert (problem.code, problem.corr_id) == ("bad_message", message["corr_id"])
        assert key in str(problem)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
like_requests = st.builds(
    lambda message, changes, gone: {name: value for name, value in {**message, **changes}.items() if name not in gone},
    st.sampled_from(good_messages()),
    st.dictionaries(st.sampled_from([name for message in good_messages() for name in message]), json_like, max_size=3),
    st.sets(st.sampled_from([name for message in good_messages() for name in message]), max_size=1),
)


@settings(max_examples=300, deadline=None)
@given(frame=st.binary(max_size=300) | json_like.map(pack) | like_requests.map(pack))
def test_whatever_comes_is_read_or_answered(frame: bytes) -> None:
    read(frame)


@settings(max_examples=300, deadline=None)
@given(message=st.sampled_from(good_messages()), data=st.data())
def test_a_frame_cut_off_anywhere_is_unreadable(message: dict[str, object], data: st.DataObject) -> None:
    frame = pack(message)
    assert isinstance(read(frame[: data.draw(st.integers(0, len(frame) - 1))]), Unreadable)


def _with(kind: str, key: str, value: bytes, **fields: object) -> bytes:
    """A message whose last value is given in bytes."""
    body = pack({"type": kind, "corr_id": 9, **fields})
    return bytes([body[0] + 1]) + body[1:] + pack(key) + value


def _array(items: bytes, count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + items


LAUNCH = {"inferlet": "std/echo", "arguments": [], "detached": False}
BOMBS = {
    "an array that claims four thousand million": b"\xdd\xff\xff\xff\xff",
    "a map that claims as many": b"\xdf\xff\xff\xff\xff",
    "a text that claims as much": _with("ping", "x", b"\xdb\xff\xff\xff\xff"),
    "bytes that claim as much": _with("upload_blob", "chunk_data", b"\xc6\xff\xff\xff\xff"),
    "arguments that claim as many": _with("launch_instance", "arguments", b"\xdd\xff\xff\xff\xff"),
    "limits that claim as many": _with("launch_instance", "limits", b"\xdf\xff\xff\xff\xff", **LAUNCH),
    "a tower": b"\x91" * 16 * MIB,
    "a tower in a message": _with("ping", "x", b"\x91" * MIB + b"\xc0"),
    "a tower for a type": b"\x81" + pack("type") + b"\x91" * MIB + b"\xc0",
    "a million lists in a message of no type": _with("nonsense", "x", _array(b"\x90" * MIB, MIB)),
    "a million maps in a message of no type": _with("nonsense", "x", _array(b"\x80" * MIB, MIB)),
    "a million maps for a field": _with("query", "record", _array(b"\x80" * MIB, MIB), subject="limits"),
    "a million maps for a limit": _with(
        "launch_instance", "limits", b"\x81\xa1x" + _array(b"\x80" * MIB, MIB), **LAUNCH
    ),
    "a million arguments": _with(
        "launch_instance", "arguments", _array(b"\xa1x" * MIB, MIB), inferlet="x", detached=False
    ),
    "a message with a long type": pack({"type": "x" * 4 * MIB, "corr_id": 9}),
    "a message without end": pack({"type": "ping", "corr_id": 9}) + bytes(100),
    "a map for a key": b"\x81\x81\xa1a\x01\xc0",
    "half a character": b"\x81" + pack("type") + b"\xa3\xed\xa0\x80",
    "no time": _with("nonsense", "x", b"\xc7\x0c\xff" + b"\xff" * 12),
    "yes for a number": pack({"type": "ping", "corr_id": True}),
    "a number beyond all": pack({"type": "ping", "corr_id": 2**40}),
}


@pytest.mark.parametrize("frame", BOMBS.values(), ids=BOMBS)
def test_no_frame_costs_more_than_it_is_worth(frame: bytes) -> None:
    assert isinstance(read(frame), BadRequest | Unreadable)


def test_the_mutator_finds_every_kind_of_outcome_and_nothing_else() -> None:
    mutator = Mutator(seed=4)
    outcomes = {type(read(mutator.frame())) for _ in range(3_000)}
    assert {BadRequest, Unreadable} < outcomes
    assert len(outcomes) > 10


def test_the_script_runs_by_itself() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--seconds", "0.2", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("seed 1: ")
    assert "Unreadable" in done.stdout
