"""Headless Chromium, driven by the WebDriver protocol as the browser's own driver speaks it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

BROWSER = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
DEADLINE = 60.0

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)


class Page:
    """The one page of a browser."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client = client
        self._session = session

    def open(self, address: str) -> None:
        """Load it."""
        self._send("url", {"url": address})

    def run(self, script: str, *arguments: object) -> object:
        """What the body of an async function returns; a rejected promise is an error here."""
        wrapped = f"return (async (...args) => {{{script}}})(...arguments)"
        return self._send("execute/sync", {"script": wrapped, "args": list(arguments)})

    def _send(self, command: str, body: dict[str, object]) -> object:
        response = self._client.post(f"/session/{self._session}/{command}", json=body)
        value = response.json()["value"]
        assert response.is_success, value
        return value


@contextmanager
def open_page(folder: Path) -> Iterator[Page]:
    """A page in a browser of its own, which keeps its profile in the folder."""
    assert BROWSER is not None
    assert DRIVER is not None
    chrome = {"binary": BROWSER, "args": [*_OPTIONS, f"--user-data-dir={folder / 'profile'}"]}
    wanted = {"browserName": "chrome", "goog:chromeOptions": chrome, "timeouts": {"script": int(DEADLINE * 1000)}}
    with (
        (folder / "driver.log").open("w") as log,
        _driver(log) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as client,
    ):
        answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}}).json()["value"]
        assert "sessionId" in answer, answer
        try:
            yield Page(client, answer["sessionId"])
        finally:
            client.delete(f"/session/{answer['sessionId']}")


@contextmanager
def _driver(log: object) -> Iterator[int]:
    process = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        for line in process.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                yield int(found[1])
                return
        raise AssertionError("chromedriver did not start.")
    finally:
        process.terminate()
        process.wait(DEADLINE)
        process.stdout.close()
