"""What clients of MQTT 3.1.1 and 5 say, cut out of a stream of bytes. No I/O.

Of the properties of MQTT 5, only the client's own limits mean anything to the broker; the others are read and skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from runyard.services.compute.mqtt.topics import valid_topic
from runyard.services.compute.mqtt.wire import (
    AUTHENTICATION_METHOD,
    MAXIMUM_PACKET_SIZE,
    PROTOCOL_ERROR,
    RECEIVE_MAXIMUM,
    TOO_LARGE,
    TOPIC_ALIAS,
    BadPacket,
    Reader,
)

Version: TypeAlias = Literal[4, 5]
V311: Final = 4
V5: Final = 5

ACCEPTED: Final = 0x00
BAD_VERSION: Final = 0x84
BAD_CLIENT_ID: Final = 0x85
BAD_CREDENTIAL: Final = 0x86
NOT_AUTHORIZED: Final = 0x87
UNAVAILABLE: Final = 0x88
SHUTTING_DOWN: Final = 0x8B
BAD_METHOD: Final = 0x8C
KEEP_ALIVE_TIMEOUT: Final = 0x8D
TAKEN_OVER: Final = 0x8E
BAD_FILTER: Final = 0x8F
BAD_TOPIC: Final = 0x90
BAD_ALIAS: Final = 0x94
QUOTA_EXCEEDED: Final = 0x97
BAD_QOS: Final = 0x9B
NO_SHARED: Final = 0x9E

_BOUNDLESS: Final = 0xFFFF_FFFF


class UnknownVersion(BadPacket):
    """A CONNECT of another version of MQTT."""

    def __init__(self, name: str, level: int) -> None:
        super().__init__(f"protocol {name!r} level {level}", BAD_VERSION)
        self.version: Version = V5 if level > V5 else V311


@dataclass(frozen=True, slots=True)
class Message:
    """What is published. ``retain`` asks the broker to keep it for those who subscribe later."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A client's first packet."""

    version: Version
    client_id: str
    clean: bool
    keep_alive: int
    will: Message | None
    username: str | None
    password: bytes | None = field(repr=False)
    receive_maximum: int = 0xFFFF
    maximum_packet_size: int = _BOUNDLESS
    authentication_method: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """A message from a client; ``packet_id`` is 0 when it wants no acknowledgement."""

    message: Message
    packet_id: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A client has a message."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Wish:
    """One filter of a SUBSCRIBE and how the client wants it served."""

    filter: str
    qos: int
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Filters a client wants."""

    packet_id: int
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Filters a client no longer wants."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """An orderly end; ``with_will`` asks that the last will be published all the same."""

    with_will: bool = False


Packet: TypeAlias = Connect | Publish | Acknowledged | Subscribe | Unsubscribe | Ping | Disconnect

_CONNECT: Final = 1
_WITH_WILL: Final = 0x04
_HEADER: Final = 5
"""Longest fixed header: the kind, and four bytes of length."""


class Decoder:
    """Cuts a client's bytes into packets.

    Args:
        limit: bytes of the longest packet taken.
        first: bytes of the longest first packet taken, when nothing is known of the client.
    """

    def __init__(self, *, limit: int, first: int) -> None:
        self._limit = limit
        self._first = first
        self._buffer = bytearray()
        self.version: Version | None = None

    def feed(self, data: bytes) -> None:
        """Add what has come."""
        self._buffer += data

    def next(self) -> Packet | None:
        """The next packet; None until more has come.

        Raises:
            BadPacket: it can't be understood.
        """
        if self.version is None and self._buffer and self._buffer[0] != _CONNECT << 4:
            raise BadPacket("a first packet that is no CONNECT", PROTOCOL_ERROR)  # perhaps no MQTT at all
        header = Reader(bytes(self._buffer[:_HEADER]))
        if header.left < 2 or (header.left < _HEADER and all(byte > 0x7F for byte in self._buffer[1:])):
            return None
        first, size = header.number(1), header.varint()
        if size > (self._first if self.version is None else self._limit):
            raise BadPacket(f"a packet of {size} bytes", TOO_LARGE)
        start = min(len(self._buffer), _HEADER) - header.left
        if len(self._buffer) < start + size:
            return None
        body = Reader(bytes(self._buffer[start : start + size]))
        del self._buffer[: start + size]
        return self._decode(first >> 4, first & 0x0F, body)

    def _decode(self, kind: int, flags: int, body: Reader) -> Packet:
        if self.version is None:
            connect = _connect(body)
            self.version = connect.version
            return connect
        v5 = self.version == V5
        packet: Packet
        match kind, flags:
            case 3, _:
                packet = _publish(flags, body, v5=v5)
            case 4, 0:
                packet = Acknowledged(body.number(2))
            case 8, 2:
                packet = _subscribe(body, v5=v5)
            case 10, 2:
                packet = _unsubscribe(body, v5=v5)
            case 12, 0:
                packet = Ping()
            case 14, 0:
                packet = Disconnect(with_will=v5 and bool(body.left) and body.number(1) == _WITH_WILL)
            case _:
                raise BadPacket(f"an unexpected packet of kind {kind} with flags {flags:#x}", PROTOCOL_ERROR)
        return packet


def _connect(body: Reader) -> Connect:
    name, level = body.text(), body.number(1)
    if name != "MQTT" or level not in {V311, V5}:
        raise UnknownVersion(name, level)
    flags, keep_alive = body.number(1), body.number(2)
    if flags & 1 or flags & 0x18 == 0x18 or (not flags & 4 and flags & 0x38):
        raise BadPacket(f"connect flags {flags:#x}")
    v5 = level == V5
    properties = body.properties() if v5 else {}
    client_id = body.text()
    will = None
    if flags & 4:
        if v5:
            body.properties()
        topic, payload = body.text(), body.blob()
        if not valid_topic(topic):
            raise BadPacket(f"a last will for {topic!r}, which is no topic", BAD_TOPIC)
        will = Message(topic, payload, flags >> 3 & 3, bool(flags & 0x20))
    receive_maximum = properties.get(RECEIVE_MAXIMUM, 0xFFFF)
    maximum_packet_size = properties.get(MAXIMUM_PACKET_SIZE, _BOUNDLESS)
    if not receive_maximum or not maximum_packet_size:
        raise BadPacket("a maximum of 0", PROTOCOL_ERROR)
    return Connect(
        version=V5 if v5 else V311,
        client_id=client_id,
        clean=bool(flags & 2),
        keep_alive=keep_alive,
        will=will,
        username=body.text() if flags & 0x80 else None,
        password=body.blob() if flags & 0x40 else None,
        receive_maximum=int(receive_maximum),
        maximum_packet_size=int(maximum_packet_size),
        authentication_method=AUTHENTICATION_METHOD in properties,
    )


def _publish(flags: int, body: Reader, *, v5: bool) -> Publish:
    qos = flags >> 1 & 3
    if qos > 1:
        raise BadPacket(f"a message with QoS {qos}; this broker takes 0 and 1", BAD_QOS)
    topic = body.text()
    packet_id = _packet_id(body) if qos else 0
    if v5 and TOPIC_ALIAS in body.properties():
        raise BadPacket("a topic alias, which this broker doesn't take", BAD_ALIAS)
    if not valid_topic(topic):
        raise BadPacket(f"a message for {topic!r}, which is no topic", BAD_TOPIC)
    return Publish(Message(topic, body.rest(), qos, bool(flags & 1)), packet_id)


def _subscribe(body: Reader, *, v5: bool) -> Subscribe:
    packet_id = _packet_id(body)
    if v5:
        body.properties()
    wishes: list[Wish] = []
    while body.left:
        name, options = body.text(), body.number(1)
        handling = options >> 4 & 3
        if options & 3 == 3 or options & 0xC0 or handling == 3 or (not v5 and options & 0xFC):
            raise BadPacket(f"subscription options {options:#x}", PROTOCOL_ERROR)
        wishes.append(Wish(name, options & 3, bool(options & 4), bool(options & 8), handling))
    if not wishes:
        raise BadPacket("a SUBSCRIBE without a filter", PROTOCOL_ERROR)
    return Subscribe(packet_id, tuple(wishes))


def _unsubscribe(body: Reader, *, v5: bool) -> Unsubscribe:
    packet_id = _packet_id(body)
    if v5:
        body.properties()
    filters: list[str] = []
    while body.left:
        filters.append(body.text())
    if not filters:
        raise BadPacket("an UNSUBSCRIBE without a filter", PROTOCOL_ERROR)
    return Unsubscribe(packet_id, tuple(filters))


def _packet_id(body: Reader) -> int:
    if not (packet_id := body.number(2)):
        raise BadPacket("packet identifier 0", PROTOCOL_ERROR)
    return packet_id
