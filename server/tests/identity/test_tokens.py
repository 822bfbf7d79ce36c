"""Tokens: what they say, whom they let in, and for how long."""

import base64
import json
from datetime import timedelta

import msgspec
import pytest

from runyard.identity import Credential, InvalidCredential, Principal, proven
from runyard.identity.store import IdentityStore


@pytest.fixture
async def ada(store):
    return await store.users.create("Ada", login="ada", password="s3cret", permissions=["read:jobs", "write:jobs"])


@pytest.fixture
async def token(store, ada):
    return await store.tokens.issue(ada)


def payload_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


async def reason(store, presented):
    with pytest.raises(InvalidCredential) as error:
        await store.authenticate(presented)
    return error.value.reason


async def test_a_token_says_who_until_when_with_which_rights_and_no_more(store, ada, token, clock):
    assert payload_of(token) == {
        "id": str(ada.number),
        "permissions": ["read:jobs", "write:jobs"],
        "is_admin": False,
        "exp": int((clock.now + timedelta(minutes=30)).timestamp()),
    }


async def test_a_token_lets_its_user_in(store, ada, token, clock):
    await store.projects.add("apollo", members={ada.id: "admin"})
    assert await store.authenticate(token) == Principal(
        user_id=ada.id,
        number=ada.number,
        name="Ada",
        credential=Credential(kind="token", expires_at=(clock.now + timedelta(minutes=30)).replace(microsecond=0)),
        projects={"apollo": "admin"},
        permissions=frozenset({"read:jobs", "write:jobs"}),
    )


async def test_a_token_ends(store, token, clock):
    clock.advance(minutes=29, seconds=59)
    await store.authenticate(token)
    clock.advance(seconds=1)
    assert await reason(store, token) == "expired"
    assert await reason(store, token) == "expired"


@pytest.mark.parametrize(
    "payload",
    [
        b"not json", b"5", b"null", b"[]", b"{}", b"\xff",
        {"id": 1}, {"id": None}, {"id": ""}, {"id": "one"}, {"id": "-1"}, {"id": "١"}, {"id": "9" * 11},
        {"permissions": "a"}, {"permissions": [1]}, {"permissions": None}, {"is_admin": 1}, {"is_admin": "true"},
        {"exp": "1"}, {"exp": None}, {"exp": -1}, {"exp": 1e400}, {"exp": 10**18}, {"exp": True},
    ],
)  # fmt: skip
async def test_a_payload_of_another_shape_is_told_from_a_forgery(store, ada, token, payload):
    if isinstance(payload, dict):
        payload = json.dumps(payload_of(token) | payload).encode()
    assert await reason(store, (await store.tokens.key()).sign(payload)) == "payload"


@pytest.mark.parametrize("number", ["0", "2147483647", "9999999999"])
async def test_a_token_of_nobody_is_refused(store, ada, token, number):
    payload = json.dumps(payload_of(token) | {"id": number}).encode()
    assert await reason(store, (await store.tokens.key()).sign(payload)) == "unknown"


@pytest.mark.parametrize("presented", ["a.b.c", "..", "a.b", "a.b.c.d", "é.é.é", ""])
async def test_what_is_neither_token_nor_key_is_refused(store, presented):
    assert await reason(store, presented) in {"signature", "malformed"}


async def test_a_token_of_another_yard_is_refused(store, database, settings, clock, tmp_path, ada):
    other = IdentityStore(database, settings.model_copy(update={"data_dir": tmp_path}), clock=clock)
    assert await reason(store, await other.tokens.issue(ada)) == "signature"


async def test_every_process_of_a_yard_accepts_its_tokens(store, database, settings, clock, token, ada):
    other = IdentityStore(database, settings, clock=clock)
    assert (await other.authenticate(token)).user_id == ada.id


async def test_a_token_that_has_ended_is_forgotten(store, token, clock):
    await store.authenticate(token)
    clock.advance(hours=1)
    assert await reason(store, token) == "expired"
    assert not store.tokens._verified


async def test_memory_of_signatures_is_bounded(store, ada, monkeypatch):
    """Invariant 5."""
    monkeypatch.setattr(proven, "MOST", 4)
    for _ in range(8):
        user = await store.users.create("somebody")
        await store.authenticate(await store.tokens.issue(user))
    assert len(store.tokens._verified) == 4


async def test_tokens_are_not_kept_in_the_clear(store, token):
    await store.authenticate(token)
    assert token not in repr(store.tokens._verified)


async def test_the_payload_of_a_token_is_compact(token):
    assert msgspec.json.encode(payload_of(token)) == base64.urlsafe_b64decode(token.split(".")[1] + "==")
