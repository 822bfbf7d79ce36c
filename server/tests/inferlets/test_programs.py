"""Programs: names, manifests, what is refused at upload, and which one a reference means."""

from __future__ import annotations

from uuid import uuid4

import pytest

from runyard.services.inferlets.limits import BadLimits, asked
from runyard.services.inferlets.programs import (
    BadManifest,
    BadName,
    DependencyCycle,
    MissingImport,
    NotInstalled,
    ProgramError,
    Reference,
    read_manifest,
    read_reference,
)
from runyard.services.inferlets.programs.names import read_version

from . import programs as wat
from .conftest import Bench


def manifest(name: str, version: str = "1.0.0", *dependencies: str) -> str:
    return f'[package]\nname = "{name}"\nversion = "{version}"\ndependencies = {list(dependencies)!r}\n'


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("chat", Reference(name="chat")),
        ("chat@latest", Reference(name="chat")),
        ("me/chat@1.2.3", Reference(namespace="me", name="chat", version="1.2.3")),
        ("AB" * 32, Reference(digest="ab" * 32)),
    ],
)
def test_references(text: str, reference: Reference) -> None:
    assert read_reference(text) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/",
        "/a",
        "../a",
        "a/..",
        "a/b/c",
        "a..b",
        ".a",
        "a b",
        "a@",
        "a@1",
        "a@1.0",
        "a@01.0.0",
        "a/b@../../x",
        "ä",
        "a" * 65,
        "a\n",
    ],
)
def test_what_names_no_program(text: str) -> None:
    with pytest.raises(BadName):
        read_reference(text)


def test_versions_have_an_order() -> None:
    order = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0",
        "1.0.10",
        "1.2.0",
    ]
    assert sorted(map(read_version, reversed(order))) == [read_version(one) for one in order]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", BadManifest),
        ("[", BadManifest),
        ("[package]", BadManifest),
        ("package = 1", BadManifest),
        ('[package]\nname = "a/b"', BadManifest),
        ('[package]\nname = "a/b"\nversion = 1', BadManifest),
        ('[package]\nname = "b"\nversion = "1.0.0"', BadName),
        ('[package]\nname = "../b"\nversion = "1.0.0"', BadName),
        ('[package]\nname = "a/b"\nversion = "../1.0.0"', BadName),
        ('[package]\nname = "a/b"\nversion = "1.0.0"\ndependencies = "c"', BadManifest),
        ('[package]\nname = "a/b"\nversion = "1.0.0"\ndependencies = ["../c"]', BadName),
    ],
)
def test_bad_manifests(text: str, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        read_manifest(text)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no WebAssembly"),
        (b"\x7fELF", "no WebAssembly"),
        (b"\0asm\x02\0\0\0", "neither a module nor a component"),
        (b"\0asm\x01\0\0\0", "nothing to run"),
        (b"\0asm\x0d\0\x01\0", "nothing to run"),
        (wat.HELLO[:-20], "compiled"),
        (wat.COMPONENT_ECHO[:-20], "compiled"),
        (wat.HELLO[:4] + wat.COMPONENT_ECHO[4:8] + wat.HELLO[8:], "that it is a component, but.* is a module"),
        (wat.COMPONENT_ECHO[:4] + wat.HELLO[4:8] + wat.COMPONENT_ECHO[8:], "that it is a module, but.* is a component"),
        (wat.LIBRARY, "nothing to run"),
    ],
    ids=[
        "empty", "elf", "version", "empty module", "empty component", "cut module", "cut component",
        "module as component", "component as module", "library",
    ],
)  # fmt: skip
async def test_what_is_no_program_is_refused(bench: Bench, content: bytes, says: str) -> None:
    with pytest.raises(ProgramError, match=says):
        await bench.upload(content)


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        (wat.STRANGER, ("env#launch_missiles", "inferlet#fly")),
        (wat.COMPONENT_STRANGER, ("acme:rockets/launch", "inferlet:core/runtime#self-destruct")),
    ],
    ids=["module", "component"],
)
async def test_imports_that_do_not_exist_are_named(bench: Bench, content: bytes, missing: tuple[str, ...]) -> None:
    with pytest.raises(MissingImport) as refused:
        await bench.upload(content)
    assert refused.value.missing == missing


async def test_an_import_of_the_wrong_type_is_named(bench: Bench) -> None:
    with pytest.raises(MissingImport, match="inferlet::send"):
        await bench.upload(wat.WRONG_TYPE)


async def test_latest_is_the_newest_release(bench: Bench) -> None:
    tenant = f"user:{uuid4()}"
    for version in ("1.9.0", "1.10.0", "2.0.0-beta.1"):
        await bench.upload(wat.HELLO, manifest("me/hello", version), tenant=tenant)
    found = await bench.programs.find(read_reference("me/hello"), tenants=[tenant])
    assert str(found) == "me/hello@1.10.0"
    assert (await bench.programs.find(read_reference("me/hello@2.0.0-beta.1"), tenants=[tenant])).name is not None
    assert (await bench.programs.find(read_reference(found.blake3), tenants=[tenant])).blake3 == found.blake3


async def test_programs_are_their_tenants_own(bench: Bench) -> None:
    mine, theirs = f"user:{uuid4()}", f"user:{uuid4()}"
    await bench.upload(wat.HELLO, manifest("me/hello"), tenant=theirs)
    with pytest.raises(NotInstalled):
        await bench.programs.find(read_reference("me/hello"), tenants=[mine])
    await bench.upload(wat.ECHO, manifest("me/hello"), tenant=mine)
    found = await bench.programs.find(read_reference("me/hello"), tenants=[mine, theirs])
    assert found.tenant == mine
    assert {one.tenant for one in await bench.programs.every(tenants=[mine, theirs])} == {mine, theirs}


async def test_the_same_name_and_version_is_replaced(bench: Bench) -> None:
    tenant = f"user:{uuid4()}"
    first = await bench.upload(wat.HELLO, manifest("me/hello"), tenant=tenant)
    second = await bench.upload(wat.ECHO, manifest("me/hello"), tenant=tenant)
    assert await bench.programs.every(tenants=[tenant]) == [second]
    reference = read_reference("me/hello@1.0.0")
    assert await bench.programs.exists(reference, tenants=[tenant], digest=second.blake3)
    assert not await bench.programs.exists(reference, tenants=[tenant], digest=first.blake3)
    assert await bench.programs.exists(reference, tenants=[tenant], manifest=second.manifest_blake3)


async def test_dependencies_come_before_what_needs_them(bench: Bench) -> None:
    tenant = f"user:{uuid4()}"
    await bench.upload(wat.HELLO, manifest("me/base"), tenant=tenant)
    await bench.upload(wat.HELLO, manifest("me/middle", "1.0.0", "me/base@1.0.0"), tenant=tenant)
    top = await bench.upload(wat.HELLO, manifest("me/top", "1.0.0", "me/base", "me/middle"), tenant=tenant)
    found = await bench.programs.resolve(top, tenants=[tenant])
    assert [str(one) for one in found] == ["me/base@1.0.0", "me/middle@1.0.0"]


async def test_a_cycle_of_dependencies_is_shown(bench: Bench) -> None:
    tenant = f"user:{uuid4()}"
    await bench.upload(wat.HELLO, manifest("me/a", "1.0.0", "me/b"), tenant=tenant)
    b = await bench.upload(wat.HELLO, manifest("me/b", "1.0.0", "me/a"), tenant=tenant)
    with pytest.raises(DependencyCycle) as refused:
        await bench.programs.resolve(b, tenants=[tenant])
    assert refused.value.path == ("me/b@1.0.0", "me/a@1.0.0", "me/b@1.0.0")


async def test_a_dependency_that_is_not_there_is_named(bench: Bench) -> None:
    tenant = f"user:{uuid4()}"
    top = await bench.upload(wat.HELLO, manifest("me/top", "1.0.0", "me/gone"), tenant=tenant)
    with pytest.raises(NotInstalled, match="me/gone@latest.*me/top@1.0.0"):
        await bench.programs.resolve(top, tenants=[tenant])


async def test_a_program_outlives_the_collection_of_blobs_and_goes_with_its_removal(bench: Bench) -> None:
    program = await bench.upload(wat.module("nop nop nop"), tenant=f"user:{uuid4()}")
    old = "UPDATE blobs SET stored_at = stored_at - interval '2 days' WHERE digest = $1"
    await bench.yard.database.execute(old, program.digest)
    await bench.yard.artifacts.collect()
    count = "SELECT count(*) FROM blobs WHERE digest = $1"
    assert await bench.yard.database.fetchval(count, program.digest) == 1
    await bench.programs.remove(program)
    await bench.yard.artifacts.collect()
    assert await bench.yard.database.fetchval(count, program.digest) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"speed": 1},
        {"fuel": 0},
        {"fuel": "1"},
        {"fuel": True},
        {"memory": 1 << 40},
        {"fuel": 1.5},
        {"wall_seconds": float("inf")},
    ],
)
async def test_limits_that_make_no_sense_are_refused(bench: Bench, given: dict[str, object]) -> None:
    with pytest.raises(BadLimits):
        asked(given, bench.yard.settings)
