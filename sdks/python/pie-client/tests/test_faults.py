"""What breaks: connections, servers, slow readers, silence. Nothing hangs, nothing is lost that a server keeps."""

import asyncio

import msgpack
import pytest
from pie_tests_waiting import answers, eventually, insist, numbers

import pie
from pie import Event, PieClient


async def test_a_lost_connection_fails_every_waiting_call_with_one_error(client, server):
    server.silent |= {"ping", "list_instances", "query"}
    waiting = [asyncio.ensure_future(work) for work in (client.ping(), client.list_instances(), client.query("x"))]
    await eventually(lambda: len(server.requests) >= 4)
    server.cut()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [pie.ConnectionLost] * 3
    assert isinstance(errors[0], ConnectionError)
    server.silent.clear()
    await client.ping()  # on the next connection


async def test_events_go_on_after_a_lost_connection_without_loss_or_doubles(client, server):
    name = server.install("chatter")
    several = [await client.launch_instance(name, ["400", "50", "wait"]) for _ in range(3)]
    server.cut_after = 120
    for instance in several:
        await insist(lambda instance=instance: instance.send("go"))
    assert await asyncio.gather(*map(numbers, several)) == [list(range(400))] * 3
    attached = [request for request in server.requests if request["type"] == "attach_instance"]
    assert len(attached) >= 3
    assert all(request["after"] >= 0 for request in attached)


async def test_one_can_go_on_talking_after_a_lost_connection(client, server):
    instance = await client.launch_instance(server.install("echo"))
    for text in ("one", "two", "three"):
        await instance.send(text)
        server.cut()
        assert await instance.recv() == (Event.Message, text)
        await answers(client)
    await instance.send("bye")
    assert await instance.result() == "bye"


async def test_a_launch_with_a_key_is_made_again_after_a_lost_connection(client, server):
    server.cut_launches = 2
    instance = await client.launch_instance(server.install("hello"), ["x"], idempotency_key="once")
    assert [event async for event in instance] == [(Event.Stdout, "hello x\n"), (Event.Completed, "done")]
    assert len(server.instances) == 1
    assert sum(request["type"] == "launch_instance" for request in server.requests) == 3


async def test_a_launch_without_a_key_is_not_made_again(client, server):
    server.cut_launches = 1
    with pytest.raises(pie.ConnectionLost):
        await client.launch_instance(server.install("hello"))
    await client.ping()
    assert sum(request["type"] == "launch_instance" for request in server.requests) == 1


async def test_nor_is_one_that_would_be_the_second_on_another_server(client, server):
    server.cut_launches = 1
    server.raw["launch_instance"] = lambda corr_id: _be_the_original(server)
    with pytest.raises(pie.ConnectionLost):
        await client.launch_instance(server.install("hello"), idempotency_key="once")
    assert sum(request["type"] == "launch_instance" for request in server.requests) == 1


def _be_the_original(server):
    server.ours = False
    for connection in server.connections:
        connection.socket.transport.abort()
    return b""


async def test_a_launch_that_is_always_lost_is_given_up(client, server):
    server.cut_launches = 100
    with pytest.raises(pie.ConnectionLost):
        await client.launch_instance(server.install("hello"), idempotency_key="once")
    assert sum(request["type"] == "launch_instance" for request in server.requests) == 5


async def test_errors_that_are_told_again_and_again_do_not_grow(server):
    async with PieClient(server.url, reconnect=0) as client:
        await client.authenticate("alice")
        instance = await client.launch_instance(server.install("sleeps"))
        await instance.recv()
        server.cut()
        for call in (instance.recv, client.ping):
            depths = []
            for _ in range(5):
                with pytest.raises(pie.ConnectionLost) as lost:
                    await call()
                depths.append(len(lost.traceback))
            assert depths[1:] == depths[1:2] * 4


async def test_a_server_that_comes_back_is_found_again(client, server):
    instance = await client.launch_instance(server.install("echo"))
    server.go_away()
    waiting = asyncio.ensure_future(client.ping())
    await asyncio.sleep(0)
    server.come_back()
    await asyncio.gather(waiting, return_exceptions=True)
    await client.ping()
    await instance.send("still there")
    assert await instance.recv() == (Event.Message, "still there")


async def test_connections_that_break_right_after_the_sign_in_are_survived(client, server):
    instance = await client.launch_instance(server.install("echo"))
    server.cut_logins = 3
    server.cut()
    await answers(client)
    await instance.send("hello")
    assert await instance.recv(timeout=10) == (Event.Message, "hello")


async def test_so_are_they_when_nothing_is_attached(client, server):
    server.cut_logins = 3
    server.cut()
    await answers(client)
    await client.ping()


async def test_a_server_that_stays_away_is_given_up(server):
    async with PieClient(server.url, reconnect=0.2) as client:
        await client.authenticate("alice")
        instance = await client.launch_instance(server.install("sleeps"))
        assert await instance.recv() == (Event.Message, "ready")
        server.go_away()
        with pytest.raises(pie.ConnectionLost) as lost:
            await instance.recv()
        assert lost.value.final
        with pytest.raises(pie.ConnectionLost):
            await client.ping()
        server.come_back()
        await client.connect()
        await client.authenticate("alice")
        await client.ping()


async def test_a_new_connection_that_does_not_know_us_is_final(client, server):
    instance = await client.launch_instance(server.install("sleeps"))
    await instance.recv()
    server.users = {}
    server.cut()
    with pytest.raises(pie.ConnectionLost, match="rejected"):
        await instance.recv()


async def test_an_instance_that_is_gone_fails_alone(client, server):
    name = server.install("echo")
    gone, kept = await client.launch_instance(name), await client.launch_instance(name)
    await kept.send("hello")
    await kept.recv()
    del server.instances[gone.id]
    server.cut()
    with pytest.raises(pie.NotFound):
        await gone.recv()
    await kept.send("again")
    assert await kept.recv() == (Event.Message, "again")


@pytest.mark.parametrize("code", [1002, 1007, 1008, 1009])
async def test_some_closes_are_final(client, server, code):
    instance = await client.launch_instance(server.install("sleeps"))
    await instance.recv()
    server.close_all(code)
    with pytest.raises(pie.ConnectionLost) as lost:
        await instance.recv()
    assert (lost.value.final, lost.value.close_code) == (True, code)


@pytest.mark.parametrize("code", [1001, 1011, 1012, 4008])
async def test_other_closes_are_not(client, server, code):
    instance = await client.launch_instance(server.install("echo"))
    server.close_all(code)
    await answers(client)
    await instance.send("hello")
    assert await instance.recv() == (Event.Message, "hello")


async def test_without_reconnecting_a_lost_connection_is_the_end(server):
    async with PieClient(server.url, reconnect=0) as client:
        await client.authenticate("alice")
        instance = await client.launch_instance(server.install("sleeps"))
        await instance.recv()
        server.cut()
        with pytest.raises(pie.ConnectionLost):
            await instance.recv()


async def test_an_original_servers_instances_do_not_pretend_to_go_on(guest, original):
    instance = await guest.launch_instance(original.install("sleeps", "demo/sleeps"))
    await instance.recv()
    original.cut()
    with pytest.raises(pie.ConnectionLost):
        await instance.recv()
    again = await guest.attach_instance(instance.id)
    await again.terminate()
    assert (await again.recv())[0] is Event.Aborted


async def test_a_lost_connection_stops_an_upload(client, server, pies):
    def cut(sent, total):
        server.cut()

    with pytest.raises(pie.ConnectionLost):
        await client.upload_program(pies.wasm("hello", 64 * 262_144), on_progress=cut)
    await client.ping()


async def test_closing_fails_whoever_waits(server):
    client = PieClient(server.url)
    with pytest.raises(pie.ConnectionFailed, match="Not connected"):
        await client.ping()
    await client.connect()
    await client.authenticate("alice")
    instance = await client.launch_instance(server.install("sleeps"))
    await instance.recv()
    waiting = asyncio.ensure_future(instance.recv())
    await asyncio.sleep(0)
    await client.close()
    await client.close()
    with pytest.raises(pie.ConnectionLost, match="closed"):
        await waiting
    with pytest.raises(pie.ConnectionLost, match="closed"):
        await client.ping()


async def test_closing_while_connecting_again_ends_that(server):
    async with PieClient(server.url) as client:
        await client.authenticate("alice")
        server.go_away()
        with pytest.raises(pie.PieError):
            await client.ping(timeout=0.2)


async def test_nobody_there_is_a_connection_error(server):
    server.go_away()
    with pytest.raises(pie.ConnectionFailed, match="Cannot connect"):
        await PieClient(server.url).connect()
    with pytest.raises(OSError, match="Cannot connect"):
        await PieClient(server.url).connect()
    server.come_back()


async def test_something_else_there_is_a_connection_error():
    async def speak(reader, writer):
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(pie.ConnectionFailed, match="no WebSocket"):
            await PieClient(f"ws://127.0.0.1:{port}").connect()


# Silence.


async def test_every_call_has_a_deadline(client, server):
    server.silent.add("ping")
    with pytest.raises(pie.DeadlineExceeded, match="ping"):
        await client.ping(timeout=0.05)
    with pytest.raises(TimeoutError):
        await client.ping(timeout=0.05)


async def test_receiving_can_have_a_deadline(client, server):
    instance = await client.launch_instance(server.install("sleeps"))
    await instance.recv(timeout=10)
    with pytest.raises(pie.DeadlineExceeded, match=instance.id):
        await instance.recv(timeout=0.05)


async def test_a_cancelled_call_harms_nobody(client, server):
    server.silent.add("ping")
    task = asyncio.ensure_future(client.ping())
    await eventually(lambda: server.requests[-1]["type"] == "ping")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    late = server.requests[-1]["corr_id"]
    server.silent.clear()
    server.say(msgpack.packb({"type": "response", "corr_id": late, "successful": True, "result": "Pong"}))
    await client.ping()


async def test_a_cancellation_that_comes_together_with_the_event_is_not_lost_nor_is_the_event(client, server):
    instance = await client.launch_instance(server.install("echo"))
    task = asyncio.ensure_future(instance.recv(timeout=10))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    event = {"type": "instance_event", "instance_id": instance.id, "event": 0, "message": "hello", "seq": 1}
    client._core.receive(msgpack.packb(event))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await instance.recv() == (Event.Message, "hello")


async def test_an_original_server_that_closes_without_a_word(original):
    async with PieClient(original.url) as client:
        with pytest.raises(pie.ConnectionLost):
            await client.ping()


async def test_a_runyard_server_says_what_is_missing(server):
    async with PieClient(server.url) as client:
        server.raw["identification"] = lambda corr_id: msgpack.packb(
            {"type": "response", "corr_id": corr_id, "successful": True, "result": "AAAA", "runyard": 1}
        )
        await client.identify("alice")
        with pytest.raises(pie.AuthenticationError, match="authenticate first"):
            await client.ping()


# Bad messages.


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"\x93\x01\x02",
        msgpack.packb([1]),
        msgpack.packb({"type": 1}),
        msgpack.packb({"type": "from_the_future"}),
        msgpack.packb({"type": "response", "corr_id": -1, "successful": True, "result": ""}),
        msgpack.packb({"type": "instance_event", "instance_id": "x", "event": 99, "message": ""}),
        msgpack.packb(
            {"type": "download_blob", "instance_id": "x", "blob_hash": "", "chunk_index": 2, "total_chunks": 1}
        ),
        "a text frame",
    ],
)
async def test_a_bad_message_harms_nothing_else(client, server, frame):
    server.say(frame)
    await client.ping()


async def test_a_malformed_answer_fails_its_call(client, server):
    server.raw["ping"] = lambda corr_id: msgpack.packb({"type": "response", "corr_id": corr_id, "successful": "yes"})
    with pytest.raises(pie.ProtocolError, match="'successful'"):
        await client.ping()


async def test_an_answer_that_is_no_json(client, server):
    server.raw["query"] = lambda corr_id: msgpack.packb(
        {"type": "response", "corr_id": corr_id, "successful": True, "result": "no json"}
    )
    with pytest.raises(pie.ProtocolError, match="no JSON"):
        await client.programs()


async def test_an_unknown_event_is_an_error_in_its_place(client, server):
    instance = await client.launch_instance(server.install("unknown_event"))
    with pytest.raises(pie.ProtocolError, match="'event'"):
        await instance.recv()
    assert await instance.recv() == (Event.Message, "after")


async def test_a_fault_of_our_own_is_no_hang(client, server, monkeypatch):
    def broken(frame):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(client._core, "receive", broken)
    with pytest.raises(pie.ConnectionLost, match="ZeroDivisionError"):
        await client.ping()


async def test_a_key_that_breaks_while_connecting_again_is_no_hang(server):
    class Key:
        broken = False

        def sign(self, data):
            if self.broken:
                raise ZeroDivisionError("a fault")
            return bytes(64)

    key = Key()
    async with PieClient(server.url) as client:
        await client.authenticate("alice", key)
        instance = await client.launch_instance(server.install("sleeps"))
        await instance.recv()
        server.users = {"alice": []}
        key.broken = True
        server.cut()
        with pytest.raises(pie.ConnectionLost, match="a fault"):
            await instance.recv()
