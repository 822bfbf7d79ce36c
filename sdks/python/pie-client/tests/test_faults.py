"""What breaks: connections, servers, slow readers, silence. Nothing hangs, nothing is lost that a server keeps."""

import asyncio
import datetime as dt
import ipaddress
import ssl

import msgpack
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import pie
from pie import Event, PieClient
from pie.sync import PieClient as SyncClient


async def numbers(instance):
    return [int(content.partition(":")[0]) async for event, content in instance if event is Event.Message]


async def eventually(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def insist(call):
    """Call again after a lost connection: until the client has noticed, a call may still go to the one that is lost."""
    while True:
        try:
            return await call()
        except pie.ConnectionLost:
            pass


async def answers(client):
    await insist(client.ping)


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


async def test_a_server_that_still_holds_the_old_connection_is_given_time(client, server):
    instance = await client.launch_instance(server.install("echo"))
    server.stall_detach = asyncio.Event()
    server.cut()
    await eventually(lambda: sum(request["type"] == "attach_instance" for request in server.requests) >= 2)
    server.call(_set(server.stall_detach))
    await answers(client)
    await instance.send("hello")
    assert await instance.recv(timeout=10) == (Event.Message, "hello")


async def _set(event):
    event.set()


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


async def test_a_restart_is_not_final(client, server):
    instance = await client.launch_instance(server.install("echo"))
    server.close_all(1012)
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


# Encrypted connections.


@pytest.fixture
def encrypted(pies, tmp_path):
    """A server with a certificate of its own, and what its clients need to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    (tmp_path / "both.pem").write_bytes(
        certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    running = pies.Server(tls=context).start()
    yield running, ssl.create_default_context(cadata=certificate.decode())
    running.stop()


async def test_a_connection_may_be_encrypted(encrypted):
    server, trust = encrypted
    async with PieClient(server.url, ssl=trust) as client:
        await client.authenticate("alice")
        await client.ping()
    with pytest.raises(pie.ConnectionFailed, match="certificate"):
        await PieClient(server.url).connect()


def test_without_asyncio_too(encrypted):
    server, trust = encrypted
    with SyncClient(server.url, ssl=trust) as client:
        client.authenticate("alice")
        client.ping()
    with pytest.raises(pie.ConnectionFailed, match="certificate"):
        SyncClient(server.url).connect()


# Slow readers.


async def test_a_slow_reader_is_held_back_and_blocks_nobody(server):
    async with PieClient(server.url, buffer=50_000) as client:
        await client.authenticate("alice")
        slow = await client.launch_instance(server.install("chatter"), ["2000", "1000"])
        quick = await client.launch_instance(server.install("echo"))
        for number in range(20):
            await quick.send(str(number))
            assert await quick.recv() == (Event.Message, str(number))
        await eventually(lambda: any(request["type"] == "detach_instance" for request in server.requests))
        assert client.mailbox_of(slow.id).waiting < 60_000
        assert await numbers(slow) == list(range(2000))


async def test_a_held_instance_goes_on_after_a_lost_connection(server):
    async with PieClient(server.url, buffer=20_000) as client:
        await client.authenticate("alice")
        slow = await client.launch_instance(server.install("chatter"), ["200", "1000"])
        await eventually(lambda: any(request["type"] == "detach_instance" for request in server.requests))
        server.cut()
        await answers(client)
        assert await numbers(slow) == list(range(200))


async def test_an_original_server_cannot_hold_back_so_the_instance_fails(original):
    async with PieClient(original.url, buffer=5_000) as client:
        await client.authenticate("alice")
        slow = await client.launch_instance(original.install("chatter", "demo/chatter"), ["200", "1000"])
        await eventually(lambda: not client._core.mailboxes)
        got = [await slow.recv() for _ in range(36)]
        assert sum(len(text) for _, text in got) == 36_000
        with pytest.raises(pie.Overflowed, match="buffer="):
            await slow.recv()
        await client.ping()


async def test_many_instances_at_once(client, server):
    name = server.install("echo")
    instances = await asyncio.gather(*(client.launch_instance(name) for _ in range(100)))

    async def talk(instance):
        for number in range(20):
            await instance.send(str(number))
            assert await instance.recv() == (Event.Message, str(number))

    await asyncio.gather(*map(talk, instances))


async def test_several_receivers_share_the_events(client, server):
    instance = await client.launch_instance(server.install("echo"))
    receivers = [asyncio.ensure_future(instance.recv()) for _ in range(5)]
    for number in range(5):
        await instance.send(str(number))
    assert sorted(content for _, content in await asyncio.gather(*receivers)) == ["0", "1", "2", "3", "4"]
