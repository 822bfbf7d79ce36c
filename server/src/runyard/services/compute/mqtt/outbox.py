"""Messages on their way to one client: numbered, in order, and never more than fits."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from runyard.services.compute.mqtt import answers
from runyard.services.compute.mqtt.packets import Connect, Message
from runyard.sizes import MIB

OUTBOX: Final = 4 * MIB
"""Bytes that may wait for one client. A slower one is disconnected; it reads its jobs' records when it is back."""

WINDOW: Final = 1000
"""Messages one client may have without having acknowledged the first."""

_ENTRY: Final = 256
"""Bytes a waiting message takes beside its payload, which its receivers share."""


class Outbox:
    """Sends messages as the client takes them."""

    def __init__(self, transport: asyncio.Transport, connect: Connect) -> None:
        self._transport = transport
        self._version = connect.version
        self._longest = connect.maximum_packet_size
        self._window = min(WINDOW, connect.receive_maximum)
        self._last_id = 0
        self._unacknowledged: set[int] = set()
        self._waiting: deque[tuple[Message, int, bool]] = deque()
        self._waiting_bytes = 0

    @property
    def overflowing(self) -> bool:
        """Whether the client is too slow for what it has asked for."""
        return self._waiting_bytes + self._transport.get_write_buffer_size() > OUTBOX

    def put(self, message: Message, *, qos: int, retain: bool) -> None:
        """Send a message after those before it."""
        self._waiting.append((message, qos, retain))
        self._waiting_bytes += len(message.payload) + _ENTRY
        self._send()

    def acknowledged(self, packet_id: int) -> None:
        """The client has that message: there is room for another."""
        self._unacknowledged.discard(packet_id)
        self._send()

    def _send(self) -> None:
        while self._waiting and len(self._unacknowledged) < self._window:
            message, qos, retain = self._waiting.popleft()
            self._waiting_bytes -= len(message.payload) + _ENTRY
            packet_id = self._next_id() if qos else 0
            data = answers.publish(self._version, message, qos=qos, retain=retain, packet_id=packet_id)
            if len(data) > self._longest:
                continue  # the client asked not to be sent such a one
            if packet_id:
                self._unacknowledged.add(packet_id)
            self._transport.write(data)

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 0xFFFF + 1
            if self._last_id not in self._unacknowledged:
                return self._last_id
