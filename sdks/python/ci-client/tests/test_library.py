"""The API beside the original functions: `CI` and `Job`, against a real server on a socket."""

import hashlib
import threading
import zipfile
from datetime import timedelta
from io import BytesIO

import pytest
import requests

from ci_client import (
    CI,
    AuthenticationError,
    Completed,
    Conflict,
    Log,
    NotFound,
    PackageError,
    PhaseEntered,
    ProtocolError,
    RequestRejected,
    ServerFault,
    StateChanged,
    StreamLost,
    TestEnded,
    TimedOut,
    UsageError,
)

AUTH = {"Authorization": f"Bearer ci_{'k' * 40}"}
ALL = {"events": "all", "from_beginning": "true"}
DONE = {"type": "complete", "success": True, "status": "completed"}


def names_in(package):
    return zipfile.ZipFile(BytesIO(package)).namelist()


def test_submit_sends_the_project_and_its_options(ci, server, project):
    job = ci.submit(project, env={"A": "1"}, timeout=60, python="3.12", tests=["tests/test_sum.py"], network=True)
    stored, fields = server.submissions[0]
    assert job.id == stored.job_id
    assert fields["options"] == (
        b'{"env": {"A": "1"}, "timeout": 60, "python": "3.12", "tests": ["tests/test_sum.py"], "network": true}'
    )
    assert fields["digest"].decode() == "sha256:" + hashlib.sha256(fields["file"]).hexdigest()
    assert names_in(fields["file"]) == ["requirements.txt", "tests/test_sum.py"]


def test_a_submit_without_options_sends_none(ci, server, project):
    ci.submit(str(project))
    assert "options" not in server.submissions[0][1]


def test_a_package_the_server_has_is_not_sent_again(ci, server, wide_project):
    ci.submit(wide_project)
    ci.submit(wide_project)
    bodies = [len(request.body) for request in server.seen("POST", "/submit-async")]
    assert bodies[0] < 1000 < 200_000 < bodies[1]
    assert bodies[2] < 1000
    assert len(bodies) == 3


def test_an_older_server_that_wants_the_file_gets_it(ci, server, wide_project):
    server.fault("/submit-async", status=422, body={"detail": [{"loc": ["body", "file"], "msg": "Field required"}]})
    ci.submit(wide_project)
    assert len(server.submissions) == 1


def test_options_the_server_does_not_know_are_refused_not_retried(ci, server, wide_project):
    server.fault("/submit-async", status=422, body={"detail": "unknown option 'x'", "code": "bad_options"})
    with pytest.raises(RequestRejected, match="422 Client Error") as caught:
        ci.submit(wide_project)
    assert "unknown option 'x'" in caught.value.describe()
    assert len(server.requests) == 1


def test_one_idempotency_key_per_call_is_sent_with_each_attempt(ci, server, project):
    server.fault("/submit-async", status=503, headers={"Retry-After": "0"})
    server.fault("/submit-async", reset=True)
    ci.submit(project)
    ci.submit(project)
    first, second, third, other = server.seen("POST", "/submit-async")
    keys = [request.headers["Idempotency-Key"] for request in (first, second, third)]
    assert len(set(keys)) == 1
    assert other.headers["Idempotency-Key"] not in keys
    assert "Runyard-Retry-Count" not in first.headers
    assert [request.headers["Runyard-Retry-Count"] for request in (second, third)] == ["1", "2"]
    assert len(server.submissions) == 2


def test_a_callers_idempotency_key_gives_the_same_job(ci, project):
    assert ci.submit(project, idempotency_key="build-7").id == ci.submit(project, idempotency_key="build-7").id


def test_a_followed_submit_streams_from_its_own_answer(ci, server, project):
    server.next_job = job = server.add_job()
    job.add({"type": "log", "data": "one\n"}, DONE)
    events = list(ci.submit(project, follow=True).events())
    assert [type(event) for event in events] == [Log, Completed]
    assert not server.seen("GET", ".*")


def test_a_followed_submit_that_breaks_resumes_without_a_second_job(ci, server, project):
    server.next_job = job = server.add_job()
    job.add(*({"type": "log", "data": f"{number}\n"} for number in range(5)), DONE)
    server.fault("/submit-stream", cut_after=200)
    events = list(ci.submit(project, follow=True).events())
    assert [event.text for event in events[:-1]] == ["0\n", "1\n", "2\n", "3\n", "4\n"]
    assert len(server.submissions) == 1
    assert server.seen("GET", ".*/stream")


def test_a_followed_submit_cut_before_its_job_id_is_tried_again(ci, server, project):
    server.next_job = job = server.add_job()
    job.add(DONE)
    server.fault("/submit-stream", cut_after=5)
    submitted = ci.submit(project, follow=True)
    assert submitted.id == job.job_id
    assert len(list(submitted.events())) == 1
    assert len(server.submissions) == 1


def test_nothing_to_send_is_said_before_anything_is_sent(ci, server, tmp_path):
    with pytest.raises(PackageError, match="nothing to send"):
        ci.submit(tmp_path)
    with pytest.raises(PackageError, match="does not exist"):
        ci.submit(tmp_path / "none")
    assert not server.requests


@pytest.mark.parametrize("options", [{"timeout": 0}, {"tests": "tests/test_a.py"}])
def test_options_that_cannot_work_are_refused_here(ci, project, options):
    with pytest.raises(UsageError):
        ci.submit(project, **options)


def test_upload_progress_reaches_the_whole(ci, wide_project):
    packed, sent = [], []
    ci.submit(wide_project, on_package=lambda *at: packed.append(at), on_upload=lambda *at: sent.append(at))
    assert packed[-1][0] == packed[-1][1]
    assert sent[-1][0] == sent[-1][1] > 200_000


def test_jobs_are_fetched_page_by_page_as_they_are_consumed(ci, server):
    for _ in range(7):
        server.add_job()
    server.page = 3
    jobs = ci.jobs()
    assert next(jobs).job_id == next(iter(server.jobs))
    assert len(server.requests) == 1
    assert len(list(jobs)) == 6
    assert len(server.requests) == 3


def test_jobs_filters_are_the_servers_work(ci, server):
    server.add_job(status="running", success=None)
    server.add_job()
    assert [job.status for job in ci.jobs(status=["running", "queued"], since=timedelta(hours=2), limit=5)] == [
        "running"
    ]
    assert server.requests[0].query == {"status": ["running,queued"], "since": ["7200s"], "limit": ["5"]}


def test_jobs_stop_at_the_limit(ci, server):
    for _ in range(5):
        server.add_job()
    server.page = 2
    assert len(list(ci.jobs(limit=3))) == 3
    with pytest.raises(UsageError):
        ci.jobs(limit=0)


def test_events_are_typed_and_complete(ci, finished):
    events = list(ci.job(finished.job_id).events())
    assert [type(event) for event in events] == [
        StateChanged, StateChanged, PhaseEntered, PhaseEntered, Log, TestEnded, Log, TestEnded, Log, Completed,
    ]  # fmt: skip
    assert events[0].queue_position == 2
    assert events[2].cached is True
    assert events[7].case.is_failing
    assert events[8].text == "Grüße, \u2028 and \u0085 too\n"
    assert events[9].tests.failed == 1
    assert events[9].exit_code == 1


def test_events_after_a_cursor_begin_there(ci, finished):
    job = ci.job(finished.job_id)
    events = list(job.events())
    assert list(job.events(after=events[6].cursor)) == events[7:]


def test_a_stream_cut_at_every_byte_resumes_exactly(ci, server):
    job = server.add_job()
    job.add(
        {"type": "log", "data": "one\n"},
        {"type": "log", "data": "two é\n"},
        {"type": "phase", "phase": "test"},
        DONE,
    )
    handle = ci.job(job.job_id)
    whole = list(handle.events())
    length = len(requests.get(f"{server.url}/jobs/{job.job_id}/stream", params=ALL, headers=AUTH, timeout=9).content)
    for clean in (True, False):
        for cut in range(length):
            server.fault(f"/jobs/{job.job_id}/stream", cut_after=cut, clean=clean)
            assert list(handle.events()) == whole, (cut, clean)
    server.faults.clear()


def test_a_stream_survives_a_server_that_is_restarting(ci, server, finished):
    path = f"/jobs/{finished.job_id}/stream"
    server.fault(path, cut_after=300)
    server.fault(path, times=3, status=503, headers={"Retry-After": "0"})
    server.fault(path, reset=True)
    assert len(list(ci.job(finished.job_id).events())) == 10


def test_a_stream_refused_while_resuming_says_so(ci, server, finished):
    path = f"/jobs/{finished.job_id}/stream"
    server.fault(path, cut_after=300)
    server.fault(path, status=401, body={"detail": "revoked"})
    with pytest.raises(AuthenticationError):
        list(ci.job(finished.job_id).events())


def test_a_stream_that_never_moves_is_given_up(ci, server, finished):
    server.fault(f"/jobs/{finished.job_id}/stream", times=10_000, cut_after=1)
    with pytest.raises(StreamLost, match="has not moved for 0 s"):
        list(ci.job(finished.job_id).events(patience=0))


def test_a_stream_can_be_stopped_from_another_thread(ci, server):
    job = server.add_job(status="running", success=None)
    job.add({"type": "log", "data": "one\n"})
    feed = ci.job(job.job_id).events()
    assert next(feed).text == "one\n"
    threading.Timer(0.05, feed.stop).start()
    assert list(feed) == []


def test_a_feed_stopped_before_it_began_yields_nothing(ci, finished):
    feed = ci.job(finished.job_id).events()
    feed.stop()
    assert list(feed) == []


def test_an_answer_that_is_no_stream_is_a_protocol_error(ci, server):
    job = server.add_job()
    server.fault(f"/jobs/{job.job_id}/stream", status=200, body={"hello": 1})
    with pytest.raises(ProtocolError, match="no event stream"):
        list(ci.job(job.job_id).events())


def test_result_waits_for_the_end(ci, server):
    job = server.add_job(status="running", success=None)
    threading.Timer(0.05, job.add, [{"type": "log", "data": "x\n"}, DONE]).start()
    assert ci.job(job.job_id).result(timeout=20).success is True


def test_result_gives_up_at_its_deadline(ci, server):
    job = server.add_job(status="running", success=None)
    with pytest.raises(TimedOut, match="has not ended within"):
        ci.job(job.job_id).result(timeout=0.05)
    with pytest.raises(TimeoutError):
        ci.job(job.job_id).result(timeout=0.01)


def test_cancel_then_cancel_again(ci, server):
    job = server.add_job(status="running", success=None)
    assert ci.job(job.job_id).cancel().status == "cancelled"
    with pytest.raises(Conflict) as caught:
        ci.job(job.job_id).cancel()
    assert caught.value.code == "job_ended"


def test_rerun_gives_the_new_job(ci, server, finished):
    again = server.jobs[ci.job(finished.job_id).rerun(failed=True).id]
    assert (again.rerun_of, again.only_failed) == (finished.job_id, True)


def test_a_repeated_rerun_is_one_job(ci, server, finished):
    server.fault(".*/rerun", reset=True)
    ci.job(finished.job_id).rerun()
    first, second = server.seen("POST", ".*/rerun")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert len(server.jobs) == 2


def test_tests_can_be_narrowed(ci, finished):
    job = ci.job(finished.job_id)
    assert len(job.tests()) == 2
    assert [case.message for case in job.tests(failed=True)] == ["assert 1 == 2"]
    assert [case.duration for case in job.tests(slowest=1)] == [0.2]


def test_details_tell_counts_and_reason(ci, finished):
    details = ci.job(finished.job_id).refresh()
    assert (details.reason, details.tests.total, details.is_over) == ("tests_failed", 2, True)
    assert details.ended.isoformat() == "2025-10-13T10:30:15+00:00"


def test_an_unknown_job_is_not_found_with_the_request_id(ci):
    with pytest.raises(NotFound, match="404 Client Error: Not Found for url") as caught:
        ci.job("nope").refresh()
    assert caught.value.describe().endswith("(Job not found; request id req-7)")


def test_a_job_id_is_one_path_segment(ci):
    for wrong in ("", "a/b"):
        with pytest.raises(UsageError):
            ci.job(wrong)


def test_an_artifact_arrives_whole(ci, finished, tmp_path):
    job = ci.job(finished.job_id)
    path = job.download("logs/big.bin", tmp_path)
    assert path == tmp_path / "logs" / "big.bin"
    assert path.read_bytes() == finished.artifacts["logs/big.bin"]
    assert not list(tmp_path.rglob("*.part"))


def test_an_artifact_goes_on_where_the_connection_broke(ci, server, finished, tmp_path):
    for cut in (1, 1000, 500_000):
        server.fault(".*/big.bin", cut_after=cut)
    steps = []
    path = ci.job(finished.job_id).download(
        "logs/big.bin", tmp_path / "x.bin", on_progress=lambda *at: steps.append(at)
    )
    assert path.read_bytes() == finished.artifacts["logs/big.bin"]
    ranges = [request.headers.get("Range") for request in server.seen("GET", ".*/big.bin")]
    assert ranges == [None, "bytes=1-", "bytes=1001-", "bytes=501001-"]
    assert steps[-1] == (1_024_000, 1_024_000)


def test_an_artifact_that_changed_starts_over(ci, finished, tmp_path):
    (tmp_path / "x.bin.part").write_bytes(b"old" * 10)
    finished.artifacts = {"x.bin": b"new" * 20}
    with pytest.raises(ProtocolError, match="thrown away"):
        ci.job(finished.job_id).download("x.bin", tmp_path)
    assert ci.job(finished.job_id).download("x.bin", tmp_path).read_bytes() == b"new" * 20


def test_a_corrupt_artifact_is_thrown_away(ci, server, finished, tmp_path):
    server.fault(".*/report.xml", headers={"corrupt": "yes"})
    with pytest.raises(ProtocolError, match="SHA-256"):
        ci.job(finished.job_id).download("report.xml", tmp_path)
    assert list(tmp_path.rglob("report*")) == []


def test_an_empty_artifact_is_a_file_too(ci, finished, tmp_path):
    finished.artifacts["empty"] = b""
    assert ci.job(finished.job_id).download("empty", tmp_path).read_bytes() == b""


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b", "c:\\x", ""])
def test_an_artifact_cannot_leave_the_folder(name):
    from ci_client.download import safe_name

    with pytest.raises(UsageError):
        safe_name(name)


def test_an_unknown_artifact_is_named(ci, finished, tmp_path):
    with pytest.raises(UsageError, match="'nothing.txt'"):
        ci.job(finished.job_id).download("nothing.txt", tmp_path)


def test_whoami_and_the_key_warning(ci, server):
    server.key_warning = "This key is 300 days old; make a new one."
    identity = ci.whoami()
    assert (identity.user_name, identity.key_age_days) == ("Ada", 300)
    assert ci.key_warning == identity.warning == server.key_warning


def test_an_error_of_the_servers_is_a_server_fault(ci, server):
    server.fault("/me", status=500, body={"detail": "boom"}, headers={"X-Request-ID": "req-1"})
    with pytest.raises(ServerFault) as caught:
        ci.whoami()
    assert caught.value.request_id == "req-1"


def test_what_is_not_the_contract_is_a_protocol_error(ci, server):
    server.fault("/me", status=200, body=[])
    with pytest.raises(ProtocolError):
        ci.whoami()
    server.fault("/jobs", status=200, body={})
    with pytest.raises(ProtocolError):
        list(ci.jobs())


def test_the_key_is_in_no_repr(ci, key):
    assert key not in repr(ci) + repr(ci._transport) + repr(vars(ci))


def test_a_wrong_address_is_named():
    with pytest.raises(UsageError, match="'localhost:8000'"):
        CI("localhost:8000")


def test_exports_are_what_they_say():
    import ci_client

    assert sorted(ci_client.__all__) == sorted(ci_client._HOMES)
    for name in ci_client.__all__:
        assert getattr(ci_client, name) is not None
    with pytest.raises(AttributeError):
        ci_client.nothing  # noqa: B018
