"""A film that a yard has made ready plays in a browser, straight from the job's files.

The page comes from a web server that passes `/jobs/` on to the yard, as sites do: to the browser both are one origin. The player
sends the user's token.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from cl_client import JobResponse, ServerConfig, SessionManager
from runyard.testing.running import RunningYard

from .chromium import Page
from .test_hls import CLIP, HERE, HIGH, LOW, until

pytestmark = pytest.mark.slow

PASSED_ON = ("Authorization", "Range", "If-Range", "If-None-Match", "Origin")
PASSED_BACK = (
    "Content-Type",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Content-Security-Policy",
    "X-Content-Type-Options",
)


class _Site(SimpleHTTPRequestHandler):
    """Files of a folder, and the yard below `/jobs/`."""

    def __init__(self, *args: Any, yard: httpx.Client, **options: Any) -> None:
        self._yard = yard
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        if not self.path.startswith("/jobs/"):
            super().do_GET()
            return
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        answer = self._yard.get(self.path, headers=headers)
        self.send_response(answer.status_code)
        for name in PASSED_BACK:
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Silence: pytest shows what matters."""


@contextmanager
def site(folder: Path, yard: RunningYard) -> Iterator[str]:
    """Its address."""
    with (
        httpx.Client(base_url=yard.compute_url, timeout=30) as client,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(_Site, directory=str(folder), yard=client)) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, name="site")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def film(yard: RunningYard) -> tuple[JobResponse, str]:
    """A user's job, and a token of theirs."""
    ada = yard.account()
    config = ServerConfig(yard.url, yard.compute_url, mqtt_broker="127.0.0.1", mqtt_port=yard.mqtt_port)

    async def submit() -> tuple[JobResponse, str]:
        async with SessionManager(server_config=config) as session:
            await session.login(ada.username, ada.password)
            client = session.create_compute_client()
            return await client.hls_streaming.generate_manifest(CLIP, wait=True, timeout=90), session.get_token()

    return asyncio.run(submit())


@pytest.fixture
def address(
    page: Page, player: Path, yard: RunningYard, tmp_path: Path, film: tuple[JobResponse, str]
) -> Iterator[str]:
    """Where the page finds the film, once it is open and knows the token."""
    job, token = film
    for file in (player, HERE / "player.html"):
        shutil.copy(file, tmp_path)
    with site(tmp_path, yard) as origin:
        page.open(f"{origin}/player.html")
        page.run(
            "Hls.DefaultConfig.xhrSetup = xhr => xhr.setRequestHeader('Authorization', args[0])", f"Bearer {token}"
        )
        yield f"/jobs/{job.job_id}/view/output/adaptive.m3u8"
        page.open("about:blank")  # it asks for nothing more


def test_it_plays_changes_its_level_and_goes_to_any_moment(page: Page, address: str) -> None:
    levels = cast("list[dict[str, Any]]", page.run("return await load(args[0])", address))
    assert [level["height"] for level in levels] == [480, 720]

    page.run("player.loadLevel = args[0]; await video.play()", LOW)
    first = until(page, "timeupdate", "video.currentTime > 0.5")
    assert (first["width"], first["height"]) == (854, 480)

    page.run("player.nextLevel = args[0]", HIGH)
    second = until(page, "timeupdate", "video.videoHeight === 720 && video.currentTime > 2 && seen.switches.length > 1")
    assert second["switches"] == [LOW, HIGH]
    assert second["frames"] > first["frames"] > 0
    assert second["sound"] > 0

    page.run("video.pause(); video.currentTime = args[0]", 6.6)
    third = until(page, "seeked", "!video.seeking && video.readyState >= 2")
    assert third["time"] == pytest.approx(6.6, abs=0.01)
    assert third["fatal"] == []


def test_it_plays_to_its_end(page: Page, address: str, film: tuple[JobResponse, str]) -> None:
    page.run("await load(args[0]); video.playbackRate = 8; await video.play()", address)
    end = until(page, "ended", "video.ended")
    assert end["time"] == pytest.approx(cast("dict[str, Any]", film[0].task_output)["duration"], abs=0.1)
    assert end["fatal"] == []


def test_nobody_else_sees_it(page: Page, address: str) -> None:
    fetched = "const answer = await fetch(args[0], {headers: args[1]}); return answer.status"
    assert page.run(fetched, address, {}) == 404
    page.run("Hls.DefaultConfig.xhrSetup = undefined")
    assert "manifestLoadError" in str(
        page.run("try { await load(args[0]) } catch (problem) { return problem.message }", address)
    )
