"""`doctor`: what is well, what is not, and what to do; also with a broker that is only as much of one as it needs."""

import json
import socket
import threading

import pytest


@pytest.fixture
def looked(run):
    """The findings by their subjects, and the exit code."""

    def looked(*options):
        code, out, _ = run("doctor", "--json", *options)
        return code, {finding["subject"]: finding for finding in json.loads(out)}

    return looked


@pytest.fixture
def broker(monkeypatch, home):
    """A broker that answers CONNECT and SUBSCRIBE with the given codes."""
    listening = socket.create_server(("127.0.0.1", 0))
    answers = {"connect": 0, "subscribe": 1}
    seen = {}

    def serve():
        connection, _ = listening.accept()
        with connection:
            seen["connect"] = connection.recv(1024)
            connection.sendall(bytes([0x20, 2, 0, answers["connect"]]))
            if answers["connect"] == 0:
                seen["subscribe"] = connection.recv(1024)
                connection.sendall(bytes([0x90, 3, *seen["subscribe"][2:4], answers["subscribe"]]))
                connection.recv(1024)

    thread = threading.Thread(target=serve)
    thread.start()
    monkeypatch.setenv("MQTT_BROKER_PORT", str(listening.getsockname()[1]))
    yield answers, seen
    thread.join(timeout=10)
    listening.close()


def test_all_is_well(looked, broker):
    code, found = looked()
    assert code == 0
    assert [subject for subject, finding in found.items() if not finding["ok"]] == []
    assert "takes guests" in found["compute"]["detail"]
    assert "lets us listen" in found["broker"]["detail"]
    assert b"runyard/users/0/" in broker[1]["subscribe"]


def test_a_broker_that_refuses(looked, broker):
    broker[0]["connect"] = 5
    code, found = looked()
    assert code == 0
    assert found["broker"]["ok"] is False
    assert "it refuses us" in found["broker"]["detail"]


def test_a_broker_that_does_not_let_us_listen(looked, broker):
    broker[0]["subscribe"] = 0x80
    _, found = looked()
    assert "it does not let us listen" in found["broker"]["detail"]


def test_no_broker_is_no_reason_to_fail(looked):
    code, found = looked()
    assert code == 0
    assert found["broker"]["ok"] is False
    assert "asked about instead" in found["broker"]["remedy"]


def test_no_server_is_3(looked, closed_port):
    code, found = looked("--compute-url", f"http://127.0.0.1:{closed_port}")
    assert code == 3
    assert "runyard serve" in found["compute"]["remedy"]
    assert "workers" not in found


def test_no_auth_service_matters_only_where_guests_are_refused(looked, server, closed_port):
    assert looked("--auth-url", f"http://127.0.0.1:{closed_port}")[0] == 0
    server.guest_mode = False
    assert looked("--auth-url", f"http://127.0.0.1:{closed_port}")[0] == 3


def test_a_guest_where_guests_are_refused_is_4(looked, server):
    server.guest_mode = False
    code, found = looked()
    assert code == 4
    assert found["sign-in"]["remedy"] == "Sign in with: cl_client login"


def test_rights_that_are_missing_are_4(looked, server, monkeypatch):
    server.users[1].permissions = []
    monkeypatch.setenv("CL_USERNAME", "ada")
    monkeypatch.setenv("CL_PASSWORD", "pw")
    code, found = looked()
    assert code == 4
    assert "cl-admin users update ada --permissions ai_inference_support" in found["sign-in"]["remedy"]
    monkeypatch.setenv("CL_PASSWORD", "wrong")
    assert looked()[0] == 4


def test_no_workers_and_missing_plugins(looked, server):
    server.workers = {"num_workers": 0, "capabilities": {}}
    server.plugins = [{"name": "clip_embedding", "offered": False, "missing": "runyard models add clip FILE"}]
    code, found = looked()
    assert code == 0
    assert "runyard worker" in found["workers"]["remedy"]
    assert found["clip_embedding"]["remedy"] == "runyard models add clip FILE"


def test_a_server_of_the_original_kind_has_no_list_of_plugins(looked, server):
    server.refuse["GET", "/plugins"] = (404, {"detail": "Not Found"}, {})
    code, found = looked()
    assert code == 0
    assert found["workers"]["ok"]


def test_the_table(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert "✓" in out
    assert "compute" in out
