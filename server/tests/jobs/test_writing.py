"""What an executor says and how it reaches the log: whole, in order, cut where it may be cut, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.jobs import AttemptLost, Job, JobContext
from runyard.jobs.context import HOLD_BYTES
from runyard.jobs.events import CHUNK, pack, unpack
from runyard.sandbox import probe

from .conftest import Bench


def context(bench: Bench, job: Job, *, limit: int = 2**30, on_lost: Callable[[], None] = lambda: None) -> JobContext:
    yard = bench.yard
    return JobContext(
        job,
        store=yard.jobs,
        tails=yard.tails,
        artifacts=yard.artifacts,
        sandbox=probe("none"),
        log_limit=limit,
        on_lost=on_lost,
    )


async def chunks(bench: Bench, job: Job) -> list[bytes]:
    return [event.body for event in await bench.events(job) if event.type == "log"]


async def test_output_is_kept_byte_for_byte(bench: Bench) -> None:
    job = await bench.started()
    ctx = context(bench, job)
    pieces = [b"one\n", b"two", b" halves\n", b"\xff\xfe\x00 not text\n", b"", "äöü".encode()]
    for piece in pieces:
        await ctx.log(piece)
    await ctx.close()
    assert await bench.log(job) == b"".join(pieces)


async def test_a_line_is_in_the_log_soon_after_it_was_printed(bench: Bench) -> None:
    """A partial line too: a prompt or a progress bar is seen while it is there."""
    job = await bench.started()
    ctx = context(bench, job)
    following = bench.yard.tails.follow(job.id, 2, idle=10.0)
    await ctx.log("no line end")
    async with asyncio.timeout(10):
        event = await anext(following)
    assert event is not None
    assert event.body == b"no line end"
    await following.aclose()
    await ctx.close()


async def test_chunks_are_bounded_and_end_where_lines_do(bench: Bench) -> None:
    """Invariant 5."""
    job = await bench.started()
    ctx = context(bench, job)
    text = b"".join(b"%07d\n" % number for number in range(40_000))
    await ctx.log(text)
    await ctx.close()
    kept = await chunks(bench, job)
    assert b"".join(kept) == text
    assert all(len(chunk) <= CHUNK and chunk.endswith(b"\n") for chunk in kept)
    assert len(kept) == -(-len(text) // CHUNK)


async def test_a_line_longer_than_a_chunk_is_cut_between_characters(bench: Bench) -> None:
    for character in ("ä", "€", "😀"):
        job = await bench.started()
        ctx = context(bench, job)
        text = "x" + character * 70_000
        await ctx.log(text)
        await ctx.close()
        kept = await chunks(bench, job)
        assert len(kept) > 2
        assert "".join(chunk.decode() for chunk in kept) == text


async def test_a_character_printed_in_two_halves_is_kept_whole(bench: Bench) -> None:
    """Also when something else is said between the halves."""
    job = await bench.started()
    ctx = context(bench, job)
    first, second = "schön: 😀".encode()[:-2], "😀".encode()[-2:]
    await ctx.log(first)
    await ctx.flush()
    await ctx.progress(10)
    await ctx.flush()
    await ctx.log(second)
    await ctx.close()
    assert [chunk.decode() for chunk in await chunks(bench, job)] == ["schön: ", "😀"]


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=8))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_any_bytes_in_any_pieces_come_out_as_they_went_in(bench: Bench, data: bytes, cuts: list[int]) -> None:
    """Invariant 2."""
    job = await bench.started()
    ctx = context(bench, job)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in zip(edges, edges[1:], strict=False):
        await ctx.log(data[start:end])
        await ctx.flush()
    await ctx.close()
    assert await bench.log(job) == data


async def test_output_and_events_stay_in_the_order_they_were_said(bench: Bench) -> None:
    """Invariant 2."""
    job = await bench.started()
    ctx = context(bench, job)
    for number in range(50):
        await ctx.log(f"{number}\n")
        await ctx.emit("note", {"n": number})
    await ctx.send({"text": "done"})
    await ctx.close()
    events = (await bench.events(job))[2:]
    assert [event.type for event in events] == ["log", "note"] * 50 + ["reply"]
    assert (
        [int(event.body) for event in events[0:100:2]]
        == [event.data["n"] for event in events[1:100:2]]
        == list(range(50))
    )


async def test_many_tasks_may_write_at_once(bench: Bench) -> None:
    """Invariant 2: each one's lines stay in its order, none is lost, none is doubled."""
    job = await bench.started()
    ctx = context(bench, job)

    async def talk(name: int) -> None:
        for number in range(40):
            await ctx.log(f"{name} {number}\n")
            if number % 10 == name:
                await ctx.flush()
            await asyncio.sleep(0)

    await asyncio.gather(*(talk(name) for name in range(5)))
    await ctx.close()
    lines = [tuple(map(int, line.split())) for line in (await bench.log(job)).splitlines()]
    for name in range(5):
        assert [number for who, number in lines if who == name] == list(range(40))


@pytest.mark.parametrize("limit", [100, 101, 102])
async def test_output_past_the_limit_is_dropped_and_the_log_says_so_once(bench: Bench, limit: int) -> None:
    """Invariant 5."""
    job = await bench.started()
    ctx = context(bench, job, limit=limit)
    for _ in range(100):
        await ctx.log("ä€")  # 5 bytes
    await ctx.close()
    text = (await bench.log(job)).decode()
    assert text.startswith("ä€" * 20)
    assert text.count("log limit of") == 1
    assert f"limit of {limit} bytes" in text
    assert len(text.encode()) < limit + 120
    again = context(bench, await bench.get(job), limit=limit)
    await again.log("more")
    assert (await bench.log(job)).decode() == text


async def test_a_writer_that_is_faster_than_the_database_waits_for_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 5: unwritten output is bounded."""
    job = await bench.started()
    gate, append = asyncio.Event(), bench.yard.jobs.append

    async def slow(*values, **options):
        await gate.wait()
        return await append(*values, **options)

    monkeypatch.setattr(bench.yard.jobs, "append", slow)
    ctx = context(bench, job)
    written = 0

    async def flood() -> None:
        nonlocal written
        for _ in range(100):
            await ctx.log(b"x" * 65_535 + b"\n")
            written += CHUNK

    flooding = asyncio.create_task(flood())
    async with asyncio.timeout(10):
        while written < HOLD_BYTES - CHUNK:
            await asyncio.sleep(0)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert written <= HOLD_BYTES
    assert not flooding.done()
    gate.set()
    await flooding
    await ctx.close()
    assert (await bench.get(job)).log_bytes == written == 100 * CHUNK


async def test_a_superseded_attempt_is_told_and_stopped(bench: Bench) -> None:
    """Invariant 1."""
    job = await bench.started()
    lost = asyncio.Event()
    ctx = context(bench, job, on_lost=lost.set)
    await bench.claim(job)
    await ctx.log("zombie\n")
    async with asyncio.timeout(10):
        await lost.wait()
    with pytest.raises(AttemptLost):
        await ctx.log("more\n")
    with pytest.raises(AttemptLost):
        await ctx.close()
    assert await bench.log(job) == b""


async def test_a_flush_that_was_cancelled_loses_and_doubles_nothing(bench: Bench) -> None:
    """Invariant 2: at whatever moment the cancellation comes."""
    for steps in range(0, 30, 2):
        job = await bench.started()
        ctx = context(bench, job)
        await ctx.log("one\n")
        flushing = asyncio.create_task(ctx.flush())
        for _ in range(steps):
            await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        await ctx.log("two\n")
        await ctx.close()
        assert await bench.log(job) == b"one\ntwo\n"


@pytest.mark.parametrize("percent", [-1, 101])
async def test_progress_out_of_range_is_refused_by_name(bench: Bench, percent: int) -> None:
    ctx = context(bench, await bench.started())
    with pytest.raises(ValueError, match=str(percent)):
        await ctx.progress(percent)


async def test_files_of_a_job_are_said_in_its_log(bench: Bench, tmp_path) -> None:
    job = await bench.started()
    ctx = context(bench, job)
    (tmp_path / "in").write_bytes(b"<xml/>")
    blob = await ctx.artifact("junit.xml", tmp_path / "in", content_type="application/xml", limit=100)
    await ctx.fetch("junit.xml", tmp_path / "out")
    await ctx.fetch("junit.xml", tmp_path / "known", digest=blob.digest)
    await ctx.close()
    assert (tmp_path / "out").read_bytes() == (tmp_path / "known").read_bytes() == b"<xml/>"
    assert blob.size == 6
    assert (await bench.events(job))[-1].data == {"name": "junit.xml", "size": 6, "sha256": blob.digest}


@given(body=st.binary(max_size=2000))
def test_a_packed_body_unpacks_to_itself(body: bytes) -> None:
    assert unpack(pack(body)) == body
