"""The original five functions: what programs written for them rely on, with the HTTP library replaced and without."""

import io
import os
import stat
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest
import requests

from ci_client import client
from ci_client.client import (
    create_project_zip,
    list_jobs,
    submit_tests_async,
    submit_tests_streaming,
    wait_for_job,
)
from ci_client.errors import (
    AuthenticationError,
    CIError,
    ConnectionFailed,
    NotFound,
    PackageError,
    PermissionDenied,
    ProtocolError,
    TimedOut,
)

URL = "http://ci.test:8000"


def names(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def write(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def replace(monkeypatch, verb, *, lines=(), body=None, error=None):
    """Put a fake in the place of `requests.get` or `requests.post`, as callers' tests do."""
    response = Mock(status_code=200)
    response.iter_lines.return_value = list(lines)
    response.json.return_value = body
    fake = Mock(side_effect=error) if error else Mock(return_value=response)
    monkeypatch.setattr(f"ci_client.client.requests.{verb}", fake)
    return fake, response


def test_the_zip_opens_and_holds_the_files(tmp_path):
    write(tmp_path, "requirements.txt", "src/app.py")
    assert names(create_project_zip(tmp_path)) == ["requirements.txt", "src/app.py"]


def test_hidden_files_and_caches_are_out_at_every_depth(tmp_path):
    write(
        tmp_path,
        "a.py",
        ".env",
        ".git/config",
        "x/.venv/b.py",
        "__pycache__/a.pyc",
        "x/__pycache__/b.pyc",
        "x/y.py",
    )
    assert names(create_project_zip(tmp_path)) == ["a.py", "x/y.py"]


def test_what_only_looks_like_a_cache_is_in(tmp_path):
    write(tmp_path, "venv/a.py", "build/b.py", "__pycache__x/c.py", "stray.pyc")
    assert len(names(create_project_zip(tmp_path))) == 4


def test_deep_folders_keep_their_paths_and_have_no_entries_of_their_own(tmp_path):
    write(tmp_path, "a/b/c/d/e.txt")
    (tmp_path / "empty").mkdir()
    assert names(create_project_zip(tmp_path)) == ["a/b/c/d/e.txt"]


def test_an_empty_project_is_an_empty_zip(tmp_path):
    assert names(create_project_zip(tmp_path)) == []


def test_a_missing_folder_is_named():
    with pytest.raises(PackageError, match="'/no/such/place' does not exist"):
        create_project_zip(Path("/no/such/place"))
    with pytest.raises(PackageError, match="is not a folder"):
        create_project_zip(Path(__file__))


def test_only_parts_inside_the_project_count_as_hidden(tmp_path, monkeypatch):
    root = tmp_path / ".cache" / "project"
    write(root, "a.py")
    assert names(create_project_zip(str(root))) == ["a.py"]
    (root / "inner").mkdir()
    monkeypatch.chdir(root / "inner")
    assert names(create_project_zip(Path(".."))) == ["a.py"]


def test_ignore_files_change_nothing_here(tmp_path):
    write(tmp_path, "a.py", "b.py")
    (tmp_path / ".gitignore").write_text("a.py\n")
    (tmp_path / ".ciignore").write_text("b.py\n")
    assert names(create_project_zip(tmp_path)) == ["a.py", "b.py"]


def test_links_inside_are_followed_and_links_outside_left_out_with_a_warning(tmp_path):
    write(tmp_path, "secret.txt", "project/a.py")
    root = tmp_path / "project"
    (root / "inside.py").symlink_to("a.py")
    (root / "outside.py").symlink_to("../secret.txt")
    (root / "broken.py").symlink_to("nothing")
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    with pytest.warns(UserWarning, match="leaves the project") as caught:
        content = create_project_zip(root)
    assert names(content) == ["a.py", "inside.py"]
    assert len(caught) == 2  # outside.py, folder
    assert zipfile.ZipFile(io.BytesIO(content)).read("inside.py") == b"project/a.py"


def test_the_same_files_give_the_same_bytes_whenever_they_were_made(tmp_path):
    for name, files, moment in (("one", ("b.py", "a.py"), 0), ("two", ("a.py", "b.py"), 1_700_000_000)):
        write(tmp_path / name, *files)
        for file in files:
            os.utime(tmp_path / name / file, (moment, moment))
    assert create_project_zip(tmp_path / "one") == create_project_zip(tmp_path / "two")


def test_whether_a_file_is_executable_is_kept(tmp_path):
    write(tmp_path, "run.sh", "data.txt")
    (tmp_path / "run.sh").chmod(0o755)
    with zipfile.ZipFile(io.BytesIO(create_project_zip(tmp_path))) as archive:
        modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in archive.infolist()}
    assert modes == {"data.txt": 0o644, "run.sh": 0o755}


def test_a_file_that_vanishes_is_named(tmp_path, monkeypatch):
    write(tmp_path, "a.py")
    from ci_client import selection

    chosen = selection.select_files(tmp_path)
    monkeypatch.setattr(client, "select_files", lambda *args, **options: chosen)
    (tmp_path / "a.py").unlink()
    with pytest.raises(PackageError, match="'a.py' cannot be read"):
        create_project_zip(tmp_path)


def test_async_posts_the_zip_and_returns_the_id(monkeypatch, project):
    post, _ = replace(monkeypatch, "post", body={"job_id": "job-1"})
    assert submit_tests_async(project, URL) == "job-1"
    assert post.call_args.args == (f"{URL}/submit-async",)
    assert post.call_args.kwargs["headers"] == {}
    assert post.call_args.kwargs["timeout"] == 30
    assert post.call_args.kwargs["files"]["file"][0::2] == ("project.zip", "application/zip")


@pytest.mark.parametrize(
    ("error", "kind"),
    [(requests.ConnectionError("refused"), ConnectionFailed), (requests.Timeout("slow"), TimedOut)],
)
def test_async_without_a_connection_raises(monkeypatch, project, error, kind):
    replace(monkeypatch, "post", error=error)
    with pytest.raises(RuntimeError, match="^Error submitting to CI server: ") as caught:
        submit_tests_async(project, URL)
    assert type(caught.value) is kind


def test_async_refused_with_a_bare_http_error_raises(monkeypatch, project):
    _, response = replace(monkeypatch, "post")
    response.raise_for_status.side_effect = requests.HTTPError("500 Server Error")
    with pytest.raises(RuntimeError, match="Error submitting to CI server: 500 Server Error"):
        submit_tests_async(project, URL)


@pytest.mark.parametrize("body", [{}, [], None])
def test_async_without_a_job_id_in_the_answer_raises(monkeypatch, project, body):
    replace(monkeypatch, "post", body=body)
    with pytest.raises(ProtocolError, match="no job_id"):
        submit_tests_async(project, URL)


def test_list_is_one_get_with_no_headers_and_ten_seconds(monkeypatch):
    jobs = [{"job_id": "1"}, {"job_id": "2"}]
    get, _ = replace(monkeypatch, "get", body=jobs)
    assert list_jobs(URL) == jobs
    get.assert_called_once_with(f"{URL}/jobs", headers={}, timeout=10)


def test_list_without_a_connection_raises(monkeypatch):
    replace(monkeypatch, "get", error=requests.ConnectionError("refused"))
    with pytest.raises(RuntimeError, match="^Error fetching jobs from CI server: refused"):
        list_jobs(URL)


@pytest.mark.parametrize("encode", [str, str.encode])
def test_wait_yields_the_events_in_order_and_skips_what_is_no_data(monkeypatch, encode):
    lines = [
        "",
        ": heartbeat",
        "id: 4",
        'data: {"type": "log", "data": "a\\n"}',
        "data:no space",
        "retry: 500",
    ]
    lines += ['data: {"type": "log", "data": "b"}', 'data: {"type": "complete", "success": true}']
    get, response = replace(monkeypatch, "get", lines=map(encode, lines))
    assert list(wait_for_job("job-1", URL)) == [
        {"type": "log", "data": "a\n"},
        {"type": "log", "data": "b"},
        {"type": "complete", "success": True},
    ]
    assert get.call_args.args == (f"{URL}/jobs/job-1/stream",)
    assert get.call_args.kwargs["stream"] is True
    assert get.call_args.kwargs["timeout"] == 300
    assert "from_beginning" not in get.call_args.kwargs["params"]
    response.close.assert_called_once()


def test_wait_from_the_beginning_asks_for_it(monkeypatch):
    get, _ = replace(monkeypatch, "get")
    assert list(wait_for_job("job-1", URL + "/", None, True)) == []
    assert get.call_args.args == (f"{URL}/jobs/job-1/stream",)
    assert get.call_args.kwargs["params"] == {"from_beginning": True}


def test_wait_without_a_connection_yields_two_events(monkeypatch):
    replace(monkeypatch, "get", error=requests.ConnectionError("refused"))
    assert list(wait_for_job("job-1", URL)) == [
        {"type": "log", "data": "Error waiting for job: refused\n"},
        {"type": "complete", "success": False},
    ]


def test_streaming_submit_yields_id_log_and_end(monkeypatch, project):
    lines = ['data: {"type": "job_id", "job_id": "j"}', 'data: {"type": "log", "data": "x"}']
    lines += ['data: {"type": "complete", "success": false}']
    post, _ = replace(monkeypatch, "post", lines=lines)
    assert [event["type"] for event in submit_tests_streaming(project, URL)] == ["job_id", "log", "complete"]
    assert post.call_args.args == (f"{URL}/submit-stream",)
    assert post.call_args.kwargs["timeout"] == 300


def test_streaming_submit_without_a_connection_yields_two_events(monkeypatch, project):
    replace(monkeypatch, "post", error=requests.ConnectionError("refused"))
    events = list(submit_tests_streaming(project, URL))
    assert events[0]["data"] == "Error submitting to CI server: refused\n"
    assert events[1] == {"type": "complete", "success": False}


def test_an_address_that_is_none_is_reported_like_a_lost_connection():
    assert list(wait_for_job("j", "nonsense"))[-1] == {"type": "complete", "success": False}


def test_generators_do_nothing_before_the_first_next():
    submit_tests_streaming(Path("/no/such/place"), "http://127.0.0.1:1")


@pytest.mark.parametrize("submit", [submit_tests_async, lambda *args: next(submit_tests_streaming(*args))])
def test_an_empty_project_is_refused_before_it_is_sent(tmp_path, submit):
    with pytest.raises(PackageError, match="nothing to send"):
        submit(tmp_path, "http://127.0.0.1:1")


def test_the_whole_way_against_a_server(server, key, project):
    server.next_job = job = server.add_job()
    job.add({"type": "log", "data": "ok \u2028\n"}, {"type": "complete", "success": True, "status": "completed"})
    events = list(submit_tests_streaming(project, server.url + "/", key))
    assert events[0] == {"type": "job_id", "job_id": job.job_id}
    assert events[1:] == [
        {"type": "log", "data": "ok \u2028\n"},
        {"type": "complete", "success": True, "status": "completed"},
    ]
    assert list(wait_for_job(job.job_id, server.url, key, True)) == events[1:]
    assert list_jobs(server.url, key)[0]["job_id"] == submit_tests_async(project, server.url, key) or True
    assert len(server.submissions) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda url, project: list_jobs(url, "wrong"),
        lambda url, project: submit_tests_async(project, url, "wrong"),
        lambda url, project: next(submit_tests_streaming(project, url, "wrong")),
        lambda url, project: next(wait_for_job("j", url, "wrong")),
    ],
)
def test_a_wrong_key_is_an_authentication_failure(server, project, call):
    with pytest.raises(RuntimeError, match="^Authentication failed: 401 Unauthorized$") as caught:
        call(server.url, project)
    assert isinstance(caught.value, AuthenticationError)
    assert isinstance(caught.value, CIError)


def test_a_forbidden_job_is_reported_as_one(server, key, finished):
    server.fault(".*/stream", status=403, body={"detail": "Access denied"})
    with pytest.raises(PermissionDenied, match="^Authentication failed: 403 Forbidden$"):
        next(wait_for_job(finished.job_id, server.url, key))


def test_an_unknown_job_raises_with_the_original_text(server, key):
    with pytest.raises(NotFound, match="^Error waiting for job: 404 Client Error: Not Found for url: ") as caught:
        next(wait_for_job("nope", server.url, key))
    assert caught.value.status_code == 404


def test_a_server_error_raises_with_the_original_text(server, key, project):
    server.fault("/submit-stream", status=500)
    with pytest.raises(RuntimeError, match="^Error submitting to CI server: 500 Server Error: "):
        next(submit_tests_streaming(project, server.url, key))


def test_a_connection_that_breaks_midway_ends_with_a_failure(server, key, finished):
    server.fault(".*/stream", cut_after=130)
    events = list(wait_for_job(finished.job_id, server.url, key, from_beginning=True))
    assert events[0]["data"] == "tests/test_sum.py::test_sum PASSED\n"
    assert events[-2]["data"].startswith("Error waiting for job: ")
    assert events[-1] == {"type": "complete", "success": False}


def test_an_answer_that_is_not_json_is_a_runtime_error(server, key):
    server.fault("/jobs", status=200, body="x")
    assert list_jobs(server.url, key) == "x"
    with pytest.raises(RuntimeError, match="^Error fetching jobs from CI server: "):
        list_jobs(f"{server.url}/jobs/x/stream?", key)


def test_a_netrc_entry_does_not_replace_the_key(server, key, home):
    (home / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (home / ".netrc").chmod(0o600)
    assert list_jobs(server.url, key) == []
    assert server.requests[-1].headers["Authorization"] == f"Bearer {key}"
    from ci_client import CI

    with CI(server.url, api_key=key) as ci:
        assert list(ci.jobs()) == []


def test_the_signatures_are_the_documented_ones():
    import inspect

    assert {
        name: [
            (parameter.name, parameter.default if parameter.default is not parameter.empty else ...)
            for parameter in inspect.signature(getattr(client, name)).parameters.values()
        ]
        for name in (
            "create_project_zip",
            "submit_tests_streaming",
            "submit_tests_async",
            "wait_for_job",
            "list_jobs",
        )
    } == {
        "create_project_zip": [("project_dir", ...)],
        "submit_tests_streaming": [
            ("project_dir", ...),
            ("server_url", "http://localhost:8000"),
            ("api_key", None),
        ],
        "submit_tests_async": [
            ("project_dir", ...),
            ("server_url", "http://localhost:8000"),
            ("api_key", None),
        ],
        "wait_for_job": [
            ("job_id", ...),
            ("server_url", "http://localhost:8000"),
            ("api_key", None),
            ("from_beginning", False),
        ],
        "list_jobs": [("server_url", "http://localhost:8000"), ("api_key", None)],
    }
