"""Private keys of all kinds, the ssh-agent, and what a server makes of their signatures."""

import base64
import os
import socket
import subprocess
import threading
from contextlib import contextmanager

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pie_tests_waiting import answers, eventually_here

import pie
from pie import KeyRejected, ParsedPrivateKey, PieClient
from pie.sync import PieClient as SyncClient

ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())


def text(key, form=PrivateFormat.OpenSSH, passphrase=None):
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


@pytest.mark.parametrize(
    ("key", "form", "kind"),
    [
        (ED25519, PrivateFormat.OpenSSH, "Ed25519"),
        (ED25519, PrivateFormat.PKCS8, "Ed25519"),
        (RSA, PrivateFormat.OpenSSH, "RSA 2048"),
        (RSA, PrivateFormat.PKCS8, "RSA 2048"),
        (RSA, PrivateFormat.TraditionalOpenSSL, "RSA 2048"),
        (P256, PrivateFormat.OpenSSH, "ECDSA P-256"),
        (P256, PrivateFormat.PKCS8, "ECDSA P-256"),
        (P256, PrivateFormat.TraditionalOpenSSL, "ECDSA P-256"),
        (P384, PrivateFormat.OpenSSH, "ECDSA P-384"),
        (P384, PrivateFormat.TraditionalOpenSSL, "ECDSA P-384"),
    ],
)
@pytest.mark.parametrize("passphrase", [None, b"secret"])
async def test_a_server_takes_every_kind_and_form(server, tmp_path, key, form, kind, passphrase):
    if passphrase and key is ED25519 and form is PrivateFormat.TraditionalOpenSSL:
        return
    path = tmp_path / "key"
    path.write_text(text(key, form, passphrase))
    parsed = ParsedPrivateKey.from_file(path, passphrase)
    assert parsed.kind == kind
    server.users = {
        "alice": ["ssh-ed25519 " + ParsedPrivateKey.parse(text(ED25519)).public_line.split()[1], parsed.public_line]
    }
    async with PieClient(server.url) as client:
        await client.authenticate("alice", parsed)
        await client.ping()
        await client.authenticate("alice", parsed)


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_text(text(ED25519))
    assert ParsedPrivateKey.from_file("~/.ssh/id_ed25519").kind == "Ed25519"


def test_the_sheets_signature():
    key = ParsedPrivateKey.parse(text(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))))
    signature = "qVr47gqJleGdJeI7GBlFiHrMyP2KEllB02dwuV943zMG+/VZvqTlJz1lVUwC5s3NbpqJ3HBu2psYicW/vi70Aw=="
    assert base64.b64encode(key.sign(bytes(range(48)))).decode() == signature
    assert key.public_line == "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


@pytest.mark.parametrize(
    ("content", "passphrase", "words"),
    [
        ("", None, "no private key"),
        ("nonsense", None, "no private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", None, "no private key"),
        (text(rsa.generate_private_key(65537, 1024)), None, "1024 bits"),
        (text(ec.generate_private_key(ec.SECP521R1())), None, "secp521r1"),
        (text(dsa.generate_private_key(1024), PrivateFormat.PKCS8), None, "DSA"),
        (text(ED25519, passphrase=b"secret"), None, "encrypted"),
        (text(ED25519, PrivateFormat.PKCS8, b"secret"), None, "encrypted"),
        (text(ED25519, passphrase=b"secret"), "wrong", "passphrase is wrong"),
        (text(ED25519, PrivateFormat.PKCS8, b"secret"), "wrong", "passphrase is wrong"),
    ],
)
def test_keys_that_cannot_be_used_say_why(content, passphrase, words, tmp_path):
    with pytest.raises(KeyRejected, match=words):
        ParsedPrivateKey.parse(content, passphrase)
    (tmp_path / "key").write_text(content)
    with pytest.raises(ValueError, match="key"):
        ParsedPrivateKey.from_file(tmp_path / "key", passphrase)


def test_an_encrypted_key_has_an_error_of_its_own(tmp_path):
    content = text(ED25519, passphrase=b"secret")
    with pytest.raises(pie.KeyEncrypted):
        ParsedPrivateKey.parse(content)
    (tmp_path / "key").write_text(content)
    with pytest.raises(pie.KeyEncrypted, match="key"):
        ParsedPrivateKey.from_file(tmp_path / "key")


def test_a_needless_passphrase_is_no_mistake():
    assert ParsedPrivateKey.parse(text(ED25519), "needless").kind == "Ed25519"
    assert ParsedPrivateKey.parse(text(RSA, PrivateFormat.PKCS8), "needless").kind == "RSA 2048"


def test_a_key_does_not_show_itself():
    key = ParsedPrivateKey.parse(text(ED25519))
    assert repr(key) == "ParsedPrivateKey(Ed25519)"


# At the server.


async def test_without_a_key_the_server_is_not_satisfied(server):
    server.users = {"alice": []}
    async with PieClient(server.url) as client:
        with pytest.raises(pie.AuthenticationError, match="wants a private key"):
            await client.authenticate("alice")


async def test_unknown_users_and_foreign_keys_are_refused(server):
    server.users = {"alice": [ParsedPrivateKey.parse(text(RSA)).public_line]}
    key = ParsedPrivateKey.parse(text(ED25519))
    async with PieClient(server.url) as client:
        with pytest.raises(pie.AuthenticationError, match="'mallory' rejected"):
            await client.authenticate("mallory", key)
    async with PieClient(server.url) as client:
        with pytest.raises(pie.AuthenticationError, match="doesn't take this key") as refused:
            await client.authenticate("alice", key)
        assert refused.value.code == "bad_credential"


@pytest.mark.parametrize("says_challenge", [False, True])
def test_the_sync_client_authenticates_too(server, says_challenge):
    key = ParsedPrivateKey.parse(text(P384))
    server.users = {"alice": [key.public_line]}
    server.says_challenge = says_challenge
    with SyncClient(server.url) as client:
        client.authenticate("alice", key)
        client.ping()


async def test_the_internal_token(server):
    async with PieClient(server.url) as client:
        with pytest.raises(pie.AuthenticationError, match="wrong token"):
            await client.internal_authenticate("x")
    async with PieClient(server.url) as client:
        await client.internal_authenticate(server.token)
        server.cut()
        await answers(client)
    assert repr(client) == f"PieClient({server.url!r})"


async def test_identify_gives_the_raw_challenge(server):
    server.users = {"alice": []}
    server.challenge = bytes(48)
    async with PieClient(server.url) as client:
        assert await client.identify("alice") == (True, base64.b64encode(bytes(48)).decode())


@pytest.mark.parametrize(("challenge", "words"), [(b"short", "5 bytes"), (b"x" * 400, "400 bytes")])
async def test_only_a_short_random_text_is_signed(server, challenge, words):
    server.users = {"alice": []}
    server.challenge = challenge
    async with PieClient(server.url) as client:
        with pytest.raises(pie.ProtocolError, match=words):
            await client.authenticate("alice", ParsedPrivateKey.parse(text(ED25519)))


@pytest.mark.parametrize("says_challenge", [False, True])
@pytest.mark.parametrize("domain", ["runyard-inferlets-v1", None])
async def test_a_runyard_server_may_name_what_the_signature_is_for(server, domain, says_challenge):
    key = ParsedPrivateKey.parse(text(ED25519))
    server.users = {"alice": [key.public_line]}
    server.domain, server.says_challenge, server.challenge = domain, says_challenge, bytes(range(48))
    async with PieClient(server.url) as client:
        await client.authenticate("alice", key)
    signed = bytes(range(48)) if domain is None else b"runyard-inferlets-v1\0alice\0" + bytes(range(48))
    (sent,) = [request["signature"] for request in server.requests if request["type"] == "signature"]
    ED25519.public_key().verify(base64.b64decode(sent), signed)


async def test_a_key_signs_for_no_other_purpose(server):
    server.users, server.domain = {"alice": []}, "git-push"
    async with PieClient(server.url) as client:
        with pytest.raises(pie.ProtocolError, match="'git-push'"):
            await client.authenticate("alice", ParsedPrivateKey.parse(text(ED25519)))
    assert "signature" not in [request["type"] for request in server.requests]


async def test_the_original_gets_a_signature_of_the_bare_challenge(original):
    key = ParsedPrivateKey.parse(text(P256))
    original.users = {"alice": [key.public_line]}
    async with PieClient(original.url) as client:
        await client.authenticate("alice", key)
        await client.ping()


async def test_a_challenge_that_is_no_base64_is_refused(server):
    server.raw["identification"] = lambda corr_id: msgpack.packb(
        {"type": "response", "corr_id": corr_id, "successful": True, "result": "no base64!"}
    )
    async with PieClient(server.url) as client:
        with pytest.raises(pie.ProtocolError, match="no base64"):
            await client.authenticate("alice", ParsedPrivateKey.parse(text(ED25519)))


# The ssh-agent.


@pytest.fixture
def agent(tmp_path):
    """A real ssh-agent."""
    path = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    eventually_here(lambda: os.path.exists(path) or process.poll() is not None)
    assert process.poll() is None

    def add(key, comment):
        file = tmp_path / comment
        file.write_text(text(key))
        file.chmod(0o600)
        environment = {**os.environ, "SSH_AUTH_SOCK": path}
        subprocess.run(["ssh-add", "-q", str(file)], env=environment, check=True, capture_output=True)

    add.path = path
    yield add
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize(
    ("key", "kind"), [(ED25519, "Ed25519"), (RSA, "RSA"), (P256, "ECDSA P-256"), (P384, "ECDSA P-384")]
)
async def test_the_agent_signs_with_every_kind(server, agent, monkeypatch, key, kind):
    agent(ec.generate_private_key(ec.SECP521R1()), "unusable")
    agent(key, "laptop")
    monkeypatch.setenv("SSH_AUTH_SOCK", agent.path)
    held = ParsedPrivateKey.from_agent()
    assert (held.kind, held.public_line) == (kind, ParsedPrivateKey.parse(text(key)).public_line)
    server.users = {"alice": [held.public_line]}
    async with PieClient(server.url) as client:
        await client.authenticate("alice", held)


def test_a_key_of_the_agent_is_chosen_by_its_comment_or_line(agent):
    agent(ED25519, "laptop")
    agent(P256, "work")
    line = ParsedPrivateKey.parse(text(P256)).public_line
    assert ParsedPrivateKey.from_agent("work", socket_path=agent.path).public_line == line
    assert ParsedPrivateKey.from_agent(line[:60], socket_path=agent.path).public_line == line
    with pytest.raises(KeyRejected, match="laptop"):
        ParsedPrivateKey.from_agent("none such", socket_path=agent.path)


def test_an_agent_that_has_lost_the_key_refuses(agent):
    agent(ED25519, "laptop")
    held = ParsedPrivateKey.from_agent(socket_path=agent.path)
    subprocess.run(
        ["ssh-add", "-q", "-D"], env={**os.environ, "SSH_AUTH_SOCK": agent.path}, check=True, capture_output=True
    )
    with pytest.raises(KeyRejected, match="refuses"):
        held.sign(bytes(48))


def test_without_an_agent_that_is_said(monkeypatch, tmp_path):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(KeyRejected, match="SSH_AUTH_SOCK"):
        ParsedPrivateKey.from_agent()
    with pytest.raises(KeyRejected, match="doesn't answer"):
        ParsedPrivateKey.from_agent(socket_path=str(tmp_path / "none"))


@contextmanager
def speaking(tmp_path, answer):
    """An agent that always says the same."""
    path = str(tmp_path / "liar")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        thread.join(10)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "doesn't answer"),
        (b"\0\0\0\5\5", "doesn't answer"),
        (b"\xff\xff\xff\xff", "no sense"),
        (b"\0\0\0\1\5", "refuses"),
        (b"\0\0\0\x0b\x0c\0\0\0\1\0\0\0\x09ab", "cut short"),
        (b"\0\0\0\5\x0c\0\0\0\0", "has no key"),
    ],
)
def test_an_agent_that_makes_no_sense_is_refused(tmp_path, answer, words):
    with speaking(tmp_path, answer) as path, pytest.raises(KeyRejected, match=words):
        ParsedPrivateKey.from_agent(socket_path=path)
