"""The protocol without input or output: the sheet's bytes, orders of arrival, and whatever a fuzzer thinks of."""

from contextlib import suppress

import msgpack
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from pie import AlreadyAttached, ConnectionLost, Event, Exit, InstanceEnded, PieError, ProtocolError
from pie._chunks import CHUNK, Source
from pie._mailbox import Mailbox
from pie._messages import Answer, Chunk, Malformed, Said, decode, encode
from pie._protocol import Protocol
from pie.errors import refusal


def frame(text):
    return bytes.fromhex(text.replace(" ", ""))


PING = frame("82 a474797065 a470696e67 a7636f72725f6964 01")
PONG = frame("84 a474797065 a8726573706f6e7365 a7636f72725f6964 01 aa7375636365737366756c c3 a6726573756c74 a4506f6e67")
OUTPUT = frame(
    "83 a474797065 b073747265616d696e675f6f7574707574 ab696e7374616e63655f6964 a169"
    "a66f7574707574 81 a65374646f7574 a368690a"
)


# The sheet's vectors.


def test_ping_is_the_sheets_bytes():
    core = Protocol(room=1000, max_blob=1000)
    assert core.frame(core.call("ping"), {}) == PING


def test_its_answer_is_read():
    assert decode(PONG) == Answer(1, True, "Pong")


def test_output_is_read():
    assert decode(OUTPUT) == Said("i", Event.Stdout, "hi\n")


def test_chunks_are_binary():
    assert frame("aa6368756e6b5f64617461 c404 0061736d") in encode("upload_program", {"chunk_data": b"\0asm"})


@pytest.mark.parametrize(
    ("content", "digest", "sizes"),
    [
        (b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", [0]),
        (b"\0asm\1\0\0\0", "0d66d411a21e80d93afa1487b002a1867432c04ba1d08dc790d259639f6a69c4", [8]),
        (
            bytes(number % 256 for number in range(262_145)),
            "cf296e59091d2af677f6637d62d10ff3c4790adf8013367466db76e54262232b",
            [262_144, 1],
        ),
    ],
)
def test_hashes_and_chunks_are_the_sheets(content, digest, sizes, tmp_path):
    (tmp_path / "content").write_bytes(content)
    for given_as in (content, bytearray(content), tmp_path / "content", str(tmp_path / "content")):
        source = Source(given_as)
        source.measure()
        assert source.digest == digest
        assert [len(chunk) for chunk in source.chunks(0, 100)] == sizes
        assert source.total == len(sizes)


# Messages.


def test_an_end_says_how():
    ended = {"type": "instance_event", "instance_id": "i", "event": 5, "message": "no fuel", "seq": 3}
    message = decode(msgpack.packb({**ended, "exit": {"code": 1, "reason": "limit", "limit": "fuel"}}))
    assert message == Said("i", Event.OutOfResources, "no fuel", 3, exit=Exit(1, "limit", "fuel"))


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"type": "response", "corr_id": 2**32, "successful": True, "result": ""}, "corr_id"),
        ({"type": "response", "corr_id": True, "successful": True, "result": ""}, "corr_id"),
        ({"type": "response", "corr_id": 1, "successful": 1, "result": ""}, "successful"),
        ({"type": "response", "corr_id": 1, "successful": True}, "result"),
        ({"type": "live_instances", "corr_id": 1, "instances": [1]}, "instances"),
        ({"type": "live_instances", "corr_id": 1, "instances": [{"id": "x"}]}, "arguments"),
        ({"type": "streaming_output", "instance_id": "i", "output": {"Stdin": ""}}, "output"),
        ({"type": "streaming_output", "instance_id": "i", "output": {}}, "output"),
        ({"type": "instance_event", "instance_id": "i", "event": 6, "message": ""}, "event"),
        ({"type": "instance_event", "instance_id": "i", "event": 0, "message": "", "part": 2, "parts": 2}, "part"),
        ({"corr_id": 1}, "type"),
    ],
)
def test_a_malformed_message_names_what_is_wrong(message, field):
    with pytest.raises(Malformed, match=repr(field)):
        decode(msgpack.packb(message))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(content):
    with suppress(Malformed):
        decode(content)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "corr_id",
    "successful",
    "result",
    "message",
    "code",
    "runyard",
    "challenge",
    "instances",
    "cursor",
    "instance_id",
    "event",
    "output",
    "seq",
    "part",
    "parts",
    "exit",
    "blob_hash",
    "chunk_index",
    "total_chunks",
    "chunk_data",
]
TYPES = [
    "response",
    "instance_launch_result",
    "instance_attach_result",
    "challenge",
    "live_instances",
    "instance_event",
    "streaming_output",
    "download_blob",
    "server_event",
]
likely = st.sampled_from(
    ["i", "Stdout", 0, 1, 2, 5, True, b"x", {"Stdout": "x"}, {"code": 1, "reason": "x"}, [], blake3(b"x").hexdigest()]
)
messages = st.builds(
    lambda kind, fields: {"type": kind, **fields},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(NAMES), likely | plain, max_size=len(NAMES)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(messages, max_size=30))
def test_no_sequence_of_messages_breaks_the_state_machine(sequence):
    core = Protocol(room=300, max_blob=1000)
    core.made()
    calls = [core.call("launch_instance"), core.call("ping"), core.call("attach_instance")]
    calls[0].opens = "launched"
    box = calls[2].opens = core.mailbox("i", state="resuming")
    for message in sequence:
        core.receive(msgpack.packb(message))
        while box.ready:
            with suppress(PieError):
                box.take()
            if box.ended or box.failure is not None:
                break
        core.took(box)
    core.lost(ConnectionLost("gone"), resumable=False)
    assert all(call.done for call in calls)
    assert box.ready or not box.settled
    assert not core.mailboxes


# The order of things.


def launched(core, instance_id="i"):
    call = core.call("launch_instance")
    call.opens = "launched"
    answer = {"type": "instance_launch_result", "corr_id": call.corr_id, "successful": True, "message": instance_id}
    core.receive(msgpack.packb(answer))
    return call.opened


def said(text, seq=None, **more):
    numbered = {} if seq is None else {"seq": seq}
    return msgpack.packb(
        {"type": "instance_event", "instance_id": "i", "event": 0, "message": text, **numbered, **more}
    )


def ours(**options):
    core = Protocol(**{"room": 10_000, "max_blob": 10**6, **options})
    core.made()
    core.ours = True
    return core


def texts(box):
    taken = []
    while box.ready:
        taken.append(box.take().content)
    return taken


def test_known_events_are_left_alone():
    core = ours()
    box = launched(core)
    for seq in (1, 2, 2, 1, 3):
        core.receive(said(str(seq), seq))
    assert texts(box) == ["1", "2", "3"]


def test_pieces_of_a_broken_off_event_are_forgotten():
    core = ours()
    box = launched(core)
    core.receive(said("a", 1, part=0, parts=3))
    core.receive(said("b", 1, part=1, parts=3))
    core.lost(ConnectionLost("gone"), resumable=True)
    core.made()
    core.ours = True
    box.open(None)
    box.state = "live"
    for part, text in enumerate("abc"):
        core.receive(said(text, 1, part=part, parts=3))
    assert texts(box) == ["abc"]


def test_a_missing_piece_is_an_error_in_its_place():
    core = ours()
    box = launched(core)
    core.receive(said("a", 1, part=0, parts=3))
    core.receive(said("c", 1, part=2, parts=3))
    core.receive(said("next", 2))
    with pytest.raises(ProtocolError, match="part 2"):
        box.take()
    assert texts(box) == ["next"]


def test_an_event_in_too_many_pieces_is_an_error_in_its_place():
    core = ours(max_blob=5)
    box = launched(core)
    for part in range(4):
        core.receive(said("abc", 1, part=part, parts=4))
    with pytest.raises(ProtocolError, match="max_blob"):
        box.take()
    assert texts(box) == []


def test_an_end_that_cannot_be_read_is_an_end():
    core = ours(max_blob=5)
    box = launched(core)
    for part in range(4):
        core.receive(said("abc", 1, part=part, parts=4, event=1))
    with pytest.raises(ProtocolError, match="max_blob"):
        box.take()
    assert not core.mailboxes
    with pytest.raises(InstanceEnded):
        box.take()


def test_blobs_may_interleave_with_each_other():
    core = ours()
    box = launched(core)
    contents = [b"a" * (CHUNK + 1), b"b" * (CHUNK + 1)]
    for index in range(2):
        for content in contents:
            box.deliver(Chunk("i", blake3(content).hexdigest(), index, 2, content[index * CHUNK : (index + 1) * CHUNK]))
    assert texts(box) == contents


def test_a_chunk_that_is_missing_is_an_error():
    box = Mailbox("i", room=1000, max_blob=10**7)
    digest = blake3(b"x").hexdigest()
    box.deliver(Chunk("i", digest, 0, 3, b"x" * CHUNK))
    box.deliver(Chunk("i", digest, 2, 3, b"x"))
    box.deliver(Chunk("i", digest, 1, 3, b"x"))
    with pytest.raises(ProtocolError, match="chunk 2 of 3"):
        box.take()
    assert not box.ready


def test_an_absurd_number_of_chunks_costs_nothing():
    box = Mailbox("i", room=1000, max_blob=10**6)
    box.deliver(Chunk("i", "x", 0, 2**63, b"x"))
    with pytest.raises(ProtocolError, match="larger"):
        box.take()


def test_early_events_are_kept_only_while_a_launch_waits():
    core = ours()
    core.receive(said("nobody's", 1))
    call = core.call("launch_instance")
    call.opens = "launched"
    core.receive(said("early", 2))
    answer = {"type": "instance_launch_result", "corr_id": call.corr_id, "successful": True, "message": "i"}
    core.receive(msgpack.packb(answer))
    assert texts(call.opened) == ["early"]
    assert not core._early


def test_what_nobody_takes_is_asked_for_again():
    core = ours(room=1000)
    box = launched(core)
    for seq in range(1, 21):
        core.receive(said("x" * 100, seq))
    assert box.state == "holding"
    held = msgpack.unpackb(core.outbox.popleft())
    assert held["type"] == "detach_instance"
    assert len(texts(box)) == 5
    core.receive(msgpack.packb({"type": "response", "corr_id": held["corr_id"], "successful": True, "result": ""}))
    again = msgpack.unpackb(core.outbox.popleft())
    assert (again["type"], again["after"]) == ("attach_instance", 5)
    core.receive(
        msgpack.packb(
            {"type": "instance_attach_result", "corr_id": again["corr_id"], "successful": True, "message": ""}
        )
    )
    core.receive(said("six", 6))
    assert texts(box) == ["six"]


def test_what_cannot_be_asked_for_again_fails():
    core = ours(room=200)
    box = launched(core)
    core.receive(said("x" * 300, 1))
    held = msgpack.unpackb(core.outbox.popleft())
    core.receive(msgpack.packb({"type": "response", "corr_id": held["corr_id"], "successful": True, "result": ""}))
    box.take()
    core.took(box)
    again = msgpack.unpackb(core.outbox.popleft())
    refused = {"type": "instance_attach_result", "corr_id": again["corr_id"], "successful": False, "message": "taken"}
    core.receive(msgpack.packb({**refused, "code": "already_attached"}))
    with pytest.raises(AlreadyAttached):
        box.take()


def test_a_call_that_was_given_up_opens_nothing():
    core = ours()
    call = core.call("attach_instance")
    call.opens = core.mailbox("i", state="resuming")
    core.forget(call)
    assert not core.mailboxes


def test_codes_have_types():
    assert isinstance(refusal("Attach", "x", "already_attached"), AlreadyAttached)
    assert refusal("Attach", "x", "from_the_future").code == "from_the_future"
    assert str(refusal("Upload Program", "too large", None)) == "Upload Program failed: too large"
