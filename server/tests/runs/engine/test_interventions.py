"""What people do to runs that have begun."""

from __future__ import annotations

import pytest

from .works import Site, ok, problem

WHY = "Something looks odd here."


async def held(site: Site, name: str) -> str:
    """A run whose first action goes on until the test says so, and whose second comes after it."""
    run = await site.run({"actionId": "a", "input": {"waits": name}}, {"actionId": "b"}, name=name)
    await site.step(run, "a", "Running")
    return run


async def do(site: Site, run: str, kind: str, *, by: str = "operator", **more: object):
    body = {"interventionType": kind, "rationale": WHY, **more}
    return await getattr(site.place, by).post(f"/runs/{run}/interventions", json=body)


async def test_a_paused_run_begins_nothing_and_goes_on_when_resumed(site: Site) -> None:
    run = await held(site, "pause")
    paused = (await do(site, run, "pause")).json()
    assert (paused["status"], paused["controlState"]) == ("Paused", "waiting")
    site.works.saying.gate("pause").set()
    await site.step(run, "a", "Succeeded")
    assert (await site.get(run))["steps"][1]["status"] == "Pending"
    resumed = (await do(site, run, "resume")).json()
    assert (resumed["status"], "controlState" in resumed) == ("Running", False)
    assert (await site.ended(run))["status"] == "Succeeded"
    assert f"Intervention pause: {WHY}" in await site.evidence(run)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("reroute", "blocked"), ("handoff", "operator-owned"), ("escalate", "blocked"), ("request-evidence", "blocked"),
        ("request-more-evidence", "blocked"), ("sandbox", "degraded"),
    ],
)  # fmt: skip
async def test_other_holds_have_words_of_their_own(site: Site, kind: str, state: str) -> None:
    run = await held(site, kind)
    found = await ok(do(site, run, kind, target="user-7"))
    assert (found["status"], found["controlState"]) == ("Paused", state)
    assert found.get("operatorOwnerId") == ("user-7" if kind == "handoff" else None)
    site.works.saying.gate(kind).set()
    await ok(do(site, run, "resume"))
    assert (await site.ended(run))["status"] == "Succeeded"


async def test_a_frozen_run_is_for_admins(site: Site) -> None:
    run = await held(site, "freeze")
    await problem(do(site, run, "freeze"), 403, "forbidden", "Only an admin")
    frozen = await ok(do(site, run, "freeze", by="admin"))
    assert frozen["controlState"] == "frozen"
    await problem(do(site, run, "resume"), 403, "forbidden", "Only an admin")
    await problem(do(site, run, "pause"), 409, "conflict", "frozen")
    site.works.saying.gate("freeze").set()
    await ok(do(site, run, "resume", by="admin"))
    assert (await site.ended(run))["status"] == "Succeeded"


async def test_an_emergency_stops_further_starts(site: Site) -> None:
    run = await held(site, "emergency")
    await ok(do(site, run, "emergency-disable", by="admin"))
    workflow = (await site.get(run))["workflowId"]
    body = {"workflowId": workflow}
    await problem(site.place.operator.post("/runs", json=body), 409, "conflict", "not active")
    await ok(site.place.operator.post(f"/runs/{run}/cancel"))


async def test_resuming_is_no_way_around_an_approval(site: Site) -> None:
    site.works.saying.begun.clear()
    run = await site.run({"actionId": "a"}, tier="HumanApprove")
    await site.until(run, "WaitingForApproval")
    found = await ok(do(site, run, "resume", by="admin"))
    assert found["status"] == "WaitingForApproval"
    await ok(do(site, run, "pause"))
    await ok(do(site, run, "resume"))
    await site.until(run, "WaitingForApproval")
    assert site.works.saying.begun == []


async def test_an_ended_run_can_only_be_annotated(site: Site) -> None:
    run = await site.run({"actionId": "a"})
    ended = await site.ended(run)
    await problem(do(site, run, "pause"), 409, "conflict", "only be annotated")
    assert (await ok(do(site, run, "annotate", by="auditor")))["status"] == ended["status"]
    assert f"Intervention annotate: {WHY}" in await site.evidence(run)


async def test_interventions_that_are_none(site: Site) -> None:
    run = await held(site, "none")
    path = f"/runs/{run}/interventions"
    post = site.place.operator.post
    good = {"interventionType": "pause", "rationale": WHY}
    for bad in ({"rationale": "short"}, {"interventionType": "stop"}, {"more": 1}, {"target": ""}):
        await problem(post(path, json={**good, **bad}), 422, "validation-failed")
    await problem(post(path, content=b"{"), 400, "bad-request")
    text = {"Content-Type": "text/plain"}
    await problem(post(path, content=b"{}", headers=text), 415, "unsupported-media-type")
    await problem(site.place.auditor.post(path, json=good), 403, "forbidden")
    await problem(post("/runs/x/interventions", json=good), 404, "not-found")
    await problem(do(site, run, "resume"), 409, "conflict", "nothing to resume")
    site.works.saying.gate("none").set()
    await site.ended(run)
