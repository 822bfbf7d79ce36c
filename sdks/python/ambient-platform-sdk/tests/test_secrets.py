"""The token is nowhere but in the request: not in texts, logs, tracebacks with their variables, or other hosts."""

import logging
import traceback

import pytest
from ambient_tests_server import RESET, TOKEN, Answer

import ambient_platform as ap
from ambient_platform import AmbientClient, CreateSessionRequest, RepoHTTP, RetryPolicy


def whole(error):
    """All that a logger with variables would write."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize(
    "fault", [RESET, Answer(401), Answer(500, {"error": f"what is Bearer {TOKEN}?"}), Answer(200, [])]
)
@pytest.mark.parametrize(
    "call", [lambda client: client.get_session("x"), lambda client: list(client.stream_events("x"))]
)
def test_errors_do_not_show_the_token(server, fault, call):
    client = AmbientClient(server.url, lambda: TOKEN, "demo", retry=RetryPolicy(attempts=1))
    server.fault("GET .*", fault)
    with client, pytest.raises(ap.AmbientAPIError) as raised:
        call(client)
    frames = whole(raised.value)
    assert "self = " in frames  # it does hold variables
    # The provider is this test's own variable.
    assert TOKEN not in frames.replace(repr(fault), "")
    assert TOKEN not in str(raised.value)


def test_nobody_there_does_not_show_the_token(server):
    client = AmbientClient(server.url, TOKEN, "demo", retry=RetryPolicy(attempts=1))
    server.go_away()
    with client, pytest.raises(ap.AmbientConnectionError) as raised:
        client.list_sessions()
    assert TOKEN not in whole(raised.value)
    assert raised.value.__cause__ is not None
    server.come_back()


def test_objects_do_not_show_the_token(client):
    request = CreateSessionRequest("x", repos=[RepoHTTP("http://h/r", credential="bot")])
    for one in (
        client,
        client._bearer,
        client._core,
        client.session("x"),
        client.client.headers,
        client.client.auth,
        request,
    ):
        assert TOKEN not in repr(one)
    assert (
        repr(AmbientClient("http://user:secret@h", lambda: TOKEN, "demo"))
        == "AmbientClient('http://h', project='demo')"
    )


def test_logs_do_not_show_the_token(client, server, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="ambient_platform")  # a command in this process may have silenced it
    session_id = server.add()
    server.cut_after = 1
    server.emit(session_id, "delta", content="a")
    server.emit(session_id, "status", status="completed")
    server.fault("GET .*", Answer(503))
    client.get_session(session_id)
    list(client.stream_events(session_id))
    assert "trying again in 0.0 s" in caplog.text
    assert "going on after 1" in caplog.text
    assert TOKEN not in caplog.text


def test_the_token_does_not_follow_a_redirect(client, server):
    server.fault("GET .*", Answer(307, headers={"Location": "http://elsewhere.example/"}))
    with pytest.raises(ap.ResponseError, match="sends us on to http://elsewhere.example/"):
        client.list_sessions()
    assert len(server.requests) == 1
