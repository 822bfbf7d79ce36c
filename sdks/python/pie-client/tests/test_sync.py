"""The client without asyncio: the same names, the same behaviour."""

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pie_tests_waiting import eventually_here, insist_here

import pie
import pie.sync
from pie import Event


def public(kind):
    return {
        name: member
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    }


@pytest.mark.parametrize(("one", "other"), [(pie.PieClient, pie.sync.PieClient), (pie.Instance, pie.sync.Instance)])
def test_both_have_the_same_calls(one, other):
    assert public(one).keys() == public(other).keys()
    for name, member in public(one).items():
        if inspect.isfunction(member):
            assert inspect.signature(member).parameters == inspect.signature(public(other)[name]).parameters, name
            assert inspect.getdoc(member) == inspect.getdoc(public(other)[name]), name
    assert inspect.signature(one).parameters.keys() == inspect.signature(other).parameters.keys()


def test_programs_are_uploaded_launched_and_talked_with(sync_client, pies, tmp_path):
    (tmp_path / "echo.wasm").write_bytes(pies.wasm("echo", 600_000))
    seen = []
    digest = sync_client.upload_program(tmp_path / "echo.wasm", on_progress=lambda sent, total: seen.append(sent))
    assert len(seen) == 3
    assert sync_client.program_exists(digest)
    instance = sync_client.launch_instance(digest)
    instance.send("hello")
    assert instance.recv() == (Event.Message, "hello")
    instance.send("bye")
    assert list(instance) == [(Event.Completed, "bye")]
    with pytest.raises(pie.InstanceEnded):
        instance.recv()
    assert instance.exit.code == 0


def test_blobs_go_there_and_back(sync_client, server):
    instance = sync_client.launch_instance(server.install("echo_blob"))
    instance.upload_blob(b"x" * 600_000)
    assert instance.recv() == (Event.Blob, b"x" * 600_000)
    assert instance.result() == ""


def test_everything_else(sync_client, server):
    server.install("hello", "demo/hello")
    sync_client.ping()
    assert sync_client.query("program_exists", "x") == (True, "false")
    assert sync_client.programs()
    assert sync_client.program("demo/hello")["exports"] == ["_start"]
    assert sync_client.instance_metrics("x")["memory"] == 65536
    sync_client.launch_server_instance("demo/hello", 9000)
    detached = sync_client.launch_instance_from_registry("demo/hello", ["x"], True)
    with pytest.raises(pie.NotAttached):
        detached.recv()
    attached = sync_client.attach_instance(detached.id)
    assert attached.result() == "done"
    assert [info.id for info in sync_client.list_instances()] == [detached.id]
    sync_client.delete_instance(detached.id)
    assert sync_client.remove_program("demo/hello") == "demo/hello"
    sleeper = sync_client.launch_instance(server.install("sleeps"))
    sleeper.recv()
    sleeper.detach()
    again = sync_client.attach_instance(sleeper.id, after=sleeper.seq)
    again.terminate(grace_seconds=1)
    with pytest.raises(pie.InstanceFailed):
        again.result()
    assert sync_client.identify("alice") == (True, "Already authenticated")


def test_a_launch_with_a_key_is_made_again_after_a_lost_connection(sync_client, server):
    server.cut_launches = 2
    assert sync_client.launch_instance(server.install("hello"), idempotency_key="once").result() == "done"
    assert len(server.instances) == 1
    server.cut_launches = 1
    with pytest.raises(pie.ConnectionLost):
        sync_client.launch_instance(server.install("hello"))


def test_the_internal_token(server):
    with pie.sync.PieClient(server.url) as client:
        client.internal_authenticate(server.token)
        client.ping()


def test_deadlines(sync_client, server):
    server.silent.add("ping")
    with pytest.raises(pie.DeadlineExceeded):
        sync_client.ping(timeout=0.05)
    instance = sync_client.launch_instance(server.install("sleeps"))
    instance.recv()
    with pytest.raises(pie.DeadlineExceeded):
        instance.recv(timeout=0.05)


def test_a_lost_connection_fails_the_call_and_the_next_one_takes_over(sync_client, server):
    instance = sync_client.launch_instance(server.install("echo"))
    server.silent.add("ping")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(sync_client.ping)
        eventually_here(lambda: any(request["type"] == "ping" for request in server.requests))
        server.cut()
        with pytest.raises(pie.ConnectionLost):
            waiting.result(10)
    server.silent.clear()
    insist_here(sync_client.ping)
    instance.send("hello")
    assert instance.recv() == (Event.Message, "hello")


def test_events_go_on_without_loss_or_doubles(sync_client, server):
    instance = sync_client.launch_instance(server.install("chatter"), ["400", "50", "wait"])
    server.cut_after = 120
    instance.send("go")
    assert [content.partition(":")[0] for event, content in instance if event is Event.Message] == [
        str(number) for number in range(400)
    ]


def test_a_slow_reader_is_held_back_and_blocks_nobody(server):
    with pie.sync.PieClient(server.url, buffer=50_000) as client:
        client.authenticate("alice")
        slow = client.launch_instance(server.install("chatter"), ["1000", "1000"])
        quick = client.launch_instance(server.install("echo"))
        while not any(request["type"] == "detach_instance" for request in server.requests):
            quick.send("hello")
            assert quick.recv() == (Event.Message, "hello")
        numbers = [int(content.partition(":")[0]) for event, content in slow if event is Event.Message]
        assert numbers == list(range(1000))


def test_many_threads_share_a_client(sync_client, server):
    name = server.install("echo")

    def talk(number):
        instance = sync_client.launch_instance(name)
        for text in map(str, range(20)):
            instance.send(text)
            assert instance.recv() == (Event.Message, text)
        return number

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(talk, range(16))) == list(range(16))


def test_connections_that_break_right_after_the_sign_in_are_survived(sync_client, server):
    instance = sync_client.launch_instance(server.install("echo"))
    server.cut_logins = 3
    server.cut()
    insist_here(sync_client.ping)
    instance.send("hello")
    assert instance.recv(timeout=10) == (Event.Message, "hello")


def test_a_server_that_stays_away_is_given_up(server):
    with pie.sync.PieClient(server.url, reconnect=0.2) as client:
        client.authenticate("alice")
        instance = client.launch_instance(server.install("sleeps"))
        instance.recv()
        server.go_away()
        with pytest.raises(pie.ConnectionLost):
            instance.recv()
        server.come_back()
        client.connect()
        client.authenticate("alice")


def test_a_final_close_is_not_tried_again(sync_client, server):
    instance = sync_client.launch_instance(server.install("sleeps"))
    instance.recv()
    server.close_all(1008)
    with pytest.raises(pie.ConnectionLost):
        instance.recv()


def test_closing_fails_whoever_waits_and_leaves_no_thread(server):
    client = pie.sync.PieClient(server.url)
    with pytest.raises(pie.ConnectionFailed, match="Not connected"):
        client.ping()
    client.connect()
    client.authenticate("alice")
    instance = client.launch_instance(server.install("sleeps"))
    instance.recv()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(instance.recv)
        client.close()
        client.close()
        with pytest.raises(pie.ConnectionLost, match="closed"):
            waiting.result(10)
    for thread in threading.enumerate():
        if thread.name.startswith("pie "):
            thread.join(10)
            assert not thread.is_alive()


def test_nobody_there_is_a_connection_error(server):
    server.go_away()
    with pytest.raises(pie.ConnectionFailed, match="Cannot connect"):
        pie.sync.PieClient(server.url).connect()
    server.come_back()


def test_a_server_that_takes_nothing_is_left(sync_client, server, pies):
    """The system breaks off a send that nobody takes."""
    instance = sync_client.launch_instance(server.install("sleeps"))
    instance.recv()
    server.silent.add("upload_program")
    with pytest.raises(pie.DeadlineExceeded):
        sync_client.upload_program(pies.wasm("hello", 1_000_000), timeout=0.1)
    sync_client.ping()
