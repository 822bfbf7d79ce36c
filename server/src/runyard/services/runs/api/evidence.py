"""Evidence over HTTP: lists, single entries, proofs, checkpoints, bundles, and what tools report."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from runyard.database import Connection
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.etags import etag_of, matches
from runyard.services.runs.api.paging import BEGINNING, Page, Place
from runyard.services.runs.evidence.canonical import NotCanonical, canonical
from runyard.services.runs.evidence.checkpoint import Checkpoint
from runyard.services.runs.evidence.entry import PayloadRef
from runyard.services.runs.evidence.export import NothingToExport, export
from runyard.services.runs.evidence.store import NoSuchSize, Row
from runyard.services.runs.evidence.verify import Enough, Report, Walk
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Id
from runyard.services.runs.models.evidence import (
    EvidenceCategory,
    EvidenceCheckpoint,
    EvidenceConsistencyProof,
    EvidenceEntryListResponse,
    EvidenceEntryV1,
    EvidenceFinding,
    EvidenceInclusionProof,
    EvidencePayloadRef,
    EvidenceVerification,
    ReportEvidenceRequest,
)
from runyard.services.runs.refused import Refused, invalid, not_found
from runyard.services.runs.words import Act
from runyard.web.bodies import JSON

WALK: Final = 1000
"""Entries verified between two breaths of the event loop."""

NOTES: Final = 1000
"""Checkpoints that a verification passes, the newest ones."""

BYTES: Final = "application/octet-stream"
"""What a bundle is sent as: generators of clients know no zip."""

EvidenceId = Annotated[str, Path(alias="evidenceId", min_length=1)]

routes: APIRouter = router("Evidence")


@routes.get("/evidence", operation_id="listEvidenceEntries", response_model=EvidenceEntryListResponse)
async def list_entries(
    visit: Entered,
    page: Paged,
    *,
    run: Annotated[Id | None, Query(alias="runId")] = None,
    plan: Annotated[Id | None, Query(alias="planId")] = None,
    work_item: Annotated[Id | None, Query(alias="workItemId")] = None,
    category: EvidenceCategory | None = None,
) -> Response:
    """The workspace's evidence."""
    visit.caller.require(Act.READ)
    return await entries(visit, page, {"run_id": run, "plan_id": plan, "work_item_id": work_item, "category": category})


async def entries(visit: Visit, page: Page, where: Mapping[str, str | None]) -> Response:
    """A page of entries, as they were written: nothing is read from them."""
    after = 0 if page.after == BEGINNING else int(page.after.id)
    rows = await visit.room.evidence.page(visit.caller.workspace, after=after, rows=page.rows, where=where)
    shown, cursor = page.cut(rows, lambda row: Place(row.at, str(row.seq)))
    more = b"" if cursor is None else b',"nextCursor":"%b","cursor":"%b"' % (cursor.encode(), cursor.encode())
    return Response(b'{"items":[%b]%b}' % (b",".join(row.body for row in shown), more), media_type=JSON)


@routes.post(
    "/evidence",
    operation_id="reportEvidence",
    response_model=EvidenceEntryV1,
    status_code=201,
    openapi_extra=asks(ReportEvidenceRequest),
)
async def report(visit: Entered) -> Response:
    """Take in what a tool has done. Who reports it is who did it, as far as the evidence goes."""
    visit.caller.require(Act.EVIDENCE_INGEST)
    asked = await visit.body(ReportEvidenceRequest)
    payloads = _payloads(asked)
    named = asked.actor if isinstance(asked.actor, str) else None
    summary = asked.summary or (f"Tool execution by {named} reported." if named else "Tool execution reported.")

    async def work(_: Connection, book: Book) -> EvidenceEntryV1:
        entry = book.record(
            "Action", summary, actor=visit.caller.actor,
            correlation_id=asked.correlation_id or visit.caller.correlation_id,
            run_id=asked.run_id, plan_id=asked.plan_id, work_item_id=asked.work_item_id, payload_refs=payloads,
        )  # fmt: skip
        return EvidenceEntryV1.model_validate_json(entry.encoded())

    return await command(
        visit, "ReportEvidence", asked, work, status=201, location=lambda entry: f"evidence/{entry.evidence_id}"
    )


@routes.get("/evidence/checkpoint", operation_id="getEvidenceCheckpoint", response_model=EvidenceCheckpoint)
async def checkpoint(visit: Entered) -> Response:
    """A signed checkpoint over all entries there are. Keep it elsewhere: it shows later that they are still there."""
    visit.caller.require(Act.READ)
    return await look(visit, _signed(visit, await _note(visit)))


@routes.get("/evidence/consistency", operation_id="getEvidenceConsistency", response_model=EvidenceConsistencyProof)
async def consistency(visit: Entered, *, size: Annotated[int, Query(alias="fromSize", ge=0, le=2**53)]) -> Response:
    """The proof that today's evidence goes on from what a checkpoint of ``fromSize`` entries was of."""
    visit.caller.require(Act.READ)
    note = await _note(visit)
    try:
        proof = await visit.room.evidence.consistency(visit.caller.workspace, size, note)
    except NoSuchSize as error:
        raise invalid("fromSize", str(error)) from None
    hashes = [each.hex() for each in proof]
    return await look(
        visit, EvidenceConsistencyProof(from_size=size, hashes=hashes, checkpoint=_signed(visit, note)), etag=False
    )


@routes.get("/evidence/verification", operation_id="verifyEvidence", response_model=EvidenceVerification)
async def verification(visit: Entered) -> Response:
    """Walk over all entries, and past every checkpoint: what the yard finds. Others can find it for themselves."""
    visit.caller.require(Act.READ)
    store, workspace = visit.room.evidence, visit.caller.workspace
    await _note(visit)
    key = store.notary.key(workspace)
    notes = [key.open(note) for note in await store.checkpoints(workspace, rows=NOTES)]
    found, after, end = Report(), 0, notes[-1].size
    walk = Walk(found, notes)
    async with store.walks:
        try:
            while rows := await store.page(workspace, after=after, rows=min(WALK, end - after), where={}):
                after = rows[-1].seq
                await asyncio.to_thread(walk.go_on, [row.body for row in rows])
            walk.end()
        except Enough:
            pass
    findings = [EvidenceFinding(reason=one.reason, detail=one.text, index=one.index) for one in found.findings]
    answer = EvidenceVerification(
        verified=found.good, tree_size=found.entries, root_hash=found.root or notes[-1].root.hex(),
        checkpoints=len(notes), findings=findings,
    )  # fmt: skip
    return await look(visit, answer, etag=False)


@routes.get(
    "/evidence/bundle",
    operation_id="exportEvidence",
    response_class=StreamingResponse,
    responses={200: {"content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def export_bundle(visit: Entered, *, run: Annotated[Id | None, Query(alias="runId")] = None) -> Response:
    """Everything, or what is about one run, with proofs: a zip file for ``runyard evidence verify``."""
    visit.caller.require(Act.READ)
    workspace = visit.caller.workspace
    try:
        bundle = await export(visit.room.evidence, workspace, at=visit.room.yard.clock(), where={"run_id": run})
    except NothingToExport as error:
        raise Refused("not-found", str(error)) from None
    headers = {"Content-Disposition": f'attachment; filename="{workspace}-evidence.zip"'}
    return StreamingResponse(bundle.pieces(), media_type=BYTES, headers=headers)


@routes.get("/evidence/{evidenceId}", operation_id="getEvidenceEntry", response_model=EvidenceEntryV1)
async def get_entry(visit: Entered, evidence: EvidenceId) -> Response:
    """One entry, as it was written."""
    visit.caller.require(Act.READ)
    row = await _find(visit, evidence)
    wanted = visit.request.headers.get("if-none-match")
    headers = {"ETag": etag_of(row.body)}
    if wanted is not None and matches(wanted, row.body):
        return Response(status_code=304, headers=headers)
    return Response(row.body, media_type=JSON, headers=headers)


@routes.get("/evidence/{evidenceId}/proof", operation_id="getEvidenceProof", response_model=EvidenceInclusionProof)
async def get_proof(visit: Entered, evidence: EvidenceId) -> Response:
    """The proof that an entry is in the newest checkpoint."""
    visit.caller.require(Act.READ)
    row = await _find(visit, evidence)
    note = await _note(visit)
    proof = await visit.room.evidence.inclusion(visit.caller.workspace, row.seq - 1, note)
    answer = EvidenceInclusionProof(
        evidence_id=str(row.id), leaf_index=row.seq - 1, hashes=[each.hex() for each in proof],
        checkpoint=_signed(visit, note),
    )  # fmt: skip
    return await look(visit, answer, etag=False)


async def _find(visit: Visit, evidence: str) -> Row:
    try:
        row = await visit.room.evidence.find(visit.caller.workspace, UUID(evidence))
    except ValueError:
        row = None
    if row is None:
        raise not_found("Evidence", evidence)
    return row


async def _note(visit: Visit) -> str:
    note = await visit.room.evidence.checkpoint(visit.caller.workspace)
    if note is None:
        raise Refused("not-found", "The workspace has no evidence yet.")
    return note


def _signed(visit: Visit, note: str) -> EvidenceCheckpoint:
    told = Checkpoint.parse(note)
    key = visit.room.evidence.notary.key(visit.caller.workspace)
    return EvidenceCheckpoint(tree_size=told.size, root_hash=told.root.hex(), note=note, verifier_key=str(key))


def _payloads(asked: ReportEvidenceRequest) -> tuple[PayloadRef, ...]:
    found = [_payload(one) for one in asked.payload_refs or ()]
    if asked.payload is not None:
        try:
            digest = hashlib.sha256(canonical(asked.payload)).hexdigest()
        except NotCanonical as error:
            raise invalid("payload", str(error)) from None
        kept = PayloadRef(kind="Snapshot", uri=f"urn:sha256:{digest}", content_type="application/json", sha256=digest)
        found.append(kept)
    return tuple(found)


def _payload(said: EvidencePayloadRef) -> PayloadRef:
    more = {"content_type": said.content_type, "sha256": said.sha256}
    return PayloadRef(
        kind=said.kind, uri=said.uri, **{name: value for name, value in more.items() if value is not None}
    )
