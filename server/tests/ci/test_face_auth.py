"""Who may call, and what everybody else is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from runyard.identity import user_tenant
from runyard.jobs import NewJob

from .conftest import Caller, House, form

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_AUTHENTICATED = '{"detail":"Not authenticated"}'
UNKNOWN = "8c1b1d1e-5c5a-4b0e-9b7e-2f6f1f0f3a11"
INVALID = '{"detail":"Invalid or revoked API key"}'


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/submit-async"), ("POST", "/submit-stream"), ("POST", "/submit"), ("GET", "/jobs"), ("GET", "/me"),
     ("GET", f"/jobs/{UNKNOWN}"), ("GET", f"/jobs/{UNKNOWN}/stream"), ("GET", f"/jobs/{UNKNOWN}/stream?from_beginning=what"),
     ("POST", f"/jobs/{UNKNOWN}/cancel"), ("POST", f"/jobs/{UNKNOWN}/rerun"), ("GET", f"/jobs/{UNKNOWN}/artifacts/x")],
)  # fmt: skip
async def test_every_path_wants_a_key(house: House, method: str, path: str) -> None:
    answer = await house.client().request(method, path)
    assert (answer.status_code, answer.text) == (401, NOT_AUTHENTICATED)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Basic YTpi", "ci_" + "a" * 40, "Bearer"])
async def test_what_is_not_a_bearer_key_is_no_authentication(house: House, header: str) -> None:
    answer = await house.client().get("/jobs", headers={"Authorization": header})
    assert (answer.status_code, answer.text) == (401, NOT_AUTHENTICATED)


@pytest.mark.parametrize("key", ["ci_" + "a" * 40, "nonsense", "ci_", "ry_x"])
async def test_an_unknown_or_malformed_key_is_invalid(house: House, key: str) -> None:
    answer = await house.client().get("/jobs", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.text) == (401, INVALID)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_may_be_written_in_any_case(house: House, ada: Caller) -> None:
    answer = await house.client().get("/jobs", headers={"Authorization": f"bEARER  {ada.key}"})
    assert answer.status_code == 200


async def test_a_revoked_key_is_invalid(house: House, ada: Caller) -> None:
    await house.yard.identity.keys.revoke(ada.key_id)
    assert (await ada.client.get("/jobs")).text == INVALID


async def test_an_expired_key_is_invalid(house: House, ada: Caller) -> None:
    issued = await house.yard.identity.keys.issue(ada.id, kind="ci", expires_in=timedelta(hours=1))
    house.clock.ahead = timedelta(hours=2)
    assert (await house.client(issued.secret.reveal()).get("/jobs")).text == INVALID


async def test_an_inactive_user_is_refused_by_name(house: House, ada: Caller) -> None:
    await house.yard.identity.users.deactivate(ada.id)
    answer = await ada.client.get("/jobs")
    assert (answer.status_code, answer.text) == (403, '{"detail":"User not found or inactive"}')


async def test_a_list_has_ones_own_jobs_only(ada: Caller, bob: Caller) -> None:
    hers, his = await ada.submit(), await bob.submit()
    assert [job["job_id"] for job in (await ada.client.get("/jobs")).json()] == [hers]
    assert [job["job_id"] for job in (await bob.client.get("/jobs")).json()] == [his]


async def test_the_owner_sees_five_members_in_their_order(ada: Caller) -> None:
    job = await ada.submit()
    answer = await ada.client.get(f"/jobs/{job}")
    assert answer.text == f'{{"job_id":"{job}","status":"queued","success":null,"start_time":null,"end_time":null}}'


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/stream"), ("GET", "/details"), ("GET", "/tests"), ("GET", "/artifacts"),
     ("GET", "/artifacts/junit.xml"), ("POST", "/cancel"), ("POST", "/rerun")],
)  # fmt: skip
async def test_anothers_job_is_refused(ada: Caller, bob: Caller, method: str, path: str) -> None:
    answer = await bob.client.request(method, f"/jobs/{await ada.submit()}{path}")
    assert (answer.status_code, answer.text) == (403, '{"detail":"Access denied"}')


@pytest.mark.parametrize("job", [UNKNOWN, "nonsense", "0"])
@pytest.mark.parametrize("path", ["", "/stream", "/details", "/tests", "/artifacts"])
async def test_an_unknown_job_is_not_found(ada: Caller, job: str, path: str) -> None:
    answer = await ada.client.get(f"/jobs/{job}{path}")
    assert (answer.status_code, answer.text) == (404, '{"detail":"Job not found"}')


async def test_a_job_of_another_service_is_not_found(house: House, ada: Caller) -> None:
    other = await house.yard.jobs.submit(NewJob(kind="compute.hash", owner=ada.id, tenant=user_tenant(ada.id)))
    assert (await ada.client.get(f"/jobs/{other.id}")).status_code == 404


async def test_a_submit_stores_its_owner(house: House, ada: Caller) -> None:
    job = await house.yard.jobs.get(UUID(await ada.submit()))
    assert (job.owner, job.tenant, job.state) == (ada.id, user_tenant(ada.id), "queued")


async def test_the_body_is_left_alone_before_authentication(house: House) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /submit-async HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Expect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n"
    )
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    assert status.startswith(b"HTTP/1.1 401 "), "neither a 100 nor a byte of the body was asked for"


async def test_a_key_confined_to_a_project_reaches_that_project_only(house: House, ada: Caller) -> None:
    private = await ada.submit()
    await house.yard.identity.projects.add("rockets", members={ada.id: "member"})
    issued = await house.yard.identity.keys.issue(ada.id, kind="ci", project="rockets")
    client = house.client(issued.secret.reveal())
    shared = (await client.post("/submit-async", **form())).json()["job_id"]
    assert [job["job_id"] for job in (await client.get("/jobs")).json()] == [shared]
    assert (await client.get(f"/jobs/{private}")).status_code == 403


async def test_members_of_a_project_see_each_others_jobs(house: House, ada: Caller, bob: Caller) -> None:
    await house.yard.identity.projects.add("rockets", members={ada.id: "member", bob.id: "member"})
    issued = await house.yard.identity.keys.issue(ada.id, kind="ci", project="rockets")
    shared = (await house.client(issued.secret.reveal()).post("/submit-async", **form())).json()["job_id"]
    assert (await bob.client.get(f"/jobs/{shared}")).status_code == 200


async def test_me_says_who_the_key_belongs_to(ada: Caller) -> None:
    me = (await ada.client.get("/me")).json()
    assert me["user"] == {"id": str(ada.id), "name": "ada", "email": ada.email}
    assert me["key"]["name"] == "laptop"
    assert me["key"]["age_days"] == 0
    assert me["warning"] is None


async def test_every_answer_to_an_old_key_warns(house: House, ada: Caller) -> None:
    assert "runyard-key-warning" not in (await ada.client.get("/jobs")).headers
    house.clock.ahead = timedelta(days=100)
    warning = (await ada.client.get("/me")).json()["warning"]
    assert "100 days old" in warning
    for path in ("/jobs", "/jobs/nonsense", "/jobs?limit=0"):
        assert (await ada.client.get(path)).headers["runyard-key-warning"] == warning


async def test_health_wants_no_key(house: House) -> None:
    answer = await house.client().get("/health")
    assert (answer.status_code, answer.text) == (200, '{"status":"ok"}')


async def test_unknown_paths_methods_and_slashes_are_answered_as_ever(ada: Caller) -> None:
    unknown, method, slash = [
        await ada.client.request(*call) for call in (("GET", "/nope"), ("PUT", "/jobs"), ("GET", "/jobs/"))
    ]
    assert (unknown.status_code, unknown.text) == (404, '{"detail":"Not Found"}')
    assert (method.status_code, method.text, method.headers["allow"]) == (
        405,
        '{"detail":"Method Not Allowed"}',
        "GET",
    )
    assert (slash.status_code, slash.headers["location"].endswith("/jobs")) == (307, True)


async def test_a_request_has_an_id_the_callers_if_it_has_one(ada: Caller) -> None:
    assert (await ada.client.get("/jobs", headers={"X-Request-Id": "abc-1"})).headers["x-request-id"] == "abc-1"
    made = (await ada.client.get("/jobs", headers={"X-Request-Id": "a b"})).headers["x-request-id"]
    assert len(made) == 32
