"""Events: each once, in order, up to the last, whatever happens to connections."""

import gc
import threading

import pytest
from ambient_tests_server import RESET, SILENT, TOKEN, Answer, refused

import ambient_platform as ap
from ambient_platform import AmbientClient, RetryPolicy
from ambient_platform._wire.stream import StreamPolicy

QUICK = RetryPolicy(first_delay=0.0, longest_delay=0.0)


def seqs(events):
    return [event.seq for event in events]


def many(server, number, status="completed"):
    session_id = server.add()
    for index in range(number - 1):
        server.emit(session_id, "delta", content=f"{index} ")
    server.emit(session_id, "status", status=status)
    return session_id


def test_every_type_of_event_has_its_class(client, server):
    session_id = server.add()
    server.script(session_id)
    server.sessions[session_id]["status"] = "completed"
    events = list(client.stream_events(session_id))
    assert seqs(events) == list(range(1, 16))
    kinds = {type(event) for event in events}
    assert kinds == {kind for name, kind in vars(ap.events).items() if name.endswith("Event") and kind is not ap.Event}
    call = next(event for event in events if isinstance(event, ap.ToolCallEvent))
    assert (call.name, call.arguments, call.at) == ("run_command", {"command": "ls"}, "2026-02-13T20:13:10Z")
    assert call.raw["type"] == call.type == "tool_call"
    assert [event.terminal for event in events] == [False] * 14 + [True]
    usage = next(event for event in events if isinstance(event, ap.UsageEvent))
    assert usage.usage == ap.SessionUsage(2, 100, 20, 1)


def test_events_to_come_are_plain_ones(client, server):
    session_id = server.add()
    server.emit(session_id, "telepathy", strength=7)
    server.emit(session_id, "status", status="failed", reason="budget", error="too much")
    first, last = client.stream_events(session_id)
    assert type(first) is ap.Event
    assert first.raw["strength"] == 7
    assert (last.reason, last.error) == ("budget", "too much")


def test_events_come_as_they_happen(client, server):
    session = client.session(server.add())
    with session.events() as events:
        for index in range(3):
            server.emit(session.id, "delta", content=str(index))
            assert next(events).content == str(index)
            assert events.cursor == index + 1


@pytest.mark.parametrize("double", [False, True])
def test_nothing_is_lost_or_doubled_over_many_connections(client, server, double):
    session_id = many(server, 200)
    server.cut_after, server.double = 7, double
    assert seqs(client.stream_events(session_id)) == list(range(1, 201))
    seen = server.seen("GET .*/events")
    assert len(seen) > 25
    assert "last-event-id" not in seen[0].headers
    assert [one.headers["last-event-id"] for one in seen[1:3]] == ["7", "14" if not double else "11"]


def test_a_stream_goes_on_behind_an_event(client, server):
    session_id = many(server, 10)
    assert seqs(client.stream_events(session_id, after=7)) == [8, 9, 10]
    with client.stream_events(session_id) as events:
        next(events)
        next(events)
    assert seqs(client.stream_events(session_id, after=events.cursor)) == list(range(3, 11))


def test_a_stream_from_now_on(client, server):
    """However often it breaks before anything has come: nothing of before is told, nothing since is missed."""
    session_id = many(server, 5, status="running")
    server.end_quietly = True
    paused = []

    def happens(_):
        paused.append(1)
        if len(paused) == 3:
            server.emit(session_id, "delta", content="now")
            server.emit(session_id, "status", status="completed")

    client._core.port._sleep = happens
    events = client.stream_events(session_id, after="last")
    assert events.cursor is None
    assert seqs(events) == [6, 7]
    first, *others = server.seen("GET .*/events")
    assert (first.query, first.headers.get("last-event-id")) == ([("after", "last")], None)
    assert [(one.query, one.headers["last-event-id"]) for one in others] == [([], "5")] * 3


def test_a_stream_from_now_on_of_what_has_ended_is_its_end(client, server):
    assert seqs(client.stream_events(many(server, 4), after="last")) == [4]


def test_a_stream_behind_the_last_event_is_empty(client, server):
    session_id = many(server, 3)
    assert seqs(client.stream_events(session_id, after=3)) == []


def test_a_stream_that_only_ends_is_no_end(client, server):
    session_id = server.add()
    server.end_quietly = True
    events = client.stream_events(session_id)
    server.emit(session_id, "delta", content="a")
    assert next(events).seq == 1
    threading.Thread(target=lambda: (server.until(lambda: len(server.seen("GET .*/events")) > 3),
                                     server.emit(session_id, "status", status="completed"))).start()  # fmt: skip
    assert seqs(events) == [2]


def test_whether_a_session_is_over_may_be_unknown_for_a_while(client, server):
    session_id = server.add()
    server.end_quietly = True
    server.fault(f"GET /v1/sessions/{session_id}", RESET, times=4)
    threading.Thread(target=lambda: (server.until(lambda: len(server.seen("GET .*/events")) > 2),
                                     server.emit(session_id, "status", status="completed"))).start()  # fmt: skip
    assert seqs(client.stream_events(session_id)) == [1]


def test_a_server_that_was_away_is_waited_for(client, server):
    session_id = server.add()
    events = client.stream_events(session_id)
    server.emit(session_id, "delta", content="a")
    assert next(events).seq == 1
    server.go_away()
    paused = threading.Event()
    client._core.port._sleep = lambda _: paused.set()

    def returns():
        assert paused.wait(20)
        server.come_back()
        server.emit(session_id, "status", status="completed")

    thread = threading.Thread(target=returns)
    thread.start()
    assert seqs(events) == [2]
    thread.join()


@pytest.mark.parametrize("fault", [RESET, Answer(503, headers={"Retry-After": "0"}), Answer(429), Answer(502)])
def test_a_reconnect_that_fails_is_tried_again(client, server, fault):
    session_id = many(server, 10)
    server.cut_after = 5
    events = client.stream_events(session_id)
    assert next(events).seq == 1
    server.fault("GET .*/events", fault, times=3)
    assert seqs(events) == list(range(2, 11))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Answer(500, {"error": "Internal server error"}), ap.ServerError),
        (refused(401, "Token expired or invalid"), ap.AuthenticationError),
        (refused(404, "session not found: x"), ap.SessionNotFoundError),
    ],
)
def test_a_stream_ends_with_what_the_server_refuses(client, server, fault, kind):
    session_id = many(server, 10)
    server.fault("GET .*/events", fault)
    with pytest.raises(kind):
        list(client.stream_events(session_id))
    server.cut_after = 5
    events = client.stream_events(session_id)
    next(events)
    server.fault("GET .*/events", fault)
    with pytest.raises(kind):
        list(events)


def test_the_first_connection_gives_up_as_any_call_does(client, server):
    server.go_away()
    with pytest.raises(ap.AmbientConnectionError, match="^Failed to connect to API: "):
        list(client.stream_events("x"))
    server.come_back()


def test_a_stream_that_does_not_move_is_lost(client, server):
    session_id = many(server, 10)
    client._core.stream_policy = StreamPolicy(patience=0.0)
    server.cut_after = 5
    with pytest.raises(ap.StreamLostError, match="has not moved"):
        list(client.stream_events(session_id))


def test_a_silent_stream_is_taken_up_anew(server):
    with AmbientClient(server.url, TOKEN, "demo", retry=QUICK, heartbeat_timeout=0.05) as client:
        session_id = server.add()
        threading.Thread(target=lambda: (server.until(lambda: len(server.seen("GET .*/events")) > 2),
                                         server.emit(session_id, "status", status="completed"))).start()  # fmt: skip
        assert seqs(client.stream_events(session_id)) == [1]


def test_comments_keep_a_stream_alive(server):
    server.comment = 0.02
    with AmbientClient(server.url, TOKEN, "demo", retry=QUICK, heartbeat_timeout=1.0) as client:
        session_id = server.add()
        threading.Thread(target=lambda: (server.until(lambda: server.comments > 60),
                                         server.emit(session_id, "status", status="completed"))).start()  # fmt: skip
        assert seqs(client.stream_events(session_id)) == [1]
        assert len(server.seen("GET .*/events")) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"id: 1\ndata: nonsense\n\n", "an event is no JSON: nonsense"),
        (b"data: {}\n\n", "an event has no 'seq'"),
        (b"id: 1\nevent: delta\ndata: {}\n\n", "an event has no 'content'"),
        (b"data: [1]\n\n", r"an event is \[1\] instead of an object"),
        (b"data: " + b"x" * (9 * 1024 * 1024), "one event of more than"),
    ],
)
def test_events_that_are_wrong_are_refused(client, server, data, words):
    server.fault("GET .*/events", Answer(body=data, headers={"Content-Type": "text/event-stream"}))
    with pytest.raises(ap.ResponseError, match=words):
        list(client.stream_events("x"))


def test_events_before_a_wrong_one_are_given(client, server):
    body = b'id: 1\nevent: note\ndata: {"content": "a"}\n\nid: 2\ndata: nonsense\n\n'
    server.fault("GET .*/events", Answer(body=body, headers={"Content-Type": "text/event-stream"}))
    events = client.stream_events("x")
    assert next(events) == ap.NoteEvent(seq=1, at="", type="note", raw={}, content="a")
    with pytest.raises(ap.ResponseError):
        next(events)


def test_a_page_of_a_gateway_is_no_stream(client, server):
    server.fault("GET .*/events", Answer(body=b"<html>", headers={"Content-Type": "text/html"}))
    with pytest.raises(ap.NotSupportedError, match="answered with text/html instead of a stream"):
        list(client.stream_events("x"))


def test_an_original_server_has_no_stream(guest, original):
    session_id = original.add()
    with pytest.raises(ap.NotSupportedError, match=f"no GET /v1/sessions/{session_id}/events"):
        list(guest.stream_events(session_id))


def test_leaving_a_stream_drops_its_connection(client, server):
    session_id = server.add()
    server.emit(session_id, "delta", content="a")
    for event in client.stream_events(session_id):
        assert event.seq == 1
        break
    gc.collect()
    server.until(lambda: server.open == 0)
    with client.stream_events(session_id) as events:
        next(events)
    server.until(lambda: server.open == 0)
    with pytest.raises(StopIteration):
        next(events)


def test_many_threads_watch_with_one_client(client, server):
    session_id = server.add()
    given = [[] for _ in range(8)]
    threads = [threading.Thread(target=lambda into: into.extend(seqs(client.stream_events(session_id))), args=(into,))
               for into in given]  # fmt: skip
    for thread in threads:
        thread.start()
    server.until(lambda: len(server.seen("GET .*/events")) == 8)
    for _ in range(50):
        server.emit(session_id, "delta", content="a")
    server.emit(session_id, "status", status="completed")
    for thread in threads:
        thread.join(20)
    assert given == [list(range(1, 52))] * 8


def test_a_request_that_is_never_answered_ends(server):
    with AmbientClient(server.url, TOKEN, "demo", timeout=0.05, retry=RetryPolicy(attempts=1)) as client:
        server.fault("GET .*", SILENT)
        with pytest.raises(ap.AmbientConnectionError, match="^Failed to connect to API: timed out$"):
            list(client.stream_events("x"))
