"""The HTTP face, request by request, over a real worker."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from runyard.app import build_compute_app
from runyard.identity.tokens import Tokens
from runyard.services.compute.guests import Guests
from runyard.services.compute.mqtt.workers import Workers
from runyard.services.compute.room import Room

from .conftest import Bench

FIELDS = [
    "job_id", "task_type", "status", "progress", "params", "task_output", "error_message", "priority", "created_at",
    "updated_at", "started_at", "completed_at", "reason", "seq", "attempt", "waiting_for",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Face:
    """Clients of the service as different callers."""

    bench: Bench
    room: Room
    app: object

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A guest, or the bearer of a token."""
        given = headers if token is None else {**headers, "Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8002", headers=given)

    async def user(self, *, admin: bool = False, permissions: tuple[str, ...] = ("ai_inference_support",)) -> str:
        """A token of a new user."""
        identity = self.bench.yard.identity
        name = f"user{uuid4().hex[:8]}"
        user = await identity.users.create(name, login=name, is_admin=admin, permissions=permissions)
        return await identity.tokens.issue(user)

    @asynccontextmanager
    async def without_guests(self) -> AsyncIterator[None]:
        async with self.client(await self.user(admin=True)) as admin:
            assert (await admin.put("/admin/config/guest-mode", data={"guest_mode": "off"})).status_code == 200
            try:
                yield
            finally:
                assert (await admin.put("/admin/config/guest-mode", data={"guest_mode": "true"})).status_code == 200


@pytest.fixture(scope="session")
async def face(bench: Bench) -> Face:
    guests = Guests(bench.yard)
    await guests.start()
    room = Room(yard=bench.yard, guests=guests, workers=Workers(bench.yard.clock))
    return Face(bench, room, build_compute_app(room))


@pytest.fixture
async def guest(face: Face) -> AsyncIterator[httpx.AsyncClient]:
    async with face.client() as client:
        yield client


async def submit(client: httpx.AsyncClient, plugin: str = "shout", content: bytes = b"hello", **fields: object) -> str:
    name = str(fields.pop("filename", "a.txt"))
    answer = await client.post(f"/jobs/{plugin}", files={"file": (name, content)}, data=fields)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"job_id": answer.json()["job_id"], "status": "queued", "task_type": plugin}
    return str(answer.json()["job_id"])


async def ended(client: httpx.AsyncClient, job: str) -> dict[str, object]:
    record: dict[str, object] = (await client.get(f"/jobs/{job}", params={"wait": 30}, timeout=40)).json()
    assert record["status"] in {"completed", "failed"}, record
    return record


# ---------------------------------------------------------------- the service


async def test_the_root_says_whether_guests_are_welcome(guest: httpx.AsyncClient, face: Face) -> None:
    healthy = {"status": "healthy", "service": "Task Server", "version": "v1"}
    assert (await guest.get("/")).json() == {**healthy, "guestMode": "on"}
    async with face.without_guests():
        assert (await guest.get("/")).json() == {**healthy, "guestMode": "off"}


async def test_capabilities_are_open_to_all(guest: httpx.AsyncClient, face: Face) -> None:
    async with face.without_guests():
        answer = await guest.get("/capabilities")
    assert answer.status_code == 200
    assert answer.json().keys() == {"num_workers", "capabilities"}


async def test_plugins_describe_themselves(guest: httpx.AsyncClient) -> None:
    found = {one["name"]: one for one in (await guest.get("/plugins")).json()}
    assert found["shout"]["about"] == "Write the file's text in capitals."
    assert found["shout"]["parameters"]["properties"]["times"]["maximum"] == 1000
    assert "get one" in found["absent"]["missing"]


# ---------------------------------------------------------------- submitting and looking


async def test_a_record_has_the_original_fields_in_their_order(guest: httpx.AsyncClient) -> None:
    job = await submit(guest, times="2", priority="7")
    record = await ended(guest, job)
    assert list(record) == FIELDS
    assert record["job_id"] == job
    assert record["status"] == "completed"
    assert record["progress"] == 100
    assert record["priority"] == 7
    assert list(record["params"])[:2] == ["input_path", "output_path"]  # type: ignore[call-overload]
    assert record["params"] == {
        "input_path": "input/a.txt", "output_path": "output/shout.txt", "times": 2, "progress": False,
    }  # fmt: skip
    assert record["task_output"]["text"] == "HELLOHELLO"  # type: ignore[index]
    times = [record[name] for name in ("created_at", "started_at", "completed_at")]
    assert all(isinstance(time, int) and time > 1_700_000_000_000 for time in times)
    assert times == sorted(times)  # type: ignore[type-var]


async def test_an_answer_waits_for_the_next_news(guest: httpx.AsyncClient, face: Face) -> None:
    job = await submit(guest, "trouble", kind="hang")
    await face.bench.running(await face.bench.yard.jobs.get(UUID(job)))
    seq = (await guest.get(f"/jobs/{job}")).json()["seq"]
    waiting = asyncio.create_task(guest.get(f"/jobs/{job}", params={"wait": 30, "after": seq}, timeout=40))
    assert (await guest.post(f"/jobs/{job}/cancel")).status_code == 202
    assert (await waiting).json()["seq"] > seq
    assert (await guest.get(f"/jobs/{job}", params={"wait": 0.001})).status_code == 200


async def test_an_empty_value_counts_as_absent(guest: httpx.AsyncClient) -> None:
    record = await ended(guest, await submit(guest, times="", priority=""))
    assert record["params"]["times"] == 1  # type: ignore[index]
    assert record["priority"] == 5


@pytest.mark.parametrize(
    ("plugin", "fields", "loc", "kind", "context"),
    [
        ("shout", {"priority": "11"}, "priority", "less_than_equal", {"le": 10}),
        ("shout", {"priority": "x"}, "priority", "int_parsing", None),
        ("shout", {"times": "0"}, "times", "greater_than_equal", {"ge": 1}),
        ("shout", {"progress": "maybe"}, "progress", "bool_parsing", None),
        ("shout", {"volume": "11"}, "volume", "extra_forbidden", None),
        ("trouble", {}, "kind", "missing", None),
        ("hash", {"algorithm": "crc"}, "algorithm", "literal_error", None),
        ("media_thumbnail", {"width": "0"}, "width", "greater_than", {"gt": 0}),
        ("face_detection", {"confidence_threshold": "2"}, "confidence_threshold", "less_than_equal", {"le": 1.0}),
        ("image_conversion", {}, "format", "missing", None),
    ],
)
async def test_a_value_that_cannot_be_used_is_named(
    guest: httpx.AsyncClient, plugin: str, fields: dict[str, str], loc: str, kind: str, context: object
) -> None:
    answer = await guest.post(f"/jobs/{plugin}", files={"file": ("a.txt", b"x")}, data=fields)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body", loc]
    assert problem["type"] == kind
    if context is not None:
        assert problem["ctx"] == context


@pytest.mark.parametrize("variants", ["nonsense", "{}", "[]", '[{"resolution": 720, "bitrate": 1}]', '[{"x": 1}]'])
async def test_bad_renditions_are_refused_before_the_job(guest: httpx.AsyncClient, variants: str) -> None:
    answer = await guest.post("/jobs/hls_streaming", files={"file": ("a.mp4", b"x")}, data={"variants": variants})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", "variants"]


async def test_every_problem_is_told_at_once(guest: httpx.AsyncClient) -> None:
    answer = await guest.post(
        "/jobs/shout", files={"file": ("a", b"x")}, data={"priority": "11", "times": "x", "y": "1"}
    )
    assert {problem["loc"][1] for problem in answer.json()["detail"]} == {"priority", "times", "y"}


async def test_a_form_without_a_file_lacks_it(guest: httpx.AsyncClient) -> None:
    for answer in (
        await guest.post("/jobs/shout", data={"priority": "5"}),
        await guest.post("/jobs/shout", files={"other": ("a.txt", b"x")}),
        await guest.post("/jobs/shout", json={"file": "x"}),
        await guest.post("/jobs/shout"),
    ):
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["type"] in {"missing", "extra_forbidden"}


async def test_a_file_has_a_name(guest: httpx.AsyncClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nsecret bytes\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await guest.post("/jobs/shout", content=body, headers=headers)
    assert answer.status_code == 422
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("/absolute/x.png", "x.png"),
        ("käse \u202e.jpg", "käse .jpg"),
        ("a" * 400 + ".jpeg", "a" * 195 + ".jpeg"),
    ],
)
async def test_only_the_last_part_of_a_name_counts(guest: httpx.AsyncClient, given: str, kept: str) -> None:
    record = await ended(guest, await submit(guest, filename=given))
    assert record["params"]["input_path"] == f"input/{kept}"  # type: ignore[index]
    assert (await guest.get(f"/jobs/{record['job_id']}/files/input/{kept}")).content == b"hello"


@pytest.mark.parametrize("given", ["..", ".", "/", "x/"])
async def test_a_name_of_nothing_is_refused(guest: httpx.AsyncClient, given: str) -> None:
    answer = await guest.post("/jobs/shout", files={"file": (given, b"x")})
    assert answer.status_code == 422


async def test_an_unknown_plugin_is_told_with_those_there_are(guest: httpx.AsyncClient) -> None:
    answer = await guest.post("/jobs/sharpen", files={"file": ("a", b"x")})
    assert answer.status_code == 405
    assert "sharpen" in answer.json()["detail"]
    assert "shout" in answer.json()["detail"]


async def test_many_files_become_many_jobs(guest: httpx.AsyncClient) -> None:
    files = [("file", (f"{number}.txt", str(number).encode())) for number in range(40)]
    answer = await guest.post("/jobs/together/batch", files=files)
    jobs = answer.json()["jobs"]
    assert [job["file"] for job in jobs] == [f"{number}.txt" for number in range(40)]
    assert [(await ended(guest, job["job_id"]))["task_output"]["text"] for job in jobs[:3]] == ["0", "1", "2"]  # type: ignore[index]
    more = [("file", ("x", b"x"))] * 101
    assert (await guest.post("/jobs/together/batch", files=more)).status_code == 400


async def test_the_same_key_gives_the_same_job(guest: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    answers = [
        await guest.post("/jobs/shout", files={"file": ("a.txt", b"x")}, data={"times": "2"}, headers=headers)
        for _ in range(2)
    ]
    assert answers[0].json()["job_id"] == answers[1].json()["job_id"]
    other = await guest.post("/jobs/shout", files={"file": ("a.txt", b"y")}, headers=headers)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


async def test_a_channel_is_confirmed(guest: httpx.AsyncClient) -> None:
    channel = uuid4().hex
    answer = await guest.post("/jobs/shout", files={"file": ("a", b"x")}, headers={"Runyard-Channel": channel})
    assert answer.headers["runyard-channel"] == channel
    bad = await guest.post("/jobs/shout", files={"file": ("a", b"x")}, headers={"Runyard-Channel": "a/#/+"})
    assert bad.status_code == 422


async def test_a_job_can_be_run_again(guest: httpx.AsyncClient) -> None:
    job = await submit(guest, times="3")
    again = (await guest.post(f"/jobs/{job}/retry")).json()
    assert again["job_id"] != job
    assert (await ended(guest, again["job_id"]))["task_output"]["text"] == "HELLO" * 3  # type: ignore[index]


async def test_a_cancelled_job_ends_in_a_word_every_program_knows(guest: httpx.AsyncClient) -> None:
    job = await submit(guest, "trouble", kind="hang")
    assert (await guest.post(f"/jobs/{job}/cancel")).status_code == 202
    record = await ended(guest, job)
    assert (record["status"], record["reason"]) == ("failed", "cancelled")


async def test_an_ended_job_cannot_be_cancelled(guest: httpx.AsyncClient) -> None:
    job = await submit(guest)
    await ended(guest, job)
    answer = await guest.post(f"/jobs/{job}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_ended")


async def test_a_failed_job_says_why(guest: httpx.AsyncClient) -> None:
    record = await ended(guest, await submit(guest, "trouble", kind="refuse"))
    assert record["status"] == "failed"
    assert record["reason"] == "unsupported_media"
    assert record["error_message"] == "'a.txt' is not to my taste."
    assert record["task_output"] is None


async def test_a_deleted_job_is_gone(guest: httpx.AsyncClient) -> None:
    job = await submit(guest)
    assert (await guest.delete(f"/jobs/{job}")).status_code == 204
    for answer in (await guest.get(f"/jobs/{job}"), await guest.delete(f"/jobs/{job}")):
        assert (answer.status_code, answer.json()["detail"]) == (404, f"Job {job} not found")


async def test_jobs_are_listed_page_by_page(face: Face) -> None:
    async with face.client(await face.user()) as mine:
        jobs = [await submit(mine) for _ in range(5)]
        for job in jobs:
            await ended(mine, job)
        seen, cursor = [], None
        while True:
            page = (await mine.get("/jobs", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += [job["job_id"] for job in page["jobs"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == jobs[::-1]
        assert (await mine.get("/jobs", params={"status": "failed"})).json()["jobs"] == []
        assert len((await mine.get("/jobs", params={"task_type": "shout"})).json()["jobs"]) == 5
        for bad in ({"status": "gone"}, {"task_type": "sharpen"}, {"limit": 0}, {"cursor": "!"}):
            assert (await mine.get("/jobs", params=bad)).status_code == 422


# ---------------------------------------------------------------- files


async def test_a_file_is_downloaded_whole_and_in_parts(guest: httpx.AsyncClient) -> None:
    job = await submit(guest)
    await ended(guest, job)
    whole = await guest.get(f"/jobs/{job}/files/output/shout.txt")
    assert whole.content == b"HELLO"
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-disposition"] == 'attachment; filename="shout.txt"'
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["last-modified"].endswith("GMT")
    digest = hashlib.sha256(b"HELLO")
    assert whole.headers["etag"] == f'"{digest.hexdigest()}"'
    assert whole.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    part = await guest.get(f"/jobs/{job}/files/output/shout.txt", headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"EL")
    known = await guest.get(f"/jobs/{job}/files/output/shout.txt", headers={"If-None-Match": whole.headers["etag"]})
    assert known.status_code == 304
    listed = (await guest.get(f"/jobs/{job}/files")).json()
    assert [one["path"] for one in listed] == ["input/a.txt", "output/shout.txt"]


async def test_paths_lead_nowhere_else(guest: httpx.AsyncClient) -> None:
    job = await submit(guest)
    await ended(guest, job)
    for path in ("%2e%2e/%2e%2e/etc/passwd", "output/%2e%2e/%2e%2e/x", "/etc/passwd"):
        answer = await guest.get(f"/jobs/{job}/files/{path}")
        assert (answer.status_code, answer.json()["detail"]) == (403, "Access denied: path traversal detected")
    folder = await guest.get(f"/jobs/{job}/files/output")
    assert (folder.status_code, folder.json()["detail"]) == (400, "Path is not a file: output")
    absent = await guest.get(f"/jobs/{job}/files/output/x")
    assert (absent.status_code, absent.json()["detail"]) == (404, "File not found: output/x")
    nobody = await guest.get(f"/jobs/{uuid4()}/files/x")
    assert nobody.status_code == 404
    assert (await guest.get(f"/jobs/{job}/view/output/shout.txt")).status_code == 404


# ---------------------------------------------------------------- who may


async def test_with_guests_shut_out_a_good_token_is_needed(face: Face) -> None:
    identity = face.bench.yard.identity
    name = f"user{uuid4().hex[:8]}"
    user = await identity.users.create(name, login=name, permissions=["ai_inference_support"])
    past = Tokens(
        face.bench.yard.settings.data_dir / "keys",
        clock=lambda: face.bench.yard.clock() - timedelta(hours=1),
        minutes=30,
    )
    foreign = Tokens(face.bench.yard.settings.data_dir / "other-keys", clock=face.bench.yard.clock, minutes=30)
    async with face.without_guests():
        for token, text in (
            (None, "Authentication required"),
            ("nonsense", "Could not validate credentials"),
            (await past.issue(user), "JWT token has expired"),
            (await foreign.issue(user), "Could not validate credentials"),
            ((await identity.tokens.key()).sign(b'{"id": 7}'), "JWT payload is invalid"),
        ):
            async with face.client(token) as client:
                answer = await client.get("/jobs")
            assert (answer.status_code, answer.json()["detail"]) == (401, text)
            assert answer.headers["www-authenticate"] == "Bearer"
        async with face.client(await identity.tokens.issue(user)) as client:
            assert (await client.get("/jobs")).status_code == 200


async def test_a_permission_is_needed_and_a_star_is_none(face: Face) -> None:
    async with face.without_guests():
        async with face.client(await face.user(permissions=("*", "media_store_read"))) as client:
            answer = await client.get("/jobs")
        expected = "Insufficient permissions. Required: ai_inference_support"
        assert (answer.status_code, answer.json()["detail"]) == (403, expected)
        async with face.client(await face.user(admin=True, permissions=())) as admin:
            assert (await admin.get("/jobs")).status_code == 200


async def test_in_guest_mode_a_bad_token_counts_as_none(face: Face) -> None:
    async with face.client("nonsense") as client:
        assert (await ended(client, await submit(client)))["status"] == "completed"


async def test_nobody_reaches_what_is_not_theirs(face: Face, guest: httpx.AsyncClient) -> None:
    async with face.client(await face.user()) as mine, face.client(await face.user()) as others:
        job = await submit(mine)
        await ended(mine, job)
        for stranger in (others, guest):
            for method, path in (
                ("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/files"),
                ("GET", "/files/output/shout.txt"), ("GET", "/view/output/adaptive.m3u8"),
            ):  # fmt: skip
                answer = await stranger.request(method, f"/jobs/{job}{path}")
                assert (answer.status_code, answer.json()["detail"]) == (404, f"Job {job} not found")
            assert job not in (await stranger.get("/jobs")).text
        assert (await mine.get(f"/jobs/{job}")).status_code == 200


async def test_guests_administer_nothing(face: Face, guest: httpx.AsyncClient) -> None:
    async with face.client(await face.user()) as user:
        for method, path in (
            ("GET", "/admin/config"), ("PUT", "/admin/config/guest-mode"), ("GET", "/admin/jobs/storage/size"),
            ("DELETE", "/admin/jobs/cleanup"), ("GET", "/admin/pref"),
        ):  # fmt: skip
            assert (await guest.request(method, path)).status_code == 401
            answer = await user.request(method, path)
            expected = "Insufficient permissions. Admin access required"
            assert (answer.status_code, answer.json()["detail"]) == (403, expected)


async def test_admins_see_and_clean_up(face: Face, guest: httpx.AsyncClient) -> None:
    job = await submit(guest)
    await ended(guest, job)
    async with face.client(await face.user(admin=True)) as admin:
        config = (await admin.get("/admin/config")).json()
        assert config.keys() == {"guest_mode", "updated_at", "updated_by"}
        before = (await admin.get("/admin/jobs/storage/size")).json()
        assert before["total_size"] > 0
        assert (await admin.delete("/admin/jobs/cleanup", params={"days": -1})).status_code == 422
        assert (await admin.delete("/admin/jobs/cleanup")).json() == {"deleted_count": 0, "freed_space": 0}
        assert (await admin.put("/admin/config/guest-mode", data={"guest_mode": "perhaps"})).status_code == 422
        assert (await admin.put("/admin/config/guest-mode")).status_code == 422
    assert (await guest.get(f"/jobs/{job}")).status_code == 200


async def test_pages_of_other_sites_are_no_guests(face: Face) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example:8002"}):
        async with face.client(**headers) as page:
            answer = await page.get("/jobs")
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
    async with face.client(Origin="http://127.0.0.1:8002") as own:
        assert (await own.get("/jobs")).status_code == 200
    async with face.client(await face.user(), Origin="https://app.example") as app:
        assert (await app.get("/jobs")).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_who_comes_through_a_proxy_is_no_guest_of_this_machine(face: Face, header: str) -> None:
    async with face.client(**{header: "203.0.113.7"}) as anyone:
        answer = await anyone.get("/jobs")
    assert (answer.status_code, answer.json()["code"]) == (403, "forwarded")
    async with face.client(await face.user(), **{header: "203.0.113.7"}) as user:
        assert (await user.get("/jobs")).status_code == 200


async def test_a_file_above_the_limit_is_refused(face: Face, guest: httpx.AsyncClient) -> None:
    limit = face.bench.yard.settings.upload_limit

    async def endless() -> AsyncIterator[bytes]:
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(2 * limit)}
    answer = await guest.post("/jobs/shout", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
