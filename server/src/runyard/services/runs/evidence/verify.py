"""Checking evidence offline: a bundle, or a file of entries. Nothing but the file is asked."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

import msgspec

from runyard.services.runs.evidence import bundle, merkle
from runyard.services.runs.evidence.bundle import LONGEST_LINE, Consistency, Inclusion
from runyard.services.runs.evidence.canonical import NotCanonical, canonical
from runyard.services.runs.evidence.chain import Chain, hash_of
from runyard.services.runs.evidence.checkpoint import LONGEST, BadCheckpoint, Checkpoint, VerifierKey
from runyard.services.runs.evidence.merkle import BadProof

MOST: Final = 20
"""Findings after which a file is put down."""


class NotEvidence(ValueError):
    """The file can't be read as evidence at all; the text says why."""


_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, KeyError,
    RuntimeError,  # of a member that is encrypted, or packed in a way that nobody knows
)  # fmt: skip


class Enough(Exception):
    """So much is wrong that the rest tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong.

    Attributes:
        index: of the line it is about, from 0.
        reason: one word for programs.
        text: what it is, for people.
    """

    reason: str
    text: str
    index: int | None = None


@dataclass(slots=True, kw_only=True)
class Report:
    """What was found.

    Attributes:
        lines: those that were read, entries or not.
        whole: whether these are all entries of the workspace up to the last checkpoint.
        covered: entries that a good signature covers.
        key: what signatures were verified with.
    """

    workspace: str = ""
    lines: int = 0
    entries: int = 0
    covered: int = 0
    checkpoints: int = 0
    whole: bool = True
    first: str = ""
    last: str = ""
    root: str = ""
    key: str | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def wrong(self, reason: str, text: str, index: int | None = None) -> None:
        """Note a finding."""
        self.findings.append(Finding(reason=reason, text=text, index=index))
        if len(self.findings) >= MOST:
            raise Enough


def verify(path: Path, *, key: VerifierKey | None = None, seen: Sequence[str] = ()) -> Report:
    """Check a bundle, or a file with an entry a line.

    Args:
        key: the workspace's key, if the verifier knows it; else the bundle's own is believed.
        seen: checkpoints kept from earlier, as signed notes. The entries have to go on from each.

    Raises:
        NotEvidence: it is neither.
    """
    report = Report()
    try:
        with _opened(path) as (archive, lines):
            if archive is None:
                report.key = None if key is None else str(key)
                notes = _signed(report, key, seen) if key is not None else [_unsigned(note) for note in seen]
                _all(report, lines, notes)
                if not report.lines and not notes:
                    raise NotEvidence(f"{path} is empty.")
            else:
                _bundle(report, archive, lines, key, seen)
    except Enough:
        pass
    except _DAMAGE as error:
        report.findings.append(Finding(reason="unreadable", text=f"The file is damaged: {error}."))
    return report


def _bundle(
    report: Report, archive: zipfile.ZipFile, lines: Iterator[bytes], key: VerifierKey | None, seen: Sequence[str]
) -> None:
    names = sorted(archive.namelist())
    for name in sorted({name for name, next_ in pairwise(names) if name == next_}):
        report.wrong("ambiguous", f"There are two files called {name!r:.100}: which one is read depends on the reader.")
    own = _text(archive, bundle.KEY)
    try:
        key = key or VerifierKey.parse(own)
    except BadCheckpoint as error:
        raise NotEvidence(f"{bundle.KEY}: {error}") from None
    report.key = str(key)
    if own.strip() != report.key:
        report.wrong("foreign_key", f"The bundle names another key than yours: {own.strip()!r:.200}.")
    texts = [_text(archive, name) for name in names if name.startswith(bundle.CHECKPOINTS)]
    notes = sorted(_signed(report, key, texts), key=lambda note: note.size)
    report.checkpoints = len(notes)
    kept = _signed(report, key, seen)
    report.whole = bundle.INCLUSION not in names
    if report.whole:
        _all(report, lines, [*notes, *kept])
        if report.good and not notes:
            report.wrong("not_covered", "There is no signed checkpoint: every bundle has one, over all its entries.")
        if report.good and report.covered < report.entries:
            count = report.entries - report.covered
            report.wrong("not_covered", f"The last {count} entries are not covered by a signed checkpoint.")
    else:
        _part(report, lines, _lines(archive, bundle.INCLUSION), notes)
    if notes:
        report.root = notes[-1].root.hex()
    _consistent(report, _lines(archive, bundle.CONSISTENCY), notes, [] if report.whole else kept)


class Walk:
    """Goes through all entries of a workspace, in as many steps as one likes, and past every checkpoint.

    Args:
        report: where findings go.
        notes: checkpoints whose signatures are good.
    """

    def __init__(self, report: Report, notes: Sequence[Checkpoint]) -> None:
        self._report = report
        self._chain, self._tree = Chain(), merkle.Growing()
        self._due: dict[int, list[Checkpoint]] = {}
        for note in notes:
            self._due.setdefault(note.size, []).append(note)

    def go_on(self, lines: Iterable[bytes]) -> None:
        """Take the next entries.

        Raises:
            Enough: so much is wrong that the rest tells nothing.
        """
        for entry, form in _entries(self._report, lines):
            broken = self._chain.add(entry, form)
            if broken is not None:
                said = f"{_SAYS[broken.reason]} (expected {broken.expected}, found {broken.actual})"
                self._report.wrong(broken.reason, f"Entry {broken.index}: {said}.", broken.index)
            self._tree.add(_digest(entry))
            if self._tree.size in self._due:
                self._pass(self._due.pop(self._tree.size))

    def end(self) -> None:
        """There are no more."""
        self._report.root = self._tree.root().hex()
        for size in sorted(self._due):
            text = f"A checkpoint of {size} entries was signed, and only {self._tree.size} are here."
            self._report.wrong("truncated", text)

    def _pass(self, notes: Sequence[Checkpoint]) -> None:
        size, root = self._tree.size, self._tree.root()
        for note in notes:
            if note.root == root:
                self._report.covered = max(self._report.covered, size)
            else:
                self._report.wrong("root_mismatch", f"The first {size} entries are not those that were signed.")


def _all(report: Report, lines: Iterable[bytes], notes: Sequence[Checkpoint]) -> None:
    walk = Walk(report, notes)
    walk.go_on(lines)
    walk.end()


def _part(report: Report, lines: Iterator[bytes], proofs: Iterator[bytes], notes: Sequence[Checkpoint]) -> None:
    """Some entries of a workspace, each with a proof that it is one."""
    last, before = (notes[-1] if notes else None), -1
    if last is None:
        report.wrong("not_covered", "There is no good checkpoint to prove anything against.")
        return
    for index, (entry, form) in enumerate(_entries(report, lines)):
        if (found := hash_of(entry, form)) != entry.get("hashSha256"):
            report.wrong("hash_mismatch", f"Entry {index}: {_SAYS['hash_mismatch']} (its content has {found}).", index)
        try:
            before = _proven(entry, msgspec.json.decode(next(proofs, b""), type=Inclusion), before, last)
        except (BadProof, msgspec.MsgspecError, ValueError) as error:
            report.wrong("proof_invalid", f"Entry {index} is not proven: {error}", index)
        else:
            report.covered += 1


def _proven(entry: Mapping[str, object], proof: Inclusion, before: int, last: Checkpoint) -> int:
    """The place of an entry in the tree of the last checkpoint, which is after the place ``before``."""
    if proof.evidence_id != entry.get("evidenceId") or proof.index <= before:
        raise BadProof(f"This is the proof of the entry {proof.evidence_id!r:.100}, or of one before the last.")
    merkle.check_inclusion(_digest(entry), proof.index, last.size, _hashes(proof.proof), last.root)
    return proof.index


def _consistent(
    report: Report, lines: Iterator[bytes], notes: Sequence[Checkpoint], kept: Sequence[Checkpoint]
) -> None:
    """Every checkpoint is the beginning of the last one. Those kept from earlier have to be among them."""
    asked = {note.size for note in (*notes, *kept)}  # there may be any number of others
    try:
        found = (msgspec.json.decode(line, type=Consistency) for line in lines)
        proofs = {one.size: one.proof for one in found if one.size in asked}
    except msgspec.MsgspecError as error:
        report.wrong("proof_invalid", f"{bundle.CONSISTENCY} can't be read: {error}.")
        return
    if not notes:
        return
    last = notes[-1]
    for note in [*notes[:-1], *kept]:
        steps = proofs.get(note.size, () if note.size == last.size else None)
        text = f"The checkpoint of {note.size} entries is not proven to be the beginning of that of {last.size}"
        if steps is None:
            report.wrong("proof_invalid", f"{text}: there is no proof for it.")
            continue
        try:
            merkle.check_consistency(note.size, note.root, last.size, last.root, _hashes(steps))
        except (BadProof, ValueError) as error:
            report.wrong("proof_invalid", f"{text}: {error}")


def _entries(report: Report, lines: Iterable[bytes]) -> Iterator[tuple[Mapping[str, object], bytes | None]]:
    """The entries, each with the line if that is its canonical form."""
    for index, line in enumerate(lines, report.lines):
        report.lines = index + 1
        try:
            entry = msgspec.json.decode(line)
            same = canonical(entry) == line
        except (msgspec.MsgspecError, NotCanonical, UnicodeDecodeError, RecursionError) as error:
            report.wrong("not_json", f"Line {index + 1} can't be read: {error}.", index)
            continue
        if not isinstance(entry, dict):
            report.wrong("not_json", f"Line {index + 1} is no entry.", index)
            continue
        if not same:
            report.wrong("not_canonical", f"Line {index + 1} is not in canonical form.", index)
        workspace = str(entry.get("workspaceId"))
        if not report.entries:
            report.workspace, report.first = workspace, str(entry.get("occurredAtIso"))
        elif workspace != report.workspace:
            report.wrong("foreign_entry", f"Entry {index} is of the workspace {workspace!r:.100}.", index)
        report.entries += 1
        report.last = str(entry.get("occurredAtIso"))
        yield entry, line if same else None


def _signed(report: Report, key: VerifierKey, notes: Sequence[str]) -> list[Checkpoint]:
    good: list[Checkpoint] = []
    for note in notes:
        try:
            good.append(key.open(note))
        except BadCheckpoint as error:
            report.wrong("checkpoint_invalid", str(error))
    return good


def _unsigned(note: str) -> Checkpoint:
    try:
        return Checkpoint.parse(note)
    except BadCheckpoint as error:
        raise NotEvidence(str(error)) from None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile | None, Iterator[bytes]]]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if not {bundle.KEY, bundle.ENTRIES} <= set(archive.namelist()):
                    raise NotEvidence(f"{path} is a zip file, but no bundle of evidence.")
                yield archive, _lines(archive, bundle.ENTRIES)
        else:
            with path.open("rb") as file:
                yield None, _read(file)
    except OSError as error:
        raise NotEvidence(f"{path} can't be read ({error.strerror}).") from error


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    if name in archive.namelist():
        with archive.open(name) as file:
            yield from _read(io.BufferedReader(file))  # type: ignore[type-var]


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line.rstrip(b"\n")


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as file:
        return file.read(LONGEST).decode("utf-8", "replace")


def _digest(entry: Mapping[str, object]) -> bytes:
    """The leaf of an entry, by what it says of itself; nothing that could be one of ours otherwise."""
    try:
        return bytes.fromhex(str(entry.get("hashSha256")))
    except ValueError:
        return b""


def _hashes(proof: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(step) for step in proof]


_SAYS: Final[Mapping[str, str]] = {
    "timestamp_not_monotonic": "it is older than the one before it",
    "unexpected_previous_hash": "the first one can't follow another",
    "previous_hash_mismatch": "it doesn't follow the one before it: something was removed, moved or changed",
    "hash_mismatch": "it was changed after it was written",
    "signature_invalid": "its signature is not good",
}
