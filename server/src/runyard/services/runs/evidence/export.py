"""Writing a bundle of evidence, piece by piece: it is never whole in memory."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final, cast

import msgspec

from runyard.services.runs.evidence import bundle
from runyard.services.runs.evidence.bundle import Consistency, Inclusion
from runyard.services.runs.evidence.checkpoint import Checkpoint
from runyard.services.runs.evidence.entry import iso
from runyard.services.runs.evidence.store import EvidenceStore, Row

PAGE: Final = 1000
"""Entries read at a time."""

CHECKPOINTS: Final = 100
"""So many of the newest go with a bundle, but for those that another key has signed, which the bundle doesn't hold."""


class NothingToExport(LookupError):
    """There is no evidence of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a bundle is to hold.

    Attributes:
        where: narrows the entries, by the store's names of filters; empty for all.
        note: the checkpoint that covers all of them.
    """

    store: EvidenceStore
    workspace: str
    where: Mapping[str, str | None]
    note: str
    at: datetime

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The file."""
        sink = _Sink()
        count = 0
        with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open(bundle.ENTRIES, "w", force_zip64=True) as member:
                async for rows in self._rows():
                    count += len(rows)
                    # packing holds the processor
                    await asyncio.to_thread(member.write, b"".join(row.body + b"\n" for row in rows))
                    yield sink.taken()
            if self.where:
                with archive.open(bundle.INCLUSION, "w", force_zip64=True) as member:
                    async for rows in self._rows():
                        await asyncio.to_thread(member.write, await self._proofs(rows))
                        yield sink.taken()
            for name, text in await self._texts(count):
                archive.writestr(name, text)
        yield sink.taken()

    async def _rows(self) -> AsyncIterator[list[Row]]:
        """Up to the checkpoint: what came since is not part of it."""
        after, end = 0, Checkpoint.parse(self.note).size
        while rows := await self.store.page(self.workspace, after=after, rows=PAGE, where=self.where):
            after = rows[-1].seq
            if inside := [row for row in rows if row.seq <= end]:
                yield inside
            if after >= end:
                return

    async def _proofs(self, rows: Sequence[Row]) -> bytes:
        proofs = await self.store.inclusions(self.workspace, [row.seq - 1 for row in rows], self.note)
        return b"".join(
            msgspec.json.encode(Inclusion(str(row.id), row.seq - 1, tuple(each.hex() for each in proof))) + b"\n"
            for row, proof in zip(rows, proofs, strict=True)
        )

    async def _texts(self, count: int) -> list[tuple[str, bytes]]:
        texts, proofs = [], []
        last = Checkpoint.parse(self.note)
        kept = await self.store.checkpoints(self.workspace, rows=CHECKPOINTS)
        newest = [note for note in kept if self.store.notary.has_signed(self.workspace, note)]
        for size, note in sorted({Checkpoint.parse(note).size: note for note in [*newest, self.note]}.items()):
            if size > last.size:
                continue
            texts.append((f"{bundle.CHECKPOINTS}{size:012d}.txt", note.encode()))
            hashes = await self.store.consistency(self.workspace, size, self.note)
            proofs.append(msgspec.json.encode(Consistency(size, tuple(each.hex() for each in hashes))))
        part = "".join(f", {name} {value}" for name, value in self.where.items())
        key = self.store.notary.key(self.workspace)
        readme = bundle.TEXT.format(
            workspace=self.workspace, part=part, count=count, at=iso(self.at), yard=self.store.notary.yard
        )
        return [
            *texts,
            (bundle.CONSISTENCY, b"".join(proof + b"\n" for proof in proofs)),
            (bundle.KEY, f"{key}\n".encode()),
            (bundle.README, readme.encode()),
        ]


async def export(
    store: EvidenceStore, workspace: str, *, at: datetime, where: Mapping[str, str | None] | None = None
) -> Export:
    """A bundle of a workspace's evidence, or of a part.

    Raises:
        NothingToExport: there is none.
    """
    wanted = {name: value for name, value in (where or {}).items() if value is not None}
    note = await store.checkpoint(workspace)
    if note is None or (wanted and not await store.page(workspace, after=0, rows=1, where=wanted)):
        part = "".join(f" with {name} {value!r:.100}" for name, value in wanted.items())
        raise NothingToExport(f"The workspace {workspace!r} has no evidence{part}.")
    return Export(store=store, workspace=workspace, where=wanted, note=note, at=at)


class _Sink:
    """What a zip file is written to when nobody can go back in it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """There is nothing to flush."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
