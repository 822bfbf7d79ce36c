"""Public keys: which are taken, what the others are called, whose signatures they prove."""

import base64
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from runyard.identity import InvalidPublicKey
from runyard.identity.public_keys import read_public_key

from .signing import CHALLENGE, ED25519, LINE, P256, P384, RSA, SIGNATURE, line_of, pem_of, sign

with_ssh_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine")

KEYS = {"ED25519": ED25519, "RSA 2048": RSA, "ECDSA P-256": P256, "ECDSA P-384": P384}


def test_the_protocols_vector_is_verified():
    key = read_public_key(f"{LINE} laptop of alice")
    assert (key.kind, key.comment, key.line) == ("ED25519", "laptop of alice", LINE)
    assert key.verify(SIGNATURE, CHALLENGE)
    assert not key.verify(SIGNATURE, CHALLENGE[:-1])
    assert not key.verify(SIGNATURE[:-1], CHALLENGE)


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_the_same_in_every_form(kind):
    key = read_public_key(line_of(KEYS[kind]))
    assert (key.kind, key.comment) == (kind, "")
    assert read_public_key(pem_of(KEYS[kind])) == key
    assert read_public_key(f"# of ada\r\n\r\n{key.line}\tada@laptop \r\n") == key
    assert len({key, read_public_key(f"{key.line} comment")}) == 1


def test_rsa_has_a_pem_of_its_own():
    assert read_public_key(pem_of(RSA, PublicFormat.PKCS1)) == read_public_key(line_of(RSA))


@pytest.mark.parametrize(
    ("options", "kind", "forms"),
    [
        (["-t", "ed25519"], "ED25519", []),
        (["-t", "rsa", "-b", "2048"], "RSA 2048", ["PKCS8", "PEM"]),
        (["-t", "ecdsa", "-b", "256"], "ECDSA P-256", ["PKCS8"]),
        (["-t", "ecdsa", "-b", "384"], "ECDSA P-384", ["PKCS8"]),
    ],
)
@with_ssh_keygen
def test_keys_of_ssh_keygen_are_named_as_it_names_them(options, kind, forms, tmp_path):
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "me@here", *options, "-f", file], check=True)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", file], check=True, capture_output=True, text=True).stdout
    key = read_public_key((tmp_path / "key.pub").read_text())
    assert (key.kind, key.comment) == (kind, "me@here")
    assert key.fingerprint in shown.split()
    assert key.verify(sign(load_ssh_private_key(file.read_bytes(), None)), CHALLENGE)
    for form in forms:
        command = ["ssh-keygen", "-e", "-m", form, "-f", file]
        assert read_public_key(subprocess.run(command, check=True, capture_output=True, text=True).stdout) == key


@pytest.mark.parametrize("kind", KEYS)
def test_only_the_keys_own_signature_of_these_very_bytes_is_good(kind):
    key, signature = read_public_key(line_of(KEYS[kind])), sign(KEYS[kind])
    assert key.verify(signature, CHALLENGE)
    assert not key.verify(signature, b"x" + CHALLENGE)
    flipped = bytes([*signature[:-1], signature[-1] ^ 1])
    others = [sign(private) for other, private in KEYS.items() if other != kind]
    for wrong in (b"", b"\0", b"\x30\x80", signature[:-1], signature + b"\0", flipped, bytes(5000), *others):
        assert not key.verify(wrong, CHALLENGE)


def test_other_schemes_of_the_same_keys_are_no_good():
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
    r, s = decode_dss_signature(sign(P256))
    for private, signature in [
        (RSA, RSA.sign(CHALLENGE, pss, hashes.SHA256())),
        (RSA, RSA.sign(CHALLENGE, padding.PKCS1v15(), hashes.SHA512())),
        (P256, r.to_bytes(32, "big") + s.to_bytes(32, "big")),
        (P256, P256.sign(CHALLENGE, ec.ECDSA(hashes.SHA384()))),
        (P384, P384.sign(CHALLENGE, ec.ECDSA(hashes.SHA256()))),
    ]:
        assert not read_public_key(line_of(private)).verify(signature, CHALLENGE)


# ------------------------------------------------------------------ what is not accepted


def wire(*fields):
    return base64.b64encode(b"".join(len(field).to_bytes(4, "big") + field for field in fields)).decode()


def fido(kind, *fields):
    return f"{kind} {wire(kind.encode(), *fields, b'ssh:')} ada@token"


POINT = P256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
COMPRESSED = P256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
RAW = ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "This is no public key"),
        ("\0\x80�", "This is no public key"),
        ("hello world", "This is no public key"),
        ("correct horse battery staple", "This is no public key"),
        ("x" * 20_000, "20000 characters"),
        ("ssh-ed25519", "This ssh-ed25519 key is damaged"),
        ("ssh-ed25519 AAAA", "damaged"),
        ("ssh-ed25519 ????", "damaged"),
        ("ssh-ed25519 ���", "damaged"),
        (LINE[:-8], "damaged"),
        (LINE.replace("ssh-ed25519", "ssh-rsa"), "This ssh-rsa key is damaged"),
        (f"ecdsa-sha2-nistp256 {wire(b'ecdsa-sha2-nistp256', b'nistp256', COMPRESSED)}", "damaged"),
        (f"ecdsa-sha2-nistp256 {wire(b'ecdsa-sha2-nistp256', b'nistp256', bytes([4, *range(64)]))}", "damaged"),
        (f"{LINE}\n{LINE}", "these are 2"),
        (f"{LINE[:40]}\n{LINE[40:]}", "these are 2"),
        (f'restrict,command="a b" {LINE}', "Options before a key"),
        (line_of(rsa.generate_private_key(65537, 1024)), "An RSA key of 1024 bits isn't accepted"),
        (line_of(ec.generate_private_key(ec.SECP521R1())), "An ECDSA key on P-521 isn't accepted"),
        (f"ssh-dss {wire(b'ssh-dss', b'', b'', b'', b'')} old", "A DSA key isn't accepted"),
        (fido("sk-ssh-ed25519@openssh.com", RAW), "A key on a FIDO token isn't accepted"),
        (fido("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", POINT), "A key on a FIDO token isn't accepted"),
        (f"ssh-xmss@openssh.com {wire(b'ssh-xmss@openssh.com', b'')}", "type 'ssh-xmss@openssh.com' isn't accepted"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "ssh-keygen -i -f FILE"),
        (pem_of(rsa.generate_private_key(65537, 1024)), "An RSA key of 1024 bits"),
        (pem_of(ec.generate_private_key(ec.SECP521R1())), "An ECDSA key on secp521r1"),
        (pem_of(ec.generate_private_key(ec.SECP256K1())), "An ECDSA key on secp256k1"),
        (pem_of(dsa.generate_private_key(1024)), "A key of type DSA isn't accepted"),
        (pem_of(ed448.Ed448PrivateKey.generate()), "A key of type Ed448 isn't accepted"),
        (pem_of(ED25519) + pem_of(P256), "There are 2 keys"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "A CERTIFICATE in PEM isn't accepted"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "This PEM is damaged"),
        ("-----BEGIN", "There are 0 keys"),
    ],
)
def test_what_is_not_accepted_is_named(text, says):
    with pytest.raises(InvalidPublicKey) as caught:
        read_public_key(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 250


@with_ssh_keygen
def test_a_certificate_is_not_taken_for_its_key(tmp_path):
    """It may have ended, or be for somebody else; a server that reads it as a key would not know."""
    for name in ("authority", "key"):
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / name], check=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-s", tmp_path / "authority", "-I", "ada", "-n", "ada", tmp_path / "key.pub"], check=True
    )
    with pytest.raises(InvalidPublicKey, match="A certificate isn't accepted"):
        read_public_key((tmp_path / "key-cert.pub").read_text())


SECRETS = [
    ED25519.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
    ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
    P256.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
    "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\nAAAAIJ1hsZ3v",
]


@pytest.mark.parametrize("text", [*SECRETS, *(f"{LINE}\n{secret}" for secret in SECRETS)])
def test_a_private_key_is_told_and_not_shown(text):
    """Invariant 8."""
    with pytest.raises(InvalidPublicKey, match="This is a private key: keep it to yourself") as caught:
        read_public_key(text)
    shown = f"{caught.value!r} {caught.value.__context__!r}"
    assert not [line for line in text.splitlines() if len(line) > 10 and line in shown]


def test_a_private_key_without_its_first_line_is_told_as_well():
    with pytest.raises(InvalidPublicKey, match="This is a private key"):
        read_public_key("\n".join(SECRETS[0].splitlines()[1:-1]))


@given(st.one_of(st.text(max_size=200), st.text(max_size=80).map(lambda text: f"ssh-rsa {text}")))
def test_no_text_is_answered_by_anything_but_a_refusal(text):
    with pytest.raises(InvalidPublicKey):
        read_public_key(text)


@given(st.integers(0, len(LINE) - 1), st.characters(codec="ascii"))
def test_a_key_with_one_wrong_character_is_another_key_or_none(place, character):
    changed = LINE[:place] + character + LINE[place + 1 :]
    try:
        key = read_public_key(changed)
    except InvalidPublicKey:
        return
    assert (key.line == LINE) == key.verify(SIGNATURE, CHALLENGE)
    assert isinstance(key._key, ed25519.Ed25519PublicKey)
