"""Submitting: the form, the digest, the options, and the same request twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
from uuid import UUID

import httpx
import pytest

from runyard.settings import Settings

from .conftest import Caller, House, form, open_house

pytestmark = pytest.mark.asyncio(loop_scope="session")


def sha(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


async def refused(caller: Caller, **request: object) -> tuple[int, object, str]:
    answer = await caller.client.post("/submit-async", **request)
    body = answer.json()
    return answer.status_code, body.get("code"), json.dumps(body["detail"])


async def test_any_bytes_are_queued_under_a_uuid(ada: Caller) -> None:
    job = await ada.submit(b"PK")
    assert UUID(job).version == 4
    assert (await ada.client.get(f"/jobs/{job}")).json()["status"] == "queued"


async def test_the_package_is_kept_as_it_came(house: House, ada: Caller) -> None:
    content = bytes(range(256)) * 5000 + b"\r\n--" + b"x" * 100_000
    job = await ada.submit(content)
    details = (await ada.client.get(f"/jobs/{job}/details")).json()
    assert details["package"] == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    kept = b"".join([piece async for piece in house.yard.artifacts.read(details["package"]["sha256"])])
    assert kept == content


async def test_a_missing_file_is_told_in_the_frameworks_shape(ada: Caller) -> None:
    for request in ({}, {"json": {}}, form(None, options={})):
        answer = await ada.client.post("/submit-async", **request)
        assert answer.status_code == 422
        (error,) = answer.json()["detail"]
        assert (error["type"], error["loc"], error["input"]) == ("missing", ["body", "file"], None)


async def test_a_file_that_is_a_plain_value_is_told_in_the_frameworks_shape(ada: Caller) -> None:
    answer = await ada.client.post("/submit-async", files=[("file", (None, "text"))])
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "file"]


async def test_fields_come_in_any_order(ada: Caller) -> None:
    content = b"PK-order"
    parts = {
        "file": ("p.zip", content),
        "options": (None, '{"python": "3.12"}'),
        "digest": (None, sha(content)),
    }
    for names in (
        ("file", "options", "digest"),
        ("digest", "file", "options"),
        ("options", "digest", "file"),
    ):
        answer = await ada.client.post("/submit-async", files=[(name, parts[name]) for name in names])
        assert answer.status_code == 200, answer.text
        details = (await ada.client.get(f"/jobs/{answer.json()['job_id']}/details")).json()
        assert details["options"] == {"python": "3.12"}


async def test_fields_nobody_knows_are_ignored(ada: Caller) -> None:
    answer = await ada.client.post("/submit-async", files=[("extra", ("x", b"y" * 100_000)), ("file", ("p", b"PK"))])
    assert answer.status_code == 200


async def test_a_digest_stands_for_a_package_one_has_uploaded(ada: Caller, bob: Caller) -> None:
    content = b"PK-known"
    assert (await refused(ada, **form(None, digest=sha(content))))[:2] == (412, "package_unknown")
    await ada.submit(content)
    again = await ada.client.post("/submit-async", **form(None, digest=sha(content)))
    assert again.status_code == 200
    details = (await ada.client.get(f"/jobs/{again.json()['job_id']}/details")).json()
    assert details["package"]["size"] == len(content)
    assert (await refused(bob, **form(None, digest=sha(content))))[:2] == (412, "package_unknown"), (
        "others' are not to be guessed"
    )


async def test_a_digest_must_fit_its_file(ada: Caller) -> None:
    assert (await refused(ada, **form(b"PK1", digest=sha(b"PK2"))))[:2] == (422, "digest_mismatch")


async def test_a_digest_has_one_form(ada: Caller) -> None:
    status, _, detail = await refused(ada, **form(digest="md5:abc"))
    assert status == 422
    assert "sha256:" in detail


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ('{"memory": 1}', "env, timeout, python, tests, network"),
        ('{"timeout": -1}', "timeout"),
        ('{"timeout": 1e9}', "limit of 3600"),
        ('{"python": "three"}', "python"),
        ('{"tests": ["--rootdir=/"]}', "tests"),
        ('{"tests": "a"}', "tests"),
        ('{"env": {"A B": "c"}}', "in `$.env`"),
        ('{"env": {"A": "\\u0000"}}', "env"),
        ('{"env": {"RUNYARD_TEST_CHANNEL": "x"}}', "RUNYARD_TEST_CHANNEL"),
        ('{"env": {"LD_PRELOAD": "x"}}', "LD_PRELOAD"),
        ('{"env": {"A": 1}}', "env"),
    ],
)
async def test_options_that_cannot_be_used_are_named(ada: Caller, options: str, says: str) -> None:
    status, code, detail = await refused(ada, **form(options=options))
    assert (status, code) == (422, "bad_options")
    assert says in detail


async def test_the_network_needs_the_operators_permission(ground: Settings, ada: Caller) -> None:
    status, code, detail = await refused(ada, **form(options={"network": True}))
    assert (status, code) == (403, "network_not_allowed")
    assert "RUNYARD_SANDBOX_NETWORK" in detail
    async with open_house(ground, sandbox_network=True) as open_yard:
        caller = await open_yard.caller()
        await caller.submit(options={"network": True})


async def test_values_of_env_are_not_shown_again(ada: Caller) -> None:
    job = await ada.submit(options={"env": {"TOKEN": "s3cret-value"}, "timeout": 60})
    for path in ("", "/details", "/artifacts"):
        assert "s3cret-value" not in (await ada.client.get(f"/jobs/{job}{path}")).text
    details = (await ada.client.get(f"/jobs/{job}/details")).json()
    assert details["options"] == {"env": {"TOKEN": "***"}, "timeout": 60.0}


async def test_a_package_above_the_limit_is_refused_before_and_while_it_is_read(ground: Settings) -> None:
    async with open_house(ground, upload_limit=1_000_000) as house:
        ada = await house.caller()
        assert (await refused(ada, **form(b"x" * 1_000_001)))[:2] == (413, "package_too_large")
        assert (await ada.client.post("/submit-async", **form(b"x" * 1_000_000))).status_code == 200

        async def chunked():
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n\r\n'
            for _ in range(30):
                yield b"x" * 100_000

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        try:
            answer = await ada.client.post("/submit-async", content=chunked(), headers=headers)
            assert answer.status_code == 413
        except httpx.WriteError:
            pass  # the answer came, and the connection closed, while the client was still sending


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n\r\nhalf',
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n\xff\r\n--b--\r\n',
        b"--b\r\n" + b"X-H: " + b"y" * 10_000 + b"\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 40 + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n' + b"x" * 300_000 + b"\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="digest"\r\n\r\nx\r\n' * 2 + b"--b--\r\n",
    ],
    ids=[
        "nonsense",
        "empty",
        "cut",
        "nameless",
        "not utf-8",
        "long header",
        "many parts",
        "long field",
        "twice",
    ],
)
async def test_a_broken_form_is_refused_and_leaves_no_job(ada: Caller, body: bytes) -> None:
    answer = await ada.client.post(
        "/submit-async", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_form")
    assert (await ada.client.get("/jobs")).json() == []


async def test_a_client_that_leaves_in_the_middle_leaves_no_job(house: House, ada: Caller) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /submit-async HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada.key}\r\nIdempotency-Key: k1\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n".encode()
        + b'--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n\r\nhalf'
    )
    await writer.drain()
    async with asyncio.timeout(20):
        while not house.yard.signals._locks:
            await asyncio.sleep(0)  # until the server is in the middle of the first request
        second = await ada.client.post("/submit-async", **form(key="k1"))
        assert (second.status_code, second.json()["code"]) == (409, "request_in_flight")
        assert second.headers["retry-after"] == "1"
        writer.close()
        while (answer := await ada.client.post("/submit-async", **form(key="k1"))).status_code == 409:
            pass
    assert answer.status_code == 200
    assert len((await ada.client.get("/jobs")).json()) == 1


async def test_the_same_key_and_request_give_the_same_job(ada: Caller, bob: Caller) -> None:
    """Invariant 3."""
    first = await ada.submit(b"PK", options={"timeout": 5}, key="k")
    assert await ada.submit(b"PK", options={"timeout": 5}, key="k") == first
    assert await ada.submit(b"PK", options='{ "timeout":5.0 }', key="k") == first, (
        "the meaning counts, not the spelling"
    )
    assert await bob.submit(b"PK", options={"timeout": 5}, key="k") != first, "keys are the caller's own"


@pytest.mark.parametrize("other", [{"package": b"PK2"}, {"options": {"timeout": 6}}])
async def test_the_same_key_with_another_request_is_refused(ada: Caller, other: dict) -> None:
    """Invariant 3."""
    await ada.submit(b"PK", options={"timeout": 5}, key="k")
    request = {"package": b"PK", "options": {"timeout": 5}, "key": "k"} | other
    package = request.pop("package")
    assert (await refused(ada, **form(package, **request)))[:2] == (422, "idempotency_key_reused")


async def test_a_hundred_at_once_with_one_key_are_one_job(ada: Caller) -> None:
    """Invariant 3."""
    answers = await asyncio.gather(*(ada.client.post("/submit-async", **form(key="k")) for _ in range(20)))
    made = {answer.json()["job_id"] for answer in answers if answer.status_code == 200}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_a_key_that_cannot_be_one_is_refused(ada: Caller, key: str) -> None:
    answer = await ada.client.post("/submit-async", **{**form(), "headers": {"Idempotency-Key": key}})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "idempotency-key"]
