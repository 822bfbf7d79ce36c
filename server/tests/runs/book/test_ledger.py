"""The book of a workspace: one order of entries and events, whoever writes them."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from runyard.services.runs.evidence import merkle, tree
from runyard.services.runs.evidence.canonical import canonical
from runyard.services.runs.evidence.entry import SYSTEM, ExternalRef, PayloadRef, PrivateEvidence
from runyard.services.runs.ledger import CHANNEL, Book, Ledger
from runyard.yard import Yard


@pytest.fixture
def workspace() -> str:
    return f"ws-{uuid4().hex[:8]}"


async def write(yard: Yard, workspace: str, count: int = 1, *, clock=None) -> list[dict]:
    """Append so many entries, and an event for each, in one transaction."""
    ledger = Ledger(clock or yard.clock)

    async def work(connection) -> list[dict]:
        book = await ledger.open(connection, workspace)
        entries = [note(book, f"Step {number} ended.") for number in range(count)]
        await book.close()
        return [msgspec.json.decode(one.encoded()) for one in entries]

    return await yard.database.transaction(work)


def note(book: Book, summary: str):
    book.tell("run", "ActionCompleted", subject="runs/run-1", data={"n": 1}, correlation_id="c", run_id="run-1")
    return book.record("Action", summary, actor=SYSTEM, correlation_id="c", run_id="run-1")


async def entries(yard: Yard, workspace: str) -> list[dict]:
    rows = await yard.database.fetch("SELECT body FROM runs_evidence WHERE workspace = $1 ORDER BY seq", workspace)
    return [msgspec.json.decode(row["body"]) for row in rows]


async def test_each_entry_carries_the_hash_of_the_one_before_it(parts, workspace):
    written = [*await write(parts, workspace, 3), *await write(parts, workspace)]
    kept = await entries(parts, workspace)
    assert kept == written
    assert "previousHash" not in kept[0]
    for before, after in zip(kept, kept[1:], strict=False):
        assert after["previousHash"] == before["hashSha256"]
    for entry in kept:
        digest = entry.pop("hashSha256")
        assert hashlib.sha256(canonical(entry)).hexdigest() == digest


async def test_a_transaction_that_fails_leaves_no_trace(parts, workspace):
    await write(parts, workspace)

    async def fail(connection) -> None:
        book = await Ledger(parts.clock).open(connection, workspace)
        note(book, "Never happened.")
        await book.close()
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await parts.database.transaction(fail)
    await write(parts, workspace)
    kept = await entries(parts, workspace)
    assert len(kept) == 2
    assert kept[1]["previousHash"] == kept[0]["hashSha256"]


async def test_concurrent_writers_share_one_chain(parts, workspace):
    await asyncio.gather(*(write(parts, workspace, 2) for _ in range(8)))
    kept = await entries(parts, workspace)
    assert [one.get("previousHash") for one in kept] == [None, *(one["hashSha256"] for one in kept[:-1])]
    numbers = await parts.database.fetch("SELECT seq FROM runs_events WHERE workspace = $1 ORDER BY seq", workspace)
    assert [row["seq"] for row in numbers] == list(range(1, 17))


async def test_time_does_not_go_back_with_the_clock(parts, workspace):
    late = datetime(2026, 2, 1, 12, 0, 0, 123_999, UTC)
    await write(parts, workspace, clock=lambda: late)
    await write(parts, workspace, clock=lambda: late - timedelta(hours=1))
    assert {one["occurredAtIso"] for one in await entries(parts, workspace)} == {"2026-02-01T12:00:00.123Z"}


async def test_addresses_in_names_are_masked(parts, workspace):
    async def work(connection) -> str:
        book = await Ledger(parts.clock).open(connection, workspace)
        return note(book, "Run started for workflow mail to eve@example.com.").summary

    assert await parts.database.transaction(work) == "Run started for workflow mail to (an e-mail address)."


@pytest.mark.parametrize(
    "carries",
    [
        {"payload_refs": (PayloadRef(kind="Log", uri="https://logs.example/1?token=x"),)},
        {
            "external_refs": (
                ExternalRef(sor_name="crm", port_family="CrmSales", external_id="eve@example.com", external_type="x"),
            )
        },
    ],
)
async def test_references_with_secrets_are_refused(parts, workspace, carries):
    async def work(connection) -> None:
        book = await Ledger(parts.clock).open(connection, workspace)
        book.record("Action", "Sent.", actor=SYSTEM, correlation_id="c", **carries)

    with pytest.raises(PrivateEvidence):
        await parts.database.transaction(work)


@pytest.mark.parametrize("change", ["UPDATE runs_evidence SET at = now()", "DELETE FROM runs_evidence"])
async def test_the_database_refuses_to_change_evidence(parts, workspace, change):
    await write(parts, workspace)
    with pytest.raises(asyncpg.RestrictViolationError):
        await parts.database.execute(f"{change} WHERE workspace = $1", workspace)


async def test_watchers_are_told_when_it_is_committed(parts, workspace):
    heard: asyncio.Queue[str] = asyncio.Queue()
    await parts.signals.listen(CHANNEL, heard.put_nowait)
    await write(parts, workspace, 2)
    async with asyncio.timeout(10):
        while (word := await heard.get()) != f"{workspace} 2":
            assert not word.startswith(workspace)
    parts.signals.unlisten(CHANNEL, heard.put_nowait)


async def test_old_events_go_and_evidence_stays(parts, workspace):
    then = datetime(2026, 1, 1, tzinfo=UTC)
    await write(parts, workspace, 5, clock=lambda: then)
    await write(parts, workspace, 256, clock=lambda: then + timedelta(days=8))
    first = await parts.database.fetchval("SELECT min(seq) FROM runs_events WHERE workspace = $1", workspace)
    assert first == 6
    assert len(await entries(parts, workspace)) == 261


async def test_roots_and_proofs_over_many_entries_agree_with_the_leaves(parts, workspace):
    for count in (200, 56, 300, 257):  # to a subtree's end, beyond two of them
        await write(parts, workspace, count)
    leaves = [merkle.leaf(bytes.fromhex(one["hashSha256"])) for one in await entries(parts, workspace)]
    size = len(leaves)
    kept = await parts.database.fetch("SELECT at FROM runs_evidence_nodes WHERE workspace = $1 ORDER BY at", workspace)
    assert [row["at"] for row in kept] == [0, 1, 2]
    async with parts.database.pool.acquire() as connection:
        for part in (1, 255, 256, 257, 512, 700, size):
            assert await tree.root(connection, workspace, part) == merkle.root(leaves[:part])
            spans = merkle.consistency(part, size)
            assert await tree.roots(connection, workspace, spans) == [merkle.root(leaves[a:b]) for a, b in spans]
        for index in (0, 255, 256, 600, size - 1):
            spans = merkle.inclusion(index, size)
            assert await tree.roots(connection, workspace, spans) == [merkle.root(leaves[a:b]) for a, b in spans]
