"""One logical call over httpx: which failures are repeated, and how they are read."""

import socket

import httpx
import pytest

from runyard_wire.httpx_shell import Caller, error_body, failure_of, header
from runyard_wire.retry import RetryPolicy

REQUEST = httpx.Request("GET", "http://server/x")


def answer(status, **options):
    return httpx.Response(status, request=REQUEST, **options)


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def caller(pauses):
    async def sleep(seconds):
        pauses.append(seconds)

    return Caller(policy=RetryPolicy(attempts=3, first_delay=2.0), clock=lambda: 0.0, chance=lambda: 0.5, sleep=sleep)


def attempt_of(outcomes):
    """Gives one outcome after the other."""

    async def attempt():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return attempt


async def test_a_failure_is_repeated_after_growing_pauses(caller, pauses):
    outcomes = [answer(503), httpx.ConnectTimeout("slow"), answer(200)]
    assert (await caller.call(attempt_of(outcomes), replayable=False)).status_code == 200
    assert pauses == [1.0, 2.0]
    assert caller.bucket.tokens < 500


async def test_what_may_have_been_done_is_repeated_only_where_that_is_harmless(caller):
    with pytest.raises(httpx.ReadTimeout):
        await caller.call(attempt_of([httpx.ReadTimeout("slow"), answer(200)]), replayable=False)
    assert (await caller.call(attempt_of([httpx.ReadTimeout("slow"), answer(200)]), replayable=True)).is_success


async def test_the_last_failure_is_raised_as_it_is(caller):
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await caller.call(attempt_of([answer(503)] * 3), replayable=True)
    assert caught.value.response.status_code == 503


async def test_the_server_may_say_when(caller, pauses):
    await caller.call(attempt_of([answer(429, headers={"Retry-After": "7"}), answer(200)]), replayable=False)
    assert pauses == [7.0]


def connect_error(cause, text="no"):
    error = httpx.ConnectError(text)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (connect_error(ConnectionRefusedError()), "refused"),
        (connect_error(socket.gaierror()), "unresolved"),
        (connect_error(None, "All connection attempts failed"), "refused"),
        (connect_error(None), "other"),
        (httpx.ConnectTimeout(""), "connect_timeout"),
        (httpx.PoolTimeout(""), "connect_timeout"),
        (httpx.ReadTimeout(""), "read_timeout"),
        (httpx.WriteTimeout(""), "read_timeout"),
        (httpx.ReadError(""), "reset"),
        (httpx.RemoteProtocolError(""), "reset"),
        (httpx.UnsupportedProtocol(""), "other"),
    ],
)
def test_every_failure_has_a_kind(error, kind):
    assert failure_of(error).kind == kind


def test_an_endless_chain_of_causes_ends():
    first, second = connect_error(None), connect_error(None)
    first.__cause__, second.__cause__ = second, first
    assert failure_of(first).kind == "other"


def test_a_status_keeps_its_name():
    response = answer(409, json={"detail": "Wait.", "code": "request_in_flight"})
    failure = failure_of(httpx.HTTPStatusError("", request=REQUEST, response=response))
    assert (failure.kind, failure.status, failure.code) == ("status", 409, "request_in_flight")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"detail": "Because."}', "Because."),
        (b'{"detail": [{"loc": ["body", "a", 0], "msg": "odd"}, {"msg": "whole"}, 5]}', "a.0: odd; whole"),
        (b'{"detail": []}', None),
        (b'{"detail": 5}', None),
        (b"[]", None),
        (b"<html>", None),
    ],
)
def test_an_error_says_what_it_can(body, detail):
    assert error_body(answer(400, content=body)).detail == detail


def test_an_unread_answer_says_nothing():
    assert error_body(answer(400, stream=httpx.ByteStream(b"{}"))).detail is None


def test_a_header_is_there_or_not():
    assert header(answer(200, headers={"ETag": "x"}), "etag") == "x"
    assert header(answer(200), "etag") is None
