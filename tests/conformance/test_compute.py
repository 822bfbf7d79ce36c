"""The compute service as programs of the original interface know it: every row of its table, over a real socket."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from http.client import HTTPConnection
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image

from runyard.clock import utc_now
from runyard.identity.tokens import Tokens
from runyard.testing.running import RunningYard, TestAccount, wait_until
from runyard.yard import Yard

from .conftest import Record, SignedIn, WithoutGuests, bearer, completed, ended, submit, token_of
from .pictures import CLIP, PORTRAIT, picture

RECORD = [
    "job_id", "task_type", "status", "progress", "params", "task_output", "error_message", "priority", "created_at",
    "updated_at", "started_at", "completed_at",
]  # fmt: skip
TASKS = {"exif", "face_detection", "face_embedding", "hash", "hls_streaming", "image_conversion", "media_thumbnail"}


@pytest.fixture(scope="module")
def hashed(compute: httpx.Client) -> Record:
    """The worked example: a picture of 640 x 480 pixels, hashed."""
    return completed(compute, "hash", "a.jpg", picture())


@pytest.fixture(scope="module")
def faces(compute: httpx.Client) -> Record:
    return completed(compute, "face_detection", "portrait.jpg", PORTRAIT)


# ---------------------------------------------------------------- the service


def test_the_root_tells_whether_guests_are_welcome(compute: httpx.Client, without_guests: WithoutGuests) -> None:
    healthy = {"status": "healthy", "service": "Task Server", "version": "v1"}
    assert compute.get("/").json() == {**healthy, "guestMode": "on"}
    with without_guests():
        assert compute.get("/").json() == {**healthy, "guestMode": "off"}


def test_capabilities_are_told_to_anybody(compute: httpx.Client, without_guests: WithoutGuests) -> None:
    with without_guests():
        wait_until(lambda: compute.get("/capabilities").json()["num_workers"], "the worker's announcement", seconds=35)
        found = compute.get("/capabilities").json()
    assert list(found) == ["num_workers", "capabilities"]
    assert found["num_workers"] == 1
    assert set(found["capabilities"]) == TASKS
    assert set(found["capabilities"].values()) <= {0, 1}


# ---------------------------------------------------------------- a job


def test_a_job_is_accepted_in_three_words(compute: httpx.Client) -> None:
    answer = compute.post("/jobs/hash", files={"file": ("a.jpg", picture())})
    assert answer.status_code == 200
    assert list(answer.json()) == ["job_id", "status", "task_type"]
    assert (answer.json()["status"], answer.json()["task_type"]) == ("queued", "hash")
    assert UUID(answer.json()["job_id"]).version == 4


def test_a_queued_job_reads_as_it_always_did(compute: httpx.Client, yard: RunningYard) -> None:
    worker = yard.worker()
    worker.suspend()
    try:
        job = submit(compute, "hash", "a.jpg", picture())
        record = compute.get(f"/jobs/{job}").json()
    finally:
        worker.resume()
    assert list(record)[: len(RECORD)] == RECORD
    created = record["created_at"]
    assert abs(created / 1000 - time.time()) < 60
    assert {name: record[name] for name in RECORD} == {
        "job_id": job,
        "task_type": "hash",
        "status": "queued",
        "progress": 0,
        "params": {"input_path": "input/a.jpg", "output_path": "output/hash.json", "algorithm": "sha512"},
        "task_output": None,
        "error_message": None,
        "priority": 5,
        "created_at": created,
        "updated_at": created,
        "started_at": None,
        "completed_at": None,
    }
    assert list(record["params"])[:2] == ["input_path", "output_path"]


def test_a_job_that_is_done_reads_as_it_always_did(hashed: Record) -> None:
    assert list(hashed)[: len(RECORD)] == RECORD
    assert hashed["params"] == {"input_path": "input/a.jpg", "output_path": "output/hash.json", "algorithm": "sha512"}
    assert hashed["task_output"]["media_type"] == "image"
    assert hashed["created_at"] <= hashed["started_at"] <= hashed["completed_at"]


def test_a_job_that_failed_says_so_in_a_word_that_ends_every_wait(compute: httpx.Client) -> None:
    record = ended(compute, submit(compute, "image_conversion", "a.jpg", picture()[:2000], format="png"))
    assert (record["status"], record["task_output"]) == ("failed", None)
    assert "a.jpg" in record["error_message"]
    assert record["completed_at"] >= record["started_at"]


def test_a_deleted_job_is_gone_with_its_files(compute: httpx.Client) -> None:
    job = completed(compute, "hash", "a.txt", b"x")["job_id"]
    gone = compute.delete(f"/jobs/{job}")
    assert (gone.status_code, gone.content) == (204, b"")
    for answer in (compute.get(f"/jobs/{job}"), compute.delete(f"/jobs/{job}"), compute.get(f"/jobs/{job}/files/x")):
        assert (answer.status_code, answer.json()) == (404, {"detail": f"Job {job} not found"})


def test_what_is_no_job(compute: httpx.Client) -> None:
    assert compute.get("/jobs/hash").json() == {"detail": "Job hash not found"}
    assert compute.post("/jobs/sharpen", files={"file": ("a", b"x")}).status_code == 405
    assert compute.get("/nowhere").json() == {"detail": "Not Found"}


# ---------------------------------------------------------------- what can't be used


@pytest.mark.parametrize(
    ("plugin", "fields", "field", "kind", "context"),
    [
        ("hash", {"priority": "11"}, "priority", "less_than_equal", {"le": 10}),
        ("hash", {"priority": "-1"}, "priority", "greater_than_equal", {"ge": 0}),
        ("hash", {"priority": "x"}, "priority", "int_parsing", None),
        ("hash", {"algorithm": "crc"}, "algorithm", "literal_error", None),
        ("media_thumbnail", {"width": "0"}, "width", "greater_than", {"gt": 0}),
        ("face_detection", {"confidence_threshold": "2"}, "confidence_threshold", "less_than_equal", {"le": 1.0}),
        ("face_embedding", {"normalize": "maybe"}, "normalize", "bool_parsing", None),
        ("clip_embedding", {"normalize": "maybe"}, "normalize", "bool_parsing", None),
        ("image_conversion", {}, "format", "missing", None),
        ("image_conversion", {"format": "svg"}, "format", "literal_error", None),
        ("image_conversion", {"format": "jpg", "quality": "101"}, "quality", "less_than_equal", {"le": 100}),
        ("hls_streaming", {"variants": "[]"}, "variants", "too_short", None),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    compute: httpx.Client, plugin: str, fields: dict[str, str], field: str, kind: str, context: object
) -> None:
    answer = compute.post(f"/jobs/{plugin}", files={"file": ("a.jpg", b"x")}, data=fields)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert {"type", "loc", "msg", "input"} <= set(problem)
    assert (problem["type"], problem["loc"]) == (kind, ["body", field])
    assert context is None or problem["ctx"] == context


def test_a_file_is_wanted_with_a_name(compute: httpx.Client) -> None:
    nameless = b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nsecret\r\n--b--\r\n'
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    for answer in (
        compute.post("/jobs/hash", data={"priority": "5"}),
        compute.post("/jobs/hash", json={"file": "x"}),
        compute.post("/jobs/hash", content=nameless, headers=multipart),
    ):
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "file"]
        assert "secret" not in answer.text


def test_an_empty_value_counts_as_absent(compute: httpx.Client) -> None:
    job = submit(compute, "hash", "a.txt", b"x", algorithm="", priority="")
    record = compute.get(f"/jobs/{job}").json()
    assert (record["params"]["algorithm"], record["priority"]) == ("sha512", 5)
    job = submit(compute, "media_thumbnail", "a.jpg", picture(), width="", height="64")
    params = compute.get(f"/jobs/{job}").json()["params"]
    assert (params["width"], params["height"]) == (None, 64)


@pytest.mark.parametrize(
    ("word", "meant"), [("FALSE", False), ("0", False), ("no", False), ("On", True), ("yes", True)]
)
def test_truth_is_written_in_several_ways(compute: httpx.Client, word: str, meant: bool) -> None:
    job = submit(compute, "face_embedding", "a.jpg", picture(), normalize=word)
    assert compute.get(f"/jobs/{job}").json()["params"]["normalize"] is meant


# ---------------------------------------------------------------- the plugins


def test_a_hash(compute: httpx.Client, hashed: Record) -> None:
    written = compute.get(f"/jobs/{hashed['job_id']}/files/output/hash.json").json()
    assert {"hash_value", "algorithm", "media_type", "process_time"} <= set(written)
    assert (written["algorithm"], written["media_type"]) == ("sha512_image", "image")
    assert len(bytes.fromhex(written["hash_value"])) == 64
    assert len(bytes.fromhex(hashed["task_output"]["phash"])) == len(bytes.fromhex(hashed["task_output"]["dhash"])) == 8


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"width": 128, "height": 128}, (128, 96)),
        ({"width": 320}, (320, 240)),
        ({"height": 120}, (160, 120)),
        ({"width": 1280, "height": 1280}, (640, 480)),
        ({"width": 100, "height": 50, "maintain_aspect_ratio": "false"}, (100, 50)),
    ],
)
def test_a_thumbnail(compute: httpx.Client, asked: dict[str, Any], size: tuple[int, int]) -> None:
    record = completed(compute, "media_thumbnail", "a.jpg", picture(), **asked)
    expected = {
        "input_path": "input/a.jpg",
        "output_path": "output/thumbnail.jpg",
        "width": asked.get("width"),
        "height": asked.get("height"),
        "maintain_aspect_ratio": "maintain_aspect_ratio" not in asked,
    }
    assert expected.items() <= record["params"].items()
    output = record["task_output"]
    assert (output["media_type"], output["thumbnail_path"]) == ("image", "output/thumbnail.jpg")
    assert drawn(compute, record, output["thumbnail_path"]) == ("JPEG", size)


def test_a_thumbnail_of_a_video(compute: httpx.Client) -> None:
    record = completed(compute, "media_thumbnail", "clip.mp4", CLIP, width=256, height=256)
    assert record["task_output"]["media_type"] == "video"
    assert drawn(compute, record, "output/thumbnail.jpg") == ("JPEG", (256, 144))


@pytest.mark.parametrize(
    ("wanted", "name", "format_"),
    [("jpg", "jpg", "JPEG"), ("jpeg", "jpg", "JPEG"), ("png", "png", "PNG"), ("webp", "webp", "WEBP"),
     ("gif", "gif", "GIF"), ("bmp", "bmp", "BMP"), ("tiff", "tiff", "TIFF")],
)  # fmt: skip
def test_a_conversion(compute: httpx.Client, wanted: str, name: str, format_: str) -> None:
    record = completed(compute, "image_conversion", "in.png", picture(kind="PNG"), format=wanted, quality=90)
    path = f"output/converted_in.{name}"
    assert (record["params"]["format"], record["params"]["output_path"]) == (wanted, path)
    assert record["task_output"]["output_path"] == path
    assert drawn(compute, record, path) == (format_, (640, 480))


def test_faces(compute: httpx.Client, faces: Record) -> None:
    output = faces["task_output"]
    assert {"faces", "num_faces", "image_width", "image_height"} <= set(output)
    (face,) = output["faces"]
    assert set(face["bbox"]) == {"x1", "y1", "x2", "y2"}
    assert set(face["landmarks"]) == {"right_eye", "left_eye", "nose_tip", "mouth_right", "mouth_left"}
    assert face["landmarks"]["right_eye"][0] < face["landmarks"]["left_eye"][0]  # the person's own sides
    assert face["file_path"] == "faces/face_0.png"
    assert drawn(compute, faces, face["file_path"]) == ("PNG", (112, 112))
    assert compute.get(f"/jobs/{faces['job_id']}/files/output/face_detection.json").json() == output


def test_no_faces(compute: httpx.Client) -> None:
    output = completed(compute, "face_detection", "a.jpg", picture())["task_output"]
    assert (output["faces"], output["num_faces"]) == ([], 0)


def test_metadata_is_typed_and_tells_nothing_of_the_server(compute: httpx.Client) -> None:
    output = completed(compute, "exif", "a.jpg", picture())["task_output"]
    assert {"make", "model", "gps_latitude", "exposure_time", "software", "raw_metadata"} <= set(output)
    assert (output["image_width"], output["image_height"], output["make"]) == (640, 480, None)
    assert "Directory" not in json.dumps(output)


def test_a_ladder_of_playlists(compute: httpx.Client) -> None:
    variants = [{"resolution": 144, "bitrate": 300}, {"resolution": 96, "bitrate": 100}]
    record = completed(compute, "hls_streaming", "clip.mp4", CLIP, variants=json.dumps(variants))
    assert record["params"]["variants"] == variants
    assert (record["params"]["output_path"], record["params"]["include_original"]) == ("output", False)
    output = record["task_output"]
    assert output["manifest_path"] == "output/adaptive.m3u8"
    assert (output["variants_generated"], output["include_original"]) == (2, False)
    master = compute.get(f"/jobs/{record['job_id']}/files/output/adaptive.m3u8").text
    names = [line for line in master.splitlines() if line and not line.startswith("#")]
    assert set(names) == {"adaptive-144p-300.m3u8", "adaptive-96p-100.m3u8"}
    assert all(word in master for word in ("BANDWIDTH=", "RESOLUTION=256x144", "CODECS="))
    playlist = compute.get(f"/jobs/{record['job_id']}/files/output/adaptive-144p-300.m3u8").text.splitlines()
    assert playlist[0] == "#EXTM3U"
    assert {"#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:0"} <= set(playlist)
    assert playlist[-1] == "#EXT-X-ENDLIST"
    lengths = [float(line.removeprefix("#EXTINF:").rstrip(",")) for line in playlist if line.startswith("#EXTINF")]
    assert lengths == pytest.approx([2.0, 2.0, 2.0, 2.0], abs=0.05)
    segments = [line for line in playlist if not line.startswith("#")]
    assert segments == [f"adaptive-144p-300-{number:03}.ts" for number in range(4)]
    assert output["total_segments"] == 8


def drawn(compute: httpx.Client, record: Record, path: str) -> tuple[str | None, tuple[int, int]]:
    """Format and size of a picture among the job's files."""
    with Image.open(BytesIO(compute.get(f"/jobs/{record['job_id']}/files/{path}").content)) as image:
        return image.format, image.size


# ---------------------------------------------------------------- files


def test_a_file_is_sent_as_it_always_was(compute: httpx.Client, hashed: Record) -> None:
    path = f"/jobs/{hashed['job_id']}/files/output/hash.json"
    whole = compute.get(path)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-disposition"] == 'attachment; filename="hash.json"'
    assert whole.headers["accept-ranges"] == "bytes"
    assert {"etag", "last-modified", "content-length"} <= set(whole.headers)
    part = compute.get(path, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    assert part.headers["content-range"] == f"bytes 2-5/{len(whole.content)}"


def test_the_upload_and_the_faces_are_files_too(compute: httpx.Client, faces: Record) -> None:
    assert compute.get(f"/jobs/{faces['job_id']}/files/{faces['params']['input_path']}").content == PORTRAIT
    assert compute.get(f"/jobs/{faces['job_id']}/files/faces/face_0.png").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("../../../../etc/passwd", 403, "Access denied: path traversal detected"),
        ("%2e%2e/%2e%2e/etc/passwd", 403, "Access denied: path traversal detected"),
        ("output/..%2f..%2fx", 403, "Access denied: path traversal detected"),
        ("/etc/passwd", 403, "Access denied: path traversal detected"),
        ("output", 400, "Path is not a file: output"),
        ("output/absent.json", 404, "File not found: output/absent.json"),
    ],
)
def test_a_path_leads_nowhere_else(yard: RunningYard, hashed: Record, path: str, status: int, detail: str) -> None:
    connection = HTTPConnection(yard.compute_url.removeprefix("http://"), timeout=30)  # httpx tidies paths up
    connection.request("GET", f"/jobs/{hashed['job_id']}/files/{path}")
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)) == (status, {"detail": detail})
    connection.close()


@pytest.mark.parametrize("given", ["../../../../x.jpg", "/tmp/x.jpg", "C:\\x.jpg", "a/../x.jpg"])
def test_the_name_of_an_upload_leads_nowhere_else(compute: httpx.Client, given: str) -> None:
    record = completed(compute, "hash", given, b"x")
    assert record["params"]["input_path"] == "input/x.jpg"
    assert compute.get(f"/jobs/{record['job_id']}/files/input/x.jpg").content == b"x"


# ---------------------------------------------------------------- who may


def test_in_guest_mode_any_token_will_do(compute: httpx.Client, yard: RunningYard) -> None:
    job = compute.post("/jobs/hash", files={"file": ("a", b"x")}, headers=bearer("x.y.z")).json()["job_id"]
    assert ended(compute, job)["status"] == "completed"


@pytest.fixture
def useless(yard: RunningYard, ada: TestAccount) -> list[tuple[str, str]]:
    """Tokens that prove nothing, after what is said of them."""

    async def make(parts: Yard) -> list[tuple[str, str]]:
        users = await parts.identity.users.page(skip=0, limit=None)
        (user,) = [one for one in users if one.label == ada.username]
        past = Tokens(parts.settings.data_dir / "keys", clock=lambda: utc_now() - timedelta(hours=1), minutes=30)
        foreign = Tokens(parts.settings.data_dir / "foreign-keys", clock=utc_now, minutes=30)
        own = await parts.identity.tokens.key()
        unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
        _, payload, _ = (await parts.identity.tokens.issue(user)).split(".")
        return [
            ("JWT token has expired", await past.issue(user)),
            ("JWT payload is invalid", own.sign(b'{"id": 1, "permissions": [], "is_admin": true, "exp": 4102444800}')),
            ("Could not validate credentials", await foreign.issue(user)),
            ("Could not validate credentials", f"{unsigned}.{payload}."),
        ]

    return yard.inside(make)


def test_without_guests_a_good_token_is_wanted(
    compute: httpx.Client, without_guests: WithoutGuests, useless: list[tuple[str, str]]
) -> None:
    job = f"/jobs/{uuid4()}"
    refusals = [("Authentication required", {}), *((text, bearer(token)) for text, token in useless)]
    with without_guests():
        for method, path in (("POST", "/jobs/hash"), ("GET", job), ("DELETE", job), ("GET", f"{job}/files/x")):
            for text, headers in refusals:
                answer = compute.request(method, path, headers=headers)
                assert (answer.status_code, answer.json()) == (401, {"detail": text})
                assert answer.headers["www-authenticate"] == "Bearer"


def test_without_guests_a_permission_is_wanted(
    signed_in: SignedIn, ada: TestAccount, bob: TestAccount, root: TestAccount, without_guests: WithoutGuests
) -> None:
    refused = "Insufficient permissions. Required: ai_inference_support"
    with without_guests():
        answer = signed_in(bob).post("/jobs/hash", files={"file": ("a", b"x")})
        assert (answer.status_code, answer.json()) == (403, {"detail": refused})
        for account in (ada, root):
            assert completed(signed_in(account), "hash", "a", b"x")["task_type"] == "hash"


def test_a_job_is_its_submitters(compute: httpx.Client, signed_in: SignedIn, ada: TestAccount) -> None:
    job = completed(signed_in(ada), "hash", "a", b"x")["job_id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/files/output/hash.json")):
        answer = compute.request(method, f"/jobs/{job}{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": f"Job {job} not found"})


def test_administration_is_for_admins(
    compute: httpx.Client, auth: httpx.Client, signed_in: SignedIn, ada: TestAccount, root: TestAccount
) -> None:
    admin, user = signed_in(root), signed_in(ada)
    completed(compute, "hash", "a", b"x")
    size = admin.get("/admin/jobs/storage/size").json()
    assert list(size) == ["total_size", "job_count"]
    assert size["total_size"] > 0
    number = auth.get("/users/me", headers=bearer(token_of(auth, root))).json()["id"]
    admin.put("/admin/pref/guest-mode", data={"guest_mode": "on"})
    for path in ("/admin/config", "/admin/pref"):
        config = admin.get(path).json()
        assert list(config) == ["guest_mode", "updated_at", "updated_by"]
        assert (config["guest_mode"], config["updated_by"]) == (True, str(number))
        assert abs(config["updated_at"] / 1000 - time.time()) < 60
    cleaned = admin.request("DELETE", "/admin/jobs/cleanup", params={"days": 7})
    assert cleaned.json() == {"deleted_count": 0, "freed_space": 0}
    assert admin.request("DELETE", "/admin/jobs/cleanup", params={"days": -1}).json()["detail"][0]["loc"] == [
        "query", "days",
    ]  # fmt: skip
    for method, path in (("GET", "/admin/jobs/storage/size"), ("DELETE", "/admin/jobs/cleanup"), ("GET", "/admin/config"),
                         ("PUT", "/admin/config/guest-mode")):  # fmt: skip
        assert compute.request(method, path).status_code == 401
        answer = user.request(method, path)
        expected = {"detail": "Insufficient permissions. Admin access required"}
        assert (answer.status_code, answer.json()) == (403, expected)
