"""Signed notes, and the key that signs them."""

from __future__ import annotations

import base64

import pytest

from runyard.identity.errors import SigningKeyUnusable
from runyard.services.runs.evidence.checkpoint import FILE, BadCheckpoint, Checkpoint, Notary, VerifierKey

ROOT = bytes(range(32))


@pytest.fixture
def notary(tmp_path):
    return Notary.of(tmp_path / "keys")


def test_a_note_is_opened_with_the_key_that_signed_it(notary):
    note = notary.sign("ws-acme", 7, ROOT)
    key = VerifierKey.parse(str(notary.key("ws-acme")))
    assert key.open(note) == Checkpoint(origin=f"{notary.yard}/ws-acme", size=7, root=ROOT)
    assert note.splitlines()[:3] == [key.name, "7", base64.b64encode(ROOT).decode()]
    assert note.splitlines()[4].startswith(f"— {key.name} ")


def test_a_public_vector_of_signed_notes_opens():
    """The key and the signature of the Go implementation's documentation; its text is no checkpoint."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert key.hint == signature[:4]
    assert key.verifies(text, signature[4:])


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n7\n", "\n8\n"),
        lambda note: note.replace("AAEC", "AAED"),
        lambda note: note.replace("ws-acme", "ws-evil"),
        lambda note: note[: note.index("—")],
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\n7\n", "\n07\n"),
        lambda note: note + "x" * 20_000,
        lambda note: "",
    ],
)
def test_a_changed_note_is_refused(notary, change):
    note = notary.sign("ws-acme", 7, ROOT)
    with pytest.raises(BadCheckpoint):
        notary.key("ws-acme").open(change(note))


def test_other_signatures_on_a_note_are_left_alone(notary):
    """Witnesses add theirs."""
    witness = base64.b64encode(bytes(68)).decode()
    note = notary.sign("ws-acme", 7, ROOT) + f"— witness.example {witness}\n"
    assert notary.key("ws-acme").open(note).size == 7


def test_another_yards_note_is_refused(notary, tmp_path):
    other = Notary.of(tmp_path / "others")
    with pytest.raises(BadCheckpoint, match="no good signature"):
        notary.key("ws-acme").open(other.sign("ws-acme", 7, ROOT))


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AAAA", "name+zz+!", "a+b+c+d"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(BadCheckpoint):
        VerifierKey.parse(text)


def test_the_key_is_made_once_and_is_private(tmp_path):
    folder = tmp_path / "keys"
    assert Notary.of(folder).yard == Notary.of(folder).yard
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(Notary.of(folder))


@pytest.mark.parametrize("damage", [lambda path: path.write_text("x"), lambda path: path.chmod(0o644)])
def test_a_key_that_cannot_be_used_is_never_replaced(tmp_path, damage):
    folder = tmp_path / "keys"
    Notary.of(folder)
    damage(folder / FILE)
    with pytest.raises(SigningKeyUnusable):
        Notary.of(folder)
