"""Accounts as programs of the original interface know them: every row, every text, and who may."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from joserfc import jws
from joserfc.jwk import ECKey, KeySet

from runyard.identity import InvalidCredential, User
from runyard.identity.passwords import Passwords
from runyard.services.ci import api as ci_api
from runyard.services.compute import accounts
from runyard.settings import Settings
from runyard.web.requests import RequestIds
from runyard.yard import Yard, open_yard

PASSWORD = "correct horse"
NOT_AUTHENTICATED = (401, '{"detail":"Not authenticated"}')
NOT_VALID = (401, '{"detail":"Could not validate credentials"}')
NOT_ENOUGH = (403, '{"detail":"The user doesn\'t have enough privileges"}')
NOT_FOUND = (404, '{"detail":"User not found"}')
WRONG = (401, '{"detail":"Incorrect username or password"}')


class Clock:
    """The real time, moved on by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


CLOCK = Clock()


@pytest.fixture(scope="module")
async def yard(yard_database: str) -> AsyncIterator[Yard]:
    folder = Path(tempfile.mkdtemp(prefix="runyard-test-"))
    settings = Settings(
        data_dir=folder, database_url=yard_database, database_schema=f"test_{uuid4().hex[:12]}", login_attempts=3
    )
    async with open_yard(settings, application="accounts tests", clock=CLOCK) as opened:
        opened.identity.users._passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield opened
        await opened.database.execute(f"DROP SCHEMA {settings.database_schema} CASCADE")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def app(yard: Yard) -> FastAPI:
    app = FastAPI()
    app.add_middleware(RequestIds)
    app.include_router(ci_api.router(yard))
    app.include_router(accounts.router(yard))
    return app


class Place:
    """Somewhere that requests come from, each test's with an address of its own."""

    last = 0

    def __init__(self, yard: Yard, app: FastAPI) -> None:
        Place.last += 1
        self.yard = yard
        self.address = f"192.0.2.{Place.last}"
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(self.address, 1)), base_url="http://yard"
        )

    async def user(self, **more: object) -> User:
        login = f"user{uuid4().hex[:8]}"
        return await self.yard.identity.users.create(login, login=login, **{"password": PASSWORD, **more})

    async def headers(self, user: User) -> dict[str, str]:
        return bearer(await self.yard.identity.tokens.issue(user))

    async def key(self, user: User, **more: object) -> dict[str, str]:
        return bearer((await self.yard.identity.keys.issue(user.id, kind="ry", **more)).secret.reveal())

    async def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
        return await self.client.post("/auth/token", data={"username": name, "password": password}, headers=headers)


@pytest.fixture
async def place(yard: Yard, app: FastAPI) -> AsyncIterator[Place]:
    CLOCK.ahead = timedelta()
    await yard.database.execute("DELETE FROM users")
    place = Place(yard, app)
    yield place
    await place.client.aclose()


@pytest.fixture
async def ada(place: Place) -> User:
    return await place.user(permissions=["read:jobs", "write:jobs"])


@pytest.fixture
async def root(place: Place) -> User:
    return await place.user(is_admin=True, permissions=["*"])


@pytest.fixture
async def admin(place: Place, root: User) -> dict[str, str]:
    return await place.headers(root)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text


def payload_of(token: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


# -------------------------------------------------------------------- signing in


async def test_the_root_says_what_is_here(place: Place) -> None:
    answer = await place.client.get("/")
    assert told(answer) == (200, '{"message":"authentication service is running"}')
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
async def test_signing_in_gives_a_token(place: Place, ada: User, form: str) -> None:
    fields = {"username": ada.login, "password": PASSWORD, "grant_type": "password", "scope": "", "client_id": "x"}
    body = (
        {"data": fields} if form == "urlencoded" else {"files": {name: (None, text) for name, text in fields.items()}}
    )
    answer = await place.client.post("/auth/token", **body)
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "token_type"]
    assert answer.json()["token_type"] == "bearer"
    assert answer.headers["cache-control"] == "no-store"
    payload = payload_of(answer.json()["access_token"])
    assert (payload["id"], payload["permissions"], payload["is_admin"]) == (
        str(ada.number),
        ["read:jobs", "write:jobs"],
        False,
    )
    assert 1798 <= payload["exp"] - CLOCK().timestamp() <= 1800


async def test_one_may_sign_in_with_an_email(place: Place) -> None:
    await place.user(email="ada@example.com")
    assert (await place.sign_in("ada@example.com")).status_code == 200


@pytest.mark.parametrize("case", ["wrong password", "unknown user", "no password", "inactive", "strange"])
async def test_whoever_cannot_sign_in_hears_the_same(place: Place, ada: User, case: str) -> None:
    if case == "inactive":
        await place.user(is_admin=True)
        await place.yard.identity.users.deactivate(ada.id)
    name = {"unknown user": "nobody", "no password": (await place.user(password=None)).login, "strange": "a\0b"}
    password = "x" * 5000 if case == "strange" else PASSWORD if case == "inactive" else "wrong"
    answer = await place.sign_in(name.get(case, ada.login), password)
    assert told(answer) == WRONG
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({"json": {"username": "a", "password": "secret"}}, ["username", "password"]),
        ({}, ["username", "password"]),
        ({"data": {"password": "secret"}}, ["username"]),
        ({"data": {"username": "a", "password": ""}}, ["password"]),
    ],
)
async def test_what_is_missing_is_named(place: Place, body: dict[str, object], missing: list[str]) -> None:
    answer = await place.client.post("/auth/token", **body)
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [
            {"type": "missing", "loc": ["body", name], "msg": "Field required", "input": None} for name in missing
        ]
    }


async def test_a_large_or_broken_form_is_refused(place: Place) -> None:
    large = await place.client.post("/auth/token", data={"username": "x" * 70_000})
    assert (large.status_code, large.json()["code"]) == (413, "form_too_large")
    broken = await place.client.post(
        "/auth/token", content=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert (broken.status_code, broken.json()["code"]) == (400, "bad_form")


async def test_too_many_failures_have_to_wait(place: Place, yard: Yard, app: FastAPI, ada: User) -> None:
    for n in range(3):
        answer = await place.sign_in(ada.login, "wrong", **{"X-Forwarded-For": f"198.51.100.{n}"})
        assert told(answer) == WRONG
    refused = await place.sign_in(ada.login)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert 290 <= int(refused.headers["retry-after"]) <= 300
    assert refused.headers["retry-after"] in refused.json()["detail"]
    other = await place.user()
    forwarded = await place.sign_in(other.login, **{"X-Forwarded-For": "198.51.100.9", "Forwarded": "for=198.51.100.9"})
    assert forwarded.status_code == 429, "what a request says of its address proves nothing"
    elsewhere = Place(yard, app)
    assert (await elsewhere.sign_in(other.login)).status_code == 200
    await elsewhere.client.aclose()
    CLOCK.ahead = timedelta(minutes=5, seconds=1)
    assert (await place.sign_in(ada.login)).status_code == 200


# -------------------------------------------------------------------- tokens


async def test_the_public_key_verifies_tokens(place: Place, ada: User) -> None:
    answer = await place.client.get("/auth/public-key")
    assert list(answer.json()) == ["public_key", "algorithm"]
    pem = answer.json()["public_key"]
    assert answer.json()["algorithm"] == "ES256"
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert pem.endswith("\n-----END PUBLIC KEY-----\n")
    token = (await place.sign_in(ada.login)).json()["access_token"]
    header = jws.deserialize_compact(token, ECKey.import_key(pem), algorithms=["ES256"]).headers()
    assert list(header) == ["alg", "typ", "kid"]
    keys = (await place.client.get("/.well-known/jwks.json")).json()
    assert jws.deserialize_compact(token, KeySet.import_key_set(keys), algorithms=["ES256"]).payload
    assert "d" not in keys["keys"][0]


async def test_a_new_token_has_the_full_time_and_the_rights_of_now(place: Place, ada: User) -> None:
    headers = await place.headers(ada)
    CLOCK.ahead = timedelta(minutes=20)
    await place.yard.identity.users.update(ada.id, permissions=["other"], is_admin=True)
    answer = await place.client.post("/auth/token/refresh", headers=headers)
    assert answer.status_code == 200
    payload = payload_of(answer.json()["access_token"])
    assert (payload["permissions"], payload["is_admin"]) == (["other"], True)
    assert payload["exp"] >= CLOCK().timestamp() + 1798
    assert answer.headers["cache-control"] == "no-store"


async def test_an_api_key_does_not_become_a_token(place: Place, ada: User) -> None:
    """It would live on when the key is revoked, and a project's key would become its user's."""
    await place.yard.identity.projects.add("apollo", members={ada.id: "member"})
    for key in (await place.key(ada), await place.key(ada, project="apollo")):
        answer = await place.client.post("/auth/token/refresh", headers=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_a_token")


PRIVATE_ROUTES = [
    ("POST", "/auth/token/refresh"), ("GET", "/users/me"), ("GET", "/users/"), ("POST", "/users/"), ("GET", "/users/1"),
    ("PUT", "/users/1"), ("DELETE", "/users/1"), ("GET", "/users/nonsense"), ("GET", "/users/?skip=nonsense"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PRIVATE_ROUTES)
@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer "])
async def test_no_token_is_no_authentication(place: Place, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await place.client.request(method, path, headers=headers)
    assert told(answer) == NOT_AUTHENTICATED
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), PRIVATE_ROUTES)
@pytest.mark.parametrize(
    "case", ["expired", "forged", "none", "shape", "deleted", "inactive", "unknown key", "nonsense"]
)
async def test_a_bad_token_is_not_valid(place: Place, root: User, method: str, path: str, case: str) -> None:
    spare = await place.user(is_admin=True)
    token = await place.yard.identity.tokens.issue(spare)
    header, payload, signature = token.split(".")
    match case:
        case "expired":
            CLOCK.ahead = timedelta(minutes=30, seconds=1)
        case "forged":
            token = jws.serialize_compact({"alg": "ES256"}, json.dumps(payload_of(token)), ECKey.generate_key("P-256"))
        case "none":
            token = f"{base64.urlsafe_b64encode(json.dumps({'alg': 'none'}).encode()).decode()}.{payload}."
        case "shape":
            token = (await place.yard.identity.tokens.key()).sign(b'{"id": 1}')
        case "deleted":
            await place.yard.identity.users.delete(spare.id)
        case "inactive":
            await place.yard.identity.users.deactivate(spare.id)
        case "unknown key":
            token = "ry_" + "a" * 40
        case _:
            token = "nonsense"
    answer = await place.client.request(method, path, headers=bearer(token))
    assert told(answer) == NOT_VALID
    assert answer.headers["www-authenticate"] == "Bearer"


ADMIN_ROUTES = PRIVATE_ROUTES[2:7]


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
async def test_only_admins_administer(place: Place, ada: User, root: User, method: str, path: str) -> None:
    await place.yard.identity.projects.add("apollo", members={root.id: "admin"})
    for headers in (await place.headers(ada), await place.key(ada), await place.key(root, project="apollo")):
        assert told(await place.client.request(method, path, headers=headers)) == NOT_ENOUGH


async def test_the_word_admin_among_the_permissions_makes_no_admin(place: Place) -> None:
    user = await place.user(permissions=["admin", "*"])
    assert told(await place.client.get("/users/", headers=await place.headers(user))) == NOT_ENOUGH


async def test_an_admin_who_is_demoted_is_none_at_once(place: Place, admin: dict[str, str]) -> None:
    other = await place.user(is_admin=True)
    headers = await place.headers(other)
    assert (await place.client.get("/users/", headers=headers)).status_code == 200
    await place.client.put(f"/users/{other.number}", data={"is_admin": "false"}, headers=admin)
    assert told(await place.client.get("/users/", headers=headers)) == NOT_ENOUGH


async def test_api_keys_are_accepted_where_tokens_are(place: Place, ada: User, root: User) -> None:
    assert (await place.client.get("/users/me", headers=await place.key(ada))).json()["id"] == ada.number
    assert (await place.client.get("/users/", headers=await place.key(root))).status_code == 200


async def test_tokens_are_accepted_where_api_keys_are(place: Place, ada: User) -> None:
    assert told(await place.client.get("/jobs", headers=await place.headers(ada))) == (200, "[]")


# -------------------------------------------------------------------- users


async def test_a_user_is_shown_with_six_members_in_their_order(place: Place, ada: User) -> None:
    answer = await place.client.get("/users/me", headers=await place.headers(ada))
    assert answer.status_code == 200
    created = ada.created_at.replace(tzinfo=None).isoformat(timespec="microseconds")
    assert list(answer.json().items()) == [
        ("username", ada.login),
        ("is_admin", False),
        ("is_active", True),
        ("id", ada.number),
        ("created_at", created),
        ("permissions", ["read:jobs", "write:jobs"]),
    ]


async def test_a_time_without_microseconds_is_written_with_them(place: Place, ada: User) -> None:
    await place.yard.database.execute("UPDATE users SET created_at = '2026-01-02T03:04:05+02:00'")
    shown = (await place.client.get("/users/me", headers=await place.headers(ada))).json()
    assert shown["created_at"] == "2026-01-02T01:04:05.000000"


async def test_a_user_without_a_login_is_called_by_their_email(place: Place) -> None:
    grace = await place.yard.identity.users.create("Grace", email="grace@example.com")
    assert (await place.client.get("/users/me", headers=await place.headers(grace))).json()[
        "username"
    ] == "grace@example.com"


async def test_an_admin_adds_a_user_who_signs_in(place: Place, admin: dict[str, str]) -> None:
    answer = await place.client.post("/users/", data={"username": "eve", "password": "s3cret"}, headers=admin)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["username"], made["is_admin"], made["is_active"], made["permissions"]) == ("eve", False, True, [])
    assert (await place.sign_in("eve", "s3cret")).status_code == 200
    assert (await place.client.get(f"/users/{made['id']}", headers=admin)).json() == made


async def test_everything_of_a_new_user_may_be_chosen(place: Place, admin: dict[str, str]) -> None:
    fields = {
        "username": "eve",
        "password": "x",
        "is_admin": "1",
        "is_active": "off",
        "permissions": "read:jobs, admin",
    }
    made = (await place.client.post("/users/", data=fields, headers=admin)).json()
    assert (made["is_admin"], made["is_active"], made["permissions"]) == (True, False, ["read:jobs", "admin"])
    assert told(await place.sign_in("eve", "x")) == WRONG


async def test_a_name_that_is_an_email_is_one(place: Place, admin: dict[str, str]) -> None:
    fields = {"username": "eve@example.com", "password": "x"}
    made = (await place.client.post("/users/", data=fields, headers=admin)).json()
    assert made["username"] == "eve@example.com"
    assert (await place.sign_in("eve@example.com", "x")).status_code == 200
    again = await place.client.post("/users/", data=fields, headers=admin)
    assert told(again) == (400, '{"detail":"Username already registered"}')


async def test_a_name_is_given_once(place: Place, ada: User, admin: dict[str, str]) -> None:
    answer = await place.client.post("/users/", data={"username": ada.login, "password": "x"}, headers=admin)
    assert told(answer) == (400, '{"detail":"Username already registered"}')


@pytest.mark.parametrize(
    ("fields", "kind", "loc"),
    [
        ({"username": "eve"}, "missing", ["body", "password"]),
        ({"password": "x"}, "missing", ["body", "username"]),
        ({"username": "eve", "password": "x", "is_admin": "maybe"}, "bool_parsing", ["body", "is_admin"]),
        ({"username": "eve\n", "password": "x\0" * 600}, "value_error", ["body"]),
        ({"username": "a\0b", "password": "x"}, "value_error", ["body"]),
        ({"username": "not@email", "password": "x"}, "value_error", ["body"]),
        ({"username": str(uuid4()), "password": "x"}, "value_error", ["body"]),
        ({"username": "eve", "password": "x", "permissions": "a\0b"}, "value_error", ["body"]),
        ({"username": "eve", "password": "x", "permissions": ",".join(map(str, range(100)))}, "value_error", ["body"]),
    ],
)
async def test_what_cannot_be_used_is_named(
    place: Place, admin: dict[str, str], fields: dict[str, str], kind: str, loc: list[str]
) -> None:
    answer = await place.client.post("/users/", data=fields, headers=admin)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert (problem["type"], problem["loc"], list(problem)) == (kind, loc, ["type", "loc", "msg", "input"])
    assert "x\0x" not in answer.text


async def test_users_are_listed_oldest_first_in_pages(place: Place, root: User, admin: dict[str, str]) -> None:
    made = [root.number, *[(await place.user(password=None)).number for _ in range(4)]]

    async def listed(query: str = "") -> list[int]:
        answer = await place.client.get(f"/users/{query}", headers=admin)
        assert answer.status_code == 200
        return [user["id"] for user in answer.json()]

    assert await listed() == made
    assert await listed("?skip=1&limit=2") == made[1:3]
    assert await listed("?limit=-1") == made
    assert await listed("?skip=-5&limit=0") == []
    assert await listed("?skip=-5&limit=1") == made[:1]
    assert await listed(f"?skip={10**30}&limit={10**30}") == []
    bad = await place.client.get("/users/?limit=many", headers=admin)
    assert (bad.status_code, bad.json()["detail"][0]["loc"]) == (422, ["query", "limit"])


async def test_by_default_a_page_has_a_hundred(place: Place, admin: dict[str, str]) -> None:
    await place.yard.database.execute(
        "INSERT INTO users (id, name, created_at) SELECT gen_random_uuid(), 'many', now() FROM generate_series(1, 120)"
    )
    assert len((await place.client.get("/users/", headers=admin)).json()) == 100


async def test_the_path_without_its_slash_leads_there(place: Place, admin: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        answer = await place.client.request(method, "/users", headers=admin)
        assert (answer.status_code, answer.headers["location"]) == (307, "http://yard/users/")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("number", ["0", "-1", "2147483647", "99999999999999999999999"])
async def test_a_user_that_is_not_there_is_not_found(
    place: Place, admin: dict[str, str], method: str, number: str
) -> None:
    assert told(await place.client.request(method, f"/users/{number}", headers=admin)) == NOT_FOUND


async def test_what_is_no_number_is_named(place: Place, admin: dict[str, str]) -> None:
    answer = await place.client.get("/users/nonsense", headers=admin)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "path"


async def test_an_update_changes_what_is_given(place: Place, ada: User, admin: dict[str, str]) -> None:
    async def put(**fields: str) -> dict[str, object]:
        answer = await place.client.put(f"/users/{ada.number}", data=fields, headers=admin)
        assert answer.status_code == 200
        return answer.json()

    before = (await place.client.get(f"/users/{ada.number}", headers=admin)).json()
    assert await put() == before
    assert await put(password="", permissions="", is_active="", is_admin="") == before
    assert await put(permissions="a, b") == before | {"permissions": ["a", "b"]}
    assert await put(permissions="[]") == before | {"permissions": []}
    assert await put(permissions='["read:jobs"]', is_admin="yes") == before | {
        "permissions": ["read:jobs"],
        "is_admin": True,
    }
    assert (await put(is_active="0"))["is_active"] is False
    await put(is_active="on", password="new")
    assert (await place.sign_in(ada.login, "new")).status_code == 200
    assert told(await place.sign_in(ada.login)) == WRONG


async def test_a_deleted_user_is_gone(place: Place, ada: User, admin: dict[str, str]) -> None:
    theirs = await place.headers(ada)
    answer = await place.client.delete(f"/users/{ada.number}", headers=admin)
    assert (answer.status_code, answer.content) == (204, b"")
    assert told(await place.client.get("/users/me", headers=theirs)) == NOT_VALID
    assert told(await place.client.delete(f"/users/{ada.number}", headers=admin)) == NOT_FOUND
    assert told(await place.sign_in(ada.login)) == WRONG


@pytest.mark.parametrize(
    ("method", "fields"), [("DELETE", {}), ("PUT", {"is_admin": "no"}), ("PUT", {"is_active": "no"})]
)
async def test_the_last_admin_stays(
    place: Place, root: User, admin: dict[str, str], method: str, fields: dict[str, str]
) -> None:
    answer = await place.client.request(method, f"/users/{root.number}", data=fields, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert "Make another user an admin first" in answer.json()["detail"]
    await place.user(is_admin=True)
    assert (await place.client.request(method, f"/users/{root.number}", data=fields, headers=admin)).is_success


async def test_a_user_deleted_while_they_call_is_not_valid(
    place: Place, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, authenticate = await place.headers(ada), place.yard.identity.authenticate

    async def too_late(presented: str, **_: object) -> object:
        principal = await authenticate(presented)
        await place.yard.database.execute("DELETE FROM users WHERE id = $1", ada.id)
        return principal

    monkeypatch.setattr(place.yard.identity, "authenticate", too_late)
    assert told(await place.client.get("/users/me", headers=headers)) == NOT_VALID
    monkeypatch.undo()
    with pytest.raises(InvalidCredential):
        await authenticate(headers["Authorization"].partition(" ")[2])


async def test_the_body_is_left_alone_before_authentication(place: Place) -> None:
    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was asked for")
        yield b""

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await place.client.post("/users/", content=body(), headers=headers)
    assert told(answer) == NOT_AUTHENTICATED
