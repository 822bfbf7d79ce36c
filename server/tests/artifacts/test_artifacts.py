"""Files of jobs: streamed, checked, kept once per content, seen by nobody else, and gone when nobody needs them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import obstore
import pytest

from runyard.artifacts import ArtifactMissing, ArtifactStore, Blob, DigestMismatch, TooLarge
from runyard.artifacts import store as module
from runyard.clock import utc_now
from runyard.jobs import NewJob
from runyard.yard import Yard

MIB = 2**20


class Clock:
    """A clock that the test turns forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(parts: Yard, tmp_path: Path, clock: Clock) -> ArtifactStore:
    return ArtifactStore(parts.database, f"file://{tmp_path}/artifacts", clock=clock)


@pytest.fixture
def folder(files: ArtifactStore, tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


async def pieces(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def whole(files: ArtifactStore, digest: str, **options: int) -> bytes:
    return b"".join([piece async for piece in files.read(digest, **options)])


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_an_upload_that_is_given_up_in_its_first_moment_leaves_nothing(
    files: ArtifactStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, made, keep = threading.Event(), threading.Event(), threading.Event(), module._Arrival.keep

    def slow(arrival: module._Arrival, lot: Sequence[bytes]) -> None:
        begun.set()
        assert go_on.wait(60)
        keep(arrival, lot)
        made.set()

    monkeypatch.setattr(module._Arrival, "keep", slow)
    putting = asyncio.create_task(files.put(pieces(b"x" * MIB), limit=2 * MIB))
    assert await asyncio.to_thread(begun.wait, 60)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    go_on.set()  # its file is made now
    while not made.is_set():
        await asyncio.sleep(0)
    await gone(folder)


async def gone(folder: Path) -> None:
    """Wait until nothing is left: a writer takes its parts back in a thread of its own."""
    async with asyncio.timeout(10):
        while kept(folder):
            await asyncio.sleep(0)


async def job(parts: Yard, owner: UUID | None = None) -> UUID:
    return (await parts.jobs.submit(NewJob(kind="test.files", owner=owner or uuid4(), tenant="t"))).id


@pytest.mark.parametrize("size", [0, 1, 5 * MIB - 1, 5 * MIB, 12 * MIB + 7])
async def test_what_was_put_is_read_back(files: ArtifactStore, folder: Path, size: int) -> None:
    content = os.urandom(size)
    blob = await files.put(pieces(*(content[at : at + 700_000] for at in range(0, size, 700_000))), limit=size)
    assert blob == Blob(hashlib.sha256(content).hexdigest(), size)
    assert await whole(files, blob.digest) == content
    assert [path.name for path in kept(folder)] == [blob.digest]


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, 10), (3, 7), (9, 10), (0, 99), (4, 99), (5, 5), (7, 3)])
async def test_a_range_is_read_alone(files: ArtifactStore, start: int, end: int) -> None:
    content = b"%d" % (1234567890 * 10**6 + uuid4().int % 10**6)
    blob = await files.put(pieces(content), limit=100)
    assert await whole(files, blob.digest, start=start, end=end) == content[start:end]
    assert await whole(files, blob.digest, start=start) == content[start:]


async def test_a_file_larger_than_the_limit_is_refused_and_leaves_nothing(files: ArtifactStore, folder: Path) -> None:
    """Invariant 5: it is refused as soon as one byte too many has come."""
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += MIB
            yield b"x" * MIB

    with pytest.raises(TooLarge, match=str(20 * MIB)):
        await files.put(endless(), limit=20 * MIB)
    assert taken == 21 * MIB
    await gone(folder)


async def test_other_content_than_announced_is_refused_and_leaves_nothing(files: ArtifactStore, folder: Path) -> None:
    with pytest.raises(DigestMismatch):
        await files.put(pieces(b"this"), limit=10, expected=hashlib.sha256(b"that").hexdigest())
    assert kept(folder) == []
    content = uuid4().bytes
    blob = await files.put(pieces(content), limit=100, expected=hashlib.sha256(content).hexdigest())
    assert blob.size == 16


@pytest.mark.parametrize("how", ["cancelled", "broken"])
async def test_an_upload_that_ends_in_the_middle_leaves_nothing(files: ArtifactStore, folder: Path, how: str) -> None:
    arrived = asyncio.Event()

    async def content() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b"x" * MIB
        arrived.set()
        if how == "broken":
            raise ConnectionResetError("the client is gone")
        await asyncio.Event().wait()

    putting = asyncio.create_task(files.put(content(), limit=100 * MIB))
    await arrived.wait()
    putting.cancel()
    with pytest.raises((asyncio.CancelledError, ConnectionResetError)):
        await putting
    await gone(folder)


async def test_damaged_content_is_not_passed_off_as_whole(files: ArtifactStore, folder: Path, tmp_path: Path) -> None:
    blob = await files.put(pieces(uuid4().bytes), limit=100)
    (path,) = kept(folder)
    path.write_bytes(b"rotten")
    with pytest.raises(DigestMismatch, match=blob.digest):
        await whole(files, blob.digest)
    with pytest.raises(DigestMismatch):
        await files.fetch_to(blob.digest, tmp_path / "out")


async def test_the_same_content_is_kept_once(files: ArtifactStore, folder: Path) -> None:
    content = os.urandom(6 * MIB)
    blobs = await asyncio.gather(*(files.put(pieces(content), limit=10 * MIB) for _ in range(5)))
    assert len(set(blobs)) == 1
    assert len(kept(folder)) == 1
    assert await whole(files, blobs[0].digest) == content


async def test_memory_does_not_grow_with_the_file(files: ArtifactStore) -> None:
    """Invariant 5: 300 MB in, 300 MB out."""
    block = os.urandom(MIB)
    digest = hashlib.sha256(block * 300).hexdigest()

    async def content() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield block

    before = _resident()
    tracemalloc.start()
    try:
        blob = await files.put(content(), limit=300 * MIB, expected=digest)
        async for _ in files.read(blob.digest):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 * MIB
    assert _resident() - before < 60 * MIB


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def test_files_of_a_job_have_names_and_the_newest_wins(files: ArtifactStore, parts: Yard) -> None:
    owner = await job(parts)
    old, new = (
        await files.put(pieces(uuid4().bytes), limit=99),
        await files.put(pieces(uuid4().bytes), limit=99),
    )
    await files.attach(owner, "b.txt", old.digest, content_type="text/plain")
    await files.attach(owner, "a.txt", old.digest, content_type="text/plain")
    await files.attach(owner, "b.txt", new.digest, content_type="text/html")
    assert [(file.name, file.digest, file.content_type) for file in await files.list(owner)] == [
        ("a.txt", old.digest, "text/plain"), ("b.txt", new.digest, "text/html"),
    ]  # fmt: skip
    assert (await files.find(owner, "b.txt")).size == 16
    with pytest.raises(ArtifactMissing, match=r"c\.txt"):
        await files.find(owner, "c.txt")


async def test_nobody_learns_what_others_have_stored(files: ArtifactStore, parts: Yard) -> None:
    """Invariant 4: knowing a digest is not enough, nor is the right digest under another name."""
    me, other = uuid4(), uuid4()
    blob = await files.put(pieces(uuid4().bytes), limit=99)
    await files.attach(await job(parts, me), "package", blob.digest, content_type="application/zip")
    assert await files.owned(me, "package", blob.digest) == blob
    assert await files.owned(other, "package", blob.digest) is None
    assert await files.owned(me, "coverage", blob.digest) is None
    assert await files.owned(me, "package", "0" * 64) is None


async def test_content_nobody_uses_is_collected_after_a_day(
    files: ArtifactStore, folder: Path, parts: Yard, clock: Clock
) -> None:
    used, unused = (
        await files.put(pieces(uuid4().bytes), limit=99),
        await files.put(pieces(uuid4().bytes), limit=99),
    )
    await files.attach(await job(parts), "f", used.digest, content_type="text/plain")
    clock.ahead = timedelta(hours=23)
    await files.collect()
    assert len(kept(folder)) == 2
    clock.ahead = timedelta(hours=25)
    assert await files.collect() >= 1
    assert [path.name for path in kept(folder)] == [used.digest]
    assert await whole(files, used.digest)
    with pytest.raises(FileNotFoundError):
        await whole(files, unused.digest)


async def test_content_that_is_put_again_is_fresh_again(files: ArtifactStore, clock: Clock) -> None:
    content = uuid4().bytes
    blob = await files.put(pieces(content), limit=99)
    clock.ahead = timedelta(hours=25)
    assert await files.put(pieces(content), limit=99) == blob
    await files.collect()
    assert await whole(files, blob.digest) == content


async def test_putting_and_collecting_the_same_content_at_once_never_loses_it(
    files: ArtifactStore, parts: Yard
) -> None:
    """Invariant 1: whoever was told that the content is stored can attach and read it."""
    for round_ in range(15):
        content = uuid4().bytes
        blob = await files.put(pieces(content), limit=99)
        await parts.database.execute(
            "UPDATE blobs SET stored_at = stored_at - interval '25 hours' WHERE digest = $1", blob.digest
        )
        await asyncio.gather(files.collect(), files.put(pieces(content), limit=99), files.collect())
        await files.attach(await job(parts), f"f{round_}", blob.digest, content_type="text/plain")
        assert await whole(files, blob.digest) == content


async def test_a_collection_that_died_half_way_does_no_harm(files: ArtifactStore, folder: Path) -> None:
    """Invariant 1: the file went, the row stayed; putting the content again brings the file back."""
    content = uuid4().bytes
    blob = await files.put(pieces(content), limit=99)
    (path,) = kept(folder)
    path.unlink()
    assert await files.put(pieces(content), limit=99) == blob
    assert await whole(files, blob.digest) == content


async def test_uploads_of_processes_that_died_are_swept(files: ArtifactStore, folder: Path, clock: Clock) -> None:
    """Invariant 5."""
    incoming = folder / module.INCOMING
    incoming.mkdir(parents=True, exist_ok=True)
    for name in ("finished", "half#1"):
        (incoming / name).write_bytes(b"x")
    await files.collect()
    assert len(kept(folder)) == 2
    clock.ahead = timedelta(hours=25)
    await files.collect()
    assert kept(folder) == []


async def test_any_object_store_will_do(parts: Yard, clock: Clock) -> None:
    """Invariant 10: the same code over a store that is no folder."""
    files = ArtifactStore(parts.database, "memory:///", clock=clock)
    content = os.urandom(6 * MIB)
    blob = await files.put(pieces(content), limit=10 * MIB)
    assert await whole(files, blob.digest) == content
    assert await whole(files, blob.digest, start=5, end=9) == content[5:9]
    clock.ahead = timedelta(hours=25)
    await files.collect()
    assert list(obstore.list(files._store)) == []


def test_the_folder_is_private(folder: Path) -> None:
    """Invariant 4."""
    assert folder.stat().st_mode & 0o077 == 0


@pytest.fixture(autouse=True)
def _no_memory_left_behind() -> Iterator[None]:
    yield
    assert not tracemalloc.is_tracing()
