"""Downloads: they go on where they were cut off, and end with the right file or none."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runyard.services.compute.models.errors import FetchFailed
from runyard.services.compute.models.fetch import fetch

CONTENT = bytes(range(256)) * 12_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Mirror:
    """A web server with one file, and what it was asked for."""

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True
    cut_after: int | None = None
    status: int | None = None
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.asked.append(self.headers["Range"])
            if mirror.status is not None:
                self.send_error(mirror.status)
                return
            start = int(self.headers["Range"][6:-1]) if self.headers["Range"] and mirror.ranges else 0
            if start and start >= len(mirror.content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(mirror.content) - start))
            self.end_headers()
            end = len(mirror.content) if mirror.cut_after is None else start + mirror.cut_after
            self.wfile.write(mirror.content[start:end])

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        mirror.url = f"http://127.0.0.1:{server.server_port}/model.onnx"
        yield mirror
        server.shutdown()
        thread.join()


def test_a_file_comes_whole_and_says_how_far_it_is(mirror: Mirror, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(mirror.url, tmp_path / "deep" / "m", sha256=DIGEST, progress=lambda here, of: seen.append((here, of)))
    assert (tmp_path / "deep" / "m").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["m"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [here for here, _ in seen] == sorted(here for here, _ in seen)


def test_a_download_that_was_cut_off_goes_on(mirror: Mirror, tmp_path: Path) -> None:
    mirror.cut_after = 1_000_000
    with pytest.raises(FetchFailed, match="goes on from where it was"):
        fetch(mirror.url, tmp_path / "m", sha256=DIGEST)
    assert not (tmp_path / "m").exists()
    mirror.cut_after = None
    fetch(mirror.url, tmp_path / "m", sha256=DIGEST)
    assert (tmp_path / "m").read_bytes() == CONTENT
    assert mirror.asked == [None, "bytes=1000000-"]


def test_a_server_that_can_not_go_on_begins_again(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "m.part").write_bytes(CONTENT[:1000])
    mirror.ranges = False
    fetch(mirror.url, tmp_path / "m", sha256=DIGEST)
    assert (tmp_path / "m").read_bytes() == CONTENT


def test_a_part_of_another_file_is_thrown_away(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "m.part").write_bytes(b"x" * 1000)
    fetch(mirror.url, tmp_path / "m", sha256=DIGEST)
    assert (tmp_path / "m").read_bytes() == CONTENT
    assert mirror.asked == ["bytes=1000-", None]


def test_a_part_that_is_whole_already_is_enough(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "m.part").write_bytes(CONTENT)
    fetch(mirror.url, tmp_path / "m", sha256=DIGEST)
    assert (tmp_path / "m").read_bytes() == CONTENT


def test_another_file_than_wanted_is_refused_with_its_digest(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=f"its SHA-256 is {DIGEST}, not {'0' * 64}.*--sha256 {DIGEST}"):
        fetch(mirror.url, tmp_path / "m", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_says_so(mirror: Mirror, tmp_path: Path) -> None:
    mirror.status = 404
    with pytest.raises(FetchFailed, match="answers 404 Not Found"):
        fetch(mirror.url, tmp_path / "m", sha256=DIGEST)


def test_without_internet_there_is_another_way(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="Connection refused.*Without internet, download it on another machine"):
        fetch("http://127.0.0.1:9/model.onnx", tmp_path / "m", sha256=DIGEST)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/etc/passwd", ""])
def test_only_web_addresses_are_downloaded(tmp_path: Path, url: str) -> None:
    with pytest.raises(FetchFailed, match="is no address to download from"):
        fetch(url, tmp_path / "m", sha256=DIGEST)


def test_a_file_without_end_is_given_up(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runyard.services.compute.models.fetch.LARGEST", 1_000)
    with pytest.raises(FetchFailed, match="no model here needs"):
        fetch(mirror.url, tmp_path / "m", sha256=DIGEST)
