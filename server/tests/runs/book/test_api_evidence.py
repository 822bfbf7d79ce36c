"""Evidence over HTTP: what the protocol's clients read, and what anybody needs to check it."""

from __future__ import annotations

import asyncio

import pytest

from runyard.services.runs.evidence import merkle
from runyard.services.runs.evidence.chain import check, hash_of
from runyard.services.runs.evidence.checkpoint import VerifierKey
from runyard.services.runs.evidence.verify import verify


async def test_entries_come_oldest_first_page_by_page(desk, ada):
    written = await desk.write(ada.workspace, *(f"Step {number}." for number in range(25)), run_id="run-1")
    pages = [page async for page in ada.pages("/evidence", limit=10)]
    assert [len(page) for page in pages] == [10, 10, 5]
    entries = [entry for page in pages for entry in page]
    assert [entry["evidenceId"] for entry in entries] == written
    assert check(entries) is None
    assert entries[0].keys() == {
        "schemaVersion", "evidenceId", "workspaceId", "correlationId", "occurredAtIso", "category", "summary", "actor",
        "links", "hashSha256",
    }  # fmt: skip


async def test_pages_are_stable_while_entries_come(desk, ada):
    first = await desk.write(ada.workspace, *map(str, range(10)))
    seen = []
    async for page in ada.pages("/evidence", limit=4):
        seen += [entry["evidenceId"] for entry in page]
        if len(seen) == 4:
            later = await desk.write(ada.workspace, "later")
    assert seen == first + later


async def test_filters_narrow_the_list(desk, ada):
    one = await desk.write(ada.workspace, "a", run_id="run-1")
    two = await desk.write(ada.workspace, "b", run_id="run-2", plan_id="plan-1")
    three = await desk.write(ada.workspace, "c", work_item_id="item-1")

    async def found(**where):
        return [entry["evidenceId"] for entry in await ada.all("/evidence", **where)]

    assert await found(runId="run-1") == one
    assert await found(planId="plan-1") == two
    assert await found(workItemId="item-1") == three
    assert await found(category="Action") == one + two + three
    assert await found(category="Plan") == []
    assert await found(runId="run-2", planId="plan-2") == []


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"cursor": ""}, {"cursor": "x"}, {"category": "Gossip"}, {"runId": ""}],
)  # fmt: skip
async def test_a_query_that_cannot_be_is_refused(ada, params):
    problem = await ada.get("/evidence", 422, **params)
    assert problem["type"] == "https://portarium.dev/problems/validation-failed"
    assert list(problem["errors"]) == [next(iter(params))]


async def test_a_cursor_of_another_query_is_refused(desk, ada):
    await desk.write(ada.workspace, "a", "b", "c", run_id="run-1")
    cursor = (await ada.get("/evidence", limit=1))["nextCursor"]
    await ada.get("/evidence", 422, limit=1, cursor=cursor, runId="run-1")
    other = await desk.person("admin")
    await other.get("/evidence", 422, limit=1, cursor=cursor)


async def test_an_entry_of_another_workspace_does_not_exist(desk, ada):
    (entry,) = await desk.write(ada.workspace, "a")
    other = await desk.person("admin")
    for path in (f"/evidence/{entry}", f"/evidence/{entry}/proof", "/evidence/not-an-id"):
        assert (await other.get(path, 404))["type"].endswith("/not-found")
    assert await other.all("/evidence") == []
    answer = await other.client.get(f"{desk.url}/v1/workspaces/{ada.workspace}/evidence")
    assert answer.status_code in {401, 404}


async def test_an_entry_has_a_version(desk, ada):
    (entry,) = await desk.write(ada.workspace, "a")
    answer = await ada.client.get(f"/evidence/{entry}")
    assert hash_of(answer.json()) == answer.json()["hashSha256"]
    same = await ada.client.get(f"/evidence/{entry}", headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


async def test_an_entry_is_proven_to_be_in_the_checkpoint(desk, ada):
    written = await desk.write(ada.workspace, *map(str, range(300)))
    proof = await ada.get(f"/evidence/{written[260]}/proof")
    entry = await ada.get(f"/evidence/{written[260]}")
    note = proof["checkpoint"]
    told = VerifierKey.parse(note["verifierKey"]).open(note["note"])
    assert (proof["leafIndex"], told.size, told.root.hex()) == (260, 300, note["rootHash"])
    hashes = [bytes.fromhex(each) for each in proof["hashes"]]
    merkle.check_inclusion(bytes.fromhex(entry["hashSha256"]), 260, 300, hashes, told.root)


async def test_evidence_is_proven_to_go_on_from_an_earlier_checkpoint(desk, ada):
    await desk.write(ada.workspace, *map(str, range(7)))
    old = await ada.get("/evidence/checkpoint")
    await desk.write(ada.workspace, *map(str, range(6)))
    proof = await ada.get("/evidence/consistency", fromSize=7)
    new = proof["checkpoint"]
    assert (old["treeSize"], new["treeSize"]) == (7, 13)
    roots = [bytes.fromhex(one["rootHash"]) for one in (old, new)]
    merkle.check_consistency(7, roots[0], 13, roots[1], [bytes.fromhex(each) for each in proof["hashes"]])
    await ada.get("/evidence/consistency", 422, fromSize=14)
    await ada.get("/evidence/consistency", 422, fromSize=-1)


async def test_the_yard_verifies_itself(desk, ada):
    await desk.write(ada.workspace, *map(str, range(1500)))
    await ada.get("/evidence/checkpoint")
    await desk.write(ada.workspace, "more")
    found = await ada.get("/evidence/verification")
    note = await ada.get("/evidence/checkpoint")
    assert found == {
        "verified": True, "treeSize": 1501, "rootHash": note["rootHash"], "checkpoints": 2, "findings": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE runs_evidence SET body = convert_to(replace(convert_from(body, 'UTF8'), 'Eve', 'Bob'), 'UTF8')",
         ("hash_mismatch", 3)),
        ("DELETE FROM runs_evidence", ("truncated", None)),
    ],
)  # fmt: skip
async def test_the_yard_finds_what_was_done_behind_its_back(desk, ada, change, reason):
    await desk.write(ada.workspace, *map(str, range(3)), "Eve was paid.")
    await ada.get("/evidence/checkpoint")
    async with desk.yard.database.pool.acquire() as connection:
        await connection.execute("ALTER TABLE runs_evidence DISABLE TRIGGER append_only")
        await connection.execute(f"{change} WHERE workspace = $1 AND seq = 4", ada.workspace)
        await connection.execute("ALTER TABLE runs_evidence ENABLE TRIGGER append_only")
    found = await ada.get("/evidence/verification")
    assert found["verified"] is False
    assert [(one["reason"], one.get("index")) for one in found["findings"]] == [reason]


async def test_a_bundle_is_downloaded_and_checked(desk, ada, tmp_path):
    await desk.write(ada.workspace, "a", "b", run_id="run-1")
    await desk.write(ada.workspace, "c", run_id="run-2")
    for params, count in (({}, 3), ({"runId": "run-1"}, 2)):
        answer = await ada.client.get("/evidence/bundle", params=params)
        assert answer.headers["content-type"] == "application/octet-stream"
        path = tmp_path / "evidence.zip"
        path.write_bytes(answer.content)
        report = verify(path)
        assert (report.findings, report.entries) == ([], count)
    await ada.get("/evidence/bundle", 404, runId="run-9")


async def test_a_workspace_without_evidence_has_nothing_to_prove(ada):
    assert await ada.get("/evidence") == {"items": []}
    for path in ("/evidence/checkpoint", "/evidence/verification", "/evidence/bundle"):
        await ada.get(path, 404)
    await ada.get("/evidence/consistency", 404, fromSize=0)


async def test_a_tool_reports_what_it_has_done(ada):
    body = {
        "category": "ToolExecution", "actor": "claude", "run_id": "run-1", "correlation_id": "corr-9",
        "payload": {"tool": "shell", "ok": True},
    }  # fmt: skip
    entry = await ada.post("/evidence", body, 201)
    assert (entry["category"], entry["correlationId"], entry["links"]) == ("Action", "corr-9", {"runId": "run-1"})
    assert entry["actor"] == {"kind": "User", "userId": str(ada.id)}
    assert entry["summary"] == "Tool execution by claude reported."
    (payload,) = entry["payloadRefs"]
    assert payload["uri"] == f"urn:sha256:{payload['sha256']}"
    assert await ada.all("/evidence", runId="run-1") == [entry]


async def test_a_report_that_is_sent_twice_is_written_once(ada):
    body = {"category": "Action", "summary": "Paid."}
    key = {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(ada.client.post("/evidence", json=body, headers=key) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await ada.all("/evidence")) == 1
    await ada.post("/evidence", body | {"summary": "Paid twice."}, 409, Idempotency_Key="k1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"category": "Approval"}, "category"),
        ({}, "category"),
        ({"category": "Action", "summary": " "}, "summary"),
        ({"category": "Action", "surprise": 1}, "surprise"),
        ({"category": "Action", "payload": {"n": 2**60}}, "payload"),
        ({"category": "Action", "payloadRefs": [{"kind": "Log", "uri": "x", "sha256": "no"}]}, "payloadRefs.0.sha256"),
        ({"category": "Action", "runId": None}, "runId"),
    ],
)
async def test_a_report_that_cannot_be_is_refused(ada, body, field):
    assert field in (await ada.post("/evidence", body, 422))["errors"]
    assert await ada.all("/evidence") == []


async def test_a_report_with_a_secret_in_an_address_is_refused(ada):
    refs = [{"kind": "Log", "uri": "https://logs.example/1?token=x"}]
    await ada.post("/evidence", {"category": "Action", "payloadRefs": refs}, 422)


@pytest.mark.parametrize(("role", "status"), [("operator", 201), ("auditor", 403), ("approver", 403)])
async def test_only_who_operates_reports(desk, role, status):
    person = await desk.person(role)
    await person.post("/evidence", {"category": "Action"}, status)
    await person.get("/evidence")
