"""The document of `cl_client`: its code blocks run as they stand, and do what it says they do.

They name no server, so the yard of this module is on the default ports, with the users that they sign in as.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from cl_client import ComputeClient, JobResponse, SessionManager, UserUpdateRequest
from runyard.testing.running import RunningYard

from .blocks import blocks_of, run_fragment, run_program, unconfigured
from .media import ROOT, fill, install_models
from .ports import alone

pytestmark = [pytest.mark.xdist_group("default-ports"), pytest.mark.timeout(300)]

BLOCKS = blocks_of("compute.md")
DEADLINE = 60.0
UNSTATED = "import asyncio\nfrom pathlib import Path\nfrom cl_client import ComputeClient\n"
"""What the blocks that begin with ``async def main()`` take from the first one of the document."""

PLUGINS = {
    "clip_embedding", "dino_embedding", "exif", "face_detection", "face_embedding", "hash", "hls_streaming",
    "image_conversion", "media_thumbnail",
}  # fmt: skip


@pytest.fixture(scope="module")
def yard(yard_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningYard]:
    ports = {"port": "8000", "compute_port": "8002", "mqtt_port": "1883"}
    running = RunningYard(database_url=yard_database, settings={**ports, "admin_password": "admin_password"})
    with alone(*map(int, ports.values())):
        install_models(running.settings.models, tmp_path_factory.mktemp("models"))
        with running:
            running.account("username", "password")
            yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("files"))


@pytest.fixture(autouse=True)
def environment(yard: RunningYard, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Somebody who has configured nothing, among their files; for programs, and for fragments in this process."""
    found = unconfigured(tmp_path)
    for name in set(os.environ) - set(found):
        monkeypatch.delenv(name)
    monkeypatch.chdir(files)
    return found


@pytest.fixture
async def client(environment: dict[str, str]) -> AsyncIterator[ComputeClient]:
    async with ComputeClient() as client:
        yield client


# ---------------------------------------------------------------- whole programs


def program(name: str, environment: dict[str, str], files: Path, *, before: str = "") -> str:
    done = run_program("python", "-c", before + BLOCKS[name], cwd=files, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_quick_start_without_authentication(environment: dict[str, str], files: Path) -> None:
    said = program("Quick Start: No-Auth Mode", environment, files).splitlines()
    job = next(line for line in said if line.startswith("Job submitted: ")).removeprefix("Job submitted: ")
    assert str(UUID(job)) == job
    assert sum(line.endswith(f"Job completed: {job}") for line in said) == 1
    assert "Status: completed" in said
    assert "Progress: 100%" in said
    assert any(line.startswith("Output: ") and "'embedding_dim': 512" in line for line in said)


def test_quick_start_with_authentication(environment: dict[str, str], files: Path) -> None:
    said = program("Quick Start: JWT Auth Mode", environment, files).splitlines()
    assert said[0].endswith(" completed!")
    assert said[1:] == ["Embedding dimension: 512"]


def test_polling_mode(environment: dict[str, str], files: Path) -> None:
    said = program("Polling Mode", environment, files, before=UNSTATED).splitlines()
    assert said[0].endswith(" completed!")
    assert said[1:] == ["Embedding dimension: 512"]


def test_download_result_files(environment: dict[str, str], files: Path) -> None:
    assert program("Download Result Files", environment, files, before=UNSTATED) == "Downloaded to embedding.npy\n"
    vector = np.load(files / "embedding.npy")
    assert (vector.shape, vector.dtype) == ((512,), np.float32)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


# ---------------------------------------------------------------- authentication


async def test_no_auth_mode(client: ComputeClient) -> None:
    made = await run_fragment(BLOCKS["Authentication: No-Auth Mode"], Path=Path)
    assert (await client.wait_for_job(made["job"].job_id)).status == "completed"


async def test_jwt_auth_mode(capsys: pytest.CaptureFixture[str]) -> None:
    made = await run_fragment(BLOCKS["Authentication: JWT Auth Mode"], Path=Path)
    assert capsys.readouterr().out == "Logged in successfully!\nUser: username, Admin: False\n"
    assert made["job"].task_type == "clip_embedding"
    assert not made["session"].is_authenticated()
    assert await made["session"].get_current_user() is None


async def test_token_refresh() -> None:
    made = await run_fragment(BLOCKS["Token Refresh"], Path=Path, SessionManager=SessionManager)
    assert made["token"] == made["session"].get_token()
    assert made["job"].status in {"queued", "processing", "completed"}


async def test_user_management() -> None:
    made = await run_fragment(BLOCKS["User Management"])
    user, updated = made["user"], made["updated"]
    assert (user.username, user.is_admin, user.is_active) == ("newuser", False, True)
    assert set(user.permissions) == {"read:jobs", "write:jobs"}
    assert [one.username for one in made["users"]] == ["admin", "username", "newuser"]
    assert (updated.id, set(updated.permissions)) == (user.id, {"read:jobs", "write:jobs", "admin"})
    async with SessionManager() as session:
        await session.login("admin", "admin_password")
        left = await session._auth_client.list_users(token=session.get_token())
    assert [one.username for one in left] == ["admin", "username"]


async def test_custom_authentication(client: ComputeClient) -> None:
    made = await run_fragment(BLOCKS["Custom Authentication"], ComputeClient=ComputeClient, Path=Path)
    async with made["session"] as session, made["client"] as guest:
        assert session.is_authenticated()
        assert made["auth_provider"].get_headers() == {"Authorization": "Bearer your-jwt-token"}
        assert guest.auth.get_headers() == {}
        assert (await guest.get_capabilities()).num_workers == 1


# ---------------------------------------------------------------- the nine plugins


async def embedding(dim: int, client: ComputeClient, job: JobResponse, output: Any) -> None:
    assert (output["embedding_dim"], output["normalized"]) == (dim, True)
    assert len(output["embedding"]) == dim
    assert all(isinstance(number, float) for number in output["embedding"])
    saved = np.load(BytesIO(await fetched(client, job, str(job.params["output_path"]))))
    assert saved == pytest.approx(np.array(output["embedding"], np.float32), abs=1e-6)


async def clip(client: ComputeClient, job: JobResponse, output: Any) -> None:
    assert job.params["output_path"] == "output/clip_embedding.npy"
    await embedding(512, client, job, output)


async def dino(client: ComputeClient, job: JobResponse, output: Any) -> None:
    assert job.params["output_path"] == "output/dino_embedding.npy"
    await embedding(384, client, job, output)


async def exif(client: ComputeClient, job: JobResponse, output: Any) -> None:
    assert (output["make"], output["model"]) == (output["Make"], output["Model"]) == ("Canon", "Canon EOS R5")
    assert output["DateTime"] == "2026:01:02 03:04:05"
    assert (output["gps_latitude"], output["gps_longitude"]) == pytest.approx((52.52, 13.405), abs=1e-6)
    assert json.loads(await fetched(client, job, "output/exif_metadata.json")) == output


async def faces(client: ComputeClient, job: JobResponse, output: Any) -> None:
    (face,) = output["faces"]
    assert (output["num_faces"], output["image_width"], output["image_height"]) == (1, 512, 512)
    assert 0.9 < face["confidence"] <= 1
    box = face["bbox"]
    assert 0 <= box["x1"] < box["x2"] <= 1
    assert 0 <= box["y1"] < box["y2"] <= 1
    assert set(face["landmarks"]) == {"right_eye", "left_eye", "nose_tip", "mouth_right", "mouth_left"}
    assert all(0 <= coordinate <= 1 for point in face["landmarks"].values() for coordinate in point)
    with Image.open(BytesIO(await fetched(client, job, face["file_path"]))) as cut_out:
        assert (cut_out.format, cut_out.size) == ("PNG", (112, 112))


async def face_vectors(client: ComputeClient, job: JobResponse, output: Any) -> None:
    (vector,) = output["embeddings"]
    assert len(vector) == output["embedding_dim"]
    assert output["normalized"]
    assert 0 <= output["quality_score"] <= 1


async def hashes(client: ComputeClient, job: JobResponse, output: Any) -> None:
    assert all(len(bytes.fromhex(output[name])) == 8 for name in ("phash", "dhash"))
    assert output["media_type"] == "image"
    assert json.loads(await fetched(client, job, "output/hash.json"))["algorithm"] == "sha512_image"


async def ladder(client: ComputeClient, job: JobResponse, output: Any) -> None:
    manifest = (await fetched(client, job, output["manifest_path"])).decode()
    assert manifest.startswith("#EXTM3U")
    assert manifest.count("#EXT-X-STREAM-INF") == output["variants_generated"] == 2
    names = {file.path for file in await client.get_job_files(job.job_id)}
    assert {f"output/{line}" for line in manifest.splitlines() if line and not line.startswith("#")} <= names
    assert sum(name.endswith(".ts") for name in names) == output["total_segments"]


async def converted(client: ComputeClient, job: JobResponse, output: Any) -> None:
    assert output["output_path"] == job.params["output_path"] == "output/converted_input.jpg"
    assert (job.params["format"], job.params["quality"]) == ("jpg", 90)
    with Image.open(BytesIO(await fetched(client, job, output["output_path"]))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 200))


async def thumbnail(client: ComputeClient, job: JobResponse, output: Any) -> None:
    assert (output["media_type"], output["thumbnail_path"]) == ("video", "output/thumbnail.jpg")
    with Image.open(BytesIO(await fetched(client, job, output["thumbnail_path"]))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (256, 144))


Check = Callable[[ComputeClient, JobResponse, Any], Any]


@pytest.mark.parametrize(
    ("block", "check"),
    [
        ("CLIP Embedding", clip),
        ("DINO Embedding", dino),
        ("EXIF Extraction", exif),
        ("Face Detection", faces),
        ("Face Embedding", face_vectors),
        ("Perceptual Hashing", hashes),
        ("HLS Streaming", ladder),
        ("Image Conversion", converted),
        ("Media Thumbnail", thumbnail),
    ],
)
async def test_a_plugin(block: str, check: Check, client: ComputeClient) -> None:
    calls: asyncio.Queue[JobResponse] = asyncio.Queue()
    made = await run_fragment(BLOCKS[block], client=client, Path=Path, callback=calls.put_nowait)
    async with asyncio.timeout(DEADLINE):
        job = await calls.get()
    assert (job.job_id, job.status, job.progress) == (made["job"].job_id, "completed", 100)
    await check(client, job, job.task_output)
    assert calls.empty()


async def fetched(client: ComputeClient, job: JobResponse, path: str) -> bytes:
    dest = Path("fetched")
    await client.download_job_file(job.job_id, path, dest)
    return dest.read_bytes()


# ---------------------------------------------------------------- configuration


def test_environment_variables(environment: dict[str, str], files: Path) -> None:
    show = 'python -c "from cl_client import ServerConfig; print(ServerConfig.from_env())"\n'
    done = run_program("bash", "-c", BLOCKS["Environment Variables"] + show, cwd=files, env=environment)
    assert done.stdout == (
        "ServerConfig(auth_url='http://localhost:8000', compute_url='http://localhost:8002', "
        "store_url='http://localhost:8001', mqtt_broker='localhost', mqtt_port=1883)\n"
    ), done.stderr


async def test_programmatic_configuration() -> None:
    made = await run_fragment(BLOCKS["Programmatic Configuration"])
    async with made["session"] as session, made["client"] as client:
        assert session._config == made["config"]
        assert client.timeout == 30.0
        assert (await client.hash.compute(image=Path("photo.jpg"), wait=True)).status == "completed"


# ---------------------------------------------------------------- advanced usage


async def test_progress_tracking(client: ComputeClient, capsys: pytest.CaptureFixture[str]) -> None:
    made = await run_fragment(BLOCKS["Progress Tracking"], client=client, Path=Path)
    await client.wait_for_job(made["job"].job_id)
    said = capsys.readouterr().out.splitlines()
    assert said[-2] == f"Job {made['job'].job_id}: 100% complete"
    assert "Success: {" in said[-1]


async def test_manual_subscription_management(client: ComputeClient) -> None:
    made = await run_fragment(
        BLOCKS["Manual Subscription Management"], client=client, on_progress=print, on_complete=print
    )
    assert str(UUID(made["subscription_id"])) == made["subscription_id"]


async def test_worker_capabilities(client: ComputeClient, capsys: pytest.CaptureFixture[str]) -> None:
    made = await run_fragment(BLOCKS["Worker Capabilities"], client=client)
    assert made["available"] is True
    assert set(made["capabilities"].capabilities) == PLUGINS
    assert capsys.readouterr().out.startswith("Workers: 1\nCapabilities: {")


# ---------------------------------------------------------------- errors


@asynccontextmanager
async def changed(**changes: Any) -> AsyncIterator[None]:
    """The user of the document, otherwise than the document expects."""
    async with SessionManager() as session:
        await session.login("admin", "admin_password")
        accounts = session.auth_client
        (user,) = [one for one in await accounts.list_users(session.get_token()) if one.username == "username"]

        async def change(**fields: Any) -> None:
            await accounts.update_user(session.get_token(), user.id, UserUpdateRequest(**fields))

        await change(**changes)
        try:
            yield
        finally:
            await change(password="password", permissions=user.permissions)


async def handled() -> dict[str, Any]:
    return await run_fragment(BLOCKS["Error Handling"], SessionManager=SessionManager, Path=Path)


@pytest.fixture
def no_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `photo.jpg` that is none."""
    (tmp_path / "photo.jpg").write_bytes(b"no photo at all")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("no_photo")
async def test_progress_tracking_of_a_job_that_fails(client: ComputeClient, capsys: pytest.CaptureFixture[str]) -> None:
    made = await run_fragment(BLOCKS["Progress Tracking"], client=client, Path=Path)
    await client.wait_for_job(made["job"].job_id)
    assert "Failed: 'photo.jpg' is" in capsys.readouterr().out.splitlines()[-1]


async def test_error_handling_when_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    made = await handled()
    assert (made["job"].status, capsys.readouterr().out) == ("completed", "")


async def test_error_handling_of_a_wrong_password(capsys: pytest.CaptureFixture[str]) -> None:
    async with changed(password="another password"):
        await handled()
    assert capsys.readouterr().out == "Authentication failed - invalid credentials or token expired\n"


async def test_error_handling_of_a_missing_permission(capsys: pytest.CaptureFixture[str]) -> None:
    async with changed(permissions=["media_store_read"]), SessionManager() as session:
        await session.login("admin", "admin_password")
        admin = session.create_compute_client()
        await admin.update_guest_mode(False)
        try:
            await handled()
        finally:
            await admin.update_guest_mode(True)
    assert capsys.readouterr().out == "Forbidden - insufficient permissions\n"


@pytest.mark.usefixtures("no_photo")
async def test_error_handling_of_a_job_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    await handled()
    assert capsys.readouterr().out.startswith("Job failed: 'photo.jpg' is")


async def test_error_handling_of_a_job_that_is_deleted(
    yard: RunningYard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cl_client._watch.SWEEP", 0.1)  # nobody tells of a deletion: it is seen at the next look
    async with SessionManager() as session:
        await session.login("username", "password")
        client = session.create_compute_client()
        worker = yard.worker()
        worker.suspend()
        try:
            waiting = asyncio.create_task(handled())
            async with asyncio.timeout(DEADLINE):
                while not (queued := [job async for job in client.jobs(status="queued")]):
                    await asyncio.sleep(0)
            await client.delete_job(queued[0].job_id)
            await waiting
        finally:
            worker.resume()
    assert capsys.readouterr().out == "Job not found\n"


# ---------------------------------------------------------------- command lines


@pytest.mark.parametrize(("name", "about"), [("cl_client", "Media jobs on a server"), ("cl-admin", "Look after users")])
def test_a_command_line_says_what_it_can(name: str, about: str, environment: dict[str, str], tmp_path: Path) -> None:
    here = {**environment, "PATH": f"{ROOT / '.tools' / 'bin'}:{environment['PATH']}", "VIRTUAL_ENV": sys.prefix}
    done = run_program("bash", "-c", BLOCKS[name], cwd=tmp_path, env=here)
    said = done.stdout + done.stderr
    assert said.count(about) == BLOCKS[name].count(f"{name}\n"), said
    asked = run_program(name, "--help", cwd=tmp_path, env=environment)
    assert (asked.returncode, about in asked.stdout) == (0, True)
