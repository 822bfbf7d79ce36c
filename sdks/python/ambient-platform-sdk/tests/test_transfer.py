"""Artifacts: whole and verified, or not at all."""

import os
import re

import pytest
from ambient_tests_server import RESET, Answer

import ambient_platform as ap
from ambient_platform import Artifact

CONTENT = os.urandom(1_500_000)


@pytest.fixture
def session(client, server):
    session = client.session(server.add())
    server.files[session.id] = {"out/report.md": CONTENT, "empty": b"", "out/b\xe4r 100%/a?b#c": b"odd"}
    return session


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_an_artifact_is_fetched(session, server, tmp_path):
    seen = []
    place = session.download("out/report.md", tmp_path / "r.md", on_progress=lambda *done: seen.append(done))
    assert place == tmp_path / "r.md"
    assert place.read_bytes() == CONTENT
    assert seen[-1] == (1_500_000, 1_500_000)
    assert len(seen) == 3
    assert server.requests[-1].path == f"/v1/sessions/{session.id}/artifacts/out/report.md"
    assert leftovers(tmp_path) == []


def test_a_folder_gets_a_file_of_its_name(session, tmp_path):
    (artifact,) = [one for one in session.artifacts() if one.size > 10]
    assert session.download(artifact, str(tmp_path)) == tmp_path / "report.md"
    assert session.download("empty", tmp_path).read_bytes() == b""


def test_names_may_have_folders_and_odd_characters(session, tmp_path):
    assert session.download("out/b\xe4r 100%/a?b#c", tmp_path / "odd").read_bytes() == b"odd"


@pytest.mark.parametrize("name", ["a//b", "/a", "a/", "a/../b", "./a"])
def test_a_name_that_is_no_path_below_is_not_asked_for(session, server, tmp_path, name):
    with pytest.raises(ValueError, match="Artifact name cannot be"):
        session.download(Artifact(name, 1, "0"), tmp_path / "x")
    assert server.seen("GET .*") == []


@pytest.mark.parametrize("name", ["..", "a/..", "a\\..", "\0"])
def test_a_name_that_leads_out_of_the_folder_is_refused(session, tmp_path, name):
    with pytest.raises(ap.DownloadError, match="is no file's name"):
        session.download(Artifact(name, 1, "0"), tmp_path)


def test_a_fetch_goes_on_where_the_connection_broke(session, server, tmp_path):
    server.fault(r"GET .*report\.md", Answer(200, body=CONTENT, cut=1_000_000))
    server.fault(r"GET .*report\.md", RESET)
    session.download("out/report.md", tmp_path / "r.md")
    assert (tmp_path / "r.md").read_bytes() == CONTENT
    ranges = [one.headers.get("range") for one in server.requests if one.path.endswith("report.md")]
    assert ranges[0] is None
    assert len(ranges) == 3
    (first,) = re.fullmatch(r"bytes=(\d+)-", ranges[1]).groups()
    assert 0 < int(first) <= 1_000_000
    assert ranges[1] == ranges[2]


def test_a_server_without_ranges_begins_anew(session, server, tmp_path):
    server.fault(r"GET .*report\.md", Answer(200, body=CONTENT, cut=1_000_000))
    server.fault(r"GET .*report\.md", Answer(200, body=CONTENT))
    assert session.download("out/report.md", tmp_path / "r.md").read_bytes() == CONTENT


def test_a_file_is_fetched_as_long_as_it_moves(session, server, tmp_path):
    for part in range(8):
        body = CONTENT[part * 1000 :]
        headers = {"Content-Range": f"bytes {part * 1000}-1499999/1500000"} if part else {}
        server.fault(r"GET .*report\.md", Answer(206 if part else 200, body=body, headers=headers, cut=1000))
    assert session.download("out/report.md", tmp_path / "r.md").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(200, body=b"x" + CONTENT[1:]), "arrived with SHA-256 .*nothing was written"),
        (Answer(200, body=CONTENT + b"x"), "more than the 1500000 bytes"),
    ],
)
def test_a_damaged_file_is_not_written(session, server, tmp_path, answer, words):
    (tmp_path / "r.md").write_text("before")
    server.fault(r"GET .*report\.md", answer)
    with pytest.raises(ap.DownloadError, match=words):
        session.download("out/report.md", tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text() == "before"
    assert leftovers(tmp_path) == []


def test_a_file_that_stays_short_is_not_written(session, server, tmp_path):
    server.fault(r"GET .*report\.md", Answer(200, body=CONTENT[:10]))
    server.fault(r"GET .*report\.md", Answer(206, headers={"Content-Range": "bytes 10-10/11"}, body=b""), times=9)
    with pytest.raises(ap.AmbientConnectionError, match="ended after 10 of 1500000 bytes"):
        session.download("out/report.md", tmp_path / "r.md")
    assert list(tmp_path.iterdir()) == []


def test_what_the_server_refuses_is_told(session, server, tmp_path):
    server.fault(r"GET .*report\.md", Answer(403, {"error": "no"}))
    with pytest.raises(ap.PermissionDeniedError):
        session.download("out/report.md", tmp_path / "r.md")
    with pytest.raises(ap.SessionNotFoundError, match=r"no artifact 'other' \(it has: out/report.md, empty, .*\)"):
        session.download("other", tmp_path)
    with pytest.raises(ValueError, match="Artifact name cannot be empty"):
        session.download("", tmp_path)
    assert list(tmp_path.iterdir()) == []
