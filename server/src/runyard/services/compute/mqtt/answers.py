"""What the broker says to clients of MQTT 3.1.1 and 5, as bytes. No I/O."""

from __future__ import annotations

from typing import Final

from runyard.services.compute.mqtt.packets import (
    ACCEPTED,
    BAD_CLIENT_ID,
    BAD_CREDENTIAL,
    BAD_VERSION,
    UNAVAILABLE,
    V5,
    V311,
    Message,
    Version,
)
from runyard.services.compute.mqtt.wire import packet, text, varint

PING: Final = b"\xd0\x00"

_REFUSAL_311: Final = {BAD_VERSION: 1, BAD_CLIENT_ID: 2, UNAVAILABLE: 3, BAD_CREDENTIAL: 4}
"""Return codes of CONNACK in MQTT 3.1.1; anything else is 5, not authorized."""


def accept(version: Version, *, limit: int, window: int, assigned: str | None) -> bytes:
    """CONNACK for a client that may come in.

    Args:
        limit: bytes of the longest packet we take.
        window: messages we take before we acknowledge the first.
        assigned: the name we gave a client that has none.
    """
    if version == V311:
        return packet(0x20, b"\0\0")
    properties = bytearray(b"\x11\0\0\0\0")  # sessions end with their connection
    properties += b"\x21" + window.to_bytes(2, "big")
    properties += b"\x24\x01"  # QoS 0 and 1
    properties += b"\x27" + limit.to_bytes(4, "big")
    properties += b"\x29\0\x2a\0"  # neither subscription identifiers nor shared subscriptions
    if assigned is not None:
        properties += b"\x12" + text(assigned)
    return packet(0x20, b"\0\0" + varint(len(properties)) + properties)


def refuse(version: Version, reason: int) -> bytes:
    """CONNACK for a client that may not come in."""
    if version == V311:
        return packet(0x20, bytes((0, _REFUSAL_311.get(reason, 5))))
    return packet(0x20, bytes((0, reason, 0)))


def publish(version: Version, message: Message, *, qos: int, retain: bool, packet_id: int) -> bytes:
    """PUBLISH to a client."""
    numbered = packet_id.to_bytes(2, "big") if qos else b""
    properties = b"\0" if version == V5 else b""
    return packet(0x30 | qos << 1 | retain, text(message.topic) + numbered + properties + message.payload)


def acknowledge(version: Version, packet_id: int, reason: int = ACCEPTED) -> bytes:
    """PUBACK. MQTT 3.1.1 has no way to say that a message was refused."""
    refusal = bytes((reason,)) if version == V5 and reason else b""
    return packet(0x40, packet_id.to_bytes(2, "big") + refusal)


def subscribed(version: Version, packet_id: int, codes: list[int]) -> bytes:
    """SUBACK with the QoS granted, or the reason for refusing, per filter."""
    if version == V311:
        return packet(0x90, packet_id.to_bytes(2, "big") + bytes(min(code, 0x80) for code in codes))
    return packet(0x90, packet_id.to_bytes(2, "big") + b"\0" + bytes(codes))


def unsubscribed(version: Version, packet_id: int, known: list[bool]) -> bytes:
    """UNSUBACK, with whether each filter was one of the client's."""
    codes = b"\0" + bytes(0 if one else 0x11 for one in known) if version == V5 else b""
    return packet(0xB0, packet_id.to_bytes(2, "big") + codes)


def disconnect(version: Version, reason: int) -> bytes:
    """DISCONNECT; MQTT 3.1.1 knows none from the broker."""
    return packet(0xE0, bytes((reason,))) if version == V5 else b""
