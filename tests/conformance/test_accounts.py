"""The auth service as programs of the original interface know it: every row of its table, over a real socket."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from runyard.testing.running import RunningYard, TestAccount

from .conftest import TIMEOUT, bearer, token_of

USER = ["username", "is_admin", "is_active", "id", "created_at", "permissions"]


@pytest.fixture(scope="module")
def admin(yard: RunningYard, auth: httpx.Client, root: TestAccount) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=yard.url, timeout=TIMEOUT, headers=bearer(token_of(auth, root))) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"user{uuid4().hex[:8]}"


def create(admin: httpx.Client, name: str, **fields: object) -> Any:
    answer = admin.post("/users/", data={"username": name, "password": "correct horse", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_the_root_says_what_it_is(auth: httpx.Client) -> None:
    assert auth.get("/").json() == {"message": "authentication service is running"}


# ---------------------------------------------------------------- tokens


def test_a_token_for_a_name_and_a_password(auth: httpx.Client, ada: TestAccount) -> None:
    oauth = {"grant_type": "password", "scope": "", "client_id": "x"}
    answer = auth.post("/auth/token", data={"username": ada.username, "password": ada.password, **oauth})
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "token_type"]
    assert answer.json()["token_type"] == "bearer"


def test_a_wrong_password_and_an_unknown_name_are_told_alike(auth: httpx.Client, ada: TestAccount) -> None:
    for name in (ada.username, "nobody"):
        answer = auth.post("/auth/token", data={"username": name, "password": "wrong"})
        assert (answer.status_code, answer.json()) == (401, {"detail": "Incorrect username or password"})
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_form_is_wanted_with_all_its_fields(auth: httpx.Client, ada: TestAccount) -> None:
    for body in ({"data": {"username": "ada"}}, {"json": {"username": ada.username, "password": ada.password}}):
        answer = auth.post("/auth/token", **body)  # type: ignore[arg-type]
        assert answer.status_code == 422
        assert {"type": "missing", "loc": ["body", "password"]}.items() <= answer.json()["detail"][-1].items()


def test_a_token_is_what_it_always_was(auth: httpx.Client, ada: TestAccount) -> None:
    token = token_of(auth, ada)
    header, payload, signature = (decoded(part) for part in token.split("."))
    assert {"alg": "ES256", "typ": "JWT"}.items() <= json.loads(header).items()
    claims = json.loads(payload)
    assert set(claims) == {"id", "permissions", "is_admin", "exp"}
    me = auth.get("/users/me", headers=bearer(token)).json()
    assert (claims["id"], claims["permissions"], claims["is_admin"]) == (str(me["id"]), me["permissions"], False)
    assert 1700 < claims["exp"] - time.time() <= 1800
    published = auth.get("/auth/public-key").json()
    assert list(published) == ["public_key", "algorithm"]
    assert published["algorithm"] == "ES256"
    key = load_pem_public_key(published["public_key"].encode())
    assert isinstance(key, EllipticCurvePublicKey)
    assert isinstance(key.curve, SECP256R1)
    assert len(signature) == 64
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), token.rpartition(".")[0].encode(), ECDSA(SHA256()))


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_refreshed_token_has_the_rights_of_now(auth: httpx.Client, admin: httpx.Client, name: str) -> None:
    user = create(admin, name, permissions="a")
    answer = auth.post("/auth/token", data={"username": name, "password": "correct horse"})
    old = answer.json()["access_token"]
    admin.put(f"/users/{user['id']}", data={"permissions": "a,b"})
    answer = auth.post("/auth/token/refresh", headers=bearer(old))
    assert (answer.status_code, answer.json()["token_type"]) == (200, "bearer")
    claims = json.loads(decoded(answer.json()["access_token"].split(".")[1]))
    assert set(claims["permissions"]) == {"a", "b"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/users/me"), ("POST", "/auth/token/refresh")])
def test_without_a_good_token_there_is_nobody(auth: httpx.Client, method: str, path: str) -> None:
    for headers, text in (({}, "Not authenticated"), (bearer("x.y.z"), "Could not validate credentials")):
        answer = auth.request(method, path, headers=headers)
        assert (answer.status_code, answer.json(), answer.headers["www-authenticate"]) == (
            401, {"detail": text}, "Bearer",
        )  # fmt: skip


# ---------------------------------------------------------------- users


def test_a_user_lives(auth: httpx.Client, admin: httpx.Client, name: str) -> None:
    user = create(admin, name)
    assert list(user) == USER
    assert user | {"id": 0, "created_at": ""} == {
        "username": name, "is_admin": False, "is_active": True, "id": 0, "created_at": "", "permissions": [],
    }  # fmt: skip
    assert len(user["created_at"]) == len("2026-01-02T03:04:05.123456")
    path = f"/users/{user['id']}"
    assert admin.get(path).json() == user
    assert user in admin.get("/users/", params={"limit": -1}).json()
    changed = admin.put(path, data={"password": "another horse", "permissions": "read:jobs,write:jobs"})
    assert (changed.status_code, set(changed.json()["permissions"])) == (200, {"read:jobs", "write:jobs"})
    for password, status in (("correct horse", 401), ("another horse", 200)):
        assert auth.post("/auth/token", data={"username": name, "password": password}).status_code == status
    gone = admin.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    for answer in (admin.get(path), admin.put(path, data={"is_active": "true"}), admin.delete(path)):
        assert (answer.status_code, answer.json()) == (404, {"detail": "User not found"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('["read:jobs", "write:jobs"]', {"read:jobs", "write:jobs"}),
        ("[read:jobs, write:jobs]", {"read:jobs", "write:jobs"}),
        (" read:jobs , ,write:jobs", {"read:jobs", "write:jobs"}),
        ("", set()),
    ],
)
def test_permissions_are_written_in_several_ways(admin: httpx.Client, name: str, given: str, kept: set[str]) -> None:
    assert set(create(admin, name, permissions=given)["permissions"]) == kept


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("YES", True), ("1", True), ("off", False), ("No", False)])
def test_truth_is_written_in_several_ways(admin: httpx.Client, name: str, word: str, meant: bool) -> None:
    assert create(admin, name, is_admin=word)["is_admin"] is meant


def test_a_name_is_taken_once(admin: httpx.Client, name: str) -> None:
    create(admin, name)
    answer = admin.post("/users/", data={"username": name, "password": "correct horse"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Username already registered"})


def test_users_are_listed_oldest_first_and_page_by_page(admin: httpx.Client) -> None:
    names = [create(admin, f"user{uuid4().hex[:8]}")["username"] for _ in range(3)]
    everybody = [user["username"] for user in admin.get("/users/", params={"limit": -1}).json()]
    assert everybody[-3:] == names
    page = admin.get("/users/", params={"skip": len(everybody) - 2, "limit": 1}).json()
    assert [user["username"] for user in page] == names[1:2]
    unslashed = admin.get("/users")
    assert (unslashed.status_code, httpx.URL(unslashed.headers["location"]).path) == (307, "/users/")


def test_a_number_is_wanted_for_a_user(admin: httpx.Client) -> None:
    answer = admin.get("/users/ada")
    assert answer.status_code == 422
    assert {"type": "int_parsing", "loc": ["path", "number"]}.items() <= answer.json()["detail"][0].items()


def test_only_admins_administer(auth: httpx.Client, ada: TestAccount) -> None:
    calls = [("POST", "/users/"), ("GET", "/users/"), ("GET", "/users/1"), ("PUT", "/users/1"), ("DELETE", "/users/1")]
    mine = bearer(token_of(auth, ada))
    for method, path in calls:
        assert auth.request(method, path).status_code == 401
        answer = auth.request(method, path, headers=mine)
        assert (answer.status_code, answer.json()) == (403, {"detail": "The user doesn't have enough privileges"})
