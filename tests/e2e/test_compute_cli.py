"""`cl_client` and `cl-admin` from a shell, against a whole yard."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runyard.testing.running import RunningYard, TestAccount

from .blocks import run_program, unconfigured
from .media import fill, install_models

ID = re.compile(r"[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}")


@pytest.fixture(scope="module")
def yard(yard_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningYard]:
    running = RunningYard(database_url=yard_database)
    install_models(running.settings.models, tmp_path_factory.mktemp("models"))
    with running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def ada(yard: RunningYard) -> TestAccount:
    return yard.account("ada")


class Shell:
    """Somebody at a shell, among their files."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def run(self, *command: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = run_program(*command, cwd=self.folder, env=self.environment)
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def json(self, *command: object) -> Any:
        return json.loads(self.run(*command, "--json").stdout)


@pytest.fixture
def shell(files: Path, tmp_path: Path, ada: TestAccount) -> Shell:
    mine = {
        name: ada.environment[name]
        for name in ada.environment
        if name.startswith(("AUTH_", "COMPUTE_", "MQTT_", "CL_"))
    }
    return Shell(files, unconfigured(tmp_path) | mine)


# ---------------------------------------------------------------- jobs


@pytest.mark.parametrize(
    ("command", "file", "found"),
    [
        ("clip-embedding embed", "photo.jpg", {"embedding_dim": 512, "normalized": True}),
        ("dino-embedding embed", "photo.jpg", {"embedding_dim": 384, "normalized": True}),
        ("exif extract", "photo.jpg", {"make": "Canon", "model": "Canon EOS R5"}),
        ("face-detection detect", "photo.jpg", {"num_faces": 1, "image_width": 512}),
        ("face-embedding embed", "photo.jpg", {"num_faces": 1, "normalized": True}),
        ("hash compute", "photo.jpg", {"media_type": "image", "algorithm": "sha512_image"}),
        ("hls-streaming generate-manifest", "video.mp4", {"manifest_path": "output/adaptive.m3u8"}),
        ("image-conversion convert --format webp", "input.png", {"output_path": "output/converted_input.webp"}),
        ("media-thumbnail generate -w 64 -h 64", "video.mp4", {"media_type": "video", "width": 64, "height": 36}),
    ],
)
def test_a_plugin(shell: Shell, command: str, file: str, found: dict[str, object]) -> None:
    record = shell.json("cl_client", *command.split(), file)
    assert (record["file"], record["status"], record["progress"]) == (file, "completed", 100)
    assert found.items() <= record["task_output"].items()
    assert record == {"file": file, **shell.json("cl_client", "jobs", "show", record["job_id"])}


def test_the_original_table_and_options(shell: Shell, tmp_path: Path) -> None:
    vector = tmp_path / "vector.npy"
    said = shell.run("cl_client", "clip-embedding", "embed", "photo.jpg", "-w", "-t", "30", "-o", vector).stdout
    for label in ("Job ID", "Task Type", "Status", "Progress"):
        assert label in said
    assert "completed" in said
    assert np.load(vector).shape == (512,)
    shell.run(
        "cl_client", "image-conversion", "convert", "input.png", "-f", "jpg", "-q", "90", "-o", tmp_path / "a.jpg"
    )
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.format == "JPEG"


def test_a_job_that_fails(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    done = shell.run("cl_client", "exif", "extract", tmp_path / "bad.jpg", code=1)
    assert "failed" in done.stdout
    assert "bad.jpg" in done.stdout + done.stderr
    shell.run("cl_client", "exif", "extract", tmp_path / "absent.jpg", code=2)


def test_the_life_of_a_job(shell: Shell, tmp_path: Path) -> None:
    job = shell.run("cl_client", "hash", "compute", "photo.jpg", "--detach").stdout.strip()
    assert ID.fullmatch(job)
    assert "completed" in shell.run("cl_client", "watch", job).stdout
    assert job in [record["job_id"] for record in shell.json("cl_client", "jobs", "list")]
    assert [file["path"] for file in shell.json("cl_client", "jobs", "files", job)] == [
        "input/photo.jpg", "output/hash.json",
    ]  # fmt: skip
    shell.run("cl_client", "download", job, "output/hash.json", tmp_path / "hash.json")
    assert json.loads((tmp_path / "hash.json").read_text())["media_type"] == "image"
    shell.run("cl_client", "jobs", "retry", job)
    shell.run("cl_client", "jobs", "delete", job, "--yes")
    shell.run("cl_client", "jobs", "show", job, code=1)


def test_many_files_at_once(shell: Shell, tmp_path: Path) -> None:
    said = shell.run("cl_client", "media-thumbnail", "generate", "-w", "32", "-h", "32", "photo.jpg", "input.png", "video.mp4",
                     "-o", tmp_path / "small", "--sheet", tmp_path / "sheet.png")  # fmt: skip
    assert said.stdout.count("completed") == 3
    assert len(list((tmp_path / "small").iterdir())) == 3
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width >= 3 * 32


def test_faces_are_drawn_on_a_copy(shell: Shell, files: Path, tmp_path: Path) -> None:
    before = (files / "photo.jpg").read_bytes()
    shell.run("cl_client", "face-detection", "detect", "photo.jpg", "--draw", tmp_path / "drawn.jpg")
    with Image.open(tmp_path / "drawn.jpg") as drawn, Image.open(files / "photo.jpg") as photo:
        assert drawn.size == photo.size
        assert drawn.tobytes() != photo.tobytes()
    assert (files / "photo.jpg").read_bytes() == before


def test_what_the_server_offers(shell: Shell) -> None:
    found = shell.json("cl_client", "workers")
    assert found["num_workers"] == 1
    assert {plugin["name"] for plugin in shell.json("cl_client", "plugins")} >= set(found["capabilities"])
    assert "ada" in shell.run("cl_client", "whoami").stdout
    shell.run("cl_client", "doctor")


def test_a_sign_in_is_kept(shell: Shell, ada: TestAccount, yard: RunningYard) -> None:
    for name in ("CL_USERNAME", "CL_PASSWORD"):
        del shell.environment[name]
    assert "guest" in shell.run("cl_client", "whoami").stdout
    shell.environment["SECRET"] = ada.password
    shell.run("bash", "-c", 'printf %s "$SECRET" | cl_client login ada --password -')
    assert "ada" in shell.run("cl_client", "whoami").stdout
    assert shell.json("cl_client", "hash", "compute", "photo.jpg")["status"] == "completed"
    shell.run("cl_client", "logout")
    assert "guest" in shell.run("cl_client", "whoami").stdout


# ---------------------------------------------------------------- administration


@pytest.fixture
def admin(yard: RunningYard, shell: Shell) -> list[object]:
    """`cl-admin` with the options that every original call had."""
    root = yard.account(is_admin=True, permissions=[])
    return ["cl-admin", "--auth-url", yard.url, "--username", root.username, "--password", root.password]


def test_users(shell: Shell, admin: list[object]) -> None:
    made = shell.run(*admin, "users", "create", "eve", "--password", "correct horse", "--permissions", "a,b").stdout
    assert made.startswith("✓")
    (listed,) = [line for line in shell.run(*admin, "users", "list").stdout.splitlines() if "eve" in line]
    assert "a, b" in listed
    shell.run(*admin, "users", "update", "eve", "--permissions", "ai_inference_support", "--admin", "true")
    (eve,) = [user for user in shell.json(*admin, "users", "list") if user["username"] == "eve"]
    assert (eve["is_admin"], eve["permissions"]) == (True, ["ai_inference_support"])
    assert shell.run(*admin, "users", "delete", "eve").stdout.startswith("✓")
    assert "✗ User not found: eve" in shell.run(*admin, "users", "delete", "eve", code=1).stderr


def test_guest_mode(shell: Shell, admin: list[object], yard: RunningYard) -> None:
    url = ["--compute-url", yard.compute_url]
    assert "is on" in shell.run(*admin, "config", *url, "get-guest-mode", "--service", "compute").stdout
    assert shell.run(*admin, "config", *url, "set-guest-mode", "compute", "off").stdout.startswith("✓")
    guest = Shell(shell.folder, {name: text for name, text in shell.environment.items() if "CL_" not in name})
    assert "Authentication required" in guest.run("cl_client", "hash", "compute", "photo.jpg", code=4).stderr
    shell.run(*admin, "config", *url, "set-guest-mode", "compute", "on")
    assert guest.json("cl_client", "hash", "compute", "photo.jpg")["status"] == "completed"
    del guest.environment["COMPUTE_URL"]
    done = guest.run(*admin, "config", "get-guest-mode", "--service", "compute", code=1)
    assert "Error: --compute-url required for compute service" in done.stderr


def test_storage(shell: Shell, admin: list[object], yard: RunningYard) -> None:
    shell.run("cl_client", "hash", "compute", "photo.jpg")
    found = shell.json(*admin, "jobs", "storage", "--compute-url", yard.compute_url)
    assert found["job_count"] > 0
    cleaned = shell.json(*admin, "jobs", "cleanup", "--days", "30", "--yes", "--compute-url", yard.compute_url)
    assert cleaned["deleted_count"] == 0


def test_the_wrong_admin(shell: Shell, yard: RunningYard, ada: TestAccount) -> None:
    for password in (ada.password, "wrong"):
        call = ["cl-admin", "--auth-url", yard.url, "--username", "ada", "--password", password]
        assert shell.run(*call, "users", "list", code=1).stderr.startswith("✗ ")
