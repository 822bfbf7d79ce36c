"""Bundles of evidence, and that the verifier finds whatever was done to them."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
import zipfile
from contextlib import aclosing, suppress
from random import Random

import msgspec
import pytest
from typer.testing import CliRunner

from runyard.clock import utc_now
from runyard.services.runs.evidence import bundle
from runyard.services.runs.evidence.canonical import canonical
from runyard.services.runs.evidence.chain import hash_of
from runyard.services.runs.evidence.checkpoint import Notary, VerifierKey
from runyard.services.runs.evidence.export import NothingToExport, export
from runyard.services.runs.evidence.rounds import Rounds
from runyard.services.runs.evidence.verbs import evidence_verbs
from runyard.services.runs.evidence.verify import MOST, NotEvidence, verify
from runyard.services.runs.ledger import CHANNEL
from runyard.sizes import MIB


@pytest.fixture
def exported(store, workspace, tmp_path):
    """Writes a bundle and returns its path."""

    async def make(name="evidence.zip", **where):
        path = tmp_path / name
        with path.open("wb") as file:
            async with aclosing((await export(store, workspace, at=utc_now(), where=where)).pieces()) as pieces:
                async for piece in pieces:
                    file.write(piece)
        return path

    return make


def rewritten(path, change):
    """The bundle with other members: ``change`` gets them by name and may do anything to them."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def lines(change):
    """A change of the entries."""

    def apply(members):
        entries = members[bundle.ENTRIES].splitlines()
        members[bundle.ENTRIES] = b"".join(line + b"\n" for line in change(entries))

    return apply


def edited(line, **fields):
    return canonical(json.loads(line) | fields)


def reasons(path, **options):
    return {one.reason for one in verify(path, **options).findings}


async def test_a_bundle_tells_itself_and_is_good(write, exported, workspace, store):
    await write(3)
    await store.checkpoint(workspace)
    await write(2, run="run-2")
    path = await exported()
    report = verify(path, key=store.notary.key(workspace))
    assert report.findings == []
    assert (report.workspace, report.entries, report.covered, report.checkpoints) == (workspace, 5, 5, 2)
    with zipfile.ZipFile(path) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {
            "README.md", "key.txt", "entries.jsonl", "checkpoints", "consistency.jsonl",
        }  # fmt: skip
        assert f"# Evidence of {workspace}\n" in archive.read(bundle.README).decode()


async def test_a_part_is_proven_entry_by_entry(write, exported):
    await write(300)
    await write(4, run="run-2")
    await write(300)
    path = await exported(run_id="run-2")
    report = verify(path)
    assert report.findings == []
    assert (report.entries, report.covered, report.whole) == (4, 4, False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda kept: [edited(kept[0], summary="Nothing."), *kept[1:]], "hash_mismatch"),
        (lambda kept: [*kept[:3], *kept[4:]], "previous_hash_mismatch"),
        (lambda kept: kept[1:], "unexpected_previous_hash"),
        (lambda kept: [kept[0], kept[2], kept[1], *kept[3:]], "previous_hash_mismatch"),
        (lambda kept: kept[:-1], "truncated"),
        (lambda kept: [], "truncated"),
        (lambda kept: [*kept, kept[-1]], "previous_hash_mismatch"),
        (lambda kept: [kept[0].replace(b":", b": ", 1), *kept[1:]], "not_canonical"),
        (lambda kept: [b'{"summary":"twice",' + kept[0][1:], *kept[1:]], "not_canonical"),
        (lambda kept: [b"[" * 100_000, *kept[1:]], "not_json"),
        (lambda kept: [b"\xff", *kept[1:]], "not_json"),
        (lambda kept: [b"7", *kept[1:]], "not_json"),
        (lambda kept: [b"1e999", *kept[1:]], "not_json"),
        (lambda kept: [edited(kept[0], workspaceId="ws-other"), *kept[1:]], "hash_mismatch"),
    ],
)
async def test_a_changed_bundle_is_found_out(write, exported, change, reason):
    await write(6)
    assert reason in reasons(rewritten(await exported(), lines(change)))


async def test_a_chain_that_was_written_anew_does_not_match_what_was_signed(write, exported):
    """Somebody who knows the format, but not the key."""
    await write(6)

    def forge(entries):
        last = None
        for line in entries:
            entry = json.loads(line) | {"summary": "All was well."} | ({} if last is None else {"previousHash": last})
            last = entry["hashSha256"] = hash_of(entry)
            yield canonical(entry)

    assert reasons(rewritten(await exported(), lines(forge))) == {"root_mismatch"}


async def test_a_cut_off_end_is_found_with_a_checkpoint_from_earlier(write, exported, store, workspace):
    """Somebody who took the later checkpoints away as well."""
    await write(4)
    older = await exported("older.zip")
    await write(4)
    kept = await store.checkpoint(workspace)
    assert reasons(older) == set()
    assert reasons(older, seen=[kept]) == {"truncated"}
    newer = await exported("newer.zip")
    assert reasons(newer, seen=[kept]) == set()


async def test_a_part_is_compared_with_a_checkpoint_from_earlier(write, exported, store, workspace):
    await write(4)
    kept = await store.checkpoint(workspace)
    await write(4, run="run-2")
    path = await exported(run_id="run-2")
    assert reasons(path, seen=[kept]) == set()
    assert reasons(path, seen=[store.notary.sign(workspace, 4, bytes(32))]) == {"proof_invalid"}
    assert reasons(path, seen=[store.notary.sign(workspace, 5, bytes(32))]) == {"proof_invalid"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lines(lambda kept: [edited(kept[0], summary="Nothing."), *kept[1:]]), "hash_mismatch"),
        (lines(lambda kept: [kept[1], kept[0]]), "proof_invalid"),
        (lines(lambda kept: [kept[0], kept[0]]), "proof_invalid"),
        (lambda kept: kept.update({bundle.INCLUSION: b""}), "proof_invalid"),
        (lambda kept: kept.update({bundle.INCLUSION: kept[bundle.INCLUSION].replace(b'"index":3', b'"index":2')}), "proof_invalid"),
        (lambda kept: kept.update({bundle.CONSISTENCY: b"?"}), "proof_invalid"),
        (lambda kept: [kept.pop(name) for name in list(kept) if name.startswith(bundle.CHECKPOINTS)], "not_covered"),
    ],
)  # fmt: skip
async def test_a_changed_part_is_found_out(write, exported, change, reason):
    await write(3)
    await write(2, run="run-2")
    await write(3)
    assert reason in reasons(rewritten(await exported(run_id="run-2"), change))


async def test_signatures_are_checked_with_the_key_that_is_known(write, exported, workspace, store, tmp_path):
    await write(3)
    path = await exported()
    stranger = Notary.of(tmp_path / "others").key(workspace)
    assert reasons(path, key=stranger) == {"foreign_key", "checkpoint_invalid"}

    def unsigned(members):
        for name in list(members):
            if name.startswith(bundle.CHECKPOINTS):
                del members[name]

    assert reasons(rewritten(path, unsigned)) == {"not_covered"}


async def test_a_file_of_entries_alone_is_checked_as_far_as_it_goes(write, workspace, store, tmp_path):
    entries = await write(3)
    path = tmp_path / "entries.jsonl"
    path.write_bytes(b"".join(entry.encoded() + b"\n" for entry in entries))
    report = verify(path)
    assert (report.good, report.entries, report.covered) == (True, 3, 0)
    kept = await store.checkpoint(workspace)
    assert verify(path, seen=[kept]).covered == 3
    path.write_bytes(b"".join(entry.encoded() + b"\n" for entry in entries[:2]))
    assert reasons(path, seen=[kept]) == {"truncated"}


async def test_a_file_that_is_wrong_throughout_is_put_down(write, exported):
    await write(60)
    path = rewritten(await exported(), lines(lambda kept: [edited(line, summary="Nothing.") for line in kept]))
    assert len(verify(path).findings) == MOST


async def test_a_damaged_file_is_said_to_be(write, exported):
    await write(50)
    path = await exported()
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    assert not verify(path).good


@pytest.mark.parametrize("content", [b"PK\x05\x06" + bytes(18)])
def test_a_zip_file_of_something_else_is_no_evidence(tmp_path, content):
    path = tmp_path / "other.zip"
    path.write_bytes(content)
    with pytest.raises(NotEvidence):
        verify(path)


async def test_a_workspace_without_evidence_has_nothing_to_export(exported, write):
    with pytest.raises(NothingToExport):
        await exported()
    await write()
    with pytest.raises(NothingToExport, match="run_id 'run-9'"):
        await exported(run_id="run-9")


async def test_what_comes_during_an_export_is_not_part_of_it(store, workspace, write, tmp_path):
    await write(5)
    made = await export(store, workspace, at=utc_now())
    await write(5)
    path = tmp_path / "evidence.zip"
    path.write_bytes(b"".join([piece async for piece in made.pieces()]))
    report = verify(path)
    assert (report.good, report.entries) == (True, 5)


async def test_the_command_says_what_it_found(write, exported, store, workspace, tmp_path):
    await write(3)
    path, key, note = await exported(), store.notary.key(workspace), tmp_path / "note.txt"
    note.write_text(await store.checkpoint(workspace))
    app = evidence_verbs(lambda: pytest.fail("a verifier has no yard"))
    good = CliRunner().invoke(app, ["verify", str(path), "--key", str(key), "--checkpoint", str(note)])
    assert good.exit_code == 0, good.output
    assert f"3 entries of {workspace}" in good.output
    assert "Nothing was changed, removed, moved or cut off." in good.output
    rewritten(path, lines(lambda kept: kept[:-1]))
    bad = CliRunner().invoke(app, ["verify", str(path), "--json"])
    assert bad.exit_code == 1
    told = msgspec.json.decode(bad.output)
    assert (told["good"], told["findings"][0]["reason"]) == (False, "truncated")
    assert CliRunner().invoke(app, ["verify", str(path), "--key", "x"]).exit_code == 1


async def test_checkpoints_are_signed_once_for_each_size(store, workspace, write):
    assert await store.checkpoint(workspace) is None
    await write(2)
    assert await store.checkpoint(workspace) == await store.checkpoint(workspace)
    await write(1)
    note = await store.checkpoint(workspace)
    assert len(await store.checkpoints(workspace, rows=10)) == 2
    assert VerifierKey.parse(str(store.notary.key(workspace))).open(note).size == 3


async def test_what_was_written_is_signed_for_after_a_while(store, workspace, write, parts):
    await write(2)
    rounds = Rounds(store, parts.signals, channel=CHANNEL, period=0.0)
    await rounds.start()
    try:
        await signed(store, workspace, 2)  # written while nobody served
        await write(1)
        await signed(store, workspace, 3)
    finally:
        await rounds.stop()


async def signed(store, workspace, size):
    """Return when there is a checkpoint of so many entries."""
    async with asyncio.timeout(30):
        while True:
            notes = await store.checkpoints(workspace, rows=1)
            if notes and store.notary.key(workspace).open(notes[-1]).size == size:
                return


async def test_a_bundle_that_was_emptied_is_no_good(write, exported):
    """Without entries nothing is uncovered; that doesn't make it a proof."""
    await write(3)

    def emptied(members):
        members[bundle.ENTRIES] = members[bundle.CONSISTENCY] = b""
        for name in [one for one in members if one.startswith(bundle.CHECKPOINTS)]:
            del members[name]

    assert reasons(rewritten(await exported(), emptied)) == {"not_covered"}


def test_an_empty_file_is_no_evidence(tmp_path):
    path = tmp_path / "entries.jsonl"
    path.write_bytes(b"")
    with pytest.raises(NotEvidence, match="is empty"):
        verify(path)


async def test_a_name_that_is_there_twice_is_found_out(write, exported):
    """Readers that go through the file take the first, those that look names up the last."""
    await write(3)
    path = await exported()
    with zipfile.ZipFile(path) as archive:
        entries = archive.read(bundle.ENTRIES)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(bundle.ENTRIES, entries)
    assert reasons(path) == {"ambiguous"}


async def test_whatever_bytes_are_changed_the_verifier_answers(write, exported, tmp_path):
    """Truncated, encrypted, packed otherwise: a finding or a refusal, never an error of its own."""
    await write(20)
    content, random = (await exported()).read_bytes(), Random(7)
    path = tmp_path / "changed.zip"
    for _ in range(500):
        changed = bytearray(content[: random.randrange(len(content))] if random.random() < 0.1 else content)
        for _ in range(random.randint(1, 3)):
            changed[-1 - random.randrange(min(len(changed), random.choice([900, 10**9])))] = random.randrange(256)
        path.write_bytes(changed)
        with suppress(NotEvidence):
            report = verify(path)
            assert not report.good or report.entries == 20


async def test_no_file_makes_the_verifier_keep_all_of_it(write, exported):
    """A megabyte of zip with a million proofs that nobody asks for."""
    await write(3)
    many = b"".join(b'{"size":%d,"proof":[]}\n' % size for size in range(10, 200_000))
    path = rewritten(await exported(), lambda members: members.update({bundle.CONSISTENCY: many}))
    tracemalloc.start()
    try:
        verify(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


async def test_a_new_key_begins_anew_and_bundles_stay_good(write, exported, workspace, store, parts, tmp_path):
    await write(3)
    old = await store.checkpoint(workspace)
    await write(1)
    await store.checkpoint(workspace)
    store.notary = Notary.of(tmp_path / "new keys")
    key = store.notary.key(workspace)
    assert key.open(await store.checkpoint(workspace)).size == 4
    await write(2)
    path = await exported()
    assert reasons(path, key=key) == set()
    assert "checkpoint_invalid" in reasons(path, key=key, seen=[old])


async def test_a_damaged_tree_does_not_keep_others_from_being_signed(store, workspace, write, parts):
    broken = f"{workspace}-0"
    await parts.database.execute(
        "INSERT INTO runs_heads (workspace, entries, hash, at) VALUES ($1, 7, $2, now())", broken, bytes(32)
    )
    await write(2)
    rounds = Rounds(store, parts.signals, channel=CHANNEL, period=0.0)
    await rounds.start()
    try:
        await signed(store, workspace, 2)
        await write(1)
        await signed(store, workspace, 3)
    finally:
        await rounds.stop()
        await parts.database.execute("DELETE FROM runs_heads WHERE workspace = $1", broken)
