"""The embedded broker as clients meet it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiomqtt
import pytest
import uvloop

from runyard.clock import utc_now
from runyard.database import DatabaseUnavailable
from runyard.services.compute.mqtt import broker as broker_module
from runyard.services.compute.mqtt import session as session_module
from runyard.services.compute.mqtt.broker import BrokerPortTaken, EmbeddedBroker
from runyard.services.compute.mqtt.packets import Message
from runyard.services.compute.mqtt.wire import packet, text
from runyard.testing.running import until
from runyard.yard import Yard

from .conftest import DEADLINE, SECRET, V5, V311, Served, connected, serving, subscriber

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5"])
TOPIC = "runyard/users/0/channel1/job"


def connect(client_id: str, *, keep_alive: int = 60, password: bytes | None = None, clean: bool = True) -> bytes:
    flags = (2 if clean else 0) | (0xC0 if password is not None else 0)
    who = text("x") + len(password).to_bytes(2, "big") + password if password is not None else b""
    return packet(0x10, text("MQTT") + bytes((4, flags)) + keep_alive.to_bytes(2, "big") + text(client_id) + who)


@asynccontextmanager
async def raw(served: Served, data: bytes = b"") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection without a library that would be polite."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(data)
    try:
        yield reader, writer
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of the connection."""
    async with asyncio.timeout(DEADLINE):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def until_gone(served: Served, count: int = 0) -> None:
    await until(lambda: served.broker.connections <= count, "connections to end", seconds=DEADLINE)


# ------------------------------------------------------------------ publishing and subscribing


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_subscriber_gets_what_the_yard_publishes(
    served: Served, version: aiomqtt.ProtocolVersion, qos: int
) -> None:
    async with connected(served.url) as yard, subscriber(served.url, version=version) as guest:
        assert await guest.subscribe(TOPIC, qos) == min(qos, 1)
        assert await yard.publish(TOPIC, b"\x00\xffbytes")
        message = await guest.next()
        assert (str(message.topic), message.payload, message.qos) == (TOPIC, b"\x00\xffbytes", min(qos, 1))
        assert not message.retain


@VERSIONS
async def test_messages_come_in_order_and_once_even_by_two_filters(
    served: Served, version: aiomqtt.ProtocolVersion
) -> None:
    filters = ("runyard/users/0/+/job", "runyard/users/0/channel1/+", "runyard/users/0/#")
    async with connected(served.url) as yard, subscriber(served.url, *filters, version=version) as guest:
        async with asyncio.timeout(DEADLINE):
            sent = await asyncio.gather(*(yard.publish(TOPIC, b"%d" % n) for n in range(500)))
        assert all(sent)
        assert [(await guest.next()).payload for _ in range(500)] == [b"%d" % n for n in range(500)]


@VERSIONS
async def test_retained_messages_wait_for_subscribers_until_they_are_cleared(
    served: Served, version: aiomqtt.ProtocolVersion
) -> None:
    async with connected(served.url) as yard:
        for name in (b"one", b"two"):
            await yard.publish(f"inference/workers/{name.decode()}", name, retain=True)
        async with subscriber(served.url, "inference/workers/+", version=version) as guest:
            found = [await guest.next() for _ in range(2)]
            assert {(message.payload, message.retain) for message in found} == {(b"one", True), (b"two", True)}
            await yard.publish("inference/workers/one", b"", retain=True)
            cleared = await guest.next()
            assert (cleared.payload, cleared.retain) == (b"", False)
        async with subscriber(served.url, "inference/workers/+", version=version) as late:
            assert (await late.next()).payload == b"two"
            await late.nothing_but(yard, "inference/workers/three")


async def test_retained_topics_have_a_limit(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "RETAINED", 1)
    async with connected(served.url) as yard:
        for name in ("one", "two", "one"):
            await yard.publish(f"inference/workers/{name}", name.encode(), retain=True)
    assert [message.payload for message in served.broker.retained("inference/workers/+")] == [b"one"]


@VERSIONS
async def test_whoever_unsubscribes_gets_no_more(served: Served, version: aiomqtt.ProtocolVersion) -> None:
    async with (
        connected(served.url) as yard,
        subscriber(served.url, TOPIC, "inference/events", version=version) as guest,
    ):
        await guest.client.unsubscribe(TOPIC)
        await yard.publish(TOPIC, b"unheard")
        await guest.nothing_but(yard, "inference/events")


async def test_a_client_of_mqtt_5_may_want_retained_messages_only_once_and_marked(served: Served) -> None:
    from paho.mqtt.subscribeoptions import SubscribeOptions

    async with connected(served.url) as yard, subscriber(served.url, version=V5) as guest:
        await yard.publish("inference/workers/w", b"kept", retain=True)
        options = SubscribeOptions(qos=1, retainHandling=1, retainAsPublished=True)
        for _ in range(2):
            await guest.client.subscribe("inference/workers/w", options=options)
        assert (await guest.next()).payload == b"kept"
        await yard.publish("inference/workers/w", b"new", retain=True)
        message = await guest.next()
        assert (message.payload, message.retain) == (b"new", True)
        await guest.client.subscribe("inference/workers/w", options=SubscribeOptions(qos=1, retainHandling=2))
        await guest.nothing_but(yard, "inference/workers/w")


async def test_a_client_that_acknowledges_nothing_gets_as_much_as_it_can_take(served: Served) -> None:
    properties = b"\x21\0\2"
    hello = packet(0x10, text("MQTT") + b"\5\2\0\0" + bytes((len(properties),)) + properties + text("lazy"))
    async with connected(served.url) as yard, raw(served, hello) as (reader, writer):
        writer.write(packet(0x82, b"\0\1\0" + text(TOPIC) + b"\1"))
        await reader.readuntil(b"\x90\4\0\1\0\1")
        for n in range(4):
            await yard.publish(TOPIC, b"%d" % n)
        ids = [await read_publish(reader, b"%d" % n) for n in range(2)]
        writer.write(packet(0x40, ids[0]))
        await read_publish(reader, b"2")
        writer.write(packet(0x40, ids[1]))
        await read_publish(reader, b"3")


async def read_publish(reader: asyncio.StreamReader, payload: bytes) -> bytes:
    """See that the next packet carries ``payload``; its identifier."""
    async with asyncio.timeout(DEADLINE):
        kind, size = await reader.readexactly(2)
        body = await reader.readexactly(size)
    assert (kind, body[-len(payload) :]) == (0x32, payload)
    return body[2 + len(TOPIC) : 4 + len(TOPIC)]


async def test_a_message_longer_than_a_client_wants_is_kept_from_it(served: Served) -> None:
    properties = b"\x27\0\0\0\x64"
    hello = packet(0x10, text("MQTT") + b"\5\2\0\0" + bytes((len(properties),)) + properties + text("small"))
    async with connected(served.url) as yard, raw(served, hello) as (reader, writer):
        writer.write(packet(0x82, b"\0\1\0" + text(TOPIC) + b"\1"))
        await reader.readuntil(b"\x90\4\0\1\0\1")
        await yard.publish(TOPIC, b"x" * 100)
        await yard.publish(TOPIC, b"short")
        await read_publish(reader, b"short")


# ------------------------------------------------------------------ who may do what


@VERSIONS
async def test_foreign_topics_are_refused_in_the_acknowledgement(
    served: Served, version: aiomqtt.ProtocolVersion
) -> None:
    async with connected(served.url) as yard, subscriber(served.url, version=version) as guest:
        for filter_, code in (
            ("runyard/users/1/-/+", 0x87), ("runyard/users/+/-/+", 0x87), ("#", 0x87), ("$SYS/#", 0x87),
            ("$share/group/inference/events", 0x9E),
        ):  # fmt: skip
            assert await guest.subscribe(filter_) == (code if version == V5 else 0x80)
        await guest.subscribe(TOPIC)
        await yard.publish("runyard/users/1/-/job", b"secret")
        await guest.nothing_but(yard, TOPIC)


async def test_a_user_reads_what_is_theirs(served: Served, mqtt_yard: Yard) -> None:
    user = await mqtt_yard.identity.users.create(name="Ada")
    token = await mqtt_yard.identity.tokens.issue(user)
    own = f"runyard/users/{user.number}/channel1/job"
    async with connected(served.url) as yard, subscriber(served.url, own, username="me", password=token) as ada:
        assert await ada.subscribe(TOPIC) == 0x80
        await yard.publish(TOPIC, b"a guest's")
        await yard.publish(own, b"hers")
        assert (await ada.next()).payload == b"hers"


@VERSIONS
@pytest.mark.parametrize("password", ["wrong", "a.b.c", "ry_" + "x" * 40, SECRET + "x"])
async def test_a_bad_credential_is_refused(served: Served, version: aiomqtt.ProtocolVersion, password: str) -> None:
    with pytest.raises(aiomqtt.MqttError, match="(?i)bad user ?name or password"):
        async with subscriber(served.url, version=version, username="worker", password=password):
            pass


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("away"), RuntimeError("a fault of ours"), TimeoutError()])
async def test_while_nobody_can_say_who_it_is_a_client_is_told_to_come_back(
    mqtt_yard: Yard, trouble: Exception
) -> None:
    async def authenticate(_presented: str) -> object:
        raise trouble

    async with serving(mqtt_yard, authenticate=authenticate) as served:
        async with raw(served, connect("x", password=b"token")) as (reader, _):
            assert await until_closed(reader) == b"\x20\2\0\3"
        async with raw(served, connect("guest")) as (reader, _):
            assert await reader.readexactly(4) == b"\x20\2\0\0"


@VERSIONS
async def test_nobody_but_the_yard_publishes(served: Served, version: aiomqtt.ProtocolVersion) -> None:
    async with connected(served.url) as yard, subscriber(served.url, TOPIC, version=version) as guest:
        for topic in (TOPIC, "inference/events", "inference/workers/evil", "anything"):
            await guest.client.publish(topic, b"forged", qos=1, retain=True)
        await guest.nothing_but(yard, TOPIC)
    assert served.broker.retained("#") == []


async def test_a_strangers_last_will_is_not_published(served: Served) -> None:
    will = aiomqtt.Will("inference/workers/evil", b"forged", qos=1, retain=True)
    async with connected(served.url) as yard, subscriber(served.url, TOPIC) as guest:
        async with subscriber(served.url, will=will, identifier="evil") as stranger:
            stranger.client._client.socket().shutdown(socket.SHUT_RDWR)
            await until_gone(served, 2)
        await guest.nothing_but(yard, TOPIC)
    assert served.broker.retained("#") == []


async def test_guests_that_are_shut_out_receive_nothing_more(served: Served) -> None:
    async with connected(served.url) as yard, subscriber(served.url, TOPIC, "inference/workers/+") as guest:
        served.policy.guests = False
        await yard.publish(TOPIC, b"unheard")
        assert await guest.subscribe(TOPIC) == 0x80
        await guest.nothing_but(yard, "inference/workers/w")


async def test_an_expired_token_receives_nothing_more(mqtt_yard: Yard) -> None:
    now = mqtt_yard.clock()
    user = await mqtt_yard.identity.users.create(name="Ada")
    token = await mqtt_yard.identity.tokens.issue(user)
    own = f"runyard/users/{user.number}/-/job"
    async with (
        serving(mqtt_yard, clock=lambda: now) as served,
        connected(served.url) as yard,
        subscriber(served.url, own, username="me", password=token) as ada,
    ):
        await yard.publish(own, b"in time")
        now += timedelta(minutes=mqtt_yard.settings.token_minutes, seconds=1)
        await yard.publish(own, b"too late")
        assert (await ada.next()).payload == b"in time"
        served.broker.close_overdue()
        with pytest.raises(aiomqtt.MqttError):
            await ada.next()


async def test_a_revoked_key_and_a_deactivated_user_are_let_go(served: Served, mqtt_yard: Yard) -> None:
    identity = mqtt_yard.identity
    user = await identity.users.create(name="Ada")
    issued = await identity.keys.issue(user.id, kind="ry")
    token = await identity.tokens.issue(user)
    async with (
        subscriber(served.url, username="me", password=issued.secret.reveal()) as by_key,
        subscriber(served.url, username="me", password=token) as by_token,
        subscriber(served.url, TOPIC) as guest,
        connected(served.url) as yard,
    ):
        await identity.keys.revoke(issued.key.id)
        await served.broker.recheck_credentials()
        with pytest.raises(aiomqtt.MqttError):
            await by_key.next()
        await identity.users.deactivate(user.id)
        await served.broker.recheck_credentials()
        with pytest.raises(aiomqtt.MqttError):
            await by_token.next()
        await guest.nothing_but(yard, TOPIC)


async def test_nobody_pushes_out_anothers_client_by_its_name(served: Served, mqtt_yard: Yard) -> None:
    user = await mqtt_yard.identity.users.create(name="Ada")
    token = await mqtt_yard.identity.tokens.issue(user)
    own = f"runyard/users/{user.number}/-/job"
    async with (
        connected(served.url) as yard,
        subscriber(served.url, own, identifier="phone", username="me", password=token) as ada,
        raw(served, connect("phone", password=b"wrong")) as (refused, _),
        raw(served, connect("phone")) as (guest, _),
    ):
        assert await until_closed(refused) == b"\x20\2\0\4"
        assert await guest.readexactly(4) == b"\x20\2\0\0"
        await ada.nothing_but(yard, own)


# ------------------------------------------------------------------ connections


async def test_a_client_replaces_its_own_older_connection(served: Served) -> None:
    will = aiomqtt.Will("inference/workers/w", b"", qos=1, retain=True)
    options = {"identifier": "worker-w", "username": "worker", "password": SECRET}
    async with subscriber(served.url, **options, will=will) as old:  # type: ignore[arg-type]
        await old.client.publish("inference/workers/w", b"old", qos=1, retain=True)
        async with subscriber(served.url, **options) as new:  # type: ignore[arg-type]
            assert served.broker.retained("#") == []  # the last will came before the new connection was accepted
            await new.client.publish("inference/workers/w", b"new", qos=1, retain=True)
            with pytest.raises(aiomqtt.MqttError):
                await old.next()
            await until_gone(served, 1)
            assert served.broker.retained("#") == [Message("inference/workers/w", b"new", 1, retain=True)]


async def test_an_orderly_end_leaves_no_will(served: Served) -> None:
    will = aiomqtt.Will("inference/workers/w", b"", qos=1, retain=True)
    async with subscriber(served.url, will=will, username="worker", password=SECRET) as worker:
        await worker.client.publish("inference/workers/w", b"here", qos=1, retain=True)
    await until_gone(served)
    assert len(served.broker.retained("#")) == 1


async def test_a_broken_connection_has_its_will_published(served: Served) -> None:
    will = aiomqtt.Will("inference/workers/w", b"", qos=1, retain=True)
    async with (
        subscriber(served.url, "inference/workers/+") as guest,
        subscriber(served.url, will=will, username="worker", password=SECRET) as worker,
    ):
        await worker.client.publish("inference/workers/w", b"here", qos=1, retain=True)
        worker.client._client.socket().shutdown(socket.SHUT_RDWR)
        assert [(await guest.next()).payload for _ in range(2)] == [b"here", b""]
    assert served.broker.retained("#") == []


async def test_silence_beyond_the_keep_alive_ends_a_connection(served: Served) -> None:
    async with raw(served, connect("quiet", keep_alive=1)) as (reader, _), raw(served, connect("calm", keep_alive=0)) as (
        calm, writer,
    ):  # fmt: skip
        assert await until_closed(reader) == b"\x20\2\0\0"
        writer.write(b"\xc0\0")
        assert await calm.readexactly(6) == b"\x20\2\0\0\xd0\0"


async def test_whoever_does_not_say_who_they_are_is_let_go(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "CONNECT_SECONDS", 0.2)
    async with raw(served) as (silent, _), raw(served, connect("half")[:9]) as (half, _):
        assert await until_closed(silent) == b""
        assert await until_closed(half) == b""
    await until_gone(served)


async def test_too_long_a_packet_ends_the_connection(served: Served) -> None:
    async with raw(served, connect("big")) as (reader, writer):
        writer.write(b"\x30\x80\x80\x80\x01")  # a message of 2 MiB is announced
        assert await until_closed(reader) == b"\x20\2\0\0"
    await until_gone(served)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (packet(0x10, text("MQTT") + bytes((3, 2)) + b"\0\0" + text("x")), b"\x20\2\0\1"),
        (packet(0x10, text("MQTT") + bytes((9, 2)) + b"\0\0" + text("x")), b"\x20\3\0\x84\0"),
        (packet(0x10, text("MQTT") + b"\5\2\0\0" + b"\5\x15" + text("ab") + text("x")), b"\x20\3\0\x8c\0"),
        (connect("", clean=False), b"\x20\2\0\2"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
        (connect("x") + b"\x00\x00", b""),
        (connect("x") + connect("x"), b""),
    ],
)
async def test_what_is_no_mqtt_is_shown_out(served: Served, data: bytes, answer: bytes) -> None:
    async with raw(served, data) as (reader, _):
        assert (await until_closed(reader)).removeprefix(b"\x20\2\0\0") == answer
    await until_gone(served)


async def test_a_nameless_client_of_mqtt_5_is_given_a_name(served: Served) -> None:
    async with raw(served, packet(0x10, text("MQTT") + b"\5\2\0\0\0" + text(""))) as (reader, _):
        await reader.readuntil(b"\x12\0\x18runyard-")


async def test_there_is_a_limit_of_connections(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "CONNECTIONS", 2)
    async with raw(served, connect("a")) as (a, _), raw(served, connect("b")) as (b, _):
        assert await a.readexactly(4) == await b.readexactly(4) == b"\x20\2\0\0"
        async with raw(served, connect("c")) as (refused, _):
            assert await until_closed(refused) == b""
    await until_gone(served)
    async with raw(served, connect("d")) as (welcome, _):
        assert await welcome.readexactly(4) == b"\x20\2\0\0"


async def test_a_client_has_a_limit_of_filters(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "FILTERS", 2)
    async with subscriber(served.url, "inference/events", "inference/workers/+", version=V5) as guest:
        assert await guest.subscribe(TOPIC) == 0x97
        assert await guest.subscribe("inference/events") == 1


async def test_a_slow_subscriber_is_let_go_and_the_others_get_everything(served: Served) -> None:
    chunk = b"x" * 200_000
    async with (
        connected(served.url) as yard,
        raw(served, connect("slow")) as (_, writer),
        subscriber(served.url, TOPIC) as quick,
    ):
        writer.write(packet(0x82, b"\0\1" + text(TOPIC) + b"\1"))
        await writer.drain()
        writer.transport.pause_reading()
        async with asyncio.timeout(DEADLINE):
            while served.broker.connections == 3:
                assert await yard.publish(TOPIC, chunk)
                assert (await quick.next()).payload == chunk
        await quick.nothing_but(yard, TOPIC)


async def test_a_flood_of_pings_without_reading_the_answers_takes_no_memory(served: Served) -> None:
    async with raw(served, connect("flood")) as (_, writer):
        writer.transport.pause_reading()
        sent = 0
        while True:  # until the broker stops listening
            writer.write(b"\xc0\0" * 32_768)
            sent += 1
            try:
                async with asyncio.timeout(0.5):
                    await writer.drain()
            except TimeoutError:
                break
            assert sent < 1000
        writer.transport.abort()
    await until_gone(served)


async def test_a_port_that_is_taken_is_named_with_the_way_out(served: Served, mqtt_yard: Yard) -> None:
    with pytest.raises(BrokerPortTaken, match=rf"Port {served.port} on 127.0.0.1 .*RUNYARD_MQTT_PORT.*MQTT_URL"):
        async with serving(mqtt_yard, port=served.port):
            pass


async def test_clients_are_told_when_the_broker_stops(mqtt_yard: Yard) -> None:
    will = aiomqtt.Will("inference/workers/w", b"gone", qos=1)
    async with serving(mqtt_yard) as served:
        hello = packet(0x10, text("MQTT") + b"\5\2\0\0\0" + text("x"))
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(hello)
        await reader.readuntil(b"\x29\0\x2a\0")
        worker = aiomqtt.Client("127.0.0.1", served.port, will=will, username="worker", password=SECRET)
        await worker.__aenter__()
        half, half_writer = await asyncio.open_connection("127.0.0.1", served.port)
    assert await until_closed(reader) == b"\xe0\1\x8b"
    assert await until_closed(half) == b""
    assert served.broker.connections == 0
    for one in (writer, half_writer):
        one.close()
    with pytest.raises(aiomqtt.MqttError):
        await anext(worker.messages)
    with pytest.raises(OSError, match="."):
        await asyncio.open_connection("127.0.0.1", served.port)


def test_it_runs_and_stops_on_uvloop() -> None:
    async def run() -> None:
        broker = EmbeddedBroker(
            secret=SECRET, authenticate=nobody_knows, clock=utc_now, guests=lambda: True, shared_events="all"
        )
        async with broker.listen("127.0.0.1", 0) as port:
            served = Served(broker, port, None)  # type: ignore[arg-type]
            async with connected(served.url) as yard, subscriber(served.url, TOPIC) as guest:
                await yard.publish(TOPIC, b"hello")
                assert (await guest.next()).payload == b"hello"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(connect("last"))
            assert await reader.readexactly(4) == b"\x20\2\0\0"
        assert await until_closed(reader) == b""
        writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def nobody_knows(_presented: str) -> object:
    raise AssertionError
