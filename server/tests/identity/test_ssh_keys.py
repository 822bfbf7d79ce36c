"""SSH keys: which are taken, whose signatures they prove, and the file an operator keeps of them."""

from __future__ import annotations

import base64
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from runyard.identity import AlreadyExists, InactiveUser, InvalidCredential, InvalidValue, NotFound, TooManyAttempts
from runyard.identity.authorized_users import AuthorizedUsersUnusable, follow_authorized_users
from runyard.identity.public_keys import read_public_key

SEED = bytes(range(32))
LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
SIGNATURE = base64.b64decode("qVr47gqJleGdJeI7GBlFiHrMyP2KEllB02dwuV943zMG+/VZvqTlJz1lVUwC5s3NbpqJ3HBu2psYicW/vi70Aw==")
CHALLENGE = bytes(range(48))
SPKI, OPENSSH = PublicFormat.SubjectPublicKeyInfo, PublicFormat.OpenSSH


def line_of(private):
    return private.public_key().public_bytes(Encoding.OpenSSH, OPENSSH).decode()


def sign(private, data):
    match private:
        case ed25519.Ed25519PrivateKey():
            return private.sign(data)
        case rsa.RSAPrivateKey():
            return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        case _:
            digest = hashes.SHA256() if private.curve.key_size == 256 else hashes.SHA384()
            return private.sign(data, ec.ECDSA(digest))


# ------------------------------------------------------------------ keys


def test_the_protocols_vector_is_verified() -> None:
    key = read_public_key(f"{LINE} laptop of alice")
    assert (key.kind, key.comment, key.line) == ("ED25519", "laptop of alice", LINE)
    assert key.verify(SIGNATURE, CHALLENGE)
    assert not key.verify(SIGNATURE, CHALLENGE[:-1])
    assert not key.verify(SIGNATURE[:-1], CHALLENGE)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine")
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["-t", "ed25519"], "ED25519"),
        (["-t", "rsa", "-b", "2048"], "RSA 2048"),
        (["-t", "ecdsa", "-b", "256"], "ECDSA P-256"),
        (["-t", "ecdsa", "-b", "384"], "ECDSA P-384"),
    ],
)
def test_keys_of_ssh_keygen_are_taken_and_named_as_it_names_them(options, kind, tmp_path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "me@here", *options, "-f", file], check=True)
    key = read_public_key((tmp_path / "key.pub").read_text())
    private = load_ssh_private_key(file.read_bytes(), None)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", file], check=True, capture_output=True, text=True).stdout
    assert (key.kind, key.comment) == (kind, "me@here")
    assert key.fingerprint in shown.split()
    assert key.verify(sign(private, CHALLENGE), CHALLENGE)
    assert not key.verify(sign(private, b"x" + CHALLENGE), CHALLENGE)


@pytest.mark.parametrize(
    "private",
    [ed25519.Ed25519PrivateKey.from_private_bytes(SEED), ec.generate_private_key(ec.SECP384R1())],
    ids=["ed25519", "p384"],
)
def test_pem_is_read_as_well(private) -> None:
    key = read_public_key(private.public_key().public_bytes(Encoding.PEM, SPKI).decode())
    assert key.line == line_of(private)
    assert key.verify(sign(private, b"data"), b"data")


def test_rsa_in_its_own_pem_is_read() -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = read_public_key(private.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode())
    assert key.kind == "RSA 2048"
    assert key.verify(sign(private, b"data"), b"data")


def private_pem():
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lambda: "", "no public key"),
        (lambda: "hello world", "isn't accepted"),
        (lambda: "ssh-ed25519 AAAA", "no public key"),
        (lambda: LINE[:-8], "no public key"),
        (private_pem, "private key"),
        (lambda: line_of(rsa.generate_private_key(65537, 1024)), "RSA key of 1024 bits"),
        (lambda: line_of(ec.generate_private_key(ec.SECP521R1())), "secp521r1"),
        (
            lambda: dsa.generate_private_key(1024).public_key().public_bytes(Encoding.PEM, SPKI).decode(),
            "DSAPublicKey isn't accepted",
        ),
        (lambda: "x" * 20_000, "20000 characters"),
    ],
)
def test_what_is_not_accepted_is_named(text, says) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_public_key(text())
    assert says in str(caught.value)
    assert "BEGIN" not in str(caught.value)


# ------------------------------------------------------------------ users


async def test_who_has_signed_is_let_in(store, clock) -> None:
    alice = await store.users.create("Alice", login="alice", permissions=["x"])
    await store.ssh_keys.add(alice.id, LINE, name="laptop")
    principal = await store.ssh_keys.authenticate("alice", signed=CHALLENGE, signature=SIGNATURE, address="::1")
    (key,) = await store.ssh_keys.of(alice.id)
    assert (principal.user_id, principal.name, principal.permissions) == (alice.id, "Alice", {"x"})
    assert (principal.credential.kind, principal.credential.id) == ("ssh_key", key.id)
    assert key.last_used_at == clock()


async def test_any_of_somebodys_keys_will_do(store) -> None:
    alice = await store.users.create("Alice", login="alice")
    await store.ssh_keys.add(alice.id, line_of(rsa.generate_private_key(65537, 2048)), name="old")
    await store.ssh_keys.add(alice.id, LINE)
    assert await store.ssh_keys.any_of("alice")
    await store.ssh_keys.authenticate("alice", signed=CHALLENGE, signature=SIGNATURE, address="::1")


async def test_nobody_is_let_in_with_somebody_elses_key(store) -> None:
    alice = await store.users.create("Alice", login="alice")
    bob = await store.users.create("Bob", login="bob")
    await store.ssh_keys.add(alice.id, LINE)
    await store.ssh_keys.add(bob.id, line_of(ed25519.Ed25519PrivateKey.generate()))
    for login in ("bob", "nobody"):
        with pytest.raises(InvalidCredential):
            await store.ssh_keys.authenticate(login, signed=CHALLENGE, signature=SIGNATURE, address="::1")
    assert not await store.ssh_keys.any_of("nobody")


async def test_failures_are_counted(database, settings, clock) -> None:
    from runyard.identity.store import IdentityStore

    store = IdentityStore(database, settings.model_copy(update={"login_attempts": 2}), clock=clock)
    alice = await store.users.create("Alice", login="alice")
    await store.ssh_keys.add(alice.id, LINE)
    for _ in range(2):
        with pytest.raises(InvalidCredential):
            await store.ssh_keys.authenticate("alice", signed=CHALLENGE, signature=b"x", address="10.0.0.1")
    with pytest.raises(TooManyAttempts):
        await store.ssh_keys.authenticate("alice", signed=CHALLENGE, signature=SIGNATURE, address="10.0.0.1")
    await store.close()


async def test_a_deactivated_user_is_kept_out(store) -> None:
    alice = await store.users.create("Alice", login="alice")
    await store.users.create("Root", login="root", is_admin=True)
    await store.ssh_keys.add(alice.id, LINE)
    await store.users.deactivate(alice.id)
    with pytest.raises(InactiveUser):
        await store.ssh_keys.authenticate("alice", signed=CHALLENGE, signature=SIGNATURE, address="::1")


async def test_a_removed_key_is_good_for_nothing(store) -> None:
    alice = await store.users.create("Alice", login="alice")
    await store.ssh_keys.add(alice.id, LINE, name="laptop")
    await store.ssh_keys.remove(alice.id, "laptop")
    with pytest.raises(InvalidCredential):
        await store.ssh_keys.authenticate("alice", signed=CHALLENGE, signature=SIGNATURE, address="::1")
    with pytest.raises(NotFound, match="SSH key 'laptop' not found"):
        await store.ssh_keys.remove(alice.id, "laptop")


async def test_names_and_keys_are_a_users_once(store, clock) -> None:
    alice = await store.users.create("Alice", login="alice")
    bob = await store.users.create("Bob", login="bob")
    first = await store.ssh_keys.add(alice.id, f"{LINE} laptop")
    assert first.name == "laptop"
    with pytest.raises(AlreadyExists, match="the key SHA256:"):
        await store.ssh_keys.add(alice.id, LINE, name="other")
    with pytest.raises(AlreadyExists, match="a key 'laptop'"):
        await store.ssh_keys.add(alice.id, line_of(ed25519.Ed25519PrivateKey.generate()), name="laptop")
    unnamed = await store.ssh_keys.add(bob.id, LINE)
    assert unnamed.name == clock().strftime("%Y%m%d-%H%M%S")


async def test_the_yards_own_name_is_nobodys_login(store) -> None:
    with pytest.raises(InvalidValue, match="yard's own name"):
        await store.users.create("x", login="internal")


# ------------------------------------------------------------------ the file


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)


async def test_the_file_lets_in_whom_it_names_and_nobody_else(store, tmp_path) -> None:
    path = tmp_path / "authorized_users.toml"
    other = line_of(ed25519.Ed25519PrivateKey.generate())
    write(path, f'[users.alice.keys]\nlaptop = "{LINE} comment"\nci = "{other}"\n[users.bob]\n')
    assert await follow_authorized_users(store.ssh_keys, path) == 2
    await store.ssh_keys.authenticate("alice", signed=CHALLENGE, signature=SIGNATURE, address="::1")
    assert {(key.user, key.name, key.source) for key in await store.ssh_keys.all()} == {
        ("alice", "laptop", "file"),
        ("alice", "ci", "file"),
    }
    write(path, f'[users.alice.keys]\nci = "{LINE}"\n')
    await follow_authorized_users(store.ssh_keys, path)
    (key,) = await store.ssh_keys.all()
    assert (key.name, key.fingerprint) == ("ci", read_public_key(LINE).fingerprint)
    path.unlink()
    assert await follow_authorized_users(store.ssh_keys, path) == 0
    assert await store.ssh_keys.all() == []
    assert (await store.users.find("alice")).login == "alice"


async def test_keys_an_operator_added_are_not_the_files(store, tmp_path) -> None:
    alice = await store.users.create("Alice", login="alice")
    await store.ssh_keys.add(alice.id, LINE, name="laptop")
    path = tmp_path / "authorized_users.toml"
    write(path, f'[users.alice.keys]\nlaptop = "{line_of(ed25519.Ed25519PrivateKey.generate())}"\nmine = "{LINE}"\n')
    await follow_authorized_users(store.ssh_keys, path)
    path.unlink()
    await follow_authorized_users(store.ssh_keys, path)
    (key,) = await store.ssh_keys.all()
    assert (key.name, key.source, key.fingerprint) == ("laptop", "operator", read_public_key(LINE).fingerprint)


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("", 0o644, "its mode is 0644"),
        ("users = [", 0o600, "it is no TOML"),
        ("users = 1", 0o600, "'users' is no table"),
        ("[users.alice]\nkeys = 1", 0o600, "user 'alice'"),
        ('[users.alice.keys]\nlaptop = "nonsense"', 0o600, "key 'laptop' of user 'alice'"),
        ("[users.alice.keys]\nlaptop = 1", 0o600, "key 'laptop' of user 'alice'"),
        (f'[users."a@b.org".keys]\nlaptop = "{LINE}"', 0o600, "cannot be a login"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_by_name(store, tmp_path, text, mode, says) -> None:
    path = tmp_path / "authorized_users.toml"
    write(path, text, mode)
    with pytest.raises(AuthorizedUsersUnusable) as caught:
        await follow_authorized_users(store.ssh_keys, path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert await store.ssh_keys.all() == []
