"""Bytes into packets: whatever comes is understood or refused, and never breaks anything."""

from __future__ import annotations

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from runyard.services.compute.mqtt import answers, packets
from runyard.services.compute.mqtt.packets import Connect, Decoder, Message, UnknownVersion
from runyard.services.compute.mqtt.topics import FilterTree, valid_filter, valid_topic
from runyard.services.compute.mqtt.wire import BadPacket, Reader, packet, text, varint


def connect(level: int = 4, flags: int = 2, *, name: str = "MQTT", rest: bytes | None = None) -> bytes:
    properties = b"\0" if level == 5 else b""
    body = text(name) + bytes((level, flags)) + b"\0\x3c" + properties + (text("me") if rest is None else rest)
    return packet(0x10, body)


def decoder(level: int = 4) -> Decoder:
    """A decoder that has seen a CONNECT."""
    found = Decoder(limit=1000, first=500)
    found.feed(connect(level))
    assert isinstance(found.next(), Connect)
    return found


def decode(data: bytes, level: int = 4) -> packets.Packet | None:
    found = decoder(level)
    found.feed(data)
    return found.next()


def test_packets_are_found_wherever_the_stream_is_cut() -> None:
    stream = connect() + b"\xc0\0" + packet(0x82, b"\0\1" + text("a/+") + b"\1") + b"\xe0\0"
    found, reader = [], Decoder(limit=1000, first=500)
    for at in range(len(stream)):
        reader.feed(stream[at : at + 1])
        while (one := reader.next()) is not None:
            found.append(type(one))
    assert found == [packets.Connect, packets.Ping, packets.Subscribe, packets.Disconnect]


def test_a_connect_says_who_it_is_and_hides_the_password() -> None:
    rest = text("me") + text("gone") + text("bye") + text("ada") + text("s3cret")
    first = Decoder(limit=1000, first=500)
    first.feed(connect(4, 0b1110_1110, rest=rest))
    found = first.next()
    assert isinstance(found, Connect)
    assert (found.client_id, found.username, found.password, found.keep_alive) == ("me", "ada", b"s3cret", 60)
    assert found.will == Message("gone", b"bye", 1, retain=True)
    assert "s3cret" not in repr(found)


def test_limits_of_a_client_of_mqtt_5_are_read() -> None:
    properties = b"\x21\0\x05" + b"\x27\0\0\x01\0" + b"\x26" + text("a") + text("b")
    first = Decoder(limit=1000, first=500)
    first.feed(packet(0x10, text("MQTT") + b"\5\2\0\0" + varint(len(properties)) + properties + text("")))
    found = first.next()
    assert isinstance(found, Connect)
    assert (found.version, found.receive_maximum, found.maximum_packet_size) == (5, 5, 256)


@pytest.mark.parametrize(("name", "level", "told"), [("MQIsdp", 3, 4), ("MQTT", 6, 5), ("HTTP", 4, 4)])
def test_other_versions_are_told_so(name: str, level: int, told: int) -> None:
    first = Decoder(limit=1000, first=500)
    first.feed(packet(0x10, text(name) + bytes((level, 2)) + b"\0\0" + text("me")))
    with pytest.raises(UnknownVersion) as refused:
        first.next()
    assert (refused.value.version, refused.value.reason) == (told, 0x84)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packet(0x30, text("a") + b"x" * 1000), 0x95),
        (b"\x30\xff\xff\xff\xff\x01", 0x81),
        (packet(0x34, text("a") + b"\0\1"), 0x9B),
        (packet(0x30, text("a/+")), 0x90),
        (packet(0x30, text("")), 0x90),
        (packet(0x30, text("$SYS/x")), 0x90),
        (packet(0x32, text("a") + b"\0\0"), 0x82),
        (packet(0x30, b"\0\2\xff\xfe"), 0x81),
        (packet(0x30, text("a\0b")), 0x81),
        (packet(0x30, b"\0\x50a"), 0x81),
        (packet(0x80, b"\0\1" + text("a") + b"\1"), 0x82),
        (packet(0x82, b"\0\1"), 0x82),
        (packet(0x82, b"\0\1" + text("a") + b"\3"), 0x82),
        (packet(0x82, b"\0\1" + text("a") + b"\4"), 0x82),
        (packet(0xA2, b"\0\1"), 0x82),
        (packet(0x20, b"\0\0"), 0x82),
        (connect(), 0x82),
    ],
)  # fmt: skip
def test_what_breaks_the_rules_is_refused_with_its_reason(data: bytes, reason: int) -> None:
    with pytest.raises(BadPacket) as refused:
        decode(data)
    assert refused.value.reason == reason


@pytest.mark.parametrize("data", [b"\xc0\0", packet(0x11, b""), packet(0x30, text("a"))])
def test_nothing_comes_before_connect(data: bytes) -> None:
    first = Decoder(limit=1000, first=500)
    first.feed(data)
    with pytest.raises(BadPacket):
        first.next()


def test_a_first_packet_has_a_limit_of_its_own() -> None:
    first = Decoder(limit=1000, first=500)
    first.feed(b"\x10\xf5\x03")
    with pytest.raises(BadPacket, match="501 bytes"):
        first.next()


def test_a_topic_alias_is_refused() -> None:
    with pytest.raises(BadPacket) as refused:
        decode(packet(0x30, text("") + b"\3\x23\0\1"), 5)
    assert refused.value.reason == 0x94


@given(some.binary(max_size=200), some.sampled_from([4, 5]))
def test_no_bytes_do_anything_worse_than_being_refused(data: bytes, level: int) -> None:
    for found in (Decoder(limit=1000, first=500), decoder(level)):
        found.feed(data)
        try:
            while found.next() is not None:
                pass
        except BadPacket:
            continue


@given(some.integers(0, 0x0FFF_FFFF))
def test_lengths_are_read_as_written(value: int) -> None:
    assert Reader(varint(value)).varint() == value


def test_an_answer_in_mqtt_3_has_no_room_for_reasons() -> None:
    assert answers.subscribed(4, 7, [1, 0x87]) == b"\x90\4\0\7\1\x80"
    assert answers.subscribed(5, 7, [1, 0x87]) == b"\x90\5\0\7\0\1\x87"
    assert answers.acknowledge(4, 7, 0x87) == b"\x40\2\0\7"
    assert answers.acknowledge(5, 7, 0x87) == b"\x40\3\0\7\x87"
    assert answers.unsubscribed(4, 7, [True]) == b"\xb0\2\0\7"
    assert answers.unsubscribed(5, 7, [True, False]) == b"\xb0\5\0\7\0\0\x11"
    assert answers.disconnect(4, 0x8B) == b""


LEVELS = some.lists(some.sampled_from(["a", "b", "", "+", "#"]), min_size=1, max_size=5).map("/".join)


@given(some.lists(LEVELS.filter(valid_filter), max_size=6), LEVELS.filter(valid_topic))
def test_the_tree_finds_the_filters_that_match(filters: list[str], topic: str) -> None:
    tree: FilterTree[str] = FilterTree()
    for one in filters:
        tree.add(one, one)
    assert sorted(tree.matching(topic)) == sorted(one for one in filters if aiomqtt.Topic(topic).matches(one))
    for one in filters:
        tree.remove(one, one)
    assert not tree


@pytest.mark.parametrize("bad", ["", "a+", "+a/b", "a/#/b", "#a", "a/b#", "a" * 513])
def test_malformed_filters_are_known(bad: str) -> None:
    assert not valid_filter(bad)
