"""A subscriber to the broker as programs have it: paho's client in its own thread, and what it has heard."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Self, TypeAlias

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

Message: TypeAlias = tuple[str, Any, bool]
"""Topic, body and whether it was kept for later subscribers; an empty body is None."""

EVENTS = "inference/events"
WORKERS = "inference/workers/+"
DEADLINE = 60.0


class Listener:
    """Hears some topics for the length of a block, which begins when the broker has confirmed them.

    Args:
        port: the broker's.
        topics: what to subscribe to, with QoS 0 as ever.
        protocol: 3.1.1 or 5.
    """

    def __init__(self, port: int, *topics: str, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311) -> None:
        self.heard: list[Message] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._port = port
        self._topics = topics
        self._confirmed = 0
        self._news = threading.Condition()
        self.client.on_connect = lambda client, *_: client.subscribe([(topic, 0) for topic in self._topics])
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._message

    def __enter__(self) -> Self:
        self.client.connect("127.0.0.1", self._port, keepalive=60)
        self.client.loop_start()
        self.wait(lambda: self._confirmed, "the subscription to be confirmed")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds; it is looked at whenever something has been heard."""
        deadline = time.monotonic() + DEADLINE
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"waited {DEADLINE:g} s for {what}; heard {self.heard}"
                self._news.wait(left)

    def events(self, job: str) -> list[Any]:
        """What all subscribers were told of a job."""
        return [body for topic, body, _ in self.heard if topic == EVENTS and body["job_id"] == job]

    def story(self, job: str) -> list[tuple[str, int]]:
        """Status and progress of a job's events, once it has ended."""
        ends = {"completed", "failed"}
        self.wait(lambda: any(event["event_type"] in ends for event in self.events(job)), f"the end of {job}")
        return [(event["event_type"], event["progress"]) for event in self.events(job)]

    def workers(self) -> set[str]:
        """Topics of the workers that are there."""
        last = {topic: body for topic, body, _ in self.heard if topic != EVENTS}
        return {topic for topic, body in last.items() if body is not None}

    def _subscribed(self, *_: object) -> None:
        with self._news:
            self._confirmed += 1
            self._news.notify_all()

    def _message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        body = json.loads(message.payload) if message.payload else None
        with self._news:
            self.heard.append((message.topic, body, message.retain))
            self._news.notify_all()
