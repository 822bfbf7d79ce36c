"""The form in which evidence leaves the yard: a zip file that ``runyard evidence verify`` and plain tools can read.

==================== =====================================================================================
``README.md``        what this is and how to check it
``key.txt``          what its signatures are verified with
``entries.jsonl``    the entries, oldest first, each line in canonical form
``checkpoints/*``    signed notes, named by the number of entries they are of; the last one covers all
``consistency.jsonl`` for each earlier checkpoint, that the last one goes on from it
``inclusion.jsonl``  only with a part of the entries: for each, that it is in the tree of the last checkpoint
==================== =====================================================================================
"""

from __future__ import annotations

from typing import Final

import msgspec

README: Final = "README.md"
KEY: Final = "key.txt"
ENTRIES: Final = "entries.jsonl"
CHECKPOINTS: Final = "checkpoints/"
CONSISTENCY: Final = "consistency.jsonl"
INCLUSION: Final = "inclusion.jsonl"

LONGEST_LINE: Final = 1024 * 1024
"""Bytes of a line."""


class Consistency(msgspec.Struct, frozen=True, rename="camel"):
    """That the tree of so many entries is the beginning of the last checkpoint's."""

    size: int
    proof: tuple[str, ...]


class Inclusion(msgspec.Struct, frozen=True, rename="camel"):
    """That an entry is in the tree of the last checkpoint, at this place from 0."""

    evidence_id: str
    index: int
    proof: tuple[str, ...]


TEXT: Final = """\
# Evidence of {workspace}{part}

{count} entries as of {at}, exported by {yard}.

Check it, without a network: `runyard evidence verify FILE`

Or by hand:

1. Each line of `entries.jsonl` is JSON in the canonical form of RFC 8785. Without `hashSha256` its SHA-256 is what
   `hashSha256` says, and `previousHash` is that of the entry before it in the workspace.
2. The files in `checkpoints/` are signed notes (C2SP tlog-checkpoint, Ed25519) over the root of the Merkle tree of
   RFC 6962, whose leaves are the 32 bytes of each `hashSha256`. `key.txt` is the key they are verified with.
3. `consistency.jsonl` proves that each checkpoint is the beginning of the last one, `inclusion.jsonl` (with a part of
   the entries only) that each entry is in the last one; both as RFC 9162 has it, hashes in hexadecimal.

What this can't tell: whether `key.txt` is the yard's. Compare it with a key, or a checkpoint, that you have from
earlier: `runyard evidence verify FILE --key KEY --checkpoint NOTE`.
"""
