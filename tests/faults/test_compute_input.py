"""Bad input to the media service of a running yard: a clear error for who sent it, and nothing for anybody else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiomqtt
import httpx
import pytest

from runyard.testing.running import RunningYard

from .conftest import Record, ended, good_jobs_beside, submit
from .hostile import HostileFile, files, photo, tokens

CASE_DEADLINE = 30.0


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("sent", files(), ids=lambda sent: sent.name)
async def test_a_hostile_file_fails_its_own_job_and_no_other(http: httpx.AsyncClient, sent: HostileFile) -> None:
    """Invariants 5 and 7: whatever the plugin, the job ends in time with a reason that programs can read."""
    content = await asyncio.to_thread(sent.make)
    async with asyncio.timeout(CASE_DEADLINE), good_jobs_beside(http):
        jobs = [await submit(http, plugin, sent.name, content) for plugin in sent.to]
        records = [await ended(http, job) for job in jobs]
    for record in records:
        assert (record["status"], record["reason"]) == ("failed", sent.reason), record
        assert sent.says in record["error_message"], record
        assert "/" not in record["error_message"].replace("an image or a video", "")
        assert record["task_output"] is None
        assert record["attempt"] == 1


@pytest.mark.parametrize(
    ("kind", "reason"), [("crash", "crashed"), ("exception", "internal"), ("hog", "too_large"), ("refuse", "unsupported_media")]
)  # fmt: skip
async def test_a_plugin_that_breaks_down_fails_its_own_job_and_no_other(
    http: httpx.AsyncClient, kind: str, reason: str
) -> None:
    """Invariants 5 and 7."""
    async with asyncio.timeout(CASE_DEADLINE), good_jobs_beside(http):
        record = await ended(http, await submit(http, "trouble", "a.txt", b"hello", kind=kind))
    assert (record["status"], record["reason"]) == ("failed", reason), record


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("C:\\photos\\cat.png", "cat.png"),
        ("a/../../b.png", "b.png"),
        ("...", "..."),
        (".hidden.png", ".hidden.png"),
        ("line\nbreak\0.png", None),
        ("%2e%2e%2fpasswd", "%2e%2e%2fpasswd"),
        ("🙂" * 300 + ".png", None),
    ],
)
async def test_a_file_name_with_path_parts_is_only_a_name(
    http: httpx.AsyncClient, media_yard: RunningYard, given: str, kept: str | None
) -> None:
    """Invariant 4: nothing is written outside of the job, and what was sent is found under the last part."""
    record = await ended(http, await submit(http, "hash", given, photo()))
    assert record["status"] == "completed", record
    (file,) = [one for one in await listed(http, record) if one.startswith("input/")]
    assert file == record["params"]["input_path"]
    name = file.removeprefix("input/")
    assert kept is None or name == kept
    assert "/" not in name
    assert len(name.encode()) <= 200
    answer = await http.get(f"/jobs/{record['job_id']}/files/{quote(file)}")
    assert answer.content == photo()
    strays = [
        path for path in media_yard.data_dir.rglob("*") if path.name in {"passwd", "system.ini", "cat.png", "b.png"}
    ]
    assert strays == []


@pytest.mark.parametrize("path", ["../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd"])  # fmt: skip
async def test_a_download_never_leaves_its_job(http: httpx.AsyncClient, media_yard: RunningYard, path: str) -> None:
    """Invariant 4. Sent by hand: client libraries resolve such paths themselves."""
    job = await submit(http, "hash", "a.png", photo())
    head, _, body = (await spoken(media_yard, f"GET /jobs/{job}/files/{path} HTTP/1.1\r\n")).partition("\r\n\r\n")
    assert head.split()[1] == "403", head
    assert body == '{"detail":"Access denied: path traversal detected"}'


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize(
    ("plugin", "fields", "kind", "where"),
    [
        ("media_thumbnail", {"speed": "fast"}, "extra_forbidden", "speed"),
        ("media_thumbnail", {"width": "wide"}, "int_parsing", "width"),
        ("media_thumbnail", {"width": "0"}, "greater_than", "width"),
        ("media_thumbnail", {"width": "999999999999999999999"}, None, "width"),
        ("media_thumbnail", {"fit": "stretch"}, "literal_error", "fit"),
        ("hash", {"algorithm": "crc"}, "literal_error", "algorithm"),
        ("hash", {"priority": "11"}, "less_than_equal", "priority"),
        ("hash", {"priority": "x"}, "int_parsing", "priority"),
        ("hash", {"priority": "NaN"}, "int_parsing", "priority"),
        ("image_conversion", {}, "missing", "format"),
        ("image_conversion", {"format": "exe"}, "literal_error", "format"),
        ("hash", {"__class__": "x"}, "extra_forbidden", "__class__"),
        ("hash", {"input_path": "/etc/passwd"}, "extra_forbidden", "input_path"),
    ],
)
async def test_a_field_that_cannot_be_used_is_named(
    http: httpx.AsyncClient, plugin: str, fields: dict[str, str], kind: str | None, where: str
) -> None:
    answer = await http.post(f"/jobs/{plugin}", files={"file": ("a.png", photo())}, data=fields)
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body", where]
    assert kind is None or problem["type"] == kind
    assert set(problem) >= {"type", "loc", "msg", "input"}


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=x"}
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nhello\r\n'


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"Content-Type": "application/json"}, b'{"file": "a.png"}', 422, id="json"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, b"file=a", 422, id="urlencoded"),
        pytest.param({}, b"hello", 422, id="no-type"),
        pytest.param(BOUNDARY, b"", 400, id="nothing"),
        pytest.param(BOUNDARY, b"--x--\r\n", 422, id="no-parts"),
        pytest.param(BOUNDARY, FILE.replace(b'; filename="a.png"', b"") + b"--x--\r\n", 422, id="text-for-a-file"),
        pytest.param(BOUNDARY, FILE.replace(b"a.png", b"..") + b"--x--\r\n", 422, id="dots-for-a-name"),
        pytest.param(BOUNDARY, FILE, 400, id="no-end"),
        pytest.param(BOUNDARY, FILE + FILE + b"--x--\r\n", 400, id="two-files"),
        pytest.param(BOUNDARY, b"\0" * 1000, 400, id="noise"),
        pytest.param(BOUNDARY, b'--x\r\nContent-Disposition: form-data; name="y"\r\n\r\n1\r\n' * 200, 400, id="many-parts"),
        pytest.param(BOUNDARY, b"--x\r\n" + b"X-Y: z\r\n" * 500 + b"\r\n\r\n", 400, id="many-headers"),
        pytest.param(BOUNDARY, b"--x\r\nX-Y: " + b"z" * 100_000, 400, id="a-long-header"),
        pytest.param(BOUNDARY, b'--x\r\nContent-Disposition: form-data; name="z"\r\n\r\n' + b"z" * 100_000, 400, id="a-long-field"),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_form_with_a_file_is_refused(
    http: httpx.AsyncClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await http.post("/jobs/hash", headers=headers, content=body)
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    if status == 400:
        assert answer.json()["code"] == "bad_form"
        assert isinstance(detail, str)
    else:
        assert detail[0]["loc"] == ["body", "file"]


async def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(media_yard: RunningYard) -> None:
    """Invariant 5."""
    said = await spoken(
        media_yard,
        "POST /jobs/hash HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000000\r\n",
    )
    assert said.startswith("HTTP/1.1 413 ")
    assert '"code":"file_too_large"' in said


async def test_a_plugin_that_is_not_there_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/jobs/format_disk", files={"file": ("a.png", photo())})
    assert answer.status_code == 405
    assert answer.json()["code"] == "unknown_plugin"


# ---------------------------------------------------------------- tokens


@pytest.fixture(scope="module")
async def closed(media_yard: RunningYard) -> AsyncIterator[str]:
    """Guests are out; the token of a user without any right."""
    admin = media_yard.account(is_admin=True)
    nobody = media_yard.account(permissions=())
    async with httpx.AsyncClient(base_url=media_yard.compute_url, timeout=CASE_DEADLINE) as client:
        headers = bearer(await token_of(media_yard, admin.username, admin.password))

        async def let_guests_in(word: str) -> None:
            answer = await client.put("/admin/config/guest-mode", data={"guest_mode": word}, headers=headers)
            answer.raise_for_status()

        await let_guests_in("false")
        yield await token_of(media_yard, nobody.username, nobody.password)
        await let_guests_in("true")


TOKENS = [
    "expired", "forged", "forged in our key's name", "forged with its own key in it", "unsigned",
    "unsigned, with a signature", "signed with the public key as a secret", "promoted", "without an end",
    "with a number for a name", "of nobody", "no token", "a long one",
]  # fmt: skip


@pytest.mark.parametrize("name", TOKENS)
async def test_a_hostile_token_opens_nothing(
    media_yard: RunningYard, http: httpx.AsyncClient, closed: str, name: str
) -> None:
    """Invariant 4: neither jobs nor accounts nor the broker."""
    made = tokens(media_yard.data_dir / "keys", closed)
    assert set(made) == set(TOKENS)
    hostile, headers = made[name], bearer(made[name].token)
    for answer in (
        await http.post("/jobs/hash", files={"file": ("a.png", photo())}, headers=headers),
        await http.get("/jobs", headers=headers),
        await http.get("/admin/config", headers=headers),
        await http.put("/admin/config/guest-mode", data={"guest_mode": "true"}, headers=headers),
    ):
        assert answer.status_code == 401, answer.text
        assert answer.json()["detail"] == hostile.says
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    account = await http.get(f"{media_yard.url}/users/me", headers=headers)
    assert (account.status_code, account.json()["detail"]) == (401, "Could not validate credentials")
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(
            "127.0.0.1", media_yard.mqtt_port, username="ada", password=hostile.token, timeout=10
        ):
            pytest.fail("the broker let it in")


async def test_a_good_token_opens_only_what_its_user_may(http: httpx.AsyncClient, closed: str) -> None:
    answer = await http.post("/jobs/hash", files={"file": ("a.png", photo())}, headers=bearer(closed))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "Insufficient permissions. Required: ai_inference_support"
    answer = await http.get("/admin/config", headers=bearer(closed))
    assert answer.status_code == 403
    assert (await http.get("/jobs")).json()["detail"] == "Authentication required"


# ---------------------------------------------------------------- helpers


async def listed(http: httpx.AsyncClient, record: Record) -> list[str]:
    return [one["path"] for one in (await http.get(f"/jobs/{record['job_id']}/files")).json()]


async def spoken(yard: RunningYard, head: str) -> str:
    """The answer to a request written by hand."""
    port = int(yard.compute_url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(CASE_DEADLINE):
        head_ = (await reader.readuntil(b"\r\n\r\n")).decode()
        found = re.search(r"content-length: (\d+)", head_, re.IGNORECASE)
        body = await reader.readexactly(int(found[1]) if found else 0)
    writer.close()
    return head_ + body.decode()


async def token_of(yard: RunningYard, username: str, password: str) -> str:
    async with httpx.AsyncClient(base_url=yard.url, timeout=CASE_DEADLINE) as client:
        answer = await client.post("/auth/token", data={"username": username, "password": password})
        return str(answer.raise_for_status().json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
