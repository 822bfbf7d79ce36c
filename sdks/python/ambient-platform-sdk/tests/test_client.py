"""The calls, and what their answers mean."""

import dataclasses
import pickle

import pytest
from ambient_tests_server import TOKEN, Answer, refused

import ambient_platform as ap
from ambient_platform import AmbientClient, CreateSessionRequest, RepoHTTP, SessionListResponse, SessionResponse


def test_requests_carry_what_the_original_ones_do(client, server):
    client.list_sessions()
    (seen,) = server.requests
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["x-ambient-project"] == "demo"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"] == f"ambient-platform-sdk/{ap.__version__}"
    assert seen.query == []


def test_a_base_path_stays(server):
    server.fault("GET /ambient/v1/sessions/a%2Fb", Answer(200, {"id": "a/b", "status": "running"}))
    with AmbientClient(f"{server.url}/ambient/", TOKEN, "demo") as client:
        assert client.get_session("a/b").id == "a/b"


def test_a_whole_request_travels(client, server):
    request = CreateSessionRequest(
        task="do", model="m", repos=[RepoHTTP("https://h/r", "b", path="sub", credential="bot"), RepoHTTP("https://h/s")],
        display_name="name", labels={"a": "b"}, timeout=60, max_turns=3, max_tokens=100, interactive=True, approve=["run"],
    )  # fmt: skip
    assert client.create_session(request, idempotency_key="my-key").message == "Session created"
    (seen,) = server.requests
    assert seen.headers["idempotency-key"] == "my-key"
    assert seen.json == {
        "task": "do", "model": "m",
        "repos": [{"url": "https://h/r", "branch": "b", "path": "sub", "credential": "bot"}, {"url": "https://h/s"}],
        "displayName": "name", "labels": {"a": "b"}, "timeout": 60, "maxTurns": 3, "maxTokens": 100, "interactive": True,
        "approve": ["run"],
    }  # fmt: skip


def test_a_whole_session_arrives():
    session = SessionResponse.from_dict(
        {
            "id": "s", "status": "failed", "task": "t", "model": "m", "createdAt": "1", "completedAt": "2", "error": "e",
            "displayName": "d", "labels": {"a": "b"}, "startedAt": "3", "timeout": 60, "interactive": True,
            "waiting": "message", "reason": "budget", "agent": "embedded", "notes": ["n"], "unknown": [1],
            "repos": [{"name": "n", "url": "u", "branch": "b", "commit": "c"}],
            "usage": {"turns": 1, "inputTokens": 2, "outputTokens": 3, "toolCalls": 4},
        }
    )  # fmt: skip
    assert dataclasses.asdict(session) == {
        "id": "s", "status": "failed", "task": "t", "model": "m", "created_at": "1", "completed_at": "2", "result": None,
        "error": "e", "display_name": "d", "labels": {"a": "b"}, "started_at": "3", "timeout": 60, "interactive": True,
        "waiting": "message", "reason": "budget", "agent": "embedded", "notes": ["n"],
        "repos": [{"url": "u", "branch": "b", "path": None, "commit": "c", "name": "n"}],
        "usage": {"turns": 1, "input_tokens": 2, "output_tokens": 3, "tool_calls": 4},
    }  # fmt: skip
    assert session.ended
    assert SessionResponse.from_dict({"id": "s", "status": "Stopped"}) == SessionResponse("s", "Stopped", "")
    assert ap.ErrorResponse.from_dict({"error": "e", "message": "m"}) == ap.ErrorResponse("e", "m")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], r"the answer is \[\] instead of an object"),
        ({"status": "running"}, "the session has no 'id'"),
        ({"id": 7, "status": "running"}, "the session.id is 7 instead of a text"),
        ({"id": "s", "status": "running", "repos": {}}, "the session.repos is {} instead of a list"),
        ({"id": "s", "status": "running", "repos": [None]}, r"the session.repos\[0\] is null instead of an object"),
        ({"id": "s", "status": "running", "notes": [1]}, "instead of a list of texts"),
        ({"id": "s", "status": "running", "timeout": True}, "True instead of a number"),
        ({"id": "s", "status": "running", "interactive": "no"}, "'no' instead of true or false"),
        ({"id": "s", "status": "running", "labels": {"a": 1}}, "the session.labels.a is 1 instead of a text"),
        ({"id": "s", "status": "running", "usage": {"turns": 1.5}}, "1.5 instead of a whole number"),
    ],
)
def test_an_answer_that_is_wrong_is_refused(client, server, document, words):
    server.fault("GET .*", Answer(200, document, headers={"X-Request-Id": "req-7"}))
    with pytest.raises(ap.ResponseError, match="The server's answer is wrong: .*" + words) as raised:
        client.get_session("s")
    assert (raised.value.status, raised.value.request_id) == (200, "req-7")


def test_an_answer_that_is_no_json_is_refused(client, server):
    server.fault("GET .*", Answer(200, body=b"<html>" + b"x" * 5000))
    with pytest.raises(ap.ResponseError, match=r"^API error \(200\): Invalid JSON response: <html>x+$") as raised:
        client.get_session("s")
    assert len(str(raised.value)) < 1100


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (refused(401, "Missing or invalid authorization"), ap.AuthenticationError,
         "Authentication failed: Missing or invalid authorization"),
        (Answer(401, {}), ap.AuthenticationError, "Authentication failed: Unauthorized"),
        (refused(403, "Unauthorized to access project"), ap.PermissionDeniedError,
         "API error (403): Unauthorized to access project"),
        (refused(404, "session not found: session-xyz"), ap.SessionNotFoundError, "session not found: session-xyz"),
        (Answer(404, {}), ap.SessionNotFoundError, "Not found"),
        (Answer(404, body=b"404 page not found"), ap.SessionNotFoundError, "Invalid JSON response: 404 page not found"),
        (refused(400, "unknown model 'x'", "configured: a, b", "unknown_model"), ap.InvalidRequestError,
         "API error (400): unknown model 'x' - configured: a, b"),
        (refused(409, "the session has ended", code="ended"), ap.ConflictError, "API error (409): the session has ended"),
        (refused(422, "another body", code="idempotency_key_reused"), ap.InvalidRequestError,
         "API error (422): another body"),
        (Answer(500, {"error": "Internal server error"}), ap.ServerError, "API error (500): Internal server error"),
        (Answer(500), ap.ServerError, "API error (500): HTTP 500"),
        (Answer(500, ["x"]), ap.ServerError, "API error (500): HTTP 500"),
        (Answer(500, body=b"<html>"), ap.ServerError, "API error (500): Invalid JSON response: <html>"),
        (Answer(302, headers={"Location": "/login"}), ap.ResponseError,
         "API error (302): the server sends us on to /login; give that address"),
        (Answer(304), ap.ResponseError, "API error (304): not an answer to this request"),
    ],
)  # fmt: skip
def test_errors_have_the_original_texts(client, server, answer, kind, text):
    answer = dataclasses.replace(answer, headers={**answer.headers, "X-Request-Id": "req-7"})
    server.fault("GET .*", answer)
    with pytest.raises(kind) as raised:
        client.get_session("s")
    error = raised.value
    assert type(error) is kind
    assert str(error) == text
    assert isinstance(error, ap.AmbientAPIError)
    assert (error.status, error.request_id) == (answer.status, "req-7")
    assert error.code == (answer.document.get("code") if isinstance(answer.document, dict) else None)


def test_errors_survive_pickling():
    session = SessionResponse("s", "failed", "t", error="e", reason="budget")
    errors = [
        ap.InvalidRequestError("text", status=400, code="bad_request", request_id="r"),
        ap.SessionTimeout("too long"),
        ap.SessionFailed(session),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert str(errors[2]) == "Session s failed (budget): e"
    assert isinstance(errors[1], TimeoutError)


# Lists.


def test_a_list_has_all_and_is_iterated(client, server):
    ids = [server.add() for _ in range(5)]
    sessions = client.list_sessions()
    assert ([one.id for one in sessions.items], sessions.total) == (ids[::-1], 5)
    assert [one.id for one in sessions] == ids[::-1]
    assert isinstance(sessions, SessionListResponse)
    assert len(server.requests) == 1


def test_a_list_goes_on_over_its_pages(client, server):
    ids = [server.add() for _ in range(5)]
    page = client.list_sessions(limit=2)
    assert (len(page.items), page.total, page.next_cursor) == (2, 5, "2")
    assert [one.id for one in page] == ids[::-1]
    assert [one.id for one in page] == ids[::-1]  # as often as one likes
    assert [one.id for one in client.list_sessions(limit=2, cursor="4")] == ids[:1]
    assert server.requests[1].query == [("limit", "2"), ("cursor", "2")]


def test_a_list_takes_filters(client, server):
    server.add(status="failed", labels={"a": "b"})
    server.add(status="failed")
    assert client.list_sessions(status="failed", labels={"a": "b"}, search="ta sk").total == 1
    assert server.requests[0].query == [("status", "failed"), ("search", "ta sk"), ("label", "a=b")]


def test_a_list_that_goes_round_in_circles_ends(client, server):
    session = {"id": "s", "status": "running"}
    server.fault("GET .*", Answer(200, {"items": [session], "total": 9, "nextCursor": "1"}), times=2)
    with pytest.raises(ap.ResponseError, match="the page after '1' is that page again"):
        list(client.list_sessions(limit=1))


def test_a_list_without_a_total_counts_itself():
    assert SessionListResponse.from_dict({"items": [{"id": "s", "status": "running"}]}).total == 1
    assert [one.id for one in SessionListResponse.from_dict({"items": [{"id": "s", "status": "running"}]})] == ["s"]


# A session that runs, and what came of it.


def test_one_talks_with_a_session(client, server):
    session = client.session(server.add())
    server.emit(session.id, "message", role="assistant", content="What now?")
    assert session.send("go on") == 2
    assert [(one.role, one.content) for one in session.messages()] == [("assistant", "What now?"), ("user", "go on")]
    assert session.interrupt().status == "running"
    session.approve("c/1", comment="fine")
    assert server.decided == {"c/1": {"approved": True, "comment": "fine"}}
    with pytest.raises(ap.ConflictError, match="that is decided") as raised:
        session.approve("c/1", approved=False)
    assert raised.value.code == "decided"
    assert session.finish().status == "completed"
    with pytest.raises(ap.ConflictError) as raised:
        session.send("more")
    assert raised.value.code == "ended"
    assert repr(session) == f"Session({session.id!r})"


def test_a_session_is_cancelled_and_deleted(client, server):
    session = client.session(server.add())
    cancelled = session.cancel()
    assert (cancelled.status, cancelled.reason) == ("failed", "stopped")
    with pytest.raises(ap.ConflictError):
        session.cancel()
    session.delete()
    with pytest.raises(ap.SessionNotFoundError, match=f"^session not found: {session.id}$"):
        session.delete()


def test_what_came_of_a_session(client, server):
    session = client.session(server.add())
    assert session.patch() == b"--- a/caf\xe9\n+++ all"
    assert session.patch(repo="one").endswith(b"one")
    assert session.logs() == "line 0\nline 1\nline 2\nline 3\nline 4\n\ufffd"
    assert session.logs(tail=1) == "line 4\n\ufffd"
    assert session.metrics() == {"turns": 2, "durationSeconds": 1.5}
    assert session.artifacts() == []


def test_models(client):
    assert client.models() == [ap.Model("analyst", "embedded", True), ap.Model("gpt", "ai")]


def test_a_handle_gives_the_answer(client, server):
    session = client.start_session(CreateSessionRequest("Hello world"))
    assert session.result(timeout=20) == "It is a platform."
    assert session.get().status == "completed"
    bad = client.session(server.add(status="failed", error="it broke", reason="agent_failed"))
    with pytest.raises(ap.SessionFailed, match=r"failed \(agent_failed\): it broke") as raised:
        bad.result()
    assert raised.value.session.error == "it broke"


def test_an_original_server_says_what_it_lacks(guest, original):
    session_id = guest.create_session(CreateSessionRequest("Hello world")).id
    assert guest.list_sessions().total == 1
    for call in (guest.messages, guest.artifacts, guest.patch, guest.logs, guest.metrics, guest.cancel):
        with pytest.raises(ap.NotSupportedError, match="it speaks the original interface only"):
            call(session_id)
    with pytest.raises(ap.NotSupportedError):
        guest.models()
    with pytest.raises(ap.SessionNotFoundError):
        guest.session("none").messages()
    guest.delete(session_id)
