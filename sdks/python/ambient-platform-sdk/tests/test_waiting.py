"""Waiting for the end: by events where there are some, by asking where not; never longer than it may."""

import threading

import pytest
from ambient_tests_server import RESET, SILENT, TOKEN, Answer

import ambient_platform as ap
from ambient_platform import AmbientClient, RetryPolicy


@pytest.fixture
def sleeps(guest):
    """The pauses of the original's client, none of which is made."""
    made = []
    guest._core.port._sleep = made.append
    return made


def test_a_session_that_has_ended_takes_one_question(client, server):
    session_id = server.add(status="failed", error="no")
    assert client.wait_for_completion(session_id, timeout=0.001).error == "no"
    assert len(server.requests) == 1


def test_a_session_is_waited_for_by_its_events(client, server):
    session_id = server.add()
    client._core.port._sleep = pytest.fail
    threading.Thread(target=lambda: (server.until(lambda: server.seen("GET .*/events")),
                                     server.emit(session_id, "status", status="completed"))).start()  # fmt: skip
    session = client.wait_for_completion(session_id, poll_interval=3600, timeout=20)
    assert (session.status, session.result) == ("completed", "It is a platform.")
    assert [one.path.rpartition("/")[2] for one in server.requests] == [session_id, "events", session_id]


@pytest.mark.parametrize("comment", [None, 0.01])
def test_a_wait_ends_in_time(client, server, comment):
    """Also when the server goes on saying that it is there."""
    server.comment = comment
    session_id = server.add()
    with pytest.raises(TimeoutError, match="^Session monitoring timed out after 0.1 seconds$") as raised:
        client.wait_for_completion(session_id, timeout=0.1)
    assert isinstance(raised.value, ap.SessionTimeout)
    assert isinstance(raised.value, ap.AmbientAPIError)
    server.until(lambda: server.open <= 1)


def test_a_wait_ends_in_time_while_the_server_says_nothing(client, server):
    session_id = server.add()
    assert client.get_session(session_id)
    server.fault("GET .*/events", SILENT)
    server.fault(f"GET /v1/sessions/{session_id}/?", Answer(200, server.sessions[session_id]))
    server.fault(f"GET /v1/sessions/{session_id}/?", SILENT, times=9)
    with pytest.raises(ap.SessionTimeout):
        client.wait_for_completion(session_id, timeout=0.1)


def test_a_wait_ends_in_time_while_the_server_refuses(client, server):
    session_id = server.add()
    server.fault(".*events", Answer(503, headers={"Retry-After": "100"}), times=9)
    with pytest.raises(ap.SessionTimeout):
        client.wait_for_completion(session_id, timeout=0.05)


def test_an_original_server_is_asked_again_and_again(guest, original, sleeps):
    session_id = original.add()
    running, ended = dict(original.sessions[session_id]), {**original.sessions[session_id], "status": "completed"}
    for status in (running, running, {**running, "status": "Stopped"}, running, ended):
        original.fault(f"GET /v1/sessions/{session_id}", Answer(200, status))
    assert guest.wait_for_completion(session_id).status == "completed"
    assert sleeps == [5.0, 5.0, 5.0]
    assert len(original.seen("GET .*/events")) == 1
    assert guest.wait_for_completion(original.add(status="failed"), poll_interval=0.5).status == "failed"
    assert len(original.seen("GET .*/events")) == 1  # it is known by now


def test_a_wait_on_an_original_server_ends_in_time(guest, original, sleeps):
    session_id = original.add()
    with pytest.raises(ap.SessionTimeout):
        guest.wait_for_completion(session_id, poll_interval=0.01, timeout=0.1)
    assert max(sleeps) <= 0.01
    sleeps.clear()
    moments = iter([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, *[9.0] * 50])
    guest._core.clock = lambda: next(moments)
    with pytest.raises(ap.SessionTimeout):
        guest.wait_for_completion(session_id, poll_interval=5.0, timeout=3.0)
    assert max(sleeps, default=0) <= 3.0


def test_an_unknown_session_is_told_at_once(client, server):
    with pytest.raises(ap.SessionNotFoundError, match="session not found: none"):
        client.wait_for_completion("none")


def test_a_session_that_is_deleted_meanwhile_is_told(client, server):
    session_id = server.add()
    threading.Thread(target=lambda: (server.until(lambda: server.seen("GET .*/events")),
                                     client.delete(session_id))).start()  # fmt: skip
    with pytest.raises(ap.SessionNotFoundError):
        client.wait_for_completion(session_id)


@pytest.mark.parametrize("fault", [Answer(500), Answer(body=b"x", headers={"Content-Type": "text/html"})])
def test_without_events_one_asks(client, server, fault):
    session_id = server.add()
    server.fault("GET .*/events", fault)
    client._core.port._sleep = lambda _: server.emit(session_id, "status", status="completed")
    assert client.wait_for_completion(session_id).status == "completed"


def test_a_question_that_fails_is_asked_again(client, server):
    session_id = server.add(status="completed")
    server.fault("GET .*", RESET, times=2)
    assert client.wait_for_completion(session_id).ended


def test_ctrl_c_ends_a_wait_and_its_connection(client, server):
    session_id = server.add()

    def interrupt(_):
        raise KeyboardInterrupt

    client._core.port._sleep = interrupt
    server.fault("GET .*/events", RESET, times=2)
    with pytest.raises(KeyboardInterrupt):
        client.wait_for_completion(session_id)


def test_a_time_limit_of_zero_is_none(server):
    with AmbientClient(server.url, TOKEN, "demo", retry=RetryPolicy(attempts=1)) as client:
        session_id = server.add()
        threading.Thread(target=lambda: (server.until(lambda: server.seen("GET .*/events")),
                                         server.emit(session_id, "status", status="completed"))).start()  # fmt: skip
        assert client.wait_for_completion(session_id, timeout=0).ended
