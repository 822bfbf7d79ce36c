"""Jobs after they are submitted: listing, details, cancelling, running again, results and files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import pytest

from runyard.jobs import JobContext, JobFailed
from runyard.services.ci import cases
from runyard.services.ci.report import TestCase
from runyard.services.ci.words import CASES

from .conftest import Caller, House, sse

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESULTS = (
    TestCase(id="t.py::a", outcome="passed", duration=0.5),
    TestCase(id="t.py::b", outcome="failed", duration=0.1, message="no", output="E no"),
    TestCase(id="t.py::c[ü/1]", outcome="error", duration=0.9, message="oh"),
    TestCase(id="t.py::d", outcome="skipped", duration=0.0),
)


async def fails(ctx: JobContext) -> Mapping[str, object]:
    content = cases.keep(RESULTS)
    await ctx.artifact(CASES, content, content_type="application/gzip", limit=len(content))
    await ctx.artifact("reports/a b.html", b"0123456789", content_type="text/html", limit=10)
    raise JobFailed("tests_failed", "2 of 4 tests failed.", result={"exit_code": 1, "tests": {"total": 4}})


async def failed_job(house: House, caller: Caller, **fields: object) -> str:
    await house.work(fails)
    job = await caller.submit(**fields)
    await house.ended(job)
    return job


async def ids(caller: Caller, query: str) -> list[str]:
    answer = await caller.client.get(f"/jobs{query}")
    assert answer.status_code == 200, answer.text
    return [job["job_id"] for job in answer.json()]


# ---------------------------------------------------------------- listing


async def test_a_list_is_filtered_by_the_words_of_the_service(house: House, ada: Caller) -> None:
    ends = {"good": None, "red": "tests_failed", "broken": "install_failed"}

    async def script(ctx: JobContext) -> Mapping[str, object]:
        code = ends[str(ctx.job.params["options"]["env"]["END"])]
        if code is not None:
            raise JobFailed(code, "So it went.")
        return {"exit_code": 0}

    worker = await house.work(script)
    jobs = {}
    for end in ends:
        jobs[end] = await ada.submit(options={"env": {"END": end}})
        await house.ended(jobs[end])
    await worker.drain()
    jobs["queued"] = await ada.submit()
    jobs["cancelled"] = await ada.submit()
    await ada.client.post(f"/jobs/{jobs['cancelled']}/cancel")

    expected = {
        "": ["cancelled", "queued", "broken", "red", "good"],
        "?status=completed": ["red", "good"],
        "?status=failed": ["broken"],
        "?status=completed&status=failed": ["broken", "red", "good"],
        "?status=queued,cancelled": ["cancelled", "queued"],
        "?status=running": [],
    }
    for query, names in expected.items():
        assert await ids(ada, query) == [jobs[name] for name in names], query
    summaries = {job["job_id"]: (job["status"], job["success"]) for job in (await ada.client.get("/jobs")).json()}
    assert summaries[jobs["good"]] == ("completed", True)
    assert summaries[jobs["red"]] == ("completed", False)
    assert summaries[jobs["broken"]] == ("failed", False)
    assert summaries[jobs["cancelled"]] == ("cancelled", False)


async def test_pages_are_stable_while_jobs_are_added(ada: Caller) -> None:
    made = [await ada.submit() for _ in range(5)][::-1]
    seen, path = [], "/jobs?limit=2&status=queued&since=1h"
    while path:
        answer = await ada.client.get(path)
        seen += [job["job_id"] for job in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
        await ada.submit()
    assert seen == made


async def test_since_takes_an_age_or_a_time(house: House, ada: Caller) -> None:
    house.clock.ahead = timedelta(days=-10)
    old = await ada.submit()
    house.clock.ahead = timedelta()
    new = await ada.submit()
    moment = (house.clock() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for since in ("2h", "90s", "9d", moment):
        assert await ids(ada, f"?since={since}") == [new], since
    for since in ("2w", "2020-01-01T00:00:00%2B02:00", "999999w"):
        assert await ids(ada, f"?since={since}") == [new, old], since


@pytest.mark.parametrize(
    "query",
    ["status=done", "since=yesterday", "limit=0", "limit=501", "limit=x", "cursor=x", "cursor=%C3%BC"],
)
async def test_a_query_that_cannot_be_used_is_named(ada: Caller, query: str) -> None:
    answer = await ada.client.get(f"/jobs?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["query", query.split("=", maxsplit=1)[0]]


# ---------------------------------------------------------------- details, cancelling


async def test_details_tell_the_place_in_the_queue(ada: Caller) -> None:
    jobs = [await ada.submit() for _ in range(3)]
    places = [(await ada.client.get(f"/jobs/{job}/details")).json()["queue_position"] for job in jobs]
    assert places == [1, 2, 3]


async def test_times_are_whole_seconds_in_utc(house: House, ada: Caller) -> None:
    details = (await ada.client.get(f"/jobs/{await failed_job(house, ada)}/details")).json()
    for name in ("created_at", "start_time", "end_time"):
        assert len(details[name]) == len("2025-10-13T10:30:00Z")
        assert details[name].endswith("Z")


async def test_a_queued_job_is_cancelled_at_once(ada: Caller) -> None:
    job = await ada.submit()
    answer = await ada.client.post(f"/jobs/{job}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    details = (await ada.client.get(f"/jobs/{job}/details")).json()
    assert (details["reason"], details["success"]) == ("cancelled", False)


async def test_a_running_job_ends_when_it_is_cancelled(house: House, ada: Caller) -> None:
    async def script(ctx: JobContext) -> Mapping[str, object]:
        await ctx.log("on it\n")
        await asyncio.Event().wait()
        raise AssertionError

    await house.work(script)
    job = await ada.submit()
    await house.reached(job, 3)
    assert (await ada.client.post(f"/jobs/{job}/cancel")).status_code == 202
    events = await sse(ada.client, f"/jobs/{job}/stream?events=all&from_beginning=1")
    assert (events[-1]["status"], events[-1]["reason"], events[-1]["success"]) == (
        "cancelled",
        "cancelled",
        False,
    )


async def test_a_job_that_has_ended_cannot_be_cancelled(house: House, ada: Caller) -> None:
    answer = await ada.client.post(f"/jobs/{await failed_job(house, ada)}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_ended")


# ---------------------------------------------------------------- tests, running again


async def test_cases_are_told_filtered_and_sorted(house: House, ada: Caller) -> None:
    path = f"/jobs/{await failed_job(house, ada)}/tests"
    whole = (await ada.client.get(path)).json()
    assert [case["id"] for case in whole] == [case.id for case in RESULTS]
    assert whole[1] == {
        "id": "t.py::b",
        "outcome": "failed",
        "duration": 0.1,
        "message": "no",
        "output": "E no",
    }
    for query, expected in {"failed=true": "bc", "slowest=2": "ca", "failed=1&slowest=1": "c"}.items():
        found = (await ada.client.get(f"{path}?{query}")).json()
        assert [case["id"][6] for case in found] == list(expected)


async def test_a_run_without_results_says_so(ada: Caller) -> None:
    answer = await ada.client.get(f"/jobs/{await ada.submit()}/tests")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_results")


async def test_a_rerun_has_the_same_package_and_options(house: House, ada: Caller) -> None:
    first = await failed_job(house, ada, options={"env": {"A": "b"}, "tests": ["t.py"]})
    for body in ({"json": {"failed": False}}, {}):
        answer = await ada.client.post(f"/jobs/{first}/rerun", **body)
        second = answer.json()["job_id"]
        old, new = [(await ada.client.get(f"/jobs/{job}/details")).json() for job in (first, second)]
        assert (new["package"], new["options"], new["rerun_of"]) == (old["package"], old["options"], first)
        params = (await house.yard.jobs.get(UUID(second))).params
        assert params["options"]["env"] == {"A": "b"}


async def test_a_rerun_of_what_failed_names_the_failing_tests(house: House, ada: Caller) -> None:
    first = await failed_job(house, ada)
    answer = await ada.client.post(f"/jobs/{first}/rerun", json={"failed": True})
    details = (await ada.client.get(f"/jobs/{answer.json()['job_id']}/details")).json()
    assert details["options"]["tests"] == ["t.py::b", "t.py::c[ü/1]"]


async def test_a_rerun_of_what_failed_wants_a_failure(house: House, ada: Caller) -> None:
    async def passes(ctx: JobContext) -> Mapping[str, object]:
        content = cases.keep(RESULTS[:1])
        await ctx.artifact(CASES, content, content_type="application/gzip", limit=len(content))
        return {"exit_code": 0}

    await house.work(passes)
    job = await ada.submit()
    await house.ended(job)
    answer = await ada.client.post(f"/jobs/{job}/rerun", json={"failed": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_rerun")


async def test_a_rerun_repeated_with_its_key_is_one_job(house: House, ada: Caller) -> None:
    """Invariant 3."""
    job = await failed_job(house, ada)
    answers = [await ada.client.post(f"/jobs/{job}/rerun", json={}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    other = await ada.client.post(f"/jobs/{job}/rerun", json={"failed": True}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"all": true}', b'{"failed": 1}', b"\xff"])
async def test_a_rerun_body_that_cannot_be_used_is_refused(ada: Caller, body: bytes) -> None:
    assert (await ada.client.post(f"/jobs/{await ada.submit()}/rerun", content=body)).status_code == 422


async def test_a_rerun_body_is_small(ada: Caller) -> None:
    answer = await ada.client.post(f"/jobs/{await ada.submit()}/rerun", content=b" " * 10_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


# ---------------------------------------------------------------- files


async def test_files_are_listed_without_the_yards_own(house: House, ada: Caller) -> None:
    job = await failed_job(house, ada)
    digest = hashlib.sha256(b"0123456789").hexdigest()
    assert (await ada.client.get(f"/jobs/{job}/artifacts")).json() == [
        {"name": "reports/a b.html", "size": 10, "sha256": digest, "content_type": "text/html"}
    ]
    for hidden in (".package", CASES, "%2E%2E", ".%2Fx"):
        answer = await ada.client.get(f"/jobs/{job}/artifacts/{hidden}")
        assert answer.status_code == 404, hidden


async def test_a_file_comes_with_its_digest_and_never_as_a_page(house: House, ada: Caller) -> None:
    answer = await ada.client.get(f"/jobs/{await failed_job(house, ada)}/artifacts/reports/a%20b.html")
    digest = hashlib.sha256(b"0123456789")
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["content-length"] == "10"
    assert answer.headers["content-disposition"] == 'attachment; filename="a b.html"'
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("header", "status", "content", "span"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
    ],
)
async def test_a_range_of_a_file(
    house: House, ada: Caller, header: str, status: int, content: bytes | None, span: str | None
) -> None:
    path = f"/jobs/{await failed_job(house, ada)}/artifacts/reports/a%20b.html"
    answer = await ada.client.get(path, headers={"Range": header})
    assert (answer.status_code, answer.headers.get("content-range")) == (status, span)
    assert content is None or answer.content == content


async def test_a_range_of_another_version_is_not_mixed_in(house: House, ada: Caller) -> None:
    path = f"/jobs/{await failed_job(house, ada)}/artifacts/reports/a%20b.html"
    answer = await ada.client.get(path, headers={"Range": "bytes=4-", "If-Range": '"another"'})
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    known = await ada.client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
