"""Connections over TLS."""

import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import pie
from pie import PieClient
from pie.sync import PieClient as SyncClient


@pytest.fixture
def encrypted(pies, tmp_path):
    """A server with a certificate of its own, and what its clients need to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    (tmp_path / "both.pem").write_bytes(
        certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    running = pies.Server(tls=context).start()
    yield running, ssl.create_default_context(cadata=certificate.decode())
    running.stop()


async def test_a_connection_may_be_encrypted(encrypted):
    server, trust = encrypted
    async with PieClient(server.url, ssl=trust) as client:
        await client.authenticate("alice")
        await client.ping()
    with pytest.raises(pie.ConnectionFailed, match="certificate"):
        await PieClient(server.url).connect()


def test_without_asyncio_too(encrypted):
    server, trust = encrypted
    with SyncClient(server.url, ssl=trust) as client:
        client.authenticate("alice")
        client.ping()
    with pytest.raises(pie.ConnectionFailed, match="certificate"):
        SyncClient(server.url).connect()
