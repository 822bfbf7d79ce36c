"""What is tried again, what isn't, and that nothing is done twice."""

import gzip

import httpx
import pytest
from ambient_tests_server import ACTED_RESET, RESET, SILENT, TOKEN, Answer, refused

import ambient_platform as ap
from ambient_platform import AmbientClient, CreateSessionRequest, RetryPolicy

TASK = CreateSessionRequest("Hello world")


@pytest.fixture
def sleeps(client):
    made = []
    client._core.port._sleep = made.append
    return made


@pytest.mark.parametrize("fault", [RESET, Answer(429), Answer(502), Answer(503), Answer(504), Answer(408)])
def test_a_question_is_asked_again(client, server, fault):
    session_id = server.add()
    server.fault("GET .*", fault, times=3)
    assert client.get_session(session_id).id == session_id


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(RESET, ap.AmbientConnectionError), (Answer(429), ap.RateLimitError), (Answer(503), ap.ServerError)],
)
def test_four_times_is_enough(client, server, fault, kind):
    server.fault("GET .*", fault, times=9)
    with pytest.raises(kind):
        client.get_session("x")
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500, 501])
def test_what_would_only_repeat_itself_is_not_asked_again(client, server, status):
    server.fault("GET .*", Answer(status), times=9)
    with pytest.raises(ap.AmbientAPIError):
        client.get_session("x")
    assert len(server.requests) == 1


def test_the_server_says_how_long_to_wait(client, server, sleeps):
    server.fault("GET .*", Answer(429, headers={"Retry-After": "7"}))
    server.fault("GET .*", Answer(429, {"error": "Rate limit exceeded", "retry_after": "1s"}))
    server.fault("GET .*", Answer(503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    client.list_sessions()
    assert sleeps == [7.0, 1.0, 0.0]


def test_a_wait_that_is_too_long_is_none(client, server, sleeps):
    server.fault("GET .*", Answer(429, {"error": "Rate limit exceeded"}, headers={"Retry-After": "3600"}))
    with pytest.raises(ap.RateLimitError, match=r"^API error \(429\): Rate limit exceeded$"):
        client.list_sessions()
    assert sleeps == []


def test_pauses_are_a_random_share_of_what_doubles(server):
    made = []
    with AmbientClient(server.url, TOKEN, "demo", retry=RetryPolicy(first_delay=1.0, longest_delay=3.0)) as client:
        client._core.port._sleep = made.append
        client._core.chance = lambda: 0.5
        server.fault("GET .*", Answer(503), times=3)
        client.list_sessions()
    assert made == [0.5, 1.0, 1.5]


# Creating.


@pytest.mark.parametrize("fault", [ACTED_RESET, RESET])
def test_a_session_is_created_once_whatever_happens_to_the_answer(client, server, fault):
    server.fault("POST .*", fault, times=2)
    created = client.create_session(TASK)
    assert list(server.sessions) == [created.id]
    keys = {one.headers["idempotency-key"] for one in server.seen("POST .*")}
    assert len(keys) == 1
    client.create_session(TASK)
    assert len(server.sessions) == 2  # another call has another key
    assert len(server.seen("GET /v1/models")) == 1


def test_an_answer_that_does_not_come_counts_as_one_that_is_lost(server):
    with AmbientClient(server.url, TOKEN, "demo", timeout=5, retry=RetryPolicy(first_delay=0.0)) as client:
        client.models()
        client._core.timeout = 0.2
        server.fault("POST .*", SILENT)
        client.create_session(TASK)
    assert len(server.sessions) == 1


def test_an_original_server_is_not_asked_twice_to_create(guest, original):
    """It would create two."""
    original.fault("POST .*", ACTED_RESET)
    with pytest.raises(ap.AmbientConnectionError):
        guest.create_session(TASK)
    assert len(original.sessions) == 1
    original.fault("POST .*", Answer(502, {"error": "Backend unavailable"}))
    with pytest.raises(ap.ServerError, match="Backend unavailable"):
        guest.create_session(TASK)
    assert len(original.seen("GET /v1/models")) == 1


@pytest.mark.parametrize("fault", [Answer(429), Answer(503), refused(409, "in flight", code="request_in_flight")])
def test_what_the_server_has_not_done_is_asked_again_of_any(guest, original, fault):
    original.fault("POST .*", fault)
    guest.create_session(TASK)
    assert original.seen("GET .*") == []


def test_a_server_that_can_not_be_asked_what_it_is_counts_as_original(client, server):
    server.fault("POST .*", ACTED_RESET)
    server.fault("GET /v1/models", Answer(500))
    with pytest.raises(ap.AmbientConnectionError):
        client.create_session(TASK)
    assert len(server.sessions) == 1


# What changes a session.


@pytest.mark.parametrize("fault", [ACTED_RESET, RESET, Answer(429)])
def test_a_message_is_said_once_whatever_happens_to_the_answer(client, server, fault):
    session_id = server.add()
    server.fault("POST .*", fault, times=2)
    assert client.send_message(session_id, "go on") == 1
    assert client.send_message(session_id, "go on") == 2  # another call has another key
    assert len(server.events[session_id]) == 2
    assert [client.send_message(session_id, "go on", idempotency_key="k") for _ in range(2)] == [3, 3]


@pytest.mark.parametrize("fault", [ACTED_RESET, RESET, Answer(429)])
def test_one_turn_is_interrupted_whatever_happens_to_the_answer(client, server, fault):
    session = client.session(server.add())
    server.fault("POST .*", fault, times=2)
    session.interrupt()
    assert server.interruptions == 1
    for _ in range(2):
        session.interrupt(idempotency_key="k")
    assert server.interruptions == 2


@pytest.mark.parametrize("call", [lambda session: session.send("go on"), lambda session: session.interrupt()])
def test_an_original_server_is_not_asked_twice_to_do_what_it_lacks(guest, original, call):
    session = guest.session(original.add())
    original.fault("POST .*", RESET)
    with pytest.raises(ap.AmbientConnectionError):
        call(session)
    with pytest.raises(ap.NotSupportedError):
        call(session)
    assert len(original.seen("POST .*")) == 2


def test_a_delete_whose_answer_is_lost_is_done(client, server):
    session_id = server.add()
    server.fault("DELETE .*", ACTED_RESET)
    client.delete(session_id)
    server.fault("DELETE .*", Answer(503))
    with pytest.raises(ap.SessionNotFoundError):
        client.delete(session_id)


def test_a_cancel_whose_answer_is_lost_is_done(client, server):
    session_id = server.add()
    server.fault("POST .*", ACTED_RESET)
    assert client.cancel(session_id).reason == "stopped"
    server.fault("POST .*", Answer(503))
    with pytest.raises(ap.ConflictError):
        client.cancel(session_id)


def test_a_refused_token_is_asked_for_again():
    tokens = iter(["sha256~" + "a" * 20, "sha256~" + "b" * 20, "sha256~" + "b" * 20, "sha256~" + "b" * 20])
    seen = []

    def answer(request):
        seen.append(request.headers["Authorization"][-1])
        known = request.headers["Authorization"].endswith("b") and len(seen) < 4
        return httpx.Response(200, json={"items": []}) if known else httpx.Response(401, json={"error": "expired"})

    with AmbientClient("http://h", lambda: next(tokens), "demo", transport=httpx.MockTransport(answer)) as client:
        client.list_sessions()
        assert seen == ["a", "b"]
        client.list_sessions()
        tokens = iter(["sha256~" + "c" * 20] * 2)
        with pytest.raises(ap.AuthenticationError, match="^Authentication failed: expired$"):
            client.list_sessions()
    assert seen == ["a", "b", "b", "c"]


async def _token():
    return TOKEN


@pytest.mark.parametrize(
    ("provider", "kind", "words"),
    [
        (lambda: "short", ValueError, "Token appears too short"),
        (lambda: None, TypeError, "has to give a text"),
        (_token, TypeError, "AsyncAmbientClient"),
    ],
)
def test_a_provider_is_watched(server, provider, kind, words):
    with AmbientClient(server.url, provider, "demo") as client, pytest.raises(kind, match=words):
        client.list_sessions()


def test_an_answer_that_can_not_be_unpacked_is_a_broken_one(client, server):
    body = gzip.compress(b'{"items": []}')[:-9] + b"garbage!!"
    server.fault("GET .*", Answer(body=body, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(ap.AmbientConnectionError):
        client.list_sessions()
