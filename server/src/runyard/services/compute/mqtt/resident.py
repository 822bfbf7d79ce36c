"""The yard's own place at the broker of its process: what it says and hears there takes no connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from runyard.services.compute.mqtt.access import YARD, Caller
from runyard.services.compute.mqtt.broker import EmbeddedBroker
from runyard.services.compute.mqtt.connection import Heard, Incoming
from runyard.services.compute.mqtt.packets import Message, Wish
from runyard.services.compute.mqtt.session import Subscription


class Resident:
    """A connection that never breaks.

    Args:
        filters: what to subscribe to.
        heard: is told every message.
    """

    caller: Caller | None = YARD
    client_id = "runyard"

    def __init__(self, broker: EmbeddedBroker, *, filters: Sequence[str], heard: Heard) -> None:
        self._broker = broker
        self._heard = heard
        self.filters: dict[str, Subscription] = {}
        self.connected = asyncio.Event()
        self.connected.set()
        for one in filters:
            broker.subscribe(Subscription(self, Wish(one, qos=1)))

    def on_connect(self, met: Callable[[], None]) -> None:
        """Call ``met``: it is connected."""
        met()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish; the broker has it at once."""
        return self._broker.publish(self, Message(topic, payload, qos=1, retain=retain))

    def deliver(self, message: Message, *, qos: int, retain: bool = False) -> None:  # noqa: ARG002  (as sessions do)
        """Hear a message."""
        self._heard(Incoming(message.topic, message.payload, kept=False))
