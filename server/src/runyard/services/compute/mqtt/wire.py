"""The bytes of MQTT: integers, strings and properties, read with every length checked."""

from __future__ import annotations

from typing import Final


class BadPacket(Exception):
    """The other side doesn't speak MQTT as we understand it; the connection can't go on.

    ``reason`` is the code a client of MQTT 5 is told.
    """

    def __init__(self, message: str, reason: int = 0x81) -> None:
        super().__init__(message)
        self.reason = reason


PROTOCOL_ERROR: Final = 0x82
TOO_LARGE: Final = 0x95

RECEIVE_MAXIMUM: Final = 0x21
MAXIMUM_PACKET_SIZE: Final = 0x27
AUTHENTICATION_METHOD: Final = 0x15
TOPIC_ALIAS: Final = 0x23

_BYTE: Final = frozenset({0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A})
_TWO: Final = frozenset({0x13, RECEIVE_MAXIMUM, 0x22, TOPIC_ALIAS})
_FOUR: Final = frozenset({0x02, 0x11, 0x18, MAXIMUM_PACKET_SIZE})
_VARINT: Final = frozenset({0x0B})
_TEXT: Final = frozenset({0x03, 0x08, 0x12, AUTHENTICATION_METHOD, 0x1A, 0x1C, 0x1F})
_BLOB: Final = frozenset({0x09, 0x16})
_PAIR: Final = frozenset({0x26})


class Reader:
    """Takes fields off the front of a packet's body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes that are not read yet."""
        return len(self._body) - self._at

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        if size > self.left:
            raise BadPacket(f"a field of {size} bytes where {self.left} are left")
        self._at += size
        return self._body[self._at - size : self._at]

    def rest(self) -> bytes:
        """Whatever is left."""
        return self.take(self.left)

    def number(self, size: int) -> int:
        """A big-endian integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def varint(self) -> int:
        """An integer of one to four bytes, seven bits in each."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise BadPacket("a variable length integer of more than four bytes")

    def blob(self) -> bytes:
        """Binary data after its length."""
        return self.take(self.number(2))

    def text(self) -> str:
        """UTF-8 text after its length, without the characters that MQTT forbids."""
        try:
            text = self.blob().decode()
        except UnicodeDecodeError as error:
            raise BadPacket("text that is not UTF-8") from error
        if "\0" in text:
            raise BadPacket("text with a zero character")
        return text

    def properties(self) -> dict[int, int | str | bytes]:
        """The properties of MQTT 5 by number; of those that may come more than once, the last."""
        fields = Reader(self.take(self.varint()))
        found: dict[int, int | str | bytes] = {}
        while fields.left:
            name = fields.varint()
            if name in _BYTE:
                found[name] = fields.number(1)
            elif name in _TWO:
                found[name] = fields.number(2)
            elif name in _FOUR:
                found[name] = fields.number(4)
            elif name in _VARINT:
                found[name] = fields.varint()
            elif name in _TEXT:
                found[name] = fields.text()
            elif name in _BLOB:
                found[name] = fields.blob()
            elif name in _PAIR:
                found[name] = f"{fields.text()}={fields.text()}"
            else:
                raise BadPacket(f"an unknown property {name:#04x}")
        return found


def varint(value: int) -> bytes:
    """``value`` as an integer of one to four bytes."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def text(value: str) -> bytes:
    """``value`` after its length."""
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(kind_and_flags: int, body: bytes) -> bytes:
    """A whole packet."""
    return bytes((kind_and_flags,)) + varint(len(body)) + body
