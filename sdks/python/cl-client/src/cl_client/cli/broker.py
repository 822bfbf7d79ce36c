"""A visit to the MQTT broker: does it answer, let us in, and let us listen?"""

from __future__ import annotations

import asyncio
import queue
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

_PATIENCE: Final = 5.0  # seconds for each step


async def greet_broker(host: str, port: int, *, user: str, token: str | None) -> str | None:
    """Connect and subscribe as a client would; what went wrong, or None.

    Args:
        host, port: the broker.
        user: the number whose topics are asked for.
        token: the password; None for a guest.
    """
    return await asyncio.to_thread(_greet, host, port, f"runyard/users/{user}/cl_client-doctor/+", token)


def _greet(host: str, port: int, topic: str, token: str | None) -> str | None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    answers: queue.Queue[ReasonCode] = queue.Queue()

    def connected(_client: Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        answers.put(reason)

    def subscribed(
        _client: Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        answers.put(reasons[0])

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.connect_timeout = _PATIENCE
    client.on_connect = connected
    client.on_subscribe = subscribed
    if token is not None:
        client.username_pw_set("token", token)
    try:
        client.connect(host, port, keepalive=10)
    except OSError as error:
        return error.strerror or str(error)
    client.loop_start()
    try:
        reason = answers.get(timeout=_PATIENCE)
        if reason.is_failure:
            return f"it refuses us: {reason}"
        client.subscribe(topic, qos=1)
        reason = answers.get(timeout=_PATIENCE)
    except queue.Empty:
        return f"no answer in {_PATIENCE:g} seconds"
    else:
        return f"it does not let us listen: {reason}" if reason.is_failure else None
    finally:
        with suppress(OSError):
            client.disconnect()
        client.loop_stop()
