"""The yard's own connections, to both kinds of broker, through what networks do to them."""

from __future__ import annotations

import asyncio
import gc
import warnings
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from runyard.clock import utc_now
from runyard.identity import GUEST, InvalidCredential, Principal
from runyard.services.compute.mqtt.broker_url import BrokerUrl
from runyard.services.compute.mqtt.connection import Connection, Incoming
from runyard.testing import running
from runyard.yard import Yard

from .conftest import DEADLINE, MOSQUITTO, Mosquitto, connected, serving, subscriber


class Heard(asyncio.Queue[Incoming]):
    """What a connection has heard."""

    async def next(self) -> Incoming:
        async with asyncio.timeout(DEADLINE):
            return await self.get()


async def until(event: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE):
        await event.wait()


async def lost(connection: Connection) -> None:
    await running.until(lambda: not connection.connected.is_set(), "the connection to be lost", seconds=DEADLINE)


async def test_it_publishes_and_hears(url: BrokerUrl) -> None:
    heard = Heard()
    async with connected(url) as one:
        assert await one.publish("inference/workers/w", b"kept", retain=True)
        async with connected(url, filters=["inference/workers/+"], heard=heard.put_nowait):
            assert await heard.next() == Incoming("inference/workers/w", b"kept", kept=True)
            assert await one.publish("inference/workers/w", b"", retain=True)
            assert await heard.next() == Incoming("inference/workers/w", b"", kept=False)


async def test_a_thousand_messages_at_once_keep_their_order(url: BrokerUrl) -> None:
    async with connected(url) as yard, subscriber(url, "inference/events") as guest:
        async with asyncio.timeout(DEADLINE):
            assert all(await asyncio.gather(*(yard.publish("inference/events", b"%d" % n) for n in range(1000))))
        assert [(await guest.next()).payload for _ in range(1000)] == [b"%d" % n for n in range(1000)]


async def test_without_a_broker_nothing_is_raised_and_nothing_waits(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    async with Connection(mosquitto.url, name="early").open() as connection:
        assert not await connection.publish("a", b"b")
        assert not connection.connected.is_set()
        await mosquitto.start()
        await until(connection.connected)
        assert await connection.publish("a", b"b")


async def test_it_comes_back_with_its_subscriptions(mosquitto: Mosquitto) -> None:
    heard, met = Heard(), asyncio.Event()
    async with connected(mosquitto.url, filters=["a/+"], heard=heard.put_nowait) as connection:
        connection.on_connect(met.set)
        mosquitto.stop()
        await lost(connection)
        await mosquitto.start()
        await until(met)
        assert await connection.publish("a/b", b"again")
        assert (await heard.next()).payload == b"again"


async def test_a_message_the_broker_never_acknowledges_is_reported_when_it_dies(mqtt_yard: Yard) -> None:
    """A broker that takes everything and says nothing, and then goes."""
    taken = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x20\2\0\0")
        await reader.read(1000)
        taken.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = BrokerUrl(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    async with server, connected(url) as connection:
        assert not await connection.publish("a", b"b")
        assert taken.is_set()


@pytest.mark.parametrize(("password", "filters"), [("right", ["#"]), ("wrong", [])])
async def test_a_refused_subscription_or_password_is_tried_again(
    mqtt_yard: Yard, password: str, filters: list[str]
) -> None:
    tried: asyncio.Queue[str] = asyncio.Queue()

    async def authenticate(presented: str) -> Principal:
        await tried.put(presented)
        if presented != "right":
            raise InvalidCredential("unknown")
        return replace(GUEST, number=7)

    async with serving(mqtt_yard, authenticate=authenticate) as served:
        url = replace(served.url, password=password)
        async with Connection(url, name="x", filters=filters).open() as connection:
            for _ in range(3):
                async with asyncio.timeout(DEADLINE):
                    assert await tried.get() == password
            assert not connection.connected.is_set()


async def test_closing_doesnt_wait_for_a_broker_that_is_not_there(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    async with asyncio.timeout(DEADLINE), Connection(mosquitto.url, name="x").open():
        await asyncio.sleep(0)


async def test_closing_waits_no_longer_than_a_broker_has_for_its_answer() -> None:
    """A broker that takes connections and never says anything."""
    talking = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = BrokerUrl(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    async with asyncio.timeout(DEADLINE), server, Connection(url, name="x").open():
        await until(talking)


async def test_mqtts_checks_the_brokers_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    broker = Mosquitto(tmp_path, f"certfile {certificate}", f"keyfile {certificate}")
    if not MOSQUITTO:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    await broker.start()
    url = replace(broker.url, host="localhost", tls=True)
    try:
        with capture_logs() as logs:
            async with Connection(url, name="trusts nobody").open() as connection:
                await running.until(lambda: logs, "a complaint", seconds=DEADLINE)
                assert not connection.connected.is_set()
        assert "CERTIFICATE_VERIFY_FAILED" in logs[0]["error"]
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()  # the library leaves a socket that failed the handshake to the garbage
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with connected(url) as connection:
            assert await connection.publish("a", b"b")
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", broker.port, timeout=1):  # without TLS
                pass
    finally:
        broker.stop()


def self_signed(folder: Path) -> Path:
    """A key and a certificate of localhost in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "localhost.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
