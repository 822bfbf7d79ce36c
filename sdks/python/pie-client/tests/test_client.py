"""`PieClient` and `Instance` against a real socket, with both kinds of server."""

import asyncio
import uuid

import pytest
from blake3 import blake3
from pie_tests_waiting import numbers

import pie
from pie import Event, Limits, PieClient

MANIFEST = '[package]\nname = "demo/hello"\nversion = "1.2.0"\n'


async def events_of(instance):
    return [event async for event in instance]


@pytest.fixture(params=["runyard", "original"])
async def either(request):
    """A client of either kind of server, and the server."""
    name = "server" if request.param == "runyard" else "original"
    server = request.getfixturevalue(name)
    async with PieClient(server.url, timeout=10) as client:
        await client.authenticate("alice")
        assert client.ours == (name == "server")
        yield client, server


async def test_the_quick_start_of_the_document(server, pies, tmp_path):
    (tmp_path / "my_program.wasm").write_bytes(pies.wasm("echo"))
    async with PieClient(server.url) as client:
        await client.authenticate("any_username")
        with (tmp_path / "my_program.wasm").open("rb") as f:
            await client.upload_program(f.read())
        program_hash = blake3(pies.wasm("echo")).hexdigest()
        instance = await client.launch_instance(program_hash)
        await instance.send("hello")
        event, message = await instance.recv()
        assert f"Received: {event.name} - {message}" == "Received: Message - hello"


async def test_all_nine_events_arrive_in_order(either):
    client, server = either
    instance = await client.launch_instance(server.install("every_event", "demo/all"))
    assert await events_of(instance) == [
        (Event.Message, "text"),
        (Event.Stdout, "out"),
        (Event.Stderr, "err"),
        (Event.Blob, b"blob"),
        (Event.Completed, "returned"),
    ]
    with pytest.raises(pie.InstanceEnded):
        await instance.recv()


@pytest.mark.parametrize(
    ("behaviour", "event", "code", "limit"),
    [
        ("fails", Event.Exception, 1, None),
        ("exhausts", Event.OutOfResources, 1, "fuel"),
        ("server_error", Event.ServerError, 1, None),
    ],
)
async def test_a_bad_end_is_raised_by_result_and_says_how(client, server, behaviour, event, code, limit):
    instance = await client.launch_instance(server.install(behaviour))
    with pytest.raises(pie.InstanceFailed) as failed:
        await instance.result()
    assert (failed.value.event, failed.value.exit.code, failed.value.exit.limit) == (event, code, limit)
    assert instance.exit == failed.value.exit


async def test_result_gives_what_the_program_returned(client, server):
    instance = await client.launch_instance(server.install("hello"), ["a", "b"])
    assert await instance.result() == "done"
    assert instance.exit.code == 0
    assert instance.id == instance.instance_id == str(uuid.UUID(instance.id))
    assert instance.id in repr(instance)


async def test_terminate_ends_with_aborted(either):
    client, server = either
    instance = await client.launch_instance(server.install("sleeps", "demo/sleeps"))
    assert await instance.recv() == (Event.Message, "ready")
    await instance.terminate()
    assert await instance.recv() == (Event.Aborted, "Signal termination")


async def test_the_grace_of_a_termination_is_sent(client, server):
    instance = await client.launch_instance(server.install("sleeps"))
    await instance.terminate(grace_seconds=1.5)
    assert server.requests[-1]["grace_seconds"] == 1.5


async def test_an_id_in_another_spelling_is_the_same_instance(client, server):
    instance = await client.launch_instance(server.install("sleeps"), detached=True)
    attached = await client.attach_instance(instance.id.upper().replace("-", ""))
    assert attached.id == instance.id
    assert await attached.recv() == (Event.Message, "ready")


# Programs.


async def test_programs_are_uploaded_from_paths_with_a_manifest(either, pies, tmp_path):
    client, _ = either
    wasm, manifest = tmp_path / "hello.wasm", tmp_path / "Pie.toml"
    wasm.write_bytes(pies.wasm("hello", 600_000))
    manifest.write_bytes(MANIFEST.replace("\n", "\r\n").encode())
    seen = []
    digest = await client.upload_program(
        wasm, str(manifest), on_progress=lambda sent, total: seen.append((sent, total))
    )
    size = wasm.stat().st_size
    assert digest == blake3(wasm.read_bytes()).hexdigest()
    assert seen == [(262144, size), (524288, size), (size, size)]
    assert await client.program_exists("demo/hello")
    assert await client.program_exists("demo/hello@1.2.0", str(wasm), manifest)
    assert await client.program_exists("demo/hello", digest)
    assert not await client.program_exists("demo/other")
    wasm.write_bytes(pies.wasm("echo"))
    assert not await client.program_exists("demo/hello", wasm, manifest)


async def test_programs_are_uploaded_from_bytes_with_the_manifests_text(either, pies):
    client, server = either
    await client.upload_program(pies.wasm("hello"), MANIFEST)
    instance = await client.launch_instance("demo/hello")
    assert await instance.result() == "done"
    registry = await client.launch_instance_from_registry("demo/hello", ["x"])
    assert await registry.recv() == (Event.Stdout, "hello x\n")


async def test_a_program_without_a_manifest_is_known_by_its_hash(client, pies):
    digest = await client.upload_program(pies.wasm("hello"))
    assert await client.program_exists(digest)


async def test_what_the_server_has_is_not_sent_again(either, pies):
    client, server = either
    program, seen = pies.wasm("hello", 600_000), []
    digest = await client.upload_program(program, MANIFEST)
    assert await client.upload_program(program, MANIFEST, on_progress=lambda *sent: seen.append(sent)) == digest
    assert seen == [(len(program), len(program))]
    assert sum(request["type"] == "upload_program" for request in server.requests) == 3
    await client.upload_program(program, MANIFEST + "\n")
    await client.upload_program(program, MANIFEST + "\n", force=True)
    assert sum(request["type"] == "upload_program" for request in server.requests) == 9


async def test_nor_is_what_is_known_by_its_hash(client, server, pies):
    digest = await client.upload_program(pies.wasm("hello"))
    assert await client.upload_program(pies.wasm("hello")) == digest
    assert sum(request["type"] == "upload_program" for request in server.requests) == 1


async def test_an_original_server_gets_the_manifest_in_every_chunk(guest, original, pies):
    await guest.upload_program(pies.wasm("hello", 600_000), MANIFEST)
    chunks = [request for request in original.requests if request["type"] == "upload_program"]
    assert [chunk["manifest"] for chunk in chunks] == [MANIFEST] * 3


async def test_uploads_at_once_do_not_disturb_each_other(guest, original, pies):
    programs = [pies.wasm("hello", 300_000 + number) for number in range(4)]
    manifests = [MANIFEST.replace("hello", f"hello{number}") for number in range(4)]
    digests = await asyncio.gather(*map(guest.upload_program, programs, manifests))
    assert digests == [blake3(program).hexdigest() for program in programs]


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 1_000_000])
async def test_blobs_of_any_size_go_there_and_back(client, server, size):
    blob = bytes(number % 256 for number in range(size))
    instance = await client.launch_instance(server.install("echo_blob"))
    await instance.upload_blob(blob)
    assert await instance.recv() == (Event.Blob, blob)


async def test_blobs_are_uploaded_from_files(either, tmp_path):
    client, server = either
    (tmp_path / "blob").write_bytes(b"x" * 300_000)
    instance = await client.launch_instance(server.install("echo_blob", "demo/blob"))
    seen = []
    await instance.upload_blob(tmp_path / "blob", on_progress=lambda sent, total: seen.append(sent))
    assert seen == [262_144, 300_000]
    assert await instance.recv() == (Event.Blob, b"x" * 300_000)


async def test_a_damaged_blob_is_an_error_in_its_place(either):
    client, server = either
    instance = await client.launch_instance(server.install("damaged_blob", "demo/damaged"))
    with pytest.raises(pie.BlobDamaged, match="hash"):
        await instance.recv()
    assert await instance.recv() == (Event.Message, "still here")


async def test_a_blob_above_the_limit_is_refused(server):
    async with PieClient(server.url, max_blob=100_000) as client:
        await client.authenticate("alice")
        instance = await client.launch_instance(server.install("echo_blob"))
        await instance.upload_blob(b"x" * 300_000)
        with pytest.raises(pie.BlobDamaged, match="max_blob"):
            await instance.recv()
        assert (await instance.recv())[0] is Event.Completed


async def test_events_that_are_cut_arrive_whole(client, server):
    instance = await client.launch_instance(server.install("big"), ["700000"])
    assert await instance.recv() == (Event.Stdout, "é" * 700_000)


async def test_an_original_servers_large_event_arrives(guest, original):
    instance = await guest.launch_instance(original.install("big", "demo/big"), ["3000000"])
    assert await instance.recv() == (Event.Stdout, "é" * 3_000_000)


async def test_a_message_above_the_limit_ends_the_connection_with_a_hint(original):
    async with PieClient(original.url, max_message=100_000) as client:
        await client.authenticate("alice")
        instance = await client.launch_instance(original.install("big", "demo/big"), ["200000"])
        with pytest.raises(pie.MessageTooLarge, match="max_message"):
            await instance.recv()


# Instances.


async def test_limits_and_a_key_go_with_the_launch(client, server):
    name = server.install("sleeps")
    limits = Limits(fuel=10, memory=65536, wall_seconds=1.5)
    first = await client.launch_instance(name, detached=True, limits=limits, idempotency_key="once")
    second = await client.launch_instance(name, detached=True, limits=limits, idempotency_key="once")
    assert first.id == second.id
    await client.launch_instance(name, limits=limits, idempotency_key="once")
    third = await client.launch_instance(name, limits=limits, idempotency_key="once")
    assert await third.recv() == (Event.Message, "ready")
    assert server.requests[-1]["limits"] == {"fuel": 10, "memory": 65536, "wall_seconds": 1.5}


async def test_a_detached_instance_is_heard_once_attached(either):
    client, server = either
    instance = await client.launch_instance(server.install("hello", "demo/hello"), ["x"], True)
    assert not instance.attached
    with pytest.raises(pie.NotAttached):
        await instance.recv()
    attached = await client.attach_instance(instance.id)
    assert await events_of(attached) == [(Event.Stdout, "hello x\n"), (Event.Completed, "done")]


async def test_attaching_goes_on_after_a_cursor(client, server):
    instance = await client.launch_instance(server.install("chatter"), ["10", "3"])
    for _ in range(4):
        await instance.recv()
    await instance.detach()
    later = await client.attach_instance(instance.id, after=instance.seq)
    assert await later.recv() == (Event.Message, "4:x")


async def test_detaching_wakes_whoever_receives(client, server):
    instance = await client.launch_instance(server.install("sleeps"))
    await instance.recv()
    waiting = asyncio.ensure_future(instance.recv())
    await asyncio.sleep(0)
    await instance.detach()
    with pytest.raises(pie.NotAttached):
        await waiting


async def test_attaching_twice_is_refused(client, server):
    instance = await client.launch_instance(server.install("sleeps"))
    with pytest.raises(pie.AlreadyAttached, match="this client"):
        await client.attach_instance(instance.id)


async def test_several_may_watch_each_from_their_own_place(client, server):
    instance = await client.launch_instance(server.install("chatter"), ["10", "3"])
    assert await numbers(instance) == list(range(10))
    async with PieClient(server.url) as other:
        await other.authenticate("alice")
        watching = await other.attach_instance(instance.id, after=4)
        assert await numbers(watching) == list(range(4, 10))
    talking = await client.launch_instance(server.install("echo"))
    async with PieClient(server.url) as other:
        await other.authenticate("alice")
        watching = await other.attach_instance(talking.id, after=0)
        await watching.send("hello")
        assert await watching.recv() == await talking.recv() == (Event.Message, "hello")


async def test_an_original_server_has_one_watcher(guest, original):
    instance = await guest.launch_instance(original.install("sleeps", "demo/sleeps"))
    async with PieClient(original.url) as other:
        await other.authenticate("alice")
        with pytest.raises(pie.RequestRefused, match="already attached"):
            await other.attach_instance(instance.id)


async def test_other_peoples_and_unknown_instances_are_refused(client, server):
    instance = await client.launch_instance(server.install("sleeps"), detached=True)
    with pytest.raises(pie.NotFound):
        await client.attach_instance(str(uuid.uuid4()))
    with pytest.raises(pie.NotFound):
        await client.terminate_instance("no uuid")
    async with PieClient(server.url) as other:
        await other.authenticate("bob")
        with pytest.raises(pie.NotYours):
            await other.attach_instance(instance.id)


async def test_events_before_the_launch_is_answered_are_kept(either):
    client, server = either
    server.race = True
    instance = await client.launch_instance(server.install("hello", "demo/hello"), ["x"])
    assert await events_of(instance) == [(Event.Stdout, "hello x\n"), (Event.Completed, "done")]


async def test_the_list_goes_over_its_pages(client, server):
    server.page = 3
    name = server.install("sleeps")
    launched = {(await client.launch_instance(name, ["x"], detached=True)).id for _ in range(8)}
    listed = await client.list_instances()
    assert {info.id for info in listed} == launched
    assert (listed[0].arguments, listed[0].status, listed[0].username) == (("x",), "Detached", "alice")
    assert (listed[0].program, listed[0].exit, listed[0].memory) == (name, None, 65536)


async def test_the_list_of_an_original_server(guest, original):
    await guest.launch_instance(original.install("sleeps", "demo/sleeps"))
    (info,) = await guest.list_instances()
    assert (info.status, info.program) == ("Attached", None)


async def test_ended_instances_can_be_deleted(client, server):
    instance = await client.launch_instance(server.install("hello"))
    await instance.result()
    await client.delete_instance(instance.id)
    assert await client.list_instances() == []


async def test_a_program_can_be_removed(client, server):
    server.install("hello", "demo/hello")
    assert await client.remove_program("demo/hello") == "demo/hello"
    assert not await client.program_exists("demo/hello")
    with pytest.raises(pie.NotFound):
        await client.remove_program("demo/hello")


async def test_sending_to_an_instance_that_has_ended_is_no_error(client, server):
    instance = await client.launch_instance(server.install("hello"))
    await instance.result()
    await instance.send("too late")
    with pytest.raises(pie.NotFound):
        await client.signal_instance(str(uuid.uuid4()), "nobody")


async def test_an_original_server_does_not_answer_a_signal(guest, original):
    instance = await guest.launch_instance(original.install("echo", "demo/echo"))
    await instance.send("hello")
    assert await instance.recv() == (Event.Message, "hello")
    assert "corr_id" not in next(request for request in original.requests if request["type"] == "signal_instance")


async def test_what_only_runyard_can_is_refused_for_others(guest, original):
    instance = await guest.launch_instance(original.install("sleeps", "demo/sleeps"))
    with pytest.raises(pie.UsageError, match="detach"):
        await instance.detach()
    with pytest.raises(pie.UsageError, match="delete"):
        await guest.delete_instance(instance.id)
    with pytest.raises(pie.UsageError, match="remove"):
        await guest.remove_program("demo/sleeps")


# Questions.


async def test_ping_and_query(either):
    client, _ = either
    await client.ping()
    assert await client.query("program_exists", "x") == (True, "false")


async def test_an_unknown_subject_is_answered(client):
    successful, text = await client.query("nonsense", "x")
    assert not successful
    assert "nonsense" in text


async def test_questions_about_programs_and_instances(client, server):
    server.install("hello", "demo/hello")
    (program,) = await client.programs()
    assert program["name"] == "demo/hello@1.0.0"
    assert (await client.program("demo/hello"))["exports"] == ["_start"]
    assert (await client.instance_metrics("x"))["memory"] == 65536
    with pytest.raises(pie.NotFound):
        await client.program("demo/none")


async def test_server_instances_are_launched_by_name(client, server):
    await client.launch_server_instance(server.install("hello"), 9000, ["x"])
    assert server.requests[-1]["inferlet"] is not None
    assert server.requests[-1]["port"] == 9000


# Misuse.


@pytest.mark.parametrize("arguments", ["text", [1], {"a": "b"}])
async def test_arguments_that_are_no_texts_are_refused_before_sending(client, server, arguments):
    with pytest.raises(pie.UsageError, match="arguments"):
        await client.launch_instance(server.install("hello"), arguments)


async def test_misuse_is_found_before_anything_is_sent(client, tmp_path):
    with pytest.raises(ValueError, match="both"):
        await client.program_exists("demo/x", tmp_path / "x.wasm")
    with pytest.raises(pie.UsageError, match="port"):
        await client.launch_server_instance("x", 0)
    with pytest.raises(FileNotFoundError):
        await client.upload_program(tmp_path / "none.wasm")
    with pytest.raises(pie.UsageError, match="ws://"):
        PieClient("http://user:secret@localhost:8080")
    with pytest.raises(pie.NotAttached):
        pie.Instance(client, str(uuid.uuid4()))


async def test_refused_programs_say_why(client, pies):
    with pytest.raises(pie.ProgramRefused, match="no WebAssembly") as refused:
        await client.upload_program(b"not wasm")
    assert refused.value.code == "bad_program"
    with pytest.raises(pie.ProgramRefused, match="Upload Program failed"):
        await client.upload_program(pies.wasm("hello"), "[package]")
    with pytest.raises(pie.NotFound):
        await client.launch_instance("demo/none")


async def test_an_original_servers_refusal_is_an_error_too(guest, pies):
    with pytest.raises(pie.RequestRefused, match="manifest"):
        await guest.upload_program(pies.wasm("hello"), "")


@pytest.mark.parametrize("manifest", ["no TOML", "package = 1", '[package]\nname = "demo/x"'])
async def test_the_server_is_the_one_to_refuse_a_manifest(client, server, pies, manifest):
    server.refuse["upload_program"] = "bad", "bad_manifest"
    with pytest.raises(pie.ProgramRefused):
        await client.upload_program(pies.wasm("hello"), manifest)
    assert "query" not in [request["type"] for request in server.requests]


async def test_an_early_no_stops_the_upload(client, server, pies):
    server.refuse["upload_program"] = "too large", "too_large"
    with pytest.raises(pie.RequestRefused) as refused:
        await client.upload_program(pies.wasm("hello", 100 * 262_144))
    assert refused.value.code == "too_large"
    await client.ping()
    assert sum(request["type"] == "upload_program" for request in server.requests) < 100
    await client.ping()


async def test_a_file_that_changes_while_it_is_sent_is_noticed(client, pies, tmp_path):
    path = tmp_path / "program.wasm"
    path.write_bytes(pies.wasm("hello", 40 * 262_144))

    def shorten(sent, total):
        path.write_bytes(b"")

    with pytest.raises(pie.UsageError, match="changed"):
        await client.upload_program(path, on_progress=shorten)
