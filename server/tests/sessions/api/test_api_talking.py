"""What people say to a session: messages, decisions, and that it should end its turn or itself."""

from __future__ import annotations

import asyncio

import pytest

from runyard.services.sessions.words import Tells

from .conftest import TASK


async def test_a_message_is_heard_and_shown(house, ada):
    heard = []

    async def listens(ctx):
        async for _, body in ctx.receive():
            heard.append({name: body[name] for name in ("type", "content")})
            break
        return {"answer": ""}

    await house.work(listens)
    session = await ada.create()
    sent = await ada.post(f"{session}/messages", {"content": "And the tests?"})
    told = await ada.events(session)
    assert heard == [{"type": "say", "content": "And the tests?"}]
    (shown,) = [event for event in told if event["type"] == "message"]
    assert (shown["seq"], shown["role"], shown["content"]) == (sent["seq"], "user", "And the tests?")
    assert (await ada.post(f"{session}/messages", {"content": "x"}, status=409))["code"] == "ended"


@pytest.mark.parametrize("body", [None, [], {}, {"content": 1}, {"content": " "}, {"content": "x" * 50_001}])
async def test_a_message_says_something(ada, body):
    session = await ada.create()
    assert (await ada.post(f"{session}/messages", body, status=400))["code"] == "bad_request"


@pytest.mark.parametrize("verb", ["interrupt", "finish"])
async def test_a_verb_is_handed_to_the_worker(house, ada, verb):
    async def listens(ctx):
        return {"answer": (await anext(ctx.receive()))[1]["type"]}

    await house.work(listens)
    session = await ada.create(interactive=True)
    assert (await ada.post(f"{session}/{verb}"))["id"] == session
    assert (await ada.get(session, wait=30))["result"] == verb
    told = await ada.events(session)
    assert [event["status"] for event in told] == ["pending", "running", "completed"]
    assert (await ada.post(f"{session}/{verb}", status=409))["code"] == "ended"


async def test_what_ends_by_itself_is_not_finished(ada):
    session = await ada.create()
    assert (await ada.post(f"{session}/finish", status=409))["code"] == "not_interactive"


async def test_what_was_interrupted_may_be_finished(house, ada):
    """It would wait for a message, interactive or not."""

    async def listens(ctx):
        heard = ctx.receive()
        return {"answer": " ".join([(await anext(heard))[1]["type"], (await anext(heard))[1]["type"]])}

    await house.work(listens)
    session = await ada.create()
    await ada.post(f"{session}/interrupt")
    await ada.post(f"{session}/finish")
    assert (await ada.get(session, wait=30))["result"] == "interrupt finish"


WORDS = {"messages": {"content": "Go on."}, "interrupt": None}


async def sends(caller, session, verb, key, body, *, status=202):
    path = f"/v1/sessions/{session}/{verb}"
    answer = await caller.client.post(path, json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize(("verb", "body"), WORDS.items(), ids=WORDS)
async def test_what_comes_again_under_its_key_is_said_once(house, ada, verb, body):
    """Invariant 3: also at the same moment, by somebody else's hand another time, and after the end."""
    session = await ada.create()
    answers = [await sends(ada, session, verb, "k", body)]
    answers += await asyncio.gather(*(sends(ada, session, verb, "k", body) for _ in range(5)))
    bob = await house.caller("bob", project=ada.project)
    await sends(bob, session, verb, "k", body)
    await ada.post(f"{session}/stop")
    answers.append(await sends(ada, session, verb, "k", body))
    assert (await sends(ada, session, verb, "l", body, status=409))["code"] == "ended"
    if verb == "messages":
        assert len({answer["seq"] for answer in answers}) == 1
    job = await house.job(session)
    count = "SELECT count(*) FROM events WHERE job = $1 AND type = 'message'"
    assert await house.yard.database.fetchval(count, job.id) == 2


async def test_a_key_is_not_used_for_two_things(ada):
    """Invariant 3."""
    session = await ada.create()
    await sends(ada, session, "messages", "k", {"content": "Go on."})
    for verb, body in (("messages", {"content": "Stop."}), ("interrupt", None)):
        assert (await sends(ada, session, verb, "k", body, status=422))["code"] == "idempotency_key_reused"
        assert (await sends(ada, session, verb, "k" * 256, body, status=400))["code"] == "bad_request"
    other = await ada.create(key="k")
    await sends(ada, other, "messages", "k", {"content": "Stop."})


async def asks(ctx):
    """Two calls that wait for somebody, then an answer with what was decided."""
    for call in ("call-1", "call-2"):
        await ctx.emit(Tells.TOOL_CALL, {"call": call, "name": "run", "arguments": {}})
        await ctx.emit(Tells.APPROVAL, {"call": call, "state": "needed"})
    decided = {}
    async for _, body in ctx.receive():
        if body["type"] == "decision":
            decided.setdefault(body["call"], body)
        if len(decided) == 2:
            break
    return {"answer": ",".join(f"{call}:{decided[call]['approved']}:{decided[call]['by']}" for call in sorted(decided))}


@pytest.fixture
async def asking(house, ada):
    await house.work(asks)
    session = await ada.create(approve=["run"])
    await house.reached(session, lambda event: event.type == Tells.APPROVAL and event.data["call"] == "call-2")
    return session


async def test_decisions_reach_the_worker_with_the_name_of_who_made_them(ada, asking):
    await ada.post(f"{asking}/approvals/call-2", {"approved": False, "comment": "not today"})
    await ada.post(f"{asking}/approvals/call-1", {"approved": True})
    assert (await ada.get(asking, wait=30))["result"] == "call-1:True:ada,call-2:False:ada"


async def test_a_decision_is_made_once(house, ada, asking):
    bob = await house.caller("bob", project=ada.project)
    path = f"/v1/sessions/{asking}/approvals/call-1"
    answers = await asyncio.gather(
        *(caller.client.post(path, json={"approved": approved}) for caller in (ada, bob) for approved in (True, False))
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers if answer.status_code == 409} == {"decided"}


async def test_only_calls_that_wait_are_decided(ada, asking):
    for call in ("call-3", "call", "%2e%2e", "x" * 300):
        answer = await ada.client.post(f"/v1/sessions/{asking}/approvals/{call}", json={"approved": True})
        assert answer.status_code == 404, call
    assert (await ada.post(f"{asking}/approvals/call-3", {"approved": True}, status=404))["code"] == "no_such_call"


@pytest.mark.parametrize("body", [None, {}, {"approved": "yes"}, {"approved": True, "comment": "x" * 4001}])
async def test_a_decision_says_what_is_decided(ada, asking, body):
    assert (await ada.post(f"{asking}/approvals/call-1", body, status=400))["code"] == "bad_request"


async def test_nothing_is_decided_about_what_has_ended(ada):
    session = await ada.create(TASK)
    await ada.post(f"{session}/stop")
    assert (await ada.post(f"{session}/approvals/call-1", {"approved": True}, status=409))["code"] == "ended"
