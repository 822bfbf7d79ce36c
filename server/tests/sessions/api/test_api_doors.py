"""Who may come in: every refusal in its place, with the words of the original."""

from __future__ import annotations

import pytest

from .conftest import House, open_house

PATHS = [
    ("POST", "/v1/sessions"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/sessions/session-1"),
    ("DELETE", "/v1/sessions/session-1"),
    ("GET", "/v1/sessions/session-1/events"),
    ("POST", "/v1/sessions/session-1/messages"),
    ("GET", "/v1/sessions/session-1/messages"),
    ("POST", "/v1/sessions/session-1/interrupt"),
    ("POST", "/v1/sessions/session-1/stop"),
    ("POST", "/v1/sessions/session-1/finish"),
    ("POST", "/v1/sessions/session-1/approvals/call-1"),
    ("GET", "/v1/sessions/session-1/artifacts"),
    ("GET", "/v1/sessions/session-1/artifacts/report.md"),
    ("GET", "/v1/sessions/session-1/patch"),
    ("GET", "/v1/sessions/session-1/logs"),
    ("GET", "/v1/sessions/session-1/metrics"),
    ("GET", "/v1/models"),
]
ON_SESSIONS = [(method, path) for method, path in PATHS if "session-1" in path]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_nobody_comes_in_without_a_token_and_a_project(house, ada, method, path):
    client = house.client()
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()) == (401, {"error": "Missing or invalid authorization"})
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-request-id"]
    answer = await client.request(method, path, headers={"Authorization": "Bearer sha256~wrong"})
    assert (answer.status_code, answer.json()) == (401, {"error": "Token expired or invalid"})
    token = {"Authorization": ada.client.headers["authorization"]}
    answer = await client.request(method, path, headers=token)
    assert (answer.status_code, answer.json()) == (400, {"error": "Project required. Set X-Ambient-Project header"})
    answer = await client.request(method, path, headers={**token, "X-Ambient-Project": "No_Label"})
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid project name")
    answer = await client.request(method, path, headers={**token, "X-Ambient-Project": "somebody-elses"})
    assert (answer.status_code, answer.json()) == (403, {"error": "Unauthorized to access project"})


@pytest.mark.parametrize(("method", "path"), ON_SESSIONS)
async def test_what_can_be_no_id_is_refused_before_the_body_is_looked_at(ada, method, path):
    for wrong in ("Session-1", "-x", "x" * 64, "a.b", "a%20b", "a_b", "%2e%2e"):
        answer = await ada.client.request(method, path.replace("session-1", wrong), content=b"nonsense")
        assert (answer.status_code, answer.json()["error"]) == (400, "Invalid session ID"), wrong


@pytest.mark.parametrize(("method", "path"), ON_SESSIONS)
async def test_a_session_that_is_not_there_is_not_found(ada, method, path):
    body = {"content": "x", "approved": True}
    answer = await ada.client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["error"]) == (404, "session not found: session-1")


@pytest.mark.parametrize(("method", "path"), ON_SESSIONS)
async def test_sessions_of_other_projects_are_not_found_either(house, ada, method, path):
    session = await (await house.caller("bob")).create()
    body = {"content": "x", "approved": True}
    answer = await ada.client.request(method, path.replace("session-1", session), json=body)
    assert (answer.status_code, answer.json()["error"]) == (404, f"session not found: {session}")


async def test_members_of_a_project_share_its_sessions(house, ada):
    bob = await house.caller("bob", project=ada.project)
    session = await ada.create()
    assert (await bob.get(session))["id"] == session
    assert (await bob.client.delete(f"/v1/sessions/{session}")).status_code == 204


@pytest.mark.parametrize("name", ["a", "a1", "a" * 63, "a-b"])
async def test_labels_of_dns_are_names_of_projects(house, name):
    caller = await house.caller(project=name)
    assert (await caller.client.get("/v1/sessions")).json() == {"items": [], "total": 0}


@pytest.mark.parametrize("name", ["A", "a" * 64, "-a", "a-", "a_b", "a.b", "a b", "a/b", "../a", "a@b", "%2e"])
async def test_nothing_else_is(ada, name):
    answer = await ada.client.get("/v1/sessions", headers={"X-Ambient-Project": name})
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid project name")


async def test_tokens_come_in_the_header_of_the_proxy_too(house, ada):
    bearer, project = ada.client.headers["authorization"], ada.project
    client = house.client(**{"X-Ambient-Project": project})
    forwarded = {"X-Forwarded-Access-Token": bearer.removeprefix("Bearer ")}
    assert (await client.get("/v1/sessions", headers=forwarded)).status_code == 200
    both = {"Authorization": bearer, "X-Forwarded-Access-Token": "nonsense"}
    assert (await client.get("/v1/sessions", headers=both)).status_code == 200
    for scheme in ("Basic", "bearer", "BEARER"):
        other = {"Authorization": bearer.replace("Bearer", scheme)}
        answer = await client.get("/v1/sessions", headers=other)
        assert (answer.status_code, answer.json()["error"]) == (401, "Missing or invalid authorization")


async def test_every_kind_of_token_of_the_yard_is_good(house, ada):
    identity = house.yard.identity
    user = await identity.users.get(ada.id)
    tokens = [(await identity.keys.issue(ada.id, kind=kind)).secret.reveal() for kind in ("ci", "ry", "openshift")]
    for token in [*tokens, await identity.tokens.issue(user)]:
        client = house.client(**{"Authorization": f"Bearer {token}", "X-Ambient-Project": ada.project})
        assert (await client.get("/v1/sessions")).status_code == 200


async def test_revoked_tokens_and_inactive_users_are_refused_in_the_same_words(house, ada):
    identity = house.yard.identity
    issued = await identity.keys.issue(ada.id, kind="openshift")
    client = house.client(**{"Authorization": f"Bearer {issued.secret.reveal()}", "X-Ambient-Project": ada.project})
    assert (await client.get("/v1/sessions")).status_code == 200
    await identity.keys.revoke(issued.key.id)
    for refused in (client, ada.client):
        answer = await refused.get("/v1/sessions")
        assert (answer.status_code, answer.json()) == (401, {"error": "Token expired or invalid"})
        await identity.users.deactivate(ada.id)


async def test_a_token_of_one_project_needs_no_header_and_bears_no_other(house, ada):
    identity = house.yard.identity
    await identity.projects.add("other-of-ada", members={ada.id: "member"})
    token = (await identity.keys.issue(ada.id, kind="openshift", project=ada.project)).secret.reveal()
    client = house.client(Authorization=f"Bearer {token}")
    session = await ada.create()
    assert [one["id"] for one in (await client.get("/v1/sessions")).json()["items"]] == [session]
    answer = await client.get("/v1/sessions", headers={"X-Ambient-Project": "other-of-ada"})
    assert (answer.status_code, answer.json()["error"]) == (400, "Project required. Set X-Ambient-Project header")
    assert "other-of-ada" in answer.json()["message"]


async def test_who_leaves_a_project_leaves_its_sessions(house, ada):
    session = await ada.create()
    await house.yard.identity.projects.remove_member(ada.project, ada.id)
    answer = await ada.client.get(f"/v1/sessions/{session}")
    assert (answer.status_code, answer.json()) == (403, {"error": "Unauthorized to access project"})


async def test_administrators_of_the_yard_see_no_project_they_are_not_in(house, ada):
    root = await house.caller("root")
    await house.yard.identity.users.update(root.id, is_admin=True)
    answer = await root.client.get("/v1/sessions", headers={"X-Ambient-Project": ada.project})
    assert (answer.status_code, answer.json()) == (403, {"error": "Unauthorized to access project"})


async def test_the_pace_is_each_tokens_own(yard_database):
    async with open_house(yard_database, session_rate=0.5, session_burst=3) as house:
        ada, bob = await house.caller("ada"), await house.caller("bob")
        for _ in range(3):
            assert (await ada.client.get("/v1/models")).status_code == 200
        answer = await ada.client.get("/v1/models")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        assert answer.json() == {"error": "Rate limit exceeded", "code": "rate_limited", "retry_after": "2s"}
        assert (await bob.client.get("/v1/models")).status_code == 200
        for _ in range(10):
            assert (await ada.client.get("/health")).status_code == 200


async def test_the_service_says_how_it_is_to_anybody(house: House):
    client = house.client()
    assert (await client.get("/health")).json() == {"status": "ok"}
    assert (await client.get("/ready")).json() == {"status": "ready"}
    numbers = await client.get("/metrics")
    assert numbers.headers["content-type"].startswith("text/plain")
    assert "runyard_jobs" in numbers.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2/x", 404), ("PUT", "/v1/sessions", 405)])
async def test_what_is_not_there_is_told_in_the_same_envelope(house, method, path, status):
    answer = await house.client().request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "code"}
    assert (status == 405) == ("allow" in answer.headers)
