"""The shell over `requests`: what it sends, what it retries, what it makes of answers and of their absence."""

import pytest
import requests

from runyard_wire.errors import (
    AuthenticationError,
    ConnectionFailed,
    ProtocolError,
    RequestRejected,
    ServerFault,
    TimedOut,
    UsageError,
)
from runyard_wire.requests_shell import (
    Request,
    RequestsTransport,
    Timeouts,
    failure_of,
    iter_bytes,
    new_idempotency_key,
)

GET = Request(method="GET", path="/x")
STREAM = Request(method="GET", path="/x", stream=True)
HASTY = Request(method="GET", path="/x", timeouts=Timeouts(connect=5, read=0.05))
KEY = "ci_" + "s" * 40


def answer(status=200, body=b"{}", *headers):
    lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def slept():
    return []


@pytest.fixture
def connect(slept):
    """Make transports that note their waiting instead of doing it."""
    made = []

    def connect(url, key=KEY):
        made.append(RequestsTransport(url, api_key=key, user_agent="test/1", sleep=slept.append, chance=lambda: 1.0))
        return made[-1]

    yield connect
    for transport in made:
        transport.close()


@pytest.fixture
def transport(script, connect):
    return connect(script.url + "/")


def test_a_call_carries_key_and_agent(script, transport):
    script.answers = [answer(200, b'{"a": 1}')]
    assert transport.json(GET) == {"a": 1}
    assert script.requests[0][0].startswith("GET /x HTTP/1.1")
    assert script.header(0, "Authorization") == f"Bearer {KEY}"
    assert script.header(0, "User-Agent") == "test/1"
    assert script.header(0, "Idempotency-Key") is None


def test_a_netrc_entry_never_takes_the_keys_place(script, connect, tmp_path, monkeypatch):
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / "netrc").chmod(0o600)
    script.answers = [answer(), answer()]
    connect(script.url, None).json(GET)
    connect(script.url).json(GET)
    assert script.header(0, "Authorization") is None
    assert script.header(1, "Authorization") == f"Bearer {KEY}"


def test_proxies_of_the_environment_are_honoured(script, connect, monkeypatch):
    monkeypatch.setenv("http_proxy", script.url)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    script.answers = [answer()]
    connect("http://yard.invalid").json(GET)
    assert script.requests[0][0].startswith("GET http://yard.invalid/x HTTP/1.1")


@pytest.mark.parametrize(
    "failure", ["reset", b"", answer(503), answer(502), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
def test_named_failures_of_a_read_are_retried(script, transport, slept, failure):
    script.answers = [failure, failure, answer()]
    transport.json(GET)
    assert slept == [0.5, 1.0]
    assert [script.header(index, "Runyard-Retry-Count") for index in range(3)] == [None, "1", "2"]


def test_silence_is_a_timeout_and_worth_another_attempt(script, transport):
    script.answers = ["hang"]
    with pytest.raises(TimedOut) as caught:
        transport.send_once(HASTY)
    assert failure_of(caught.value).kind == "read_timeout"


@pytest.mark.parametrize("failure", ["reset", answer(502)])
def test_a_write_that_may_have_been_heard_is_not_repeated(script, transport, slept, failure):
    script.answers = [failure, answer()]
    with pytest.raises((ConnectionFailed, ServerFault)):
        transport.json(Request(method="POST", path="/x", json={}))
    assert slept == []


def test_a_write_with_a_key_is_repeated_with_the_same_key(script, transport):
    script.answers = ["reset", answer()]
    transport.json(Request(method="POST", path="/x", json={"a": 1}, idempotency_key=new_idempotency_key()))
    assert script.header(0, "Idempotency-Key") == script.header(1, "Idempotency-Key")
    assert len(script.header(0, "Idempotency-Key")) == 36
    assert script.requests[0][1] == script.requests[1][1] == b'{"a": 1}'


def test_retry_after_is_obeyed(script, transport, slept):
    busy = answer(409, b'{"code": "request_in_flight"}')
    script.answers = [answer(429, b"{}", "Retry-After: 3"), busy, answer()]
    transport.json(GET)
    assert slept == [3.0, 1.0]


def test_attempts_end(script, transport):
    script.answers = [answer(503)] * 9
    with pytest.raises(ServerFault):
        transport.json(GET)
    assert len(script.requests) == 4


def test_an_error_tells_what_the_server_said(script, transport):
    fields = b'{"detail": [{"loc": ["body", "file"], "msg": "Field required"}, 3, {"msg": "odd"}], "code": 5}'
    script.answers = [
        answer(401, b'{"detail": "Invalid or revoked API key"}', "X-Request-ID: r9"),
        answer(422, fields),
        answer(500, b"Internal Server Error"),
        answer(307, b"", "Location: http://elsewhere.invalid/"),
    ]
    with pytest.raises(AuthenticationError) as caught:
        transport.json(GET)
    assert (caught.value.detail, caught.value.request_id) == ("Invalid or revoked API key", "r9")
    with pytest.raises(RequestRejected) as rejected:
        transport.json(GET)
    assert (rejected.value.detail, rejected.value.code) == ("file: Field required; odd", None)
    with pytest.raises(ServerFault) as fault:
        transport.json(GET)
    assert fault.value.detail is None
    with pytest.raises(RequestRejected):
        transport.json(GET)


def test_what_is_not_json_is_a_protocol_error(script, transport):
    script.answers = [answer(200, b"<html>", "Content-Type: text/html")]
    with pytest.raises(ProtocolError, match=r"text/html.*right server"):
        transport.json(GET)


def test_nobody_there_is_refused_and_no_such_name_is_unresolved(connect):
    with pytest.raises(ConnectionFailed) as caught:
        connect("http://127.0.0.1:1").send_once(GET)
    assert failure_of(caught.value).kind == "refused"
    with pytest.raises(ConnectionFailed) as caught:
        connect("http://no-such-yard.invalid").send_once(GET)
    assert failure_of(caught.value).kind == "unresolved"


def test_failures_without_a_name_are_not_retried():
    for cause in (
        requests.exceptions.SSLError("certificate"),
        requests.exceptions.ContentDecodingError("gzip"),
    ):
        error = ConnectionFailed("x")
        error.__cause__ = cause
        assert failure_of(error).kind == "other"
    slow = TimedOut("x")
    slow.__cause__ = requests.ConnectTimeout("x")
    assert failure_of(slow).kind == "connect_timeout"


@pytest.mark.parametrize(
    "rest",
    [
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
        b"Content-Length: 6\r\n\r\nabcdef",
        b"\r\nabcdef",
    ],
)
def test_bytes_come_as_they_arrive(script, transport, rest):
    script.answers = [b"HTTP/1.1 200 OK\r\n" + rest]
    with transport.send(STREAM) as response:
        assert b"".join(iter_bytes(response)) == b"abcdef"


@pytest.mark.parametrize(
    "rest", [b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nd", b"Content-Length: 6\r\n\r\nabcd"]
)
def test_bytes_that_break_off_are_a_lost_connection(script, transport, rest):
    script.answers = [b"HTTP/1.1 200 OK\r\n" + rest]
    with transport.send(STREAM) as response, pytest.raises(ConnectionFailed) as caught:
        list(iter_bytes(response))
    assert failure_of(caught.value).kind == "reset"


def test_the_servers_word_on_the_key_is_remembered(script, transport):
    script.answers = [answer(200, b"{}", "Runyard-Key-Warning: old"), answer()]
    transport.json(GET)
    transport.json(GET)
    assert transport.key_warning == "old"


@pytest.mark.parametrize("url", ["localhost:8000", "", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused_at_once(url):
    with pytest.raises(UsageError, match="no server URL"):
        RequestsTransport(url, api_key=None, user_agent="t")


def test_a_key_that_cannot_be_one_is_refused_without_showing_it():
    with pytest.raises(UsageError) as caught:
        RequestsTransport("http://x", api_key="ci_secretsecretsecret\n", user_agent="t")
    assert "secretsecret" not in str(caught.value)


def test_the_key_is_in_no_repr(transport):
    assert KEY not in repr(transport) + repr(vars(transport))
