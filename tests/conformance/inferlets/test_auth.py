"""Who is let in: keys of all kinds, the yard's token, guests; and who isn't."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runyard.identity.principal import Role
from runyard.testing.running import RunningYard
from runyard.yard import Yard

from . import programs
from .conftest import Connect
from .original import Failed, Original
from .signing import KINDS, WEAK, KeyPair, sign, ssh_keygen
from .wire import OPEN_DOOR, Message, Wire, wire


async def challenge(nobody: Wire, user: str) -> str:
    answer = await nobody.ask("identification", username=user)
    assert answer["successful"], answer
    return str(answer["result"])


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_lets_its_owner_in(yard: RunningYard, ada: str, keys: Mapping[str, KeyPair], kind: str) -> None:
    async with Original(yard.inferlets_url) as client:
        await client.authenticate(ada, keys[kind].private)
        await client.ping()


async def test_a_signature_is_confirmed_in_so_many_words(
    stranger: Connect, ada: str, keys: Mapping[str, KeyPair]
) -> None:
    async with stranger() as nobody:
        answer = await nobody.ask("signature", signature=sign(keys["p256"].private, await challenge(nobody, ada)))
        assert (answer["type"], answer["successful"], answer["result"]) == ("response", True, "Authenticated")


async def test_a_challenge_is_48_bytes_nobody_has_seen(stranger: Connect, ada: str) -> None:
    seen = set()
    for _ in range(3):
        async with stranger() as nobody:
            text = await challenge(nobody, ada)
            seen.add(base64.b64decode(text, validate=True))
            assert len(text) == 64
    assert [len(one) for one in seen] == [48] * 3


def raw_ecdsa(key: ec.EllipticCurvePrivateKey, content: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


async def test_signatures_of_other_forms_are_no_good(
    stranger: Connect, ada: str, keys: Mapping[str, KeyPair], foreign_key: KeyPair
) -> None:
    """Foreign, of something else, of another scheme, not base64 at all."""
    rsa_key, ec_key = keys["rsa"].private, keys["p256"].private
    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    assert isinstance(ec_key, ec.EllipticCurvePrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
    makers: dict[str, Callable[[str], str]] = {
        "foreign": lambda text: sign(foreign_key.private, text),
        "of the text": lambda text: sign(keys["ed25519"].private, base64.b64encode(text.encode()).decode()),
        "PSS": lambda text: coded(rsa_key.sign(base64.b64decode(text), pss, hashes.SHA256())),
        "SHA-1": lambda text: coded(rsa_key.sign(base64.b64decode(text), padding.PKCS1v15(), hashes.SHA1())),
        "raw ECDSA": lambda text: coded(raw_ecdsa(ec_key, base64.b64decode(text))),
        "empty": lambda _: "",
        "no base64": lambda _: "?" * 88,
        "long": lambda _: "A" * 10_000,
    }
    for what, make in makers.items():
        async with stranger() as nobody:
            answer = await nobody.ask("signature", signature=make(await challenge(nobody, ada)))
            assert (answer["successful"], bool(answer["result"])) == (False, True), what
            assert await nobody.closed() == 1008, what


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def test_a_signature_is_good_for_one_connection(stranger: Connect, ada: str, keys: Mapping[str, KeyPair]) -> None:
    """A replay."""
    async with stranger() as first, stranger() as second:
        signed = sign(keys["ed25519"].private, await challenge(first, ada))
        await challenge(second, ada)
        assert (await first.ask("signature", signature=signed))["successful"]
        assert not (await second.ask("signature", signature=signed))["successful"]
        assert await second.closed() == 1008
        await first.ping()


async def test_a_signature_is_good_for_one_name(
    stranger: Connect, ada: str, bob: str, keys: Mapping[str, KeyPair]
) -> None:
    async with stranger() as nobody:
        signed = sign(keys["ed25519"].private, await challenge(nobody, bob))
        assert not (await nobody.ask("signature", signature=signed))["successful"]


async def test_a_signature_without_a_challenge_is_no_good(stranger: Connect, foreign_key: KeyPair) -> None:
    async with stranger() as nobody:
        assert not (await nobody.ask("signature", signature=sign(foreign_key.private, coded(bytes(48)))))["successful"]
        assert await nobody.closed() == 1008


@pytest.mark.parametrize("kind", WEAK)
def test_weak_keys_are_not_taken(yard: RunningYard, tmp_path: Path, kind: str) -> None:
    pair = ssh_keygen(tmp_path / kind, *WEAK[kind])
    refused = add_key(yard, yard.account().username, pair.public)
    assert refused.returncode == 1
    assert {"rsa-1024": "1024", "p521": "521"}[kind] in refused.stderr


async def test_what_an_operator_types_is_enough(yard: RunningYard, tmp_path: Path) -> None:
    pair, user = ssh_keygen(tmp_path / "key", "-t", "ed25519"), yard.account().username
    added = add_key(yard, user, pair.public)
    assert added.returncode == 0, added.stderr
    async with Original(yard.inferlets_url) as client:
        await client.authenticate(user, pair.private)
        await client.ping()


def add_key(yard: RunningYard, user: str, public: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runyard", "user", "key", "add", user],
        input=public, env=yard.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


# ---------------------------------------------------------------- before


REQUESTS: dict[str, Message] = {
    "ping": {},
    "list_instances": {},
    "query": {"subject": "model_status", "record": ""},
    "upload_program": {"program_hash": "0" * 64, "manifest": "", "chunk_index": 0, "total_chunks": 1, "chunk_data": b""},
    "launch_instance": {"inferlet": "std/x", "arguments": [], "detached": True},
    "attach_instance": {"instance_id": "x"},
    "terminate_instance": {"instance_id": "x"},
}  # fmt: skip


@pytest.mark.parametrize("kind", REQUESTS)
async def test_nothing_is_done_for_nobody(stranger: Connect, kind: str) -> None:
    async with stranger() as nobody:
        answer = await nobody.ask(kind, **REQUESTS[kind])
        assert answer["successful"] is False
        assert await nobody.closed() == 1008


async def test_a_name_alone_is_not_enough(stranger: Connect, ada: str) -> None:
    async with stranger() as nobody:
        await challenge(nobody, ada)
        assert (await nobody.ask("ping"))["successful"] is False
        assert await nobody.closed() == 1008


async def test_signals_of_nobody_reach_nobody(guest: Wire, stranger: Connect) -> None:
    instance = await guest.run(programs.ECHO)
    async with stranger() as nobody:
        await nobody.signal(instance, "intruder")
        assert await nobody.closed() == 1008
    await guest.signal(instance, "friend")
    assert (await guest.event(instance))["message"] == "friend"


# ---------------------------------------------------------------- the yard's own token


def token_of(yard: RunningYard) -> str:
    return (yard.data_dir / "keys/internal.token").read_text().strip()


async def test_the_yards_token_sees_everything(yard: RunningYard, guest: Wire) -> None:
    token = token_of(yard)
    assert len(token) == 64
    assert token.isalnum()
    instance = await guest.run(programs.ECHO)
    async with Original(yard.inferlets_url) as internal:
        await internal.internal_authenticate(token)
        assert instance in {record["id"] for record in await internal.list_instances()}
        assert internal.ws.state.name == "OPEN"


@pytest.mark.parametrize("role", ["reader", "member"])
async def test_a_reader_of_a_project_starts_nothing_there(yard: RunningYard, stranger: Connect, role: Role) -> None:
    async def make(opened: Yard) -> str:
        user = await opened.identity.users.create("Reader", email=f"{uuid4()}@example.com")
        project = await opened.identity.projects.add(f"p-{uuid4()}", members={user.id: role})
        issued = await opened.identity.keys.issue(user.id, kind="ry", project=project.name)
        return issued.secret.reveal()

    key = await asyncio.to_thread(yard.inside, make)
    async with stranger() as somebody:
        assert (await somebody.ask("internal_authenticate", token=key))["successful"]
        uploaded = await somebody.upload(programs.ECHO)
        launched = await somebody.ask("launch_instance", inferlet=uploaded["result"], arguments=[], detached=True)
        assert (uploaded["successful"], launched["successful"]) == (role == "member", role == "member")


async def test_another_token_is_refused(stranger: Connect) -> None:
    async with stranger() as nobody:
        answer = await nobody.ask("internal_authenticate", token="0" * 64)
        assert answer["successful"] is False
        assert await nobody.closed() == 1008


async def test_nobody_calls_themselves_internal(stranger: Connect) -> None:
    async with stranger() as nobody:
        assert (await nobody.ask("identification", username="internal"))["successful"] is False
        assert await nobody.closed() == 1008


# ---------------------------------------------------------------- authentication off


async def test_without_keys_any_name_will_do(yard: RunningYard, name: str) -> None:
    async with Original(yard.inferlets_url) as client:
        assert await client._response("identification", username=name) == (True, OPEN_DOOR)
        await client.ping()


@pytest.mark.parametrize("name", ["", "\0", "x" * 10_000, "a\nb"])
async def test_some_names_are_none(stranger: Connect, name: str) -> None:
    async with stranger() as nobody:
        assert (await nobody.ask("identification", username=name))["successful"] is False
        assert await nobody.closed() == 1008


async def test_an_original_client_says_why_it_is_refused(yard: RunningYard) -> None:
    async with Original(yard.inferlets_url) as client:
        with pytest.raises(Failed, match="internal"):
            await client.authenticate("internal")


# ---------------------------------------------------------------- a yard without guests, with a file of users


@pytest.fixture(scope="module")
def strict(yard_database: str, keys: Mapping[str, KeyPair], tmp_path_factory: pytest.TempPathFactory) -> RunningYard:
    file = tmp_path_factory.mktemp("strict") / "authorized_users.toml"
    pem = keys["rsa"].private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    file.write_text(
        f'[users.alice.keys]\nlaptop = "{keys["ed25519"].public}"\nci = """{pem}"""\n\n[users.carol.keys]\n'
    )
    file.chmod(0o600)
    settings = {"inferlet_authorized_users": str(file), "guests": "never"}
    return RunningYard(database_url=yard_database, settings=settings, worker=False)


async def test_a_file_of_users_is_enough(strict: RunningYard, keys: Mapping[str, KeyPair]) -> None:
    with strict:
        for kind in ("ed25519", "rsa"):
            async with Original(strict.inferlets_url) as client:
                await client.authenticate("alice", keys[kind].private)
                await client.ping()
        async with Original(strict.inferlets_url) as client:
            with pytest.raises(Failed, match="refused"):
                await client.authenticate("alice", keys["p256"].private)
        for unknown in (f"nobody-{uuid4().hex}", "carol"):
            async with wire(strict.inferlets_url) as nobody:
                first = await nobody.ask("identification", username=unknown)
                if first["successful"]:
                    first = await nobody.ask("signature", signature=sign(keys["p256"].private, first["result"]))
                assert first["successful"] is False
                assert await nobody.closed() == 1008
