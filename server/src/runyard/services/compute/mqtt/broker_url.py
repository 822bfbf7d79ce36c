"""Where a broker is: ``mqtt://user:password@host:1883`` or ``mqtts://...``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from runyard.settings import Settings

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class InvalidBrokerUrl(ValueError):
    """A URL that names no broker. The text shows it without its password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUrl:
    """The parts of a broker's URL. As text it shows no secret."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> BrokerUrl:
        """Read a URL.

        Raises:
            InvalidBrokerUrl: it isn't one of a broker.
        """
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError as error:
            raise InvalidBrokerUrl(_refusal(url, str(error))) from None
        if parts.scheme not in _PORTS:
            raise InvalidBrokerUrl(_refusal(url, "it begins with neither mqtt:// nor mqtts://"))
        if not parts.hostname:
            raise InvalidBrokerUrl(_refusal(url, "it names no host"))
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise InvalidBrokerUrl(_refusal(url, "something follows the port"))
        return cls(
            host=parts.hostname,
            port=_PORTS[parts.scheme] if port is None else port,
            tls=parts.scheme == "mqtts",
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def broker_url(settings: Settings) -> BrokerUrl | None:
    """The broker that the settings name; None for the embedded one, or when there is to be none.

    Raises:
        InvalidBrokerUrl: it isn't one of a broker.
    """
    if settings.mqtt_url is None or is_off(settings):
        return None
    return BrokerUrl.parse(settings.mqtt_url.get_secret_value())


def is_off(settings: Settings) -> bool:
    """Whether the yard does without MQTT."""
    return settings.mqtt_url is not None and settings.mqtt_url.get_secret_value().strip() == "off"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _refusal(url: str, why: str) -> str:
    before, at, place = url.rpartition("@")
    shown = f"{before.partition('://')[0]}://***@{place}" if at else url
    return f"{shown!r} is no URL of a broker ({why}). Write it as 'mqtt://user:password@host:1883', or 'off' for none."
