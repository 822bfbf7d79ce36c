"""The test cases of a run as they are kept beside it, and the questions asked of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from runyard.services.ci.report import TestCase

FAILING: Final = frozenset({"failed", "error"})

ARGUMENTS: Final = 96 * 1024
"""Bytes of node ids a rerun may name, since they become arguments of a process; above it, it names files."""


def keep(cases: Sequence[TestCase]) -> bytes:
    """The stored form of cases. Blocks: call it in a thread."""
    return gzip.compress(msgspec.json.encode(cases), compresslevel=3, mtime=0)


def restore(kept: bytes) -> tuple[TestCase, ...]:
    """The cases of a stored form. Blocks: call it in a thread."""
    return msgspec.json.decode(gzip.decompress(kept), type=tuple[TestCase, ...])


def choose(cases: Iterable[TestCase], *, failed: bool, slowest: int | None) -> list[TestCase]:
    """The cases that failed, or the slowest ones, slowest first; both when both are wanted."""
    chosen = [case for case in cases if case.outcome in FAILING] if failed else list(cases)
    if slowest is not None:
        chosen = sorted(chosen, key=lambda case: -case.duration)[:slowest]
    return chosen


def to_rerun(cases: Iterable[TestCase]) -> tuple[str, ...]:
    """What to ask pytest for so that every failing case runs again."""
    ids = list(dict.fromkeys(case.id for case in cases if case.outcome in FAILING))
    if sum(len(one.encode()) + 1 for one in ids) > ARGUMENTS:
        ids = list(dict.fromkeys(one.partition("::")[0] for one in ids))
    return tuple(ids)
