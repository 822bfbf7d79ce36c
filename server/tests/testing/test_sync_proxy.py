"""The proxy's face for tests that are not async, in front of a real HTTP server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from runyard.testing.faults import Blackhole, Cut, Latency, Reset
from runyard.testing.proxy import FaultProxy
from runyard.testing.sync_proxy import SyncFaultProxy

BODY = b"0123456789" * 100


class Answer(BaseHTTPRequestHandler):
    """Counts requests and answers each with the same body."""

    protocol_version = "HTTP/1.1"
    served: list[str]

    def do_GET(self) -> None:
        self.served.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.served: list[str] = []
        super().__init__(("127.0.0.1", 0), type("Counted", (Answer,), {"served": self.served}))

    def handle_error(self, *_: object) -> None:
        pass  # a connection that breaks is what is being tested


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Server) -> Iterator[SyncFaultProxy]:
    with SyncFaultProxy("127.0.0.1", server.server_port) as proxy:
        yield proxy


def get(proxy: SyncFaultProxy, path: str = "/") -> bytes:
    with requests.get(proxy.url + path, timeout=10, headers={"Connection": "close"}) as response:
        return response.content


def test_requests_pass_and_are_counted(proxy: SyncFaultProxy) -> None:
    assert get(proxy) == BODY
    proxy.wait_until(lambda proxy: proxy.open_connections == 0)
    assert (proxy.connections, proxy.open_connections) == (1, 0)
    assert proxy.bytes_down > len(BODY)
    assert proxy.bytes_up > len("GET / HTTP/1.1")
    assert f"bytes_down={proxy.bytes_down}" in repr(proxy)


def test_a_fault_is_taken_back_from_the_tests_own_thread(proxy: SyncFaultProxy) -> None:
    with proxy.inject(Reset(50)), pytest.raises(requests.ConnectionError):
        get(proxy)
    assert get(proxy) == BODY


def test_clear_works_across_threads(proxy: SyncFaultProxy) -> None:
    proxy.inject(Blackhole(), "up")
    proxy.inject(Latency(3600))
    proxy.refuse_connections()
    proxy.clear()
    assert get(proxy) == BODY


def test_an_answer_is_lost_after_the_request_was_served(proxy: SyncFaultProxy, server: Server) -> None:
    proxy.inject(Cut(lazy=True), times=1)
    with pytest.raises(requests.ConnectionError):
        get(proxy, "/first")
    assert get(proxy, "/second") == BODY
    assert server.served == ["/first", "/second"]


def test_a_body_cut_short_is_noticed(proxy: SyncFaultProxy) -> None:
    proxy.inject(Cut(300), times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        get(proxy)


def test_refused_connections(proxy: SyncFaultProxy) -> None:
    proxy.refuse_connections()
    with pytest.raises(requests.ConnectionError, match="refused"):
        get(proxy)
    proxy.accept_connections()
    assert get(proxy) == BODY


def test_the_upstream_may_move(server: Server) -> None:
    with SyncFaultProxy("127.0.0.1", 1) as proxy:
        with pytest.raises(requests.ConnectionError):
            get(proxy)
        proxy.move_upstream("127.0.0.1", server.server_port)
        assert get(proxy) == BODY


def test_waiting_for_connections_blocks_until_they_come(proxy: SyncFaultProxy) -> None:
    asking = threading.Thread(target=get, args=(proxy,))
    asking.start()
    proxy.wait_connections(1)
    asking.join()
    with pytest.raises(TimeoutError, match="connections=1"):
        proxy.wait_connections(2, timeout=0.01)


def test_a_condition_that_fails_fails_the_test(proxy: SyncFaultProxy) -> None:
    def wrong(_: FaultProxy) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        proxy.wait_until(wrong)


def test_outside_its_block_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="with proxy:"):
        SyncFaultProxy("127.0.0.1", 1).inject(Cut())


def test_no_thread_and_no_file_is_left_behind(server: Server) -> None:
    def left() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    before = left()
    for _ in range(3):
        with SyncFaultProxy("localhost", server.server_port) as proxy:
            assert get(proxy) == BODY
            proxy.wait_until(lambda proxy: proxy.open_connections == 0)
    with SyncFaultProxy("127.0.0.1", 1) as proxy, pytest.raises(requests.ConnectionError):
        get(proxy)
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:  # the server's own, about to end
            thread.join()
    assert left() == before
