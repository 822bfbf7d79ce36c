"""How long the verification of 100,000 entries takes, what evidence adds to a transaction, and pages by depth.

Baselines: reading the same file and hashing each line once; a transaction with one insert; the first page of the list.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import statistics
import sys
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from runyard.clock import utc_now
from runyard.database import Connection
from runyard.services.runs.evidence import bundle
from runyard.services.runs.evidence.checkpoint import Notary
from runyard.services.runs.evidence.entry import User
from runyard.services.runs.evidence.export import export
from runyard.services.runs.evidence.store import EvidenceStore
from runyard.services.runs.evidence.verify import verify
from runyard.services.runs.ledger import Ledger
from runyard.testing.running import fresh_yard, shared_postgres
from runyard.yard import Yard

ENTRIES = int(os.environ.get("ENTRIES", "100000"))
BATCH = 1000
ROUNDS = 200
WORKSPACE = "ws-bench"


async def fill(yard: Yard) -> None:
    """Write the entries, a thousand in each transaction."""
    ledger = Ledger(yard.clock)
    for first in range(0, ENTRIES, BATCH):

        async def work(connection: Connection, first: int = first) -> None:
            book = await ledger.open(connection, WORKSPACE)
            for number in range(first, first + BATCH):
                book.record(
                    "Action", f"Action a{number % 7} of workflow wf-invoice-approval ended: succeeded.",
                    actor=User(user_id="6f1e1f0e-0000-4000-8000-000000000001"), correlation_id=f"corr-{number // 10}",
                    run_id=f"run-{number // 10}", plan_id=f"plan-{number // 10}",
                )  # fmt: skip
            await book.close()

        await yard.database.transaction(work)


async def median(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds, half of the rounds are faster."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        await work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def read_and_hash(path: Path) -> int:
    """What no verifier can do without."""
    with zipfile.ZipFile(path) as archive, archive.open(bundle.ENTRIES) as entries:
        return sum(len(hashlib.sha256(line).digest()) for line in entries)


async def transactions(yard: Yard) -> tuple[float, float]:
    """A transaction with an insert, and the same with an entry and an event."""
    await yard.database.execute("CREATE TABLE bench (n bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, t text)")
    ledger = Ledger(yard.clock)

    async def bare(connection: Connection) -> None:
        await connection.execute("INSERT INTO bench (t) VALUES ($1)", "x")

    async def proven(connection: Connection) -> None:
        book = await ledger.open(connection, WORKSPACE)
        await bare(connection)
        book.record("Action", "It happened.", actor=User(user_id="u"), correlation_id="c", run_id="r")
        book.tell("run", "RunStarted", subject="runs/r", data={}, correlation_id="c", run_id="r")
        await book.close()

    return await median(lambda: yard.database.transaction(bare)), await median(
        lambda: yard.database.transaction(proven)
    )


async def main() -> None:
    """Print the table."""
    with shared_postgres(f"bench-{os.getpid()}") as url, TemporaryDirectory() as folder:
        async with fresh_yard(url) as yard:
            store = EvidenceStore(yard.database, Notary.of(Path(folder) / "keys"), clock=utc_now)
            start = time.perf_counter()
            await fill(yard)
            print(f"  {ENTRIES} entries written in {time.perf_counter() - start:.1f} s", file=sys.stderr)
            path = Path(folder) / "evidence.zip"
            start = time.perf_counter()
            with path.open("wb") as file:
                async for piece in (await export(store, WORKSPACE, at=utc_now())).pieces():
                    file.write(piece)
            exported = time.perf_counter() - start
            read_and_hash(path)
            start = time.perf_counter()
            read_and_hash(path)
            read = time.perf_counter() - start
            start = time.perf_counter()
            report = verify(path)
            verified = time.perf_counter() - start
            assert report.good, report.findings
            assert report.entries == ENTRIES

            async def page(after: int) -> float:
                return await median(lambda: store.page(WORKSPACE, after=after, rows=51, where={}))

            first, last = await page(0), await page(ENTRIES - 60)
            proof = await median(lambda: proofs(store))
            bare, proven = await transactions(yard)
    print(f"{'what':44} {'measured':>10} {'baseline':>10} {'ratio':>7}")
    for name, value, baseline, unit in (
        (f"verify a bundle of {ENTRIES} entries", verified, read, "s"),
        ("list: last page of 50 / first page", last, first, "ms"),
        ("transaction with evidence / bare insert", proven, bare, "ms"),
    ):
        print(f"{name:44} {value:8.2f} {unit:2} {baseline:7.2f} {unit:2} {value / baseline:6.2f}")
    print(f"{'export of the bundle':44} {exported:8.2f} s\n{'inclusion proof from the database':44} {proof:8.2f} ms")


async def proofs(store: EvidenceStore) -> list[bytes]:
    """A proof of an entry in the middle."""
    note = await store.checkpoint(WORKSPACE)
    assert note is not None
    return await store.inclusion(WORKSPACE, ENTRIES // 3, note)


if __name__ == "__main__":
    asyncio.run(main())
