"""Where the services are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .config import ComputeClientConfig


@dataclass(slots=True)
class ServerConfig:
    """Addresses of the services and of the MQTT broker. An empty `mqtt_broker` means that there is none."""

    auth_url: str = "http://localhost:8000"
    compute_url: str = ComputeClientConfig.DEFAULT_BASE_URL
    store_url: str = "http://localhost:8001"
    mqtt_broker: str = ComputeClientConfig.MQTT_BROKER_HOST
    mqtt_port: int = ComputeClientConfig.MQTT_BROKER_PORT

    @property
    def mqtt_url(self) -> str:
        """The broker's address as a URL."""
        return f"mqtt://{self.mqtt_broker}:{self.mqtt_port}"

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> ServerConfig:
        """Read `AUTH_URL`, `COMPUTE_URL`, `STORE_URL`, `MQTT_BROKER_HOST` and `MQTT_BROKER_PORT`.

        Older and newer names of the last two count where these are absent: `MQTT_BROKER`, `MQTT_PORT`, `MQTT_URL`.

        Raises:
            ValueError: a port that is no number, or a URL that is none of a broker.
        """
        environment = os.environ if environment is None else environment
        default = cls()
        broker, port = broker_address(environment.get("MQTT_URL") or default.mqtt_url)
        port_text = environment.get("MQTT_BROKER_PORT") or environment.get("MQTT_PORT")
        if port_text:
            port = _port(port_text)
        return cls(
            auth_url=environment.get("AUTH_URL") or default.auth_url,
            compute_url=environment.get("COMPUTE_URL") or default.compute_url,
            store_url=environment.get("STORE_URL") or default.store_url,
            mqtt_broker=environment.get("MQTT_BROKER_HOST") or environment.get("MQTT_BROKER") or broker,
            mqtt_port=port,
        )


class ServerPref(ServerConfig):
    """The newer name of `ServerConfig`, which takes the broker as a URL."""

    __slots__ = ()

    def __init__(
        self,
        auth_url: str = "http://localhost:8000",
        compute_url: str = ComputeClientConfig.DEFAULT_BASE_URL,
        store_url: str = "http://localhost:8001",
        mqtt_url: str = ComputeClientConfig.MQTT_URL,
    ) -> None:
        broker, port = broker_address(mqtt_url)
        super().__init__(auth_url, compute_url, store_url, broker, port)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> ServerPref:
        """As `ServerConfig.from_env`."""
        found = ServerConfig.from_env(environment)
        return cls(found.auth_url, found.compute_url, found.store_url, found.mqtt_url)


def broker_address(mqtt_url: str) -> tuple[str, int]:
    """Host and port of `mqtt://host[:port]`.

    Raises:
        ValueError: it is no such URL.
    """
    parts = urlsplit(mqtt_url)
    if parts.scheme != "mqtt" or not parts.hostname or parts.username is not None:
        raise ValueError(f"No broker's address: {parts.scheme!r} URL, where mqtt://host:port is wanted")
    return parts.hostname, parts.port or ComputeClientConfig.MQTT_BROKER_PORT


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"{text!r} is no port of an MQTT broker: give a number from 1 to 65535")
    return int(text)
