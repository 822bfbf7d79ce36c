"""Workspaces, their people and their programs, over HTTP."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from runyard.services.runs.api.commands import SWEEP
from runyard.services.runs.words import Role


def email() -> str:
    return f"{uuid4().hex[:8]}@example.com"


async def yard_admin(house, *, address: str | None = None):
    """Somebody who administers the yard, and calls with its own key."""
    address = address or email()
    user = await house.yard.identity.users.create("Root", email=address, is_admin=True)
    key = await house.yard.identity.keys.issue(user.id, kind="ry")
    return user, house.client(token=key.secret.reveal())


async def walk(client, path: str, **params: object) -> list[dict]:
    """All items of a list, page by page."""
    items, cursor = [], None
    while True:
        answer = await client.get(path, params={**params, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        items += told["items"]
        assert told.get("cursor") == told.get("nextCursor")
        if "cursor" not in told:
            return items
        assert told["cursor"] != cursor
        cursor = told["cursor"]


async def summaries(house, workspace: str) -> list[str]:
    found = await house.yard.database.fetch(
        "SELECT convert_from(body, 'UTF8')::jsonb ->> 'summary' AS text FROM runs_evidence WHERE workspace = $1 ORDER BY seq",
        workspace,
    )
    return [row["text"] for row in found]


# -------------------------------------------------------------------- workspaces


async def test_an_admin_of_the_yard_makes_a_workspace_and_administers_it(house):
    user, client = await yard_admin(house)
    name = f"Acme & Söhne {uuid4().hex[:6]}"
    made = await client.post("/v1/workspaces", json={"name": name})
    assert made.status_code == 201
    workspace = made.json()["workspaceId"]
    assert workspace == f"acme-sohne-{name[-6:]}"
    assert made.headers["location"] == f"/v1/workspaces/{workspace}"
    assert set(made.json()) == {"workspaceId", "name", "createdAtIso"}
    got = await client.get(made.headers["location"])
    assert got.json() == made.json()
    assert got.headers["etag"] == made.headers["etag"]
    people = (await client.get(f"/v1/workspaces/{workspace}/users")).json()["items"]
    assert [(each["userId"], each["roles"]) for each in people] == [(str(user.id), ["admin"])]
    assert await summaries(house, workspace) == ["The workspace was made."]


@pytest.mark.parametrize(
    "asked", [{"name": " "}, {"name": "x" * 201}, {}, {"name": "ok", "workspaceId": "Not A Label"}, {"name": "***"}]
)
async def test_a_workspace_that_cannot_be_made(house, asked):
    _, client = await yard_admin(house)
    assert (await client.post("/v1/workspaces", json=asked)).status_code == 422


async def test_names_and_ids_of_workspaces_are_taken_once(house, place):
    _, client = await yard_admin(house)
    for asked in (
        {"name": place.id, "workspaceId": f"w{uuid4().hex[:8]}"},
        {"name": uuid4().hex, "workspaceId": place.id},
    ):
        assert (await client.post("/v1/workspaces", json=asked)).status_code == 409
    await house.yard.identity.projects.add("somebodys-project")
    assert (await client.post("/v1/workspaces", json={"name": "somebodys project"})).status_code == 409


async def test_only_admins_of_the_yard_make_workspaces(place):
    answer = await place.admin.post(f"{place.house.url}/v1/workspaces", json={"name": "mine"})
    assert answer.status_code == 403


async def test_a_repeated_making_makes_one(house):
    _, client = await yard_admin(house)
    asked, headers = {"name": f"Twice {uuid4().hex[:6]}"}, {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(*(client.post("/v1/workspaces", json=asked, headers=headers) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotency-replayed", "") for answer in answers) == ["", "true", "true", "true"]


async def test_a_member_sees_their_workspaces_and_a_token_only_its_own(house):
    address = email()
    _, client = await yard_admin(house, address=address)
    mine = [(await client.post("/v1/workspaces", json={"name": uuid4().hex})).json()["workspaceId"] for _ in range(3)]
    assert [each["workspaceId"] for each in await walk(client, "/v1/workspaces", limit=2)] == mine
    other = await house.place()
    confined = await other.admin.get(f"{house.url}/v1/workspaces")
    assert [each["workspaceId"] for each in confined.json()["items"]] == [other.id]


async def test_a_workspace_is_renamed_by_its_admins_if_it_is_as_they_saw_it(place):
    seen = (await place.admin.get(place.url)).headers["etag"]
    assert (await place.operator.patch(place.url, json={"name": "Mine"})).status_code == 403
    name = f"New {place.id}"
    assert (await place.admin.patch(place.url, json={"name": name}, headers={"If-Match": seen})).json()["name"] == name
    stale = await place.admin.patch(place.url, json={"name": "Late"}, headers={"If-Match": seen})
    assert (stale.status_code, stale.json()["type"].rpartition("/")[2]) == (412, "precondition-failed")
    assert (await place.admin.get(place.url)).json()["name"] == name


async def test_a_version_that_is_known_is_not_sent_again(place):
    seen = (await place.admin.get(place.url)).headers["etag"]
    for wanted in (seen, f'"other", {seen}', f"W/{seen}", "*"):
        again = await place.admin.get(place.url, headers={"If-None-Match": wanted})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", seen)
    assert (await place.admin.get(place.url, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_an_ended_workspace_is_gone_for_all_and_its_id_stays_taken(house, place):
    assert (await place.operator.delete(place.url)).status_code == 403
    account = await house.account(place.id, Role.OPERATOR)
    assert (await place.admin.delete(place.url)).status_code == 204
    assert (await place.admin.get(place.url)).status_code == 401
    key = await house.key(place.users[Role.ADMIN])
    assert (await house.client(token=key).get(place.path)).status_code == 404
    assert (await house.yard.identity.service_accounts.get(place.id, account.account.client_id)).revoked_at is not None
    _, client = await yard_admin(house)
    assert (await client.post("/v1/workspaces", json={"name": "Again", "workspaceId": place.id})).status_code == 409
    assert (await summaries(house, place.id))[-1] == "The workspace was ended."


# -------------------------------------------------------------------- users


async def test_a_person_is_added_changed_and_removed(house, place):
    address = email()
    made = await place.admin.post("/users", json={"email": address, "roles": ["auditor", "operator"]})
    assert made.status_code == 201
    user = made.json()
    assert set(user) == {"userId", "workspaceId", "email", "roles", "active", "createdAtIso"}
    assert (user["email"], user["roles"], user["active"]) == (address, ["operator", "auditor"], True)
    assert made.headers["location"] == f"{place.path}/users/{user['userId']}"
    there = f"/users/{user['userId']}"
    assert (await place.auditor.get(there)).json() == user
    changed = await place.admin.patch(there, json={"displayName": "Ada", "roles": ["approver"]})
    assert changed.json() == {**user, "displayName": "Ada", "roles": ["approver"]}
    assert (await place.admin.delete(there)).status_code == 204
    assert (await place.admin.get(there)).status_code == 404
    assert (await place.admin.delete(there)).status_code == 404
    told = await summaries(house, place.id)
    assert told == [
        f"User {user['userId']} takes part from now on as operator, auditor.",
        f"User {user['userId']} takes part from now on as approver.",
        f"User {user['userId']} takes part no more.",
    ]


async def test_a_member_of_a_workspace_is_one_of_its_project(house, place):
    """What a run does there is theirs to see through the other clients, too."""
    user = place.users[Role.OPERATOR]
    for asked, standing in (
        ({"roles": ["admin"]}, "admin"),
        ({"active": False}, None),
        ({"active": True}, "admin"),
        ({"roles": ["operator", "approver"]}, "member"),
        ({"roles": ["approver", "auditor"]}, "reader"),
    ):
        assert (await place.admin.patch(f"/users/{user.user_id}", json=asked)).status_code == 200
        members = (await house.yard.identity.projects.get(place.id)).members
        assert members.get(user.email) == standing


async def test_a_user_of_the_yard_is_recognised_by_their_email(house, place):
    address = email()
    known = await house.yard.identity.users.create("Ada", email=address)
    made = await place.admin.post("/users", json={"email": address, "roles": ["auditor"]})
    assert made.json()["userId"] == str(known.id)


@pytest.mark.parametrize(
    "asked",
    [
        {"email": "nonsense", "roles": ["admin"]},
        {"email": "a@example.com", "roles": []},
        {"email": "a@example.com", "roles": ["admin", "admin"]},
        {"email": "a@example.com", "roles": ["king"]},
        {"email": "a@example.com", "roles": ["admin"], "active": None},
        {"email": "a@example.com", "roles": ["admin"], "displayName": "\n"},
        {"roles": ["admin"]},
    ],
)
async def test_a_person_who_cannot_be_added(place, asked):
    answer = await place.admin.post("/users", json=asked)
    assert answer.status_code == 422, answer.text


async def test_nothing_to_change_is_an_error(place):
    answer = await place.admin.patch(f"/users/{place.users[Role.AUDITOR].user_id}", json={})
    assert answer.status_code == 422


async def test_nobody_is_added_twice(place):
    asked = {"email": place.users[Role.AUDITOR].email, "roles": ["auditor"]}
    assert (await place.admin.post("/users", json=asked)).status_code == 409


async def test_the_other_path_of_an_invitation_leads_to_the_same(place):
    assert (await place.admin.post("/users/invite", json={"email": email(), "roles": ["auditor"]})).status_code == 201


@pytest.mark.parametrize("asked", [{"active": False}, {"roles": ["operator"]}, None])
async def test_a_workspace_keeps_an_admin(place, asked):
    there = f"/users/{place.users[Role.ADMIN].user_id}"
    answer = await (place.admin.delete(there) if asked is None else place.admin.patch(there, json=asked))
    assert answer.status_code == 409
    assert (await place.admin.get(there)).json()["roles"] == ["admin"]


async def test_two_admins_cannot_both_leave_at_once(place):
    second, client = await place.add(Role.ADMIN)
    first = place.users[Role.ADMIN]
    left = await asyncio.gather(
        place.admin.delete(f"/users/{second.user_id}"), client.delete(f"/users/{first.user_id}")
    )
    first_status, second_status = sorted(answer.status_code for answer in left)
    assert first_status == 204
    assert second_status in {401, 403, 409}


@pytest.mark.parametrize("role", ["operator", "approver", "auditor"])
async def test_only_admins_change_who_takes_part(place, role):
    client, there = getattr(place, role), f"/users/{place.users[Role.AUDITOR].user_id}"
    assert (await client.post("/users", json={"email": email(), "roles": ["auditor"]})).status_code == 403
    assert (await client.patch(there, json={"active": False})).status_code == 403
    assert (await client.delete(there)).status_code == 403
    assert (await client.get(there)).status_code == 200


async def test_people_of_another_workspace_are_not_found(house, place):
    other = await house.place()
    there = f"/users/{other.users[Role.AUDITOR].user_id}"
    for answer in (
        await place.admin.get(there),
        await place.admin.patch(there, json={"active": False}),
        await place.admin.delete(there),
        await place.admin.get(f"/users/{uuid4()}"),
        await place.admin.get("/users/nonsense"),
        await place.admin.get("/users/a%2Fb"),
    ):
        assert answer.status_code == 404, answer.text


# -------------------------------------------------------------------- pages


async def test_pages_have_every_person_once_in_the_order_they_came(place):
    made = [place.users[role].email for role in Role]
    for address in (added := [email() for _ in range(5)]):
        await place.admin.post("/users", json={"email": address, "roles": ["auditor"]})
    made += added
    for limit in (1, 2, 3, 9, 200):
        assert [each["email"] for each in await walk(place.auditor, "/users", limit=limit)] == made


async def test_pages_are_stable_while_people_come_and_go(place):
    added = [(await place.admin.post("/users", json={"email": email(), "roles": ["auditor"]})).json() for _ in range(4)]
    first = (await place.admin.get("/users", params={"limit": 5})).json()
    assert first["items"][-1]["userId"] == added[0]["userId"]
    assert (await place.admin.delete(f"/users/{added[0]['userId']}")).status_code == 204  # the one the cursor is at
    late = (await place.admin.post("/users", json={"email": email(), "roles": ["auditor"]})).json()
    rest = (await place.admin.get("/users", params={"limit": 5, "cursor": first["cursor"]})).json()
    assert [each["userId"] for each in rest["items"]] == [each["userId"] for each in [*added[1:], late]]
    assert not {"cursor", "nextCursor"} & set(rest)


@pytest.mark.parametrize("limit", ["0", "-1", "201", "ten", "1.5", ""])
async def test_a_limit_that_is_none(place, limit):
    assert (await place.admin.get("/users", params={"limit": limit})).status_code == 422


async def test_a_cursor_belongs_to_its_list(house, place):
    cursor = (await place.admin.get("/users", params={"limit": 1})).json()["cursor"]
    other = await house.place()
    assert (await place.admin.get("/users", params={"limit": 3, "cursor": cursor})).status_code == 200
    for answer in (
        await other.admin.get("/users", params={"cursor": cursor}),
        await place.admin.get("/service-accounts", params={"cursor": cursor}),
        await place.admin.get("/users", params={"cursor": cursor, "status": "other"}),
        await place.admin.get("/users", params={"cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B")}),
        await place.admin.get("/users", params={"cursor": "nonsense"}),
        await place.admin.get("/users", params={"cursor": "ü"}),
        await place.admin.get("/users", params={"cursor": ""}),
    ):
        assert answer.status_code == 422, answer.text
        assert "cursor" in answer.json()["errors"]


# -------------------------------------------------------------------- commands


async def test_a_key_with_another_body_is_a_conflict_and_changes_nothing(place):
    headers = {"Idempotency-Key": "k"}
    asked = {"email": email(), "roles": ["auditor"]}
    first = await place.admin.post("/users", json=asked, headers=headers)
    other = await place.admin.post("/users", json={**asked, "email": email()}, headers=headers)
    assert (first.status_code, other.status_code) == (201, 409)
    again = await place.admin.post("/users", json=asked, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert len((await place.admin.get("/users")).json()["items"]) == 5


async def test_one_key_at_once_is_one_change(place):
    headers, asked = {"Idempotency-Key": "k"}, {"email": email(), "roles": ["auditor"]}
    answers = await asyncio.gather(*(place.admin.post("/users", json=asked, headers=headers) for _ in range(8)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7


async def test_one_key_at_once_is_one_deletion(place):
    user, _ = await place.add(Role.AUDITOR)
    answers = await asyncio.gather(
        *(place.admin.delete(f"/users/{user.user_id}", headers={"Idempotency-Key": "k"}) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {204}  # though the others find nobody to remove
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7


async def test_one_key_at_once_for_different_bodies_is_one_change_and_conflicts(place):
    before = len((await place.admin.get("/users")).json()["items"])
    asked = [{"email": email(), "roles": ["auditor"]} for _ in range(6)]
    answers = await asyncio.gather(
        *(place.admin.post("/users", json=each, headers={"Idempotency-Key": "k"}) for each in asked)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert len((await place.admin.get("/users")).json()["items"]) == before + 1


async def test_a_deletion_that_comes_again_with_its_key_is_answered_as_before(place):
    user, _ = await place.add(Role.AUDITOR)
    headers = {"Idempotency-Key": "k"}
    for _ in range(2):
        assert (await place.admin.delete(f"/users/{user.user_id}", headers=headers)).status_code == 204
    assert (await place.admin.delete(f"/users/{user.user_id}")).status_code == 404


async def test_a_refused_change_does_not_spend_its_key(place):
    headers = {"Idempotency-Key": "k"}
    taken = {"email": place.users[Role.AUDITOR].email, "roles": ["auditor"]}
    assert (await place.admin.post("/users", json=taken, headers=headers)).status_code == 409
    assert (await place.admin.delete(f"/users/{place.users[Role.AUDITOR].user_id}")).status_code == 204
    assert (await place.admin.post("/users", json=taken, headers=headers)).status_code == 201


async def test_everybody_has_their_own_keys(house, place):
    _, second = await place.add(Role.ADMIN)
    headers = {"Idempotency-Key": "same"}
    for client in (place.admin, second):
        assert (
            await client.post("/users", json={"email": email(), "roles": ["auditor"]}, headers=headers)
        ).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_key_that_is_none(place, key):
    answer = await place.admin.post(
        "/users", json={"email": email(), "roles": ["auditor"]}, headers={"Idempotency-Key": key}
    )
    assert answer.status_code == 422


async def test_old_keys_are_forgotten(house, place):
    database, headers = house.yard.database, {"Idempotency-Key": "old"}
    assert (
        await place.admin.post("/users", json={"email": email(), "roles": ["auditor"]}, headers=headers)
    ).status_code == 201
    await database.execute(
        "UPDATE runs_idempotency SET created_at = created_at - interval '25 hours' WHERE workspace = $1", place.id
    )
    assert (
        await place.admin.post("/users", json={"email": email(), "roles": ["auditor"]}, headers=headers)
    ).status_code == 201
    for _ in range(SWEEP):
        await place.admin.post("/users", json={"email": email(), "roles": ["auditor"]})
    left = await database.fetchval(
        "SELECT count(*) FROM runs_idempotency WHERE created_at < now() - interval '24 hours'"
    )
    assert left == 0


# -------------------------------------------------------------------- service accounts


async def test_a_programs_secret_is_said_once(place):
    headers = {"Idempotency-Key": "k"}
    made = await place.admin.post("/service-accounts", json={"name": "ci", "roles": ["operator"]}, headers=headers)
    assert made.status_code == 201
    account = made.json()
    assert set(account) == {"clientId", "workspaceId", "userId", "name", "roles", "createdAtIso", "clientSecret"}
    secret = account.pop("clientSecret")
    for answer in (
        await place.admin.get(f"/service-accounts/{account['clientId']}"),
        await place.admin.post("/service-accounts", json={"name": "ci", "roles": ["operator"]}, headers=headers),
    ):
        assert answer.json() == account
    kept = await place.house.yard.database.fetch("SELECT body FROM runs_idempotency WHERE workspace = $1", place.id)
    assert all(secret.encode() not in row["body"] for row in kept)
    assert (await place.admin.get("/service-accounts")).json()["items"] == [account]


async def test_a_program_is_ended(place):
    made = (await place.admin.post("/service-accounts", json={"name": "ci", "roles": ["operator"]})).json()
    there = f"/service-accounts/{made['clientId']}"
    assert (await place.admin.delete(there)).status_code == 204
    assert "revokedAtIso" in (await place.admin.get(there)).json()
    assert (await place.admin.post(f"{there}/rotate")).status_code == 404
    again = await place.admin.post("/service-accounts", json={"name": "ci", "roles": ["operator"]})
    assert again.status_code == 201  # the name is free again


@pytest.mark.parametrize("role", ["operator", "approver", "auditor"])
async def test_only_admins_see_and_make_programs(place, role):
    client = getattr(place, role)
    assert (await client.get("/service-accounts")).status_code == 403
    assert (await client.post("/service-accounts", json={"name": "x", "roles": ["admin"]})).status_code == 403
