"""Content-addressed blobs in an object store, and the names jobs give them in the database."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Final, cast
from uuid import UUID, uuid4

import obstore
from obstore.store import LocalStore, from_url

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.sizes import KIB, MIB

PART: Final = 5 * MIB
"""Bytes per part of an upload; the least S3 takes. Two parts are in flight, which bounds the memory of one upload."""

READ: Final = 256 * KIB
LOT: Final = 1 * MIB
"""Bytes of an upload that are kept at once: enough to be worth a thread, little enough for many uploads."""

COPY: Final = 1 * MIB
INCOMING: Final = "incoming"
UNUSED_FOR: Final = timedelta(days=1)


class TooLarge(Exception):
    """More bytes came than the limit allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than the limit of {limit} bytes.")
        self.limit = limit


class DigestMismatch(Exception):
    """The bytes are not those that were announced, or the stored ones are damaged."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"The content has SHA-256 {actual!r}, not {expected!r}.")


class ArtifactMissing(LookupError):
    """The job has no artifact of this name."""

    def __init__(self, job: UUID, name: str) -> None:
        super().__init__(f"Job {str(job)!r} has no artifact {name!r}.")
        self.name = name


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored content: SHA-256 in hex, and size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file of a job."""

    name: str
    digest: str
    size: int
    content_type: str
    created_at: datetime


class ArtifactStore:
    """Puts, names, reads and collects the files of jobs.

    Args:
        url: ``file:///folder``, ``s3://bucket/prefix`` or any other URL the object store library takes.
        clock: the present, in UTC.
    """

    def __init__(self, database: Database, url: str, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._folder: Path | None = None
        if url.startswith("file://"):
            self._folder = Path(url.removeprefix("file://"))
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = LocalStore(self._folder) if self._folder is not None else from_url(url)

    async def put(
        self,
        content: AsyncIterable[bytes],
        *,
        limit: int,
        expected: str | None = None,
        also: Callable[[bytes], object] | None = None,
        arrived: Callable[[Path], object] | None = None,
    ) -> Blob:
        """Store content as it arrives and return its address.

        Args:
            content: the bytes, in pieces of any size; never held together in memory.
            limit: most bytes to take.
            expected: SHA-256 the content must have.
            also: called with one piece after another, in other threads: another digest, for example.
            arrived: called once all of it is in a file, which is about to be moved: for who wants to open it before it
                is stored for good. Not called where content isn't kept in files.

        Raises:
            TooLarge: more than ``limit`` bytes came.
            DigestMismatch: the content isn't what ``expected`` says.
        """
        async with self._upload() as incoming:
            if self._folder is not None:
                blob = await _receive(content, self._folder / incoming, limit, also)
            else:
                blob = await self._send(content, incoming, limit, also)
            if expected is not None and expected != blob.digest:
                raise DigestMismatch(expected, blob.digest)
            if arrived is not None and self._folder is not None:
                arrived(self._folder / incoming)
            await self._settle(incoming, blob, durable=False)
            return blob

    @asynccontextmanager
    async def _upload(self) -> AsyncIterator[str]:
        """Where to put content of which nothing is known yet; nothing of it stays if this fails."""
        incoming = f"{INCOMING}/{uuid4()}"
        try:
            yield incoming
        except BaseException:
            await self._forget(incoming)
            raise

    async def _forget(self, incoming: str) -> None:
        """Remove what has come of an upload that failed."""
        if self._folder is not None:
            (self._folder / incoming).unlink(missing_ok=True)
            return
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, incoming)

    async def _send(
        self, content: AsyncIterable[bytes], incoming: str, limit: int, also: Callable[[bytes], object] | None
    ) -> Blob:
        """Upload content to an object store and say what it was."""
        digest, size = hashlib.sha256(), 0

        def look(block: bytes) -> None:
            digest.update(block)
            if also is not None:
                also(block)

        writer = obstore.open_writer_async(self._store, incoming, buffer_size=PART, max_concurrency=2)
        try:
            async for lot in _lots(content):
                block = b"".join(lot)
                size += len(block)
                if size > limit:
                    raise TooLarge(limit)
                await asyncio.to_thread(look, block)
                await writer.write(block)
            await writer.close()
        finally:
            del writer  # one that wasn't closed takes back what it has written
        return Blob(digest.hexdigest(), size)

    async def put_file(self, path: Path, *, limit: int) -> Blob:
        """Store a copy of a local file and return its address.

        Raises:
            TooLarge: it has more than ``limit`` bytes.
        """
        if self._folder is None:
            return await self.put(_pieces(path), limit=limit)
        async with self._upload() as incoming:
            blob = await asyncio.to_thread(_copy, path, self._folder / incoming, limit, durable=True)
            await self._settle(incoming, blob, durable=True)
            return blob

    async def _settle(self, incoming: str, blob: Blob, *, durable: bool) -> None:
        """Note that content is here, which keeps it from being collected, and move it to its place.

        If this ends in between, the note stands without the content until somebody stores it again.

        Args:
            durable: the content itself is on the disk already.
        """
        await self._database.execute(
            "INSERT INTO blobs (digest, size, stored_at) VALUES ($1, $2, $3)"
            " ON CONFLICT (digest) DO UPDATE SET stored_at = EXCLUDED.stored_at",
            blob.digest, blob.size, self._clock(),
        )  # fmt: skip
        if self._folder is not None:
            place = self._folder / _path(blob.digest)
            await asyncio.to_thread(_place, self._folder / incoming, place, durable=durable)
        elif await self._is_stored(blob.digest):
            await self._forget(incoming)
        else:  # an object store that has answered has kept the object
            await obstore.rename_async(self._store, incoming, _path(blob.digest))

    async def attach(
        self, job: UUID, name: str, digest: str, *, content_type: str, connection: Connection | None = None
    ) -> None:
        """Give a stored blob a name in a job.

        The newest of a name wins. Joins ``connection``'s transaction when given.
        """
        await (connection or self._database).execute(
            attaching("VALUES ($1, $2, $3, $4, $5)"), job, name, digest, content_type, self._clock()
        )

    async def pin(self, digest: str, holder: str, *, connection: Connection | None = None) -> None:
        """Keep a stored blob for as long as ``holder`` needs it, whatever becomes of jobs.

        Joins ``connection``'s transaction when given.
        """
        await (connection or self._database).execute(
            "INSERT INTO pins (holder, digest) VALUES ($1, $2)"
            " ON CONFLICT (holder) DO UPDATE SET digest = EXCLUDED.digest",
            holder, digest,
        )  # fmt: skip

    async def unpin(self, holder: str, *, connection: Connection | None = None) -> None:
        """Give up what ``holder`` has kept."""
        await (connection or self._database).execute("DELETE FROM pins WHERE holder = $1", holder)

    async def list(self, job: UUID) -> list[Artifact]:
        """The files of a job, by name."""
        rows = await self._database.fetch(
            "SELECT name, digest, size, content_type, created_at FROM artifacts JOIN blobs USING (digest)"
            " WHERE job = $1 ORDER BY name",
            job,
        )
        return [Artifact(**dict(row)) for row in rows]

    async def find(self, job: UUID, name: str) -> Artifact:
        """One file of a job.

        Raises:
            ArtifactMissing: there is none of this name.
        """
        row = await self._database.fetchrow(
            "SELECT name, digest, size, content_type, created_at FROM artifacts JOIN blobs USING (digest)"
            " WHERE job = $1 AND name = $2",
            job, name,
        )  # fmt: skip
        if row is None:
            raise ArtifactMissing(job, name)
        return Artifact(**dict(row))

    async def owned(self, owner: UUID, name: str, digest: str) -> Blob | None:
        """The blob ``digest``, if ``owner`` has a job with it under ``name``: nobody learns what others have stored."""
        row = await self._database.fetchrow(
            "UPDATE blobs SET stored_at = $4 WHERE digest = $3 AND EXISTS ("
            "SELECT FROM artifacts JOIN jobs ON jobs.id = artifacts.job"
            " WHERE artifacts.digest = $3 AND artifacts.name = $2 AND jobs.owner = $1) RETURNING digest, size",
            owner, name, digest, self._clock(),
        )  # fmt: skip
        return None if row is None else Blob(str(row["digest"]), cast("int", row["size"]))

    async def usage(self, kinds: Sequence[str]) -> tuple[int, int]:
        """Bytes of the files of all jobs of these kinds (each content counted once), and how many jobs there are."""
        row = await self._database.fetchrow(
            "SELECT (SELECT coalesce(sum(size), 0) FROM blobs WHERE EXISTS (SELECT FROM artifacts JOIN jobs ON"
            " jobs.id = artifacts.job WHERE artifacts.digest = blobs.digest AND jobs.kind = ANY($1)))::bigint AS bytes,"
            " (SELECT count(*) FROM jobs WHERE kind = ANY($1)) AS jobs",
            list(kinds),
        )
        assert row is not None
        return row["bytes"], row["jobs"]

    async def read(self, digest: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream bytes ``start`` up to ``end`` (exclusive) of a blob; a whole read is checked against its digest."""
        if end is not None and end <= start:
            return
        check = hashlib.sha256() if start == 0 and end is None else None
        options = {} if check is not None else {"range": (start, end) if end is not None else {"offset": start}}
        got = await obstore.get_async(self._store, _path(digest), options=options)  # type: ignore[arg-type]
        async for piece in got.stream(min_chunk_size=READ):
            block = bytes(piece)
            if check is not None:
                check.update(block)
            yield block
        if check is not None and check.hexdigest() != digest:
            raise DigestMismatch(digest, check.hexdigest())

    async def fetch_to(self, digest: str, path: Path, *, check: bool = True) -> None:
        """Write a blob to a local file.

        Args:
            check: compare it with its digest; for whoever reads the file to leave out who has another digest of it.

        Raises:
            DigestMismatch: what is stored isn't what it was.
        """
        if self._folder is not None and not check:
            await asyncio.to_thread(shutil.copyfile, self._folder / _path(digest), path)
            return
        if self._folder is not None:
            blob = await asyncio.to_thread(_copy, self._folder / _path(digest), path, None, durable=False)
            if blob.digest != digest:
                raise DigestMismatch(digest, blob.digest)
            return
        file = await asyncio.to_thread(path.open, "wb")
        try:
            async for piece in self.read(digest):
                await asyncio.to_thread(file.write, piece)
        finally:
            await asyncio.to_thread(file.close)

    async def collect(self) -> int:
        """Remove blobs that nobody has used for a day, and what uploads left that died a day ago.

        Return how many blobs.
        """
        unused = self._clock() - UNUSED_FOR

        async def work(connection: Connection) -> int:
            rows = await connection.fetch(
                "DELETE FROM blobs WHERE digest IN (SELECT digest FROM blobs WHERE stored_at < $1 AND NOT EXISTS"
                " (SELECT FROM artifacts WHERE artifacts.digest = blobs.digest)"
                " AND NOT EXISTS (SELECT FROM pins WHERE pins.digest = blobs.digest) LIMIT 1000)"
                " AND stored_at < $1 RETURNING digest",  # once more: somebody may want a blob since it was chosen
                unused,
            )
            for row in rows:  # inside the transaction: a put of the same content waits, then stores it anew
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, _path(str(row["digest"])))
            return len(rows)

        await self._sweep(unused)
        return await self._database.transaction(work)

    async def _sweep(self, before: datetime) -> None:
        """Remove uploads that were never finished.

        Object stores other than a folder have a rule of their own for that.
        """
        if self._folder is None:
            return
        incoming = self._folder / INCOMING

        def sweep() -> None:
            for upload in incoming.glob("*"):
                with suppress(FileNotFoundError):
                    if upload.stat().st_mtime < before.timestamp():
                        upload.unlink()

        await asyncio.to_thread(sweep)

    async def _is_stored(self, digest: str) -> bool:
        """Whether the content is really there: a collection that died after it removed the file has kept the row."""
        try:
            await obstore.head_async(self._store, _path(digest))
        except FileNotFoundError:
            return False
        return True


def attaching(rows: str) -> str:
    """The statement that gives blobs names in jobs.

    Args:
        rows: what gives job, name, digest, content type, and time.
    """
    return (
        f"INSERT INTO artifacts (job, name, digest, content_type, created_at) {rows}"
        " ON CONFLICT (job, name) DO UPDATE SET digest = EXCLUDED.digest, content_type = EXCLUDED.content_type"
    )


def _path(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


class _Arrival:
    """A file that is written as its content arrives. Blocks."""

    def __init__(self, target: Path, also: Callable[[bytes], object] | None) -> None:
        self.digest = hashlib.sha256()
        self._target = target
        self._also = also
        self._file: FileIO | None = None

    def keep(self, lot: Sequence[bytes]) -> None:
        """Write the next pieces."""
        if self._file is None:
            self._target.parent.mkdir(exist_ok=True)
            self._file = FileIO(self._target, "xb")
        for piece in lot:
            self.digest.update(piece)
            if self._also is not None:
                self._also(piece)
            _write(self._file, piece)

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()

    def drop(self, kept: asyncio.Task[None]) -> None:
        """The last pieces of an upload that was given up have been written: nothing of it stays."""
        kept.exception()
        self.close()
        self._target.unlink(missing_ok=True)


async def _receive(
    content: AsyncIterable[bytes], target: Path, limit: int, also: Callable[[bytes], object] | None
) -> Blob:
    """Write content to a file as it arrives and say what it was: one lot is written while the next comes in."""
    arrival, size = _Arrival(target, also), 0
    keeping: asyncio.Task[None] | None = None
    try:
        async for lot in _lots(content):
            size += sum(map(len, lot))
            if size > limit:
                raise TooLarge(limit)
            if keeping is not None:
                await asyncio.shield(keeping)
            keeping = asyncio.create_task(asyncio.to_thread(arrival.keep, lot))
        if keeping is None:
            keeping = asyncio.create_task(asyncio.to_thread(arrival.keep, ()))
        await asyncio.shield(keeping)
    finally:
        if keeping is None or keeping.done():
            arrival.close()
        else:  # nobody closes a file that is being written, or removes one that is being made
            keeping.add_done_callback(arrival.drop)
    return Blob(arrival.digest.hexdigest(), size)


def _place(incoming: Path, target: Path, *, durable: bool) -> None:
    """Move a file to its place, unless that content is there, and have it outlive a loss of power. Blocks.

    Args:
        durable: the new file's content is on the disk already.
    """
    if target.exists():
        incoming.unlink()
        durable = False  # somebody else has put it there, perhaps this moment
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.rename(target)
    for each in (target.parent, target.parent.parent) if durable else (target, target.parent, target.parent.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _copy(source: Path, target: Path, limit: int | None, *, durable: bool) -> Blob:
    """Copy a file and say what it holds. Blocks."""
    digest, size = hashlib.sha256(), 0
    target.parent.mkdir(exist_ok=True)
    with FileIO(source) as reading, FileIO(target, "wb") as writing:
        while piece := reading.read(COPY):
            size += len(piece)
            if limit is not None and size > limit:
                raise TooLarge(limit)
            digest.update(piece)
            _write(writing, piece)
        if durable:
            os.fsync(writing.fileno())
    return Blob(digest.hexdigest(), size)


def _write(file: FileIO, content: bytes) -> None:
    """Write all of it: a single write may take less."""
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


async def _lots(content: AsyncIterable[bytes]) -> AsyncIterator[list[bytes]]:
    """The same pieces, several at a time: each time costs a round through a thread and the store."""
    lot: list[bytes] = []
    size = 0
    async for piece in content:
        lot.append(piece)
        size += len(piece)
        if size >= LOT:
            yield lot
            lot, size = [], 0
    if lot:
        yield lot


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, READ):
            yield piece
    finally:
        await asyncio.to_thread(file.close)
