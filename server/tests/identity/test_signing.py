"""The pair of keys on disk, and what it accepts as its own."""

import base64
import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from runyard.identity import InvalidCredential, SigningKeyUnusable
from runyard.identity.signing import PRIVATE, PUBLIC, SigningKey

PAYLOAD = b'{"id":"1"}'


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "yard" / "keys"


def segment(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_pair_is_made_once_and_readable_by_its_owner_only(folder):
    made = SigningKey.of(folder)
    assert (mode(folder), mode(folder / PRIVATE)) == (0o700, 0o600)
    assert (folder / PUBLIC).read_text() == made.public_pem
    assert sorted(path.name for path in folder.iterdir()) == [PRIVATE, PUBLIC]
    before = (folder / PRIVATE).read_bytes()
    assert SigningKey.of(folder).kid == made.kid
    assert (folder / PRIVATE).read_bytes() == before


def test_of_many_that_ask_at_once_all_get_the_same_pair(folder):
    with ThreadPoolExecutor(8) as threads:
        kids = {key.kid for key in threads.map(lambda _: SigningKey.of(folder), range(16))}
    assert len(kids) == 1
    assert sorted(path.name for path in folder.iterdir()) == [PRIVATE, PUBLIC]


def test_a_public_key_that_went_is_written_again(folder):
    made = SigningKey.of(folder)
    (folder / PUBLIC).unlink()
    assert SigningKey.of(folder).kid == made.kid
    assert (folder / PUBLIC).read_text() == made.public_pem


def garbage(folder):
    (folder / PRIVATE).write_text("garbage")


def other_curve(folder):
    (folder / PRIVATE).write_bytes(ECKey.generate_key("P-384").as_pem(private=True))


def other_kind(folder):
    (folder / PRIVATE).write_bytes(RSAKey.generate_key(2048).as_pem(private=True))


def public_only(folder):
    (folder / PRIVATE).write_bytes((folder / PUBLIC).read_bytes())


def encrypted(folder):
    (folder / PRIVATE).write_bytes(ECKey.generate_key("P-256").as_pem(private=True, password="secret"))


def gone(folder):
    (folder / PRIVATE).unlink()


def open_to_others(folder):
    (folder / PRIVATE).chmod(0o640)


def not_a_file(folder):
    (folder / PRIVATE).unlink()
    (folder / PRIVATE).mkdir(mode=0o700)


def other_public(folder):
    (folder / PUBLIC).write_bytes(ECKey.generate_key("P-256").as_pem())


@pytest.mark.parametrize(
    ("spoil", "names", "way_out"),
    [
        (garbage, PRIVATE, "remove"),
        (other_curve, PRIVATE, "remove"),
        (other_kind, PRIVATE, "remove"),
        (public_only, PRIVATE, "remove"),
        (encrypted, PRIVATE, "remove"),
        (gone, PRIVATE, "Put back"),
        (open_to_others, PRIVATE, "chmod 600"),
        (not_a_file, PRIVATE, "access"),
        (other_public, PUBLIC, "Remove"),
    ],
)
def test_a_pair_that_is_broken_is_named_and_left_as_it_is(folder, spoil, names, way_out):
    SigningKey.of(folder)
    spoil(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(SigningKeyUnusable) as error:
        SigningKey.of(folder)
    assert str(folder / names) in str(error.value)
    assert way_out in str(error.value)
    assert "PRIVATE KEY" not in str(error.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SigningKeyUnusable, match=str(blocked)):
        SigningKey.of(blocked / "keys")


def test_what_was_signed_is_a_jwt_that_others_can_verify(folder):
    key = SigningKey.of(folder)
    token = key.sign(PAYLOAD)
    signed = jws.deserialize_compact(token, ECKey.import_key(key.public_pem), algorithms=["ES256"])
    assert signed.payload == PAYLOAD
    assert signed.headers() == {"alg": "ES256", "typ": "JWT", "kid": key.kid}
    assert key.verify(token) == PAYLOAD
    assert len(base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")) == 64


def test_the_key_is_named_by_its_thumbprint(folder):
    """RFC 7638: SHA-256 of the required members in the order of their names."""
    jwk = SigningKey.of(folder).jwk
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    assert jwk["kid"] == segment(hashlib.sha256(text.encode()).digest()).decode()
    assert (jwk["use"], jwk["alg"], jwk["crv"]) == ("sig", "ES256", "P-256")
    assert "d" not in jwk


def test_the_private_key_is_not_shown(folder):
    key = SigningKey.of(folder)
    assert repr(key) == f"SigningKey(kid={key.kid!r})"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return SigningKey.of(tmp_path_factory.mktemp("keys"))


FOREIGN = ECKey.generate_key("P-256")
ES384 = ECKey.generate_key("P-384")
RS256 = RSAKey.generate_key(2048)


def resigned(header, signature=None):
    """The genuine payload and, unless another is given, the genuine signature under another header."""

    def forge(key):
        _, payload, genuine = key.sign(PAYLOAD).split(".")
        other = signature if signature is not None else genuine
        return f"{segment(header).decode()}.{payload}.{other}"

    return forge


FORGERIES = {
    "foreign key": lambda _: jws.serialize_compact({"alg": "ES256"}, PAYLOAD, FOREIGN),
    "foreign key, our name": lambda key: jws.serialize_compact({"alg": "ES256", "kid": key.kid}, PAYLOAD, FOREIGN),
    "public key as a shared secret": lambda key: jws.serialize_compact(
        {"alg": "HS256"}, PAYLOAD, OctKey.import_key(segment(key.public_pem.encode()).decode()), algorithms=["HS256"]
    ),
    "RS256": lambda _: jws.serialize_compact({"alg": "RS256"}, PAYLOAD, RS256, algorithms=["RS256"]),
    "ES384": lambda _: jws.serialize_compact({"alg": "ES384"}, PAYLOAD, ES384, algorithms=["ES384"]),
    "its own key": lambda _: jws.serialize_compact(
        {"alg": "ES256", "jwk": FOREIGN.as_dict(private=False)}, PAYLOAD, FOREIGN
    ),
    "none": resigned({"alg": "none"}, ""),
    "None": resigned({"alg": "None"}, ""),
    "none, signed": resigned({"alg": "none"}),
    "no algorithm": resigned({"typ": "JWT"}),
    "algorithm is a list": resigned({"alg": ["ES256"]}),
    "other header": resigned({"alg": "ES256", "typ": "JWT"}),
    "zero signature": resigned({"alg": "ES256"}, "A" * 86),
    "detached": resigned({"alg": "ES256", "b64": False, "crit": ["b64"]}),
    "strange crit": resigned({"alg": "ES256", "crit": 5}),
    "header is a text": resigned("alg"),
    "header is nothing": resigned(None),
    "header is deep": resigned(b"[" * 300),
    "header is no JSON": resigned(b"\xff\xfe"),
    "header is long": resigned({"alg": "ES256", "kid": "x" * 5000}),
    "other payload": lambda key: ".".join([*key.sign(PAYLOAD).split(".")[:1], "e30", key.sign(PAYLOAD).split(".")[2]]),
    "short signature": lambda key: key.sign(PAYLOAD)[:-4],
    "no signature": lambda key: key.sign(PAYLOAD).rpartition(".")[0] + ".",
    "two parts": lambda key: key.sign(PAYLOAD).rpartition(".")[0],
    "dots": lambda _: "..",
    "nothing": lambda _: "",
    "not ASCII": lambda _: "é.é.é",
    "not text": lambda _: "\udc80.\udc80.\udc80",
    "long": lambda _: "a" * 200_000 + ".b.c",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_is_not_ours_is_refused(key, forge):
    with pytest.raises(InvalidCredential) as error:
        key.verify(forge(key))
    assert error.value.reason == "signature"
