"""Policies: what they say, and how they are saved and asked."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.house import House, Place
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.models.policies import PolicyV1
from runyard.services.runs.policies.conditions import (
    MOST_OPERATIONS,
    Condition,
    ConditionError,
    EvaluationError,
)
from runyard.services.runs.policies.tools import Risk, risk
from runyard.services.runs.policies.verdict import Decision, Verdict, approvers, judge, of_tool

from .shapes import made, no_nulls, problem

FACTS = {
    "tool": "mail:send",
    "agent": "agent-1",
    "context": {"amount": 500, "tags": ["urgent", "vip"], "note": "pay now", "open": True, "nobody": None},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('tool == "mail:send"', True),
        ("tool != 'mail:send'", False),
        ("context.amount > 499 and context.amount <= 500", True),
        ("context.amount < 5e", None),
        ("not context.open or context.amount >= 500.5", False),
        ("not (context.open and false)", True),
        ('agent in ["agent-1", "agent-2"]', True),
        ('context.tags contains "vip"', True),
        ('"now" in context.note', True),
        ("context.nobody == null", True),
        ("context.open == 1", False),
        ('"a" < "b"', True),
        ("false and context.missing == 1", False),
        ("true or context.missing == 1", True),
        ('"it\\"s" == \'it"s\'', True),
        ("context.amount == -500", False),
        ("[] contains 1", False),
    ],
)
def test_a_condition_is_true_or_false_of_facts(text: str, holds: bool | None) -> None:
    if holds is None:
        with pytest.raises(ConditionError):
            Condition.parse(text)
    else:
        assert Condition.parse(text).holds(FACTS) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it ends"),
        ("tool ==", "it ends"),
        ("tool == ==", "where a value should be"),
        ("(tool", r"where '\)' should be"),
        ("tool tool", "where an operator or the end should be"),
        ("tool; drop", "means nothing here"),
        ("[1, 2", "it ends"),
        ("import os", "operator or the end"),
        ("__import__('os')", "operator or the end"),
        ("and", "where a value should be"),
        ("not " * 60 + "true", "within each other"),
        ("[" * 60, "within each other"),
        (" or ".join(["a"] * (MOST_OPERATIONS // 2 + 1)), "operations"),
        ("true" + " " * 5000 + "x", "characters"),
    ],
)
def test_a_condition_that_is_none_says_where(text: str, words: str) -> None:
    with pytest.raises(ConditionError, match=words):
        Condition.parse(text)


@pytest.mark.parametrize(
    "text", ["context.missing == 1", "tool", "1 and true", "tool < 1", "1 in 2", "context.tags > 1", "true < false"]
)
def test_a_condition_without_an_answer_says_so(text: str) -> None:
    with pytest.raises(EvaluationError):
        Condition.parse(text).holds(FACTS)


def test_the_longest_condition_is_no_trouble() -> None:
    condition = Condition.parse(" and ".join(["a"] * (MOST_OPERATIONS // 2)))
    assert condition.holds({"a": True}) is True


@given(st.text(max_size=80) | st.text("tol.\"'[](),=<>! andorincs0159-", max_size=80))
def test_no_text_does_harm(text: str) -> None:
    """Whatever it is, it is true or false, or one of the two errors."""
    with suppress(ConditionError, EvaluationError):
        assert Condition.parse(text).holds(FACTS) in {True, False}


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("shell", Risk.DANGEROUS), ("run_terminal_command", Risk.DANGEROUS), ("os.exec", Risk.DANGEROUS),
        ("BrowserAutomation", Risk.DANGEROUS), ("package-install", Risk.DANGEROUS), ("readShell", Risk.DANGEROUS),
        ("mail:send", Risk.MUTATION), ("createInvoice", Risk.MUTATION), ("refund_payment", Risk.MUTATION),
        ("get_and_delete", Risk.MUTATION), ("invoice:read", Risk.READ_ONLY), ("list_users", Risk.READ_ONLY),
        ("classifyText", Risk.READ_ONLY), ("frobnicate", Risk.UNKNOWN), ("", Risk.UNKNOWN), ("already", Risk.UNKNOWN),
    ],
)  # fmt: skip
def test_a_tools_name_says_how_much_trust_it_takes(tool: str, expected: Risk) -> None:
    assert risk(tool) is expected


def policy(
    name: str = "p", *, constraints: tuple = (), priority: int = 0, active: bool = True, **rules: str
) -> PolicyV1:
    """A policy with the rules ``<effect>_<n>=<condition>``."""
    listed = [
        {"ruleId": rule, "condition": condition, "effect": rule.partition("_")[0].capitalize()}
        for rule, condition in rules.items()
    ]
    return PolicyV1.model_validate(
        {
            "policyId": name, "workspaceId": "w", "name": name, "active": active, "priority": priority, "version": 1,
            "createdAtIso": datetime(2026, 1, 1, tzinfo=UTC), "createdByUserId": "u",
            "sodConstraints": list(constraints), "rules": listed,
        }
    )  # fmt: skip


def test_one_denial_outweighs_every_allowance() -> None:
    told = judge([policy("a", allow="true"), policy("b", deny="context.amount > 100")], FACTS)
    assert told.decision is Decision.DENY
    assert "'b'" in told.reason


def test_a_denial_that_cannot_be_decided_denies_and_such_an_allowance_does_not_allow() -> None:
    assert judge([policy(deny="context.missing == 1")], FACTS).decision is Decision.DENY
    assert judge([policy(allow="context.missing == 1")], FACTS).decision is Decision.REQUIRE_APPROVAL


def test_what_no_allow_rule_is_true_of_takes_approval() -> None:
    assert judge([policy(allow_1="false", allow_2="true")], FACTS).decision is Decision.ALLOW
    assert judge([policy(allow_1="false", allow_2="false")], FACTS).decision is Decision.REQUIRE_APPROVAL


def test_a_policy_that_is_not_active_says_nothing() -> None:
    assert judge([policy(active=False, deny="true")], FACTS).decision is Decision.ALLOW
    assert approvers([policy(active=False, constraints=({"kind": "DistinctApprovers", "minimumApprovers": 3},))]) == 1


def test_the_reason_is_that_of_the_policy_with_the_highest_priority() -> None:
    told = judge([policy("a", priority=1, deny="true"), policy("b", priority=2, deny="true")], FACTS)
    assert "'b'" in told.reason


def test_the_most_approvers_that_any_policy_asks_for_count() -> None:
    two, three = ({"kind": "DistinctApprovers", "minimumApprovers": count} for count in (2, 3))
    assert approvers([policy(constraints=(two,)), policy(constraints=(three, {"kind": "MakerChecker"}))]) == 3
    assert approvers([]) == 1


def test_nobody_does_two_duties_that_exclude_each_other() -> None:
    apart = policy(constraints=({"kind": "IncompatibleDuties", "dutyKeys": ("order", "pay")},))
    assert judge([apart], FACTS, duties={"order"}, duty="pay").decision is Decision.DENY
    assert judge([apart], FACTS, duties={"pay"}, duty="pay").decision is Decision.ALLOW
    assert judge([apart], FACTS, duties={"order"}, duty="print").decision is Decision.ALLOW


@given(st.sampled_from(Tier), st.sampled_from(["shell", "mail:send", "frobnicate", "list"]), st.sampled_from(Decision))
def test_no_policy_makes_a_tool_laxer_than_its_tier(tier: Tier, tool: str, decision: Decision) -> None:
    """A rule may lift what the tool's name asks for, but neither a denial, nor what only people do, nor the tier."""
    told = of_tool(tool, tier=tier, policies=Verdict(decision, "so", said=True))
    assert told.decision >= decision
    if tier.by_people or risk(tool).tier.by_people:
        assert told.decision is Decision.DENY
    elif tier.needs_approval:
        assert told.decision >= Decision.REQUIRE_APPROVAL


# -------------------------------------------------------------------- over HTTP

POLICY: dict[str, Any] = {
    "name": "No large payments",
    "rules": [{"ruleId": "r1", "condition": 'tool == "pay" and context.amount > 1000', "effect": "Deny"}],
    "sodConstraints": [{"kind": "MakerChecker"}, {"kind": "DistinctApprovers", "minimumApprovers": 2}],
}


async def test_a_policy_is_saved_and_saved_again_as_its_next_version(house: House, place: Place) -> None:
    answer = await place.admin.post("/policies", json=POLICY)
    saved = await made(answer)
    path = f"/policies/{saved['policyId']}"
    assert answer.headers["location"].endswith(path)
    shown = (await place.auditor.get(path)).json()
    assert {name: shown[name] for name in POLICY} == POLICY
    assert (shown["schemaVersion"], shown["version"], shown["active"], shown["priority"]) == (1, 1, True, 0)
    assert no_nulls(shown)
    next_ = {**POLICY, "policyId": saved["policyId"], "version": 1, "active": False}
    assert (await made(await place.admin.post("/policies", json=next_)))["version"] == 2
    problem(await place.admin.post("/policies", json=next_), 409, "conflict")
    assert [one["version"] for one in (await place.auditor.get("/policies")).json()["items"]] == [2]
    rows = await house.yard.database.fetch("SELECT body FROM runs_events WHERE workspace = $1", place.id)
    assert [msgspec.json.decode(row["body"])["type"] for row in rows] == ["com.portarium.policy.PolicySaved"] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"rules": [{"ruleId": "r", "condition": "tool ==", "effect": "Deny"}]},
        {"rules": [{"ruleId": "r", "condition": "true", "effect": "Maybe"}]},
        {"sodConstraints": [{"kind": "Trust"}]},
        {"sodConstraints": [{"kind": "DistinctApprovers", "minimumApprovers": 0}]},
        {"sodConstraints": [{"kind": "IncompatibleDuties", "dutyKeys": ["one"]}]},
        {"sodConstraints": [{"kind": "MakerChecker", "more": 1}]},
        {"policyId": "a b"},
        {"color": "red"},
    ],
)
async def test_what_is_no_policy_is_refused(shared: Place, changes: dict) -> None:
    problem(await shared.admin.post("/policies", json={**POLICY, **changes}), 422, "validation-failed")
    assert (await shared.admin.get("/policies")).json() == {"items": []}


@pytest.fixture(scope="module")
async def shared(house: House) -> Place:
    """A workspace for tests in which nothing comes about."""
    return await house.place()


async def test_policies_belong_to_admins_and_to_their_workspace(house: House, place: Place) -> None:
    problem(await place.operator.post("/policies", json=POLICY), 403, "forbidden")
    saved, elsewhere = await made(await place.admin.post("/policies", json=POLICY)), await house.place()
    problem(await elsewhere.admin.get(f"/policies/{saved['policyId']}"), 404, "not-found")
    problem(await place.admin.get("/policies/policy-none"), 404, "not-found")


async def test_a_gate_for_tools_says_what_follows_and_puts_it_on_record(place: Place) -> None:
    await made(await place.admin.post("/policies", json={**POLICY, "sodConstraints": []}))
    asked = {"action_type": "pay", "agent_id": "agent-1", "correlation_id": "flow-1", "context": {"amount": 5000}}
    denied = await made(await place.operator.post("/policy/evaluate", json=asked), 200)
    assert (denied["decision"], "'r1'" in denied["reason"]) == ("Deny", True)
    small = {"actionType": "pay", "context": {"amount": 5}}
    assert (await place.operator.post("/policy/evaluate", json=small)).json()["decision"] == "HumanApprove"
    reading = {"actionType": "invoice:list"}
    assert (await place.operator.post("/policy/evaluate", json=reading)).json()["decision"] == "Allow"
    problem(await place.auditor.post("/policy/evaluate", json=asked), 403, "forbidden")
    entries = (await place.auditor.get("/evidence", params={"category": "Policy"})).json()["items"]
    summaries = [(one["summary"], one["correlationId"]) for one in entries[1:]]
    assert summaries[0] == ("pay was judged: Deny.", "flow-1")
    assert [one for one, _ in summaries[1:]] == ["pay was judged: HumanApprove.", "invoice:list was judged: Allow."]
