"""Client credentials for tokens, at ``POST /v1/auth/token``."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from runyard.identity import Action, InvalidCredential, NotFound, TooManyAttempts, allowed
from runyard.services.runs.words import Role


@pytest.fixture
async def account(house, place):
    return await house.account(place.id, Role.OPERATOR, Role.AUDITOR)


def asked(account, **more: str | None) -> dict[str, str]:
    fields = {
        "grant_type": "client_credentials",
        "client_id": account.account.client_id,
        "client_secret": account.secret.reveal(),
        **more,
    }
    return {name: value for name, value in fields.items() if value is not None}


def claims(token: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


@pytest.mark.parametrize("shape", ["form", "json", "basic"])
async def test_a_program_gets_a_token_of_its_workspace(house, place, account, shape):
    client, fields = house.client(), asked(account)
    if shape == "form":
        answer = await client.post("/v1/auth/token", data=fields)
    elif shape == "json":
        answer = await client.post("/v1/auth/token", json={**fields, "workspaceId": place.id})
    else:
        pair = (fields["client_id"], fields["client_secret"])
        answer = await client.post("/v1/auth/token", data={"grant_type": "client_credentials"}, auth=pair)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 1800, "auditor operator")
    got = await house.client(token=told["access_token"]).get(place.url)
    assert got.status_code == 200
    said = claims(told["access_token"])
    assert {
        "iss",
        "aud",
        "sub",
        "workspaceId",
        "tenantId",
        "roles",
        "scope",
        "exp",
        "iat",
        "nbf",
        "jti",
        "clientId",
    } <= set(said)
    assert (said["workspaceId"], said["clientId"]) == (place.id, account.account.client_id)


async def token(house, account, **more) -> str:
    answer = await house.client().post("/v1/auth/token", data=asked(account, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def test_a_scope_narrows_what_a_token_is_for(house, place):
    account = await house.account(place.id, Role.ADMIN, Role.AUDITOR)
    narrow = house.client(token=await token(house, account, scope="auditor"), below=place.path)
    assert (await narrow.get("/users")).status_code == 200
    assert (await narrow.get("/service-accounts")).status_code == 403
    wide = house.client(token=await token(house, account), below=place.path)
    assert (await wide.get("/service-accounts")).status_code == 200


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "sa-nobody"}, 401, "invalid_client"),
        ({"client_id": "a\x00b"}, 401, "invalid_client"),
        ({"workspace_id": "ws-other"}, 400, "invalid_grant"),
        ({"scope": "admin"}, 400, "invalid_scope"),
        ({"scope": "operator king"}, 400, "invalid_scope"),
    ],
)
async def test_what_is_refused_says_why_in_the_words_of_oauth(house, account, more, status, error):
    answer = await house.client().post("/v1/auth/token", data=asked(account, **more))
    told = answer.json()
    assert (answer.status_code, told["error"], told["status"]) == (status, error, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert account.secret.reveal() not in answer.text


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"grant_type": 5}', "application/json", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"a=b", "text/plain", 415),
        (b"a" * 70_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_body_that_is_none(house, content, media, status):
    answer = await house.client().post("/v1/auth/token", content=content, headers={"Content-Type": media})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_credentials_in_two_places_are_refused(house, account):
    fields = asked(account)
    answer = await house.client().post("/v1/auth/token", data=fields, auth=("x", "y"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_an_ended_program_gets_no_token_and_its_tokens_end(house, place, account):
    client = house.client(token=await token(house, account), below=place.path)
    assert (await client.get("/users")).status_code == 200
    assert (await place.admin.delete(f"/service-accounts/{account.account.client_id}")).status_code == 204
    assert (await client.get("/users")).status_code == 401
    answer = await house.client().post("/v1/auth/token", data=asked(account))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_rotated_secret_ends_at_once(house, place, account):
    answer = await place.admin.post(f"/service-accounts/{account.account.client_id}/rotate")
    renewed = answer.json()["clientSecret"]
    old = await house.client().post("/v1/auth/token", data=asked(account))
    new = await house.client().post("/v1/auth/token", data=asked(account, client_secret=renewed))
    assert (old.status_code, new.status_code) == (401, 200)


async def test_a_token_ends_no_later_than_its_account(house, place):
    account = await house.account(place.id, Role.AUDITOR, expires_in=timedelta(minutes=5))
    answer = await house.client().post("/v1/auth/token", data=asked(account))
    assert 0 < answer.json()["expires_in"] <= 300


async def test_secrets_cannot_be_tried_out(house_with):
    async with house_with(login_attempts=3) as house:
        place = await house.place()
        account = await house.account(place.id, Role.AUDITOR)
        for _ in range(3):
            wrong = await house.client().post("/v1/auth/token", data=asked(account, client_secret=uuid4().hex))
            assert wrong.status_code == 401
        late = await house.client().post("/v1/auth/token", data=asked(account))
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) >= 1


async def test_nobody_locks_a_program_out(house_with):
    """Neither a stranger who knows its id, nor a program beside it that has an old secret."""
    async with house_with(login_attempts=3) as house:
        place = await house.place()
        account, beside = [await house.account(place.id, Role.AUDITOR) for _ in range(2)]
        identity, client_id = house.yard.identity, account.account.client_id
        for _ in range(3):
            with pytest.raises(InvalidCredential):
                await identity.exchange(client_id, "wrong", address="192.0.2.1")
        with pytest.raises(TooManyAttempts):
            await identity.exchange(client_id, account.secret.reveal(), address="192.0.2.1")
        await identity.exchange(client_id, account.secret.reveal(), address="192.0.2.2")
        await identity.exchange(beside.account.client_id, beside.secret.reveal(), address="192.0.2.1")


async def test_a_program_reaches_its_workspaces_work_through_other_services(house, place, account):
    """Its token is one of the yard's: confined to the project of the same name."""
    principal = await house.yard.identity.authenticate(await token(house, account))
    assert (principal.tenant, principal.is_admin) == (f"project:{place.id}", False)
    assert set(principal.projects) == {place.id}


@pytest.mark.parametrize(("role", "may"), [(Role.OPERATOR, True), (Role.APPROVER, False), (Role.AUDITOR, False)])
async def test_a_token_that_is_only_for_looking_only_looks_in_other_services(house, place, role, may):
    account = await house.account(place.id, role)
    principal = await house.yard.identity.authenticate(await token(house, account))
    work = {"owner": uuid4(), "tenant": f"project:{place.id}"}
    assert [allowed(principal, action, **work) for action in (Action.READ, Action.LIST)] == [True, True]
    assert [allowed(principal, action, **work) for action in (Action.SUBMIT, Action.CANCEL)] == [may, may]


async def test_a_role_that_was_taken_away_counts_no_more_in_other_services(house, place):
    user, _ = await place.add(Role.OPERATOR)
    held = await house.token(place.id, user)
    assert (await place.admin.patch(f"/users/{user.user_id}", json={"roles": ["auditor"]})).status_code == 200
    principal = await house.yard.identity.authenticate(held)
    assert not allowed(principal, Action.SUBMIT, tenant=f"project:{place.id}")


async def test_two_clients_in_one_request_are_none(house, account):
    secret = account.secret.reveal()
    pair = base64.b64encode(f"{account.account.client_id}:{secret}".encode()).decode()
    fields = {"grant_type": "client_credentials", "client_id": "sa-another"}
    answer = await house.client().post("/v1/auth/token", data=fields, headers={"Authorization": f"Basic {pair}"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_field_that_is_there_twice_is_refused(house, account):
    """RFC 6749, 3.2."""
    form = [*asked(account).items(), ("scope", "operator"), ("scope", "auditor")]
    content = str(httpx.QueryParams(form)).encode()
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await house.client().post("/v1/auth/token", content=content, headers=media)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_nobody_is_made_in_a_workspace_that_has_ended(house):
    place = await house.place()
    assert (await house.client(token=place.admin.headers["authorization"][7:]).delete(place.path)).status_code == 204
    with pytest.raises(NotFound):
        await house.account(place.id, Role.ADMIN)
