"""A process of ours in the sandbox: what it says arrives, and its end is noticed, however it comes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from runyard.frames import Frames
from runyard.sandbox import Command, Limits, Mount, Sandbox
from runyard.sandbox.companion import Companion, CompanionDied
from runyard.sandbox.kept import Kept
from runyard.sandbox.python import python_environment, python_mounts

from .conftest import DEADLINE


class Say(msgspec.Struct, frozen=True, tag="say"):
    text: str


class Do(msgspec.Struct, frozen=True, tag="do"):
    code: str


ORDERS = Frames[Do](Do, longest=1000)
REPORTS = Frames[Say](Say, longest=1000)

PROGRAM = """
import msgspec, os, sys
from runyard.frames import Frames
class Say(msgspec.Struct, frozen=True, tag="say"):
    text: str
class Do(msgspec.Struct, frozen=True, tag="do"):
    code: str
orders, reports = Frames(Do, longest=1000), Frames(Say, longest=1000)
with open(sys.argv[1], "rb") as incoming, reports.sender(sys.argv[2]) as say:
    if len(sys.argv) > 3:
        sys.exit(print("no room") or 3)
    say(Say("ready"))
    while (order := orders.read(incoming)) is not None:
        exec(order.code)
"""


@asynccontextmanager
async def companion(
    sandbox: Sandbox, folder: Path, *more: str, memory: int | None = None
) -> AsyncIterator[Companion[Do, Say]]:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    mounts = await asyncio.to_thread(python_mounts) if sandbox.isolated else []
    command = Command(
        argv=(sys.executable, "-c", PROGRAM, str(folder / "orders"), str(folder / "reports"), *more),
        env=await asyncio.to_thread(python_environment),
        mounts=[*mounts, Mount(source=folder, target=str(folder), writable=True)],
        limits=Limits(memory=memory),
    )
    async with (
        asyncio.timeout(DEADLINE),
        Companion.start("the test's process", command, sandbox, folder, orders=ORDERS, reports=REPORTS) as started,
    ):
        yield started


async def test_orders_arrive_and_so_do_reports(sandbox: Sandbox, tmp_path: Path):
    async with companion(sandbox, tmp_path / "pipes") as one:
        for text in ("a", "ü" * 400):
            one.tell(Do(f"say(Say({text!r}))"))
            assert await one.hear() == Say(text)
        assert one.alive


async def test_one_that_ends_is_noticed_by_whoever_waits(sandbox: Sandbox, tmp_path: Path):
    async with companion(sandbox, tmp_path / "pipes") as one:
        waiting = asyncio.create_task(one.hear())
        one.tell(Do("os._exit(7)"))
        with pytest.raises(CompanionDied, match=r"^The test's process broke down \(exit code 7\)\.$") as died:
            await waiting
        assert died.value.ended is not None
        assert not one.alive
        with pytest.raises(CompanionDied, match="exit code 7"):
            await one.hear()


@pytest.mark.parametrize("said", ["b'\\0\\0\\0\\1x'", "b'\\xff' * 4"])
async def test_one_that_talks_nonsense_is_ended(sandbox: Sandbox, tmp_path: Path, said: str):
    async with companion(sandbox, tmp_path / "pipes") as one:
        one.tell(Do(f"os.write(os.open(sys.argv[2], os.O_WRONLY), {said})"))
        with pytest.raises(CompanionDied, match="talks nonsense"):
            await one.hear()
        await asyncio.wait({one.over})
        assert not one.alive


async def test_one_that_reaches_a_limit_says_which(isolated: Sandbox, tmp_path: Path):
    async with companion(isolated, tmp_path / "pipes", memory=200 * 1024 * 1024) as one:
        one.tell(Do("kept = bytearray(b'x') * (1 << 30); orders.read(incoming)"))
        with pytest.raises(CompanionDied, match="was ended: .*memory") as died:
            await one.hear()
        assert died.value.ended is not None
        assert died.value.ended.limit == "memory"


async def test_one_that_ends_before_it_is_ready_was_not_started(sandbox: Sandbox, tmp_path: Path):
    with pytest.raises(CompanionDied, match=r"exit code 3"):
        async with companion(sandbox, tmp_path / "pipes", "leave"):
            pass


async def test_a_context_may_be_left_by_another_task_than_entered_it():
    tasks = []

    @asynccontextmanager
    async def context() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        yield "value"
        tasks.append(asyncio.current_task())

    kept = Kept(context(), name="kept")
    assert await kept.opened() == "value"
    await asyncio.create_task(kept.close())
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]
    assert tasks[0] is not asyncio.current_task()


async def test_what_goes_wrong_when_a_context_is_entered_is_told():
    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        raise ValueError("closed")
        yield

    kept = Kept(context(), name="kept")
    with pytest.raises(ValueError, match="closed"):
        await kept.opened()
    await kept.close()


async def test_whoever_gives_up_waiting_can_have_a_context_left_all_the_same():
    entering, left = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        await entering.wait()
        yield
        left.set()

    kept = Kept(context(), name="kept")
    waiting = asyncio.create_task(kept.opened())
    await asyncio.sleep(0)
    waiting.cancel()
    closing = asyncio.create_task(kept.close())
    entering.set()
    await closing
    assert left.is_set()
