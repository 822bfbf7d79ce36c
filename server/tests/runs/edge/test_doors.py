"""Who is let in, what every answer carries, and what every failure looks like."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from runyard.identity.workspace_tokens import TYPE
from runyard.services.runs.words import Role

PROBLEMS = "https://portarium.dev/problems/"


def problem(answer, status: int, slug: str) -> dict:
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["type"], told["status"]) == (PROBLEMS + slug, status)
    assert told["title"]
    assert told["detail"]
    return told


def claims(token: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


async def bearer(house, place) -> str:
    return place.admin.headers["authorization"].removeprefix("Bearer ")


async def get(house, place, token: str | None, **headers: str):
    return await house.client(token=token, **headers).get(f"/v1/workspaces/{place.id}")


# -------------------------------------------------------------------- tokens


async def test_without_a_token_there_is_a_challenge(house, place):
    answer = await get(house, place, None)
    problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("sent", ["Bearer", "Basic YTpi", "Bearer nonsense", "Bearer a.b.c", "Token x"])
async def test_what_is_no_token_is_refused(house, place, sent: str):
    problem(await get(house, place, None, Authorization=sent), 401, "unauthorized")


async def test_the_scheme_is_heard_in_any_case(house, place):
    answer = await get(house, place, None, Authorization=f"bEARER {await bearer(house, place)}")
    assert answer.status_code == 200


async def test_a_token_of_another_workspace_is_no_token_here(house, place):
    other = await house.place()
    problem(await get(house, place, await bearer(house, other)), 401, "unauthorized")


async def test_a_key_of_the_yard_works_for_members_only(house, place):
    key = await house.key(place.users[Role.AUDITOR])
    assert (await get(house, place, key)).status_code == 200
    other = await house.place()
    unknown = await house.client(token=key).get("/v1/workspaces/ws-nobody-made")
    problem(unknown, 404, "not-found")
    foreign = problem(await get(house, other, key), 404, "not-found")
    assert foreign["detail"].replace(other.id, "ws-nobody-made") == unknown.json()["detail"]


async def test_an_expired_token_is_refused(house, place, monkeypatch):
    token = await bearer(house, place)
    assert (await get(house, place, token)).status_code == 200
    identity = house.yard.identity
    later = house.yard.clock() + timedelta(hours=1)
    monkeypatch.setattr(identity.workspace_tokens._verified, "_clock", lambda: later)
    problem(await get(house, place, token), 401, "unauthorized")


async def forged(house, token: str, *, typ: str = TYPE, **changed: object) -> str:
    """The token with other claims, signed by the yard's own key."""
    key = await house.yard.identity.tokens.key()
    return key.sign(json.dumps({**claims(token), **changed}).encode(), typ=typ)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "somebody-else"},
        {"aud": ["runyard:workspaces", "somebody-else"]},
        {"iss": "somebody-else"},
        {"nbf": 4_000_000_000},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"number": 2**40},
        {"typ": "JWT"},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(house, place, changed: dict):
    typ = changed.pop("typ", TYPE)
    problem(
        await get(house, place, await forged(house, await bearer(house, place), typ=typ, **changed)),
        401,
        "unauthorized",
    )


async def test_a_clock_that_is_a_little_ahead_does_no_harm(house, place):
    soon = int((house.yard.clock() + timedelta(seconds=10)).timestamp())
    assert (await get(house, place, await forged(house, await bearer(house, place), nbf=soon))).status_code == 200


async def test_roles_in_a_token_give_no_rights(house, place):
    """What somebody may is looked up."""
    token = place.auditor.headers["authorization"].removeprefix("Bearer ")
    bold = await forged(house, token, roles=["admin"], scope="admin")
    answer = await house.client(token=bold).post(f"/v1/workspaces/{place.id}/users", json={})
    problem(answer, 403, "forbidden")


async def test_swapped_algorithms_are_refused(house, place):
    """RFC 8725, 3.1: nothing but ES256, whatever the header says."""
    token = await bearer(house, place)
    payload = base64.urlsafe_b64decode(token.split(".")[1] + "==")
    public = (await house.yard.identity.tokens.key()).public_pem.encode()
    said = ".".join([_segment(b'{"alg":"HS256","typ":"at+jwt"}'), token.split(".")[1]])
    mac = f"{said}.{_segment(hmac.digest(public, said.encode(), 'sha256'))}"
    other = jws.serialize_compact({"alg": "ES256", "typ": TYPE}, payload, ECKey.generate_key("P-256"))
    none = ".".join([_segment(b'{"alg":"none","typ":"at+jwt"}'), token.split(".")[1], ""])
    for bad in (mac, other, none):
        problem(await get(house, place, bad), 401, "unauthorized")


async def test_somebody_who_has_left_is_out_at_once(house, place):
    user, client = await place.add(Role.OPERATOR)
    assert (await client.get("/users")).status_code == 200
    assert (await place.admin.delete(f"/users/{user.user_id}")).status_code == 204
    problem(await client.get("/users"), 401, "unauthorized")


async def test_a_deactivated_user_is_out_at_once_and_may_come_back(house, place):
    user, client = await place.add(Role.OPERATOR)
    key = house.client(token=await house.key(user), below=f"/v1/workspaces/{place.id}")
    assert (await place.admin.patch(f"/users/{user.user_id}", json={"active": False})).status_code == 200
    problem(await client.get("/users"), 401, "unauthorized")
    problem(await key.get("/users"), 403, "forbidden")
    assert (await place.admin.patch(f"/users/{user.user_id}", json={"active": True})).status_code == 200
    assert (await client.get("/users")).status_code == 200


async def test_x_workspace_id_has_to_agree(house, place):
    token = await bearer(house, place)
    assert (await get(house, place, token, **{"X-Workspace-Id": place.id})).status_code == 200
    problem(await get(house, place, token, **{"X-Workspace-Id": "ws-other"}), 403, "forbidden")


async def test_a_stranger_is_refused_before_the_body_is_read(house, place):
    big = b"x" * (2 * 1024 * 1024)
    answer = await house.client().post(f"/v1/workspaces/{place.id}/users", content=big)
    problem(answer, 401, "unauthorized")


# -------------------------------------------------------------------- headers


async def test_every_answer_carries_its_ids_and_what_browsers_heed(house, place):
    for answer in (
        await place.admin.get("/users"),
        await place.admin.get("/nothing"),
        await house.client().get("/v1/x"),
    ):
        assert answer.headers["x-correlation-id"]
        assert answer.headers["traceparent"].startswith("00-")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_ids_of_the_caller_are_echoed(place):
    trace = "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"
    sent = {"X-Correlation-Id": "corr-1", "traceparent": trace, "tracestate": "a=b"}
    answer = await place.admin.get("/users", headers=sent)
    assert answer.headers["x-correlation-id"] == "corr-1"
    assert answer.headers["traceparent"] == trace.lower()
    assert answer.headers["tracestate"] == "a=b"


@pytest.mark.parametrize("trace", ["01-x", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "nonsense"])
async def test_a_broken_trace_is_replaced_and_its_state_dropped(place, trace: str):
    answer = await place.admin.get("/users", headers={"traceparent": trace, "tracestate": "a=b"})
    assert answer.headers["traceparent"] != trace
    assert "tracestate" not in answer.headers


async def test_rate_limit_headers_are_true(house_with):
    async with house_with(runs_rate=0.01, runs_burst=3) as house:
        place = await house.place()
        told = [(await place.admin.get("/users")).headers for _ in range(3)]
        assert [headers["ratelimit-remaining"] for headers in told] == ["2", "1", "0"]
        assert {headers["ratelimit-limit"] for headers in told} == {"3"}
        refused = await place.admin.get("/users")
        assert problem(refused, 429, "rate-limit-exceeded")["retryAfterSeconds"] >= 1
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["ratelimit-remaining"] == "0"
        assert (await place.operator.get("/users")).status_code == 200  # everybody has their own
        # strangers who know nothing can't spend somebody's: the count comes after authentication
        for _ in range(5):
            problem(await house.client().get(f"/v1/workspaces/{place.id}/users"), 401, "unauthorized")
        assert (await place.operator.get("/users")).headers["ratelimit-remaining"] == "1"


# -------------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("body", "media", "status", "slug"),
    [
        (b"", "application/json", 400, "bad-request"),
        (b"{", "application/json", 400, "bad-request"),
        (b'{"email": NaN}', "application/json", 400, "bad-request"),
        (b'{"email": "\xff"}', "application/json", 400, "bad-request"),
        (b"[" * 100_000, "application/json", 400, "bad-request"),
        (b"[]", "application/json", 422, "validation-failed"),
        (b"{}", "text/plain", 415, "unsupported-media-type"),
        (b'{"email": "a\\u0000@example.com", "roles": ["admin"]}', "application/json", 422, "validation-failed"),
        (b'{"email": ' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}", "application/json", 422, "validation-failed"),
        (b"{" + b" " * 1024 * 1024 + b"}", "application/json", 413, "payload-too-large"),
    ],
)
async def test_a_body_that_cannot_be_used(place, body: bytes, media: str, status: int, slug: str):
    answer = await place.admin.post("/users", content=body, headers={"Content-Type": media})
    problem(answer, status, slug)


async def test_every_wrong_field_is_named(place):
    answer = await place.admin.post("/users", json={"email": 5, "roles": ["king"], "displayName": None, "more": 1})
    assert set(problem(answer, 422, "validation-failed")["errors"]) == {"email", "roles.0", "displayName", "more"}


async def test_names_of_the_python_client_are_understood(place):
    email = f"{uuid4().hex[:8]}@example.com"
    answer = await place.admin.post("/users", json={"email": email, "roles": ["auditor"], "display_name": "Ada"})
    assert answer.status_code == 201
    assert answer.json()["displayName"] == "Ada"


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("GET", "/v1/workspaces/", 404, "not-found"),
        ("PUT", "/v1/workspaces", 405, "method-not-allowed"),
        ("GET", "/api/v1/nothing", 404, "not-found"),
    ],
)
async def test_what_is_not_here_is_a_problem_too(house, method: str, path: str, status: int, slug: str):
    problem(await house.client().request(method, path), status, slug)


async def test_the_other_prefix_leads_to_the_same(house, place):
    client = house.client(token=await bearer(house, place))
    answer = await client.get(f"/api/v1/workspaces/{place.id}")
    assert answer.json() == (await client.get(f"/v1/workspaces/{place.id}")).json()


async def test_a_fault_of_ours_says_nothing_of_its_cause(house, place, monkeypatch):
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(house.yard.identity.workspace_users, "page", broken)
    answer = await place.admin.get("/users")
    assert "42" not in json.dumps(problem(answer, 500, "internal"))
    assert msgspec.json.decode(answer.content)["instance"] == f"/v1/workspaces/{place.id}/users"
