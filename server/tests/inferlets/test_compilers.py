"""The processes that compile: one is kept ready, each is used once, and what it was given is checked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from blake3 import blake3

from runyard.sandbox import Sandbox
from runyard.services.inferlets.compiled import CompiledPrograms
from runyard.services.inferlets.compilers import Compiler, Compilers
from runyard.services.inferlets.surface import BadProgram, Compiled, Surface
from runyard.settings import Settings

from . import programs as wat

DEADLINE = 60.0
DIGEST = blake3(wat.HELLO).hexdigest()


@pytest.fixture
async def compilers(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Compilers]:
    async with asyncio.timeout(DEADLINE):
        made = Compilers(tmp_path, sandbox, Settings(data_dir=tmp_path))
        yield made
        await made.close()
        assert list(tmp_path.iterdir()) == []


async def use(compilers: Compilers, content: bytes = wat.HELLO, digest: str = DIGEST) -> Compiler:
    async with compilers.take() as compiler:
        compiler.program.write_bytes(content)
        found = await compiler.compile(digest)
        if found.surface is None:
            raise BadProgram(found.problem)
        assert compiler.code.stat().st_size > 0
        return compiler


async def test_each_program_has_a_process_of_its_own(compilers: Compilers) -> None:
    first, second = await use(compilers), await use(compilers)
    assert first.program.parent != second.program.parent


async def test_the_next_one_is_ready_when_it_is_wanted(compilers: Compilers) -> None:
    compilers.warm()
    assert compilers._spare is not None
    ready = await compilers._spare[0].opened()
    assert await use(compilers) is ready


async def test_one_that_has_died_while_it_waited_is_replaced(compilers: Compilers) -> None:
    compilers.warm()
    assert compilers._spare is not None
    ready = await compilers._spare[0].opened()
    await ready._companion.kill()
    await asyncio.wait({ready._companion.over})
    assert await use(compilers) is not ready


async def test_one_that_nobody_needs_is_dismissed(compilers: Compilers, tmp_path: Path) -> None:
    compilers.warm()
    assert compilers._spare is not None
    ready = await compilers._spare[0].opened()
    compilers._dismiss()
    await asyncio.wait({ready._companion.over})
    assert compilers._spare is None


async def test_content_that_has_changed_is_not_compiled(compilers: Compilers) -> None:
    with pytest.raises(BadProgram, match="not what was uploaded"):
        await use(compilers, wat.ECHO)


async def test_compiling_has_its_time(tmp_path: Path, sandbox: Sandbox) -> None:
    compilers = Compilers(tmp_path, sandbox, Settings(data_dir=tmp_path, inferlet_compile_seconds=0.000001))
    try:
        with pytest.raises(BadProgram, match="within 1e-06 seconds"):
            await use(compilers)
    finally:
        await compilers.close()


@pytest.mark.parametrize("made", ["nothing", "link", "pipe", "folder"])
async def test_what_a_compiler_leaves_is_taken_only_if_it_is_a_file(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """It is other people's code that it looks at: it may have been taken over by it."""
    secret = tmp_path / "secret"
    secret.write_text("ours alone")

    async def taken_over(compiler: Compiler, _digest: str) -> Compiled:
        match made:
            case "link":
                compiler.code.symlink_to(secret)
            case "pipe":
                os.mkfifo(compiler.code)
            case "folder":
                compiler.code.mkdir()
        return Compiled(surface=Surface(kind="module", imports=[], exports=[], missing=[]))

    async def fetch(path: Path) -> None:
        path.write_bytes(wat.HELLO)

    monkeypatch.setattr(Compiler, "compile", taken_over)
    async with (
        asyncio.timeout(DEADLINE),
        CompiledPrograms.open(Settings(data_dir=tmp_path / "data"), sandbox) as compiled,
    ):
        with pytest.raises(BadProgram, match="made no"):
            await compiled.make(DIGEST, fetch)
        assert list(compiled.folder.iterdir()) == []
