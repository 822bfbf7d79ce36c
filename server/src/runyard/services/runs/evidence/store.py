"""Reading evidence: pages, proofs, and checkpoints, which are signed when somebody asks or after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.evidence import merkle, tree
from runyard.services.runs.evidence.checkpoint import Checkpoint, Notary

FILTERS: Final = ("run_id", "plan_id", "work_item_id", "category")
"""What a list of entries can be narrowed by."""


class Row(NamedTuple):
    """An entry where it is kept: its number, from 1, and its canonical form."""

    seq: int
    at: datetime
    id: UUID
    hash: bytes
    body: bytes


class NoSuchSize(LookupError):
    """There are fewer entries than that."""

    def __init__(self, size: int, there: int) -> None:
        super().__init__(f"There is no tree of {size} entries: there are {there}.")


class EvidenceStore:
    """What is kept of every workspace.

    Args:
        notary: signs checkpoints.
    """

    def __init__(self, database: Database, notary: Notary, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.notary = notary
        self.walks = asyncio.Semaphore(1)
        """Held by whoever goes through all entries of a workspace: one at a time is work enough for a process."""

    async def page(self, workspace: str, *, after: int, rows: int, where: Mapping[str, str | None]) -> list[Row]:
        """Entries after number ``after``, oldest first.

        Args:
            where: values by the names in :data:`FILTERS`; None is any.
        """
        wanted = [(name, where[name]) for name in FILTERS if where.get(name) is not None]
        conditions = "".join(f" AND {name} = ${number}" for number, (name, _) in enumerate(wanted, 4))
        found = await self._database.fetch(
            f"""
            SELECT seq, at, id, hash, body FROM runs_evidence
            WHERE workspace = $1 AND seq > $2{conditions} ORDER BY seq LIMIT $3
            """,
            workspace, after, rows, *(storable(str(value)) for _, value in wanted),
        )  # fmt: skip
        return [Row(*each) for each in found]

    async def find(self, workspace: str, evidence: UUID) -> Row | None:
        """One entry, if the workspace has it."""
        found = await self._database.fetchrow(
            "SELECT seq, at, id, hash, body FROM runs_evidence WHERE workspace = $1 AND id = $2", workspace, evidence
        )
        return None if found is None else Row(*found)

    async def size(self, workspace: str) -> int:
        """How many entries there are."""
        found = await self._database.fetchval("SELECT entries FROM runs_heads WHERE workspace = $1", workspace)
        return found if isinstance(found, int) else 0

    async def checkpoint(self, workspace: str) -> str | None:
        """A signed note over all entries there are now; None if there are none."""
        size = await self.size(workspace)
        if size == 0:
            return None
        kept = await self._database.fetchval(
            "SELECT note FROM runs_checkpoints WHERE workspace = $1 AND size = $2", workspace, size
        )
        if kept is not None and self.notary.has_signed(workspace, str(kept)):
            return str(kept)
        return await self._sign(workspace, size)

    async def checkpoints(self, workspace: str, *, rows: int) -> list[str]:
        """The newest signed notes, by size, whoever has signed them."""
        found = await self._database.fetch(
            "SELECT note FROM runs_checkpoints WHERE workspace = $1 ORDER BY size DESC LIMIT $2", workspace, rows
        )
        return [row["note"] for row in reversed(found)]

    async def inclusion(self, workspace: str, index: int, note: str) -> list[bytes]:
        """The proof that entry ``index``, from 0, is in the tree of a checkpoint.

        Raises:
            NoSuchSize: the checkpoint is older than the entry.
        """
        return (await self.inclusions(workspace, [index], note))[0]

    async def inclusions(self, workspace: str, indexes: Sequence[int], note: str) -> list[list[bytes]]:
        """The same for some entries, together.

        Raises:
            NoSuchSize: the checkpoint is older than one of them.
        """
        size = Checkpoint.parse(note).size
        if (last := max(indexes, default=-1)) >= size:
            raise NoSuchSize(last + 1, size)
        paths = [merkle.inclusion(index, size) for index in indexes]
        wanted = sorted({span for path in paths for span in path})
        known = dict(zip(wanted, await self._roots(workspace, wanted), strict=True))
        return [[known[span] for span in path] for path in paths]

    async def consistency(self, workspace: str, old: int, note: str) -> list[bytes]:
        """The proof that the tree of the first ``old`` entries is the beginning of that of a checkpoint.

        Raises:
            NoSuchSize: the checkpoint has fewer entries.
        """
        size = Checkpoint.parse(note).size
        if old > size:
            raise NoSuchSize(old, size)
        return await self._roots(workspace, merkle.consistency(old, size))

    async def unsigned(self) -> list[str]:
        """Workspaces whose last entries no checkpoint covers yet."""
        rows = await self._database.fetch(
            """
            SELECT workspace FROM runs_heads AS head WHERE entries > 0 AND NOT EXISTS
                (SELECT FROM runs_checkpoints AS one WHERE one.workspace = head.workspace AND one.size = head.entries)
            """
        )
        return [row["workspace"] for row in rows]

    async def _sign(self, workspace: str, size: int) -> str:
        (root,) = await self._roots(workspace, [(0, size)])
        note = self.notary.sign(workspace, size, root)
        await self._database.execute(
            "INSERT INTO runs_checkpoints (workspace, size, at, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            workspace, size, self._clock(), note,
        )  # fmt: skip
        return note

    async def _roots(self, workspace: str, spans: Sequence[merkle.Span]) -> list[bytes]:
        async def read(connection: Connection) -> list[bytes]:
            return await tree.roots(connection, workspace, spans)

        return await self._database.transaction(read)
