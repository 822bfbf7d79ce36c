"""Programs: uploads in chunks, names and versions, what is asked about them, and what each user has for themselves."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from blake3 import blake3

from runyard.testing.running import RunningYard

from . import programs
from .conftest import Connect, WriteProgram
from .original import Failed, Instance, Original, digest
from .wire import CHUNK, MODULE, Message, Wire, chunks, wire


def manifest(name: str, version: str = "1.0.0", more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "{version}"\n{more}'


async def exists(guest: Wire, record: str) -> str:
    answer = await guest.ask("query", subject="program_exists", record=record)
    assert answer["successful"], answer
    return str(answer["result"])


# ---------------------------------------------------------------- uploads


@pytest.mark.parametrize("size", [0, CHUNK - 40, CHUNK, 5 * CHUNK], ids=["small", "one chunk", "more", "many"])
async def test_a_program_of_any_size_arrives(guest: Wire, size: int) -> None:
    content = programs.padded(programs.HELLO, size) if size else programs.HELLO
    answer = await guest.upload(content, manifest("std/sized"))
    assert (answer["successful"], answer["result"]) == (True, blake3(content).hexdigest())
    assert (await guest.story(await guest.launch("std/sized")))[-1]["message"] == "hello"


async def test_there_is_one_answer_for_an_upload(guest: Wire) -> None:
    await guest.upload(programs.padded(programs.HELLO, 3 * CHUNK))
    await guest.ping()
    assert [message["corr_id"] for message in guest.seen[1:]] == [2, 3]


async def test_uploads_of_one_connection_may_be_interleaved(guest: Wire) -> None:
    """The original had one slot for each socket."""
    contents = [programs.padded(programs.HELLO, 3 * CHUNK + number) for number in range(3)]
    for pieces in zip(*(list(chunks(content)) for content in contents), strict=True):
        for number, piece in enumerate(pieces):
            named = {"program_hash": digest(contents[number]), "manifest": ""}
            await guest.send({"type": "upload_program", "corr_id": 100 + number, **named, **piece})
    for number, content in enumerate(contents):
        assert (await guest.answer(100 + number))["result"] == digest(content)


async def test_the_manifest_of_the_first_chunk_counts(guest: Wire) -> None:
    content, name = programs.padded(programs.HELLO, 2 * CHUNK), f"std/{uuid4().hex}"
    for piece in chunks(content):
        text = manifest(name) if piece["chunk_index"] == 0 else ""
        await guest.send(
            {"type": "upload_program", "corr_id": 9, "program_hash": digest(content), "manifest": text, **piece}
        )
    assert (await guest.answer(9))["successful"]
    assert await exists(guest, name) == "true"


@pytest.fixture
def two() -> list[Message]:
    """The chunks of a program of two, with what each needs beside them."""
    content = programs.padded(programs.HELLO, CHUNK)
    return [{"program_hash": digest(content), "manifest": "", **piece} for piece in chunks(content)]


def changed(pieces: list[Message], place: int, **changes: object) -> list[Message]:
    return [{**piece, **changes} if number == place else piece for number, piece in enumerate(pieces)]


@pytest.mark.parametrize("fault", ["order", "missing", "double", "count", "large", "hash", "none", "no hash"])
async def test_what_is_wrong_with_an_upload_is_said(guest: Wire, two: list[Message], fault: str) -> None:
    """And the same upload can be made again at once, on the same connection."""
    first, second = two
    broken, says = {
        "order": ([second], "1"),
        "missing": ([{**first, "total_chunks": 3}, {**second, "chunk_index": 2, "total_chunks": 3}], "2"),
        "double": ([first, first], "0"),
        "count": ([first, {**second, "total_chunks": 5}], "5"),
        "large": (changed(two, 0, chunk_data=first["chunk_data"] + b"\0"), str(CHUNK + 1)),
        "hash": (changed(changed(two, 0, program_hash="0" * 64), 1, program_hash="0" * 64), "0" * 64),
        "none": ([{**first, "total_chunks": 0}], "chunk"),
        "no hash": ([{**first, "program_hash": "not a hash"}], "not a hash"),
    }[fault]
    for piece in broken:
        await guest.send({"type": "upload_program", "corr_id": 50, **piece})
    answer = await guest.answer(50)
    assert answer["successful"] is False
    assert says in answer["result"]
    await guest.ping()
    for piece in two:
        await guest.send({"type": "upload_program", "corr_id": 51, **piece})
    assert (await guest.answer(51))["result"] == first["program_hash"]


async def test_an_original_client_is_told_of_a_failed_upload(original: Original, program_file: WriteProgram) -> None:
    """It begins to wait for the answer when all is sent, and must not have missed it."""
    wasm, text = program_file(b"no wasm at all" * 100_000)
    with pytest.raises(Failed, match="Upload Program failed: "):
        await original.upload_program(wasm, text)
    await original.ping()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("= broken", "TOML"),
        ("[engine]\n", "package"),
        ('[package]\nversion = "1.0.0"', "name"),
        ('[package]\nname = "a/b"', "version"),
        (manifest("nameless"), "namespace"),
        (manifest("../etc"), ".."),
        (manifest("std/.."), ".."),
        (manifest("std/a", "../../x"), "version"),
        (manifest("std/a\\u0000b"), "names no program"),
        (manifest("std/a/b"), "a/b"),
        (manifest("std/a", "1.0.0", 'dependencies = ["../x"]'), "../x"),
        (manifest("std/a", "1.0.0", "dependencies = 7"), "dependencies"),
    ],
)
async def test_what_is_wrong_with_a_manifest_is_said(guest: Wire, text: str, says: str) -> None:
    answer = await guest.upload(programs.HELLO, text)
    assert answer["successful"] is False
    assert says in answer["result"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", ""),
        (b"\0asm", ""),
        (MODULE[:4] + b"\x02\0\0\0", ""),
        (programs.HELLO[:-20], ""),
        (b"#!/bin/sh\n", ""),
        (programs.STRANGER, "launch_missiles"),
        (programs.COMPONENT_STRANGER, "acme:rockets/launch"),
        (programs.LIBRARY, "_start"),
        (programs.WRONG_TYPE, "send"),
    ],
    ids=["empty", "cut", "version", "damaged", "script", "import", "interface", "no start", "wrong import"],
)
async def test_what_cant_run_is_refused_when_it_is_uploaded(guest: Wire, content: bytes, says: str) -> None:
    """The original told at the first launch."""
    answer = await guest.upload(content)
    assert answer["successful"] is False
    assert answer["result"]
    assert says in answer["result"]
    assert await exists(guest, digest(content)) == "false"


# ---------------------------------------------------------------- names


async def first_line(instance: Instance) -> str:
    """Output comes in pieces of any length."""
    line = ""
    while not line.endswith("\n"):
        line += str((await instance.recv())[1])
    return line


async def test_names_and_versions(original: Original, program_file: WriteProgram) -> None:
    name = f"lab/{uuid4().hex}"
    for version, program in (("1.2.0", programs.ECHO), ("1.10.0", programs.HELLO), ("2.0.0-beta", programs.ECHO)):
        await original.upload_program(*program_file(program, name=name, version=version))
    for reference in (f"{name}@1.10.0", f"{name}@latest", name, digest(programs.HELLO)):
        assert await original.program_exists(reference), reference
        instance = await original.launch_instance(reference)
        assert await first_line(instance) == "hello\n", reference
    for absent in (f"{name}@1.0.0", "lab/absent", "absent", "0" * 64):
        assert not await original.program_exists(absent), absent
        with pytest.raises(Failed, match=absent.split("@")[0]):
            await original.launch_instance(absent)


async def test_a_name_without_a_namespace_is_of_the_standard_one(
    original: Original, program_file: WriteProgram
) -> None:
    name = uuid4().hex
    await original.upload_program(*program_file(programs.HELLO, name=f"std/{name}"))
    assert await original.program_exists(name)
    assert await first_line(await original.launch_instance(name)) == "hello\n"


async def test_both_hashes_must_fit(original: Original, guest: Wire, program_file: WriteProgram) -> None:
    wasm, text = program_file(programs.HELLO, name=f"std/{uuid4().hex}")
    other_wasm, other_text = program_file(programs.ECHO, name="std/other")
    await original.upload_program(wasm, text)
    name = text.read_text().split('"')[1]
    assert await original.program_exists(name, wasm, text)
    assert not await original.program_exists(name, other_wasm, text)
    assert not await original.program_exists(name, wasm, other_text)
    assert await exists(guest, f"{name}#{digest(programs.HELLO)}") == "false"


async def test_line_ends_of_a_manifest_are_its_bytes(original: Original, program_file: WriteProgram) -> None:
    """Clients read the file as text, and hash what they have read."""
    wasm, text = program_file(programs.HELLO, name=f"std/{uuid4().hex}")
    text.write_bytes(text.read_bytes().replace(b"\n", b"\r\n"))
    await original.upload_program(wasm, text)
    assert await original.program_exists(text.read_text().split('"')[1], wasm, text)


async def test_an_upload_of_a_known_name_replaces_the_program(original: Original, program_file: WriteProgram) -> None:
    name = f"std/{uuid4().hex}"
    for program in (programs.ECHO, programs.HELLO):
        await original.upload_program(*program_file(program, name=name))
    assert await first_line(await original.launch_instance(name)) == "hello\n"


async def test_dependencies_are_there_or_named(original: Original, program_file: WriteProgram) -> None:
    base, top = f"std/{uuid4().hex}", f"std/{uuid4().hex}"
    await original.upload_program(*program_file(programs.HELLO, name=top, more=f'dependencies = ["{base}@1.0.0"]'))
    with pytest.raises(Failed, match=base):
        await original.launch_instance(top)
    await original.upload_program(*program_file(programs.ECHO, name=base))
    assert await first_line(await original.launch_instance(top)) == "hello\n"
    await original.upload_program(*program_file(programs.ECHO, name=base, more=f'dependencies = ["{top}@1.0.0"]'))
    with pytest.raises(Failed, match="depends on itself"):
        await original.launch_instance(top)


async def test_nobody_uses_or_replaces_programs_of_others(yard: RunningYard, guest: Wire) -> None:
    """The original let everybody overwrite everything."""
    name = f"std/{uuid4().hex}"
    await guest.upload(programs.HELLO, manifest(name))
    async with wire(yard.inferlets_url, f"guest-{uuid4().hex}") as other:
        assert await exists(other, name) == "false"
        assert not (await other.ask("launch_instance", inferlet=name, arguments=[], detached=True))["successful"]
        await other.upload(programs.ECHO, manifest(name))
    assert (await guest.story(await guest.launch(name)))[-1]["message"] == "hello"


async def test_an_unfinished_upload_dies_with_its_connection(guest: Wire, again: Connect, two: list[Message]) -> None:
    async with again() as first:
        await first.send({"type": "upload_program", "corr_id": 1, **two[0]})
        await first.ping()
    await guest.send({"type": "upload_program", "corr_id": 60, **two[1]})
    assert (await guest.answer(60))["successful"] is False
    assert await exists(guest, two[0]["program_hash"]) == "false"


# ---------------------------------------------------------------- queries


async def test_the_state_of_models_is_texts_by_key(original: Original) -> None:
    successful, text = await original.query("model_status", "whatever")
    status = json.loads(text)
    assert successful
    assert status
    assert {type(value) for value in (*status, *status.values())} == {str}
    assert any(key.endswith(".model.name") for key in status)


async def test_statistics_are_the_same_as_a_table(original: Original) -> None:
    successful, text = await original.query("backend_stats", "")
    lines = text.splitlines()
    assert successful
    assert lines == sorted(lines)
    for line in lines:
        key, bar, value = line.partition(" | ")
        assert bar
        assert value
        assert key == f"{key.strip():<40}"


async def test_an_unknown_subject_is_refused(original: Original) -> None:
    """The original never answered."""
    successful, text = await original.query("weather", "")
    assert not successful
    assert "weather" in text
    assert "model_status" in text


@pytest.mark.parametrize("subject", ["programs", "limits"])
async def test_our_own_subjects_are_json(original: Original, subject: str) -> None:
    successful, text = await original.query(subject, "")
    assert successful
    assert isinstance(json.loads(text), list | dict)
