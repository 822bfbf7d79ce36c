"""The Merkle tree of a workspace's evidence in the database.

Leaves are the rows of the entries. Of every 256 of them, and of every 256 such subtrees, the root is kept: a root or
a proof over millions of entries reads some hundreds of hashes, and an append writes nothing most of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from runyard.database import Connection
from runyard.services.runs.evidence import merkle
from runyard.services.runs.evidence.merkle import Span

WIDTH: Final = 256
"""Children of a kept node."""

_LEVELS: Final[Mapping[int, int]] = {WIDTH**level: level for level in range(7)}
"""The level whose nodes stand for so many leaves."""

# Without OFFSET the planner would join all entries of the workspace with the spans.
_LEAVES: Final = """
    SELECT seq - 1 AS at, hash FROM unnest($2::bigint[], $3::bigint[]) AS span (low, high), LATERAL (
        SELECT seq, hash FROM runs_evidence WHERE workspace = $1 AND seq > low AND seq <= high OFFSET 0
    ) AS leaf
"""
_NODES: Final = """
    SELECT level, at, hash FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS span (kept, low, high), LATERAL (
        SELECT level, at, hash FROM runs_evidence_nodes
        WHERE workspace = $1 AND level = kept AND at >= low AND at < high OFFSET 0
    ) AS node
"""


async def grow(connection: Connection, workspace: str, before: int, after: int) -> None:
    """Keep the roots of what has become complete between two sizes."""
    level, unit = 1, WIDTH
    while after // unit > before // unit:
        spans = [(at * unit, (at + 1) * unit) for at in range(before // unit, after // unit)]
        found = await roots(connection, workspace, spans, below=level)
        await connection.executemany(
            "INSERT INTO runs_evidence_nodes (workspace, level, at, hash) VALUES ($1, $2, $3, $4)",
            [(workspace, level, low // unit, digest) for (low, _), digest in zip(spans, found, strict=True)],
        )
        level, unit = level + 1, unit * WIDTH


async def roots(
    connection: Connection, workspace: str, spans: Sequence[Span], *, below: int | None = None
) -> list[bytes]:
    """The roots of ranges of leaves, each one that a tree of RFC 6962 has a node for.

    Args:
        below: the level of kept nodes that isn't there yet.
    """
    wanted: dict[int, list[Span]] = {}
    for low, high in spans:
        _cover(low, high, wanted, below)
    kept: dict[tuple[int, int], bytes] = {}
    leaves = wanted.pop(0, [])
    if leaves:
        rows = await connection.fetch(_LEAVES, workspace, [low for low, _ in leaves], [high for _, high in leaves])
        kept |= {(0, row["at"]): merkle.leaf(row["hash"]) for row in rows}
    if wanted:
        flat = [(level, low, high) for level, pieces in wanted.items() for low, high in pieces]
        columns = [list(column) for column in zip(*flat, strict=True)]
        rows = await connection.fetch(_NODES, workspace, *columns)
        kept |= {(row["level"], row["at"]): row["hash"] for row in rows}
    return [_root(low, high, kept) for low, high in spans]


async def root(connection: Connection, workspace: str, size: int) -> bytes:
    """The root of the first ``size`` entries."""
    return (await roots(connection, workspace, [(0, size)]))[0] if size else merkle.EMPTY


def _cover(low: int, high: int, wanted: dict[int, list[Span]], below: int | None) -> None:
    """Note which kept hashes a range is made of, the widest first."""
    level = 0
    unit = 1
    while unit * WIDTH <= high - low and (below is None or level + 1 < below):
        level, unit = level + 1, unit * WIDTH
    while low < high:
        count = (high - low) // unit
        if count:
            wanted.setdefault(level, []).append((low // unit, low // unit + count))
            low += count * unit
        level, unit = level - 1, unit // WIDTH


def _root(low: int, high: int, kept: Mapping[tuple[int, int], bytes]) -> bytes:
    size = high - low
    level = _LEVELS.get(size)
    if level is not None and (found := kept.get((level, low // size))) is not None:
        return found
    middle = low + merkle.split(size)
    return merkle.node(_root(low, middle, kept), _root(middle, high, kept))
