"""Merkle trees of RFC 6962 over the hashes of evidence: roots, and proofs of inclusion and of consistency.

A leaf is the 32 bytes of an entry's own hash, so that a proof needs no content. Nothing here knows where hashes are
kept: whoever proves something is told which ranges of leaves to find the roots of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

EMPTY: Final = sha256(b"").digest()
"""Root of the tree without leaves."""

Span: TypeAlias = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""


class BadProof(ValueError):
    """A proof does not prove what it is said to."""


def leaf(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of a node."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes of leaves, or of complete subtrees of one size."""
    if not leaves:
        return EMPTY
    level = list(leaves)
    while len(level) > 1:
        whole = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = whole + level[-1:] if len(level) % 2 else whole
    return level[0]


def split(size: int) -> int:
    """The largest power of two below ``size``, where its tree divides."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(index: int, size: int) -> list[Span]:
    """The ranges whose roots prove that leaf ``index`` is in the tree of ``size`` leaves, in order.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}.")
    path: list[Span] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split(high - low)
        if index < middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    return path[::-1]


def consistency(old: int, new: int) -> list[Span]:
    """The ranges whose roots prove that the tree of ``old`` leaves is the beginning of the one of ``new``, in order.

    Raises:
        ValueError: it can't be.
    """
    if not 0 <= old <= new:
        raise ValueError(f"A tree of {new} leaves has no beginning of {old}.")
    path: list[Span] = []
    if old in {0, new}:
        return path
    low, high = 0, new
    whole = True
    while old != high:
        middle = low + split(high - low)
        if old <= middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
            whole = False
    if not whole:
        path.append((low, high))
    return path[::-1]


def check_inclusion(entry: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Return if the proof leads from the entry's hash to the root.

    Raises:
        BadProof: it does not.
    """
    if not 0 <= index < size:
        raise BadProof(f"There is no leaf {index} in a tree of {size}.")
    found = leaf(entry)
    for step, left in zip(proof, _sides(index, size - 1, len(proof)), strict=True):
        found = node(step, found) if left else node(found, step)
    if found != expected:
        raise BadProof(f"The proof of leaf {index} leads to {found.hex()}, not to the root {expected.hex()}.")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the proof shows the old tree to be the beginning of the new one.

    Raises:
        BadProof: it does not.
    """
    if not 0 <= old <= new:
        raise BadProof(f"A tree of {new} leaves has no beginning of {old}.")
    if old in {0, new}:
        if proof or old_root != (new_root if old else EMPTY):
            raise BadProof(f"The trees of {old} and of {new} leaves don't agree.")
        return
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        raise BadProof("The proof is empty.")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = steps[0]
    for step, left in zip(steps[1:], _sides(at, last, len(steps) - 1), strict=True):
        if left:
            was = node(step, was)
        now = node(step, now) if left else node(now, step)
    if was != old_root or now != new_root:
        raise BadProof(f"The proof doesn't lead from the tree of {old} leaves to that of {new}.")


def _sides(at: int, last: int, steps: int) -> Iterator[bool]:
    """Whether each step of a proof stands to the left of what was found so far: RFC 9162, 2.1.3.2 and 2.1.4.2."""
    for _ in range(steps):
        if last == 0:
            raise BadProof("The proof is too long.")
        left = bool(at & 1) or at == last
        while left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
        yield left
    if last:
        raise BadProof("The proof is too short.")


class Growing:
    """The tree of what was added so far, in as many hashes as its size has digits."""

    def __init__(self) -> None:
        self._whole: list[bytes] = []  # roots of complete subtrees, one for each bit of the size, the largest first
        self.size = 0

    def add(self, entry: bytes) -> None:
        """Add a leaf."""
        found = leaf(entry)
        size = self.size
        while size & 1:
            found = node(self._whole.pop(), found)
            size >>= 1
        self._whole.append(found)
        self.size += 1

    def root(self) -> bytes:
        """The root."""
        if not self._whole:
            return EMPTY
        found = self._whole[-1]
        for whole in reversed(self._whole[:-1]):
            found = node(whole, found)
        return found
