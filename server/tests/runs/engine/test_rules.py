"""The rules of a run, one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runyard.services.runs.engine.moves import Escalate, Expire, OpenGate, Start, VoidGate
from runyard.services.runs.engine.spec import Approval, Retry
from runyard.services.runs.engine.tiers import Tier

from .model import Lived, action, spec

HOUR = timedelta(hours=1)


def test_actions_follow_each_other_when_none_says_otherwise() -> None:
    run = Lived.of(spec(action("a"), action("b")))
    run.go()
    assert (run.status, run.running()) == ("Running", ["a"])
    run.end("a")
    run.go()
    assert run.running() == ["b"]
    run.end("b", {"value": 2})
    run.go()
    assert (run.status, run.run.output) == ("Succeeded", {"b": {"value": 2}})


def test_actions_that_do_not_depend_on_each_other_run_at_once() -> None:
    run = Lived.of(spec(action("a", depends_on=()), action("b"), action("c", depends_on=("a", "b"))))
    run.go()
    assert run.running() == ["a", "b"]
    run.end("b")
    run.go()
    assert run.running() == ["a"]
    run.end("a")
    run.go()
    assert run.running() == ["c"]


def test_outputs_files_and_parameters_are_passed_on() -> None:
    file = {"sha256": "0" * 64, "name": "a.txt", "size": 3}
    run = Lived.of(
        spec(
            action("a.b", input={"value": {"$ref": "parameters.invoice.id"}}),
            action(
                "c", input={"value": [{"$ref": "actions.a.b.output.value"}, {"$ref": "actions.a.b.files.out/a.txt"}]}
            ),
        ),
        parameters={"invoice": {"id": "inv-1"}},
    )
    run.go()
    assert run.started[0].input == {"value": "inv-1"}
    run.end("a.b", {"value": 7}, **{"out/a.txt": file})
    run.go()
    assert run.started[1].input == {"value": [7, {"$file": file}]}


def test_a_reference_to_what_was_not_given_fails_the_action() -> None:
    run = Lived.of(spec(action("a"), action("b", input={"value": {"$ref": "actions.a.output.value.deep"}})))
    run.go()
    run.end("a", {"value": 1})
    run.go()
    assert (run.status, run.run.error) == (
        "Failed",
        {"code": "bad_reference", "message": "'actions.a.output.value.deep': there is no 'deep'", "actionId": "b"},
    )


def test_a_failed_action_is_tried_again_after_a_growing_pause() -> None:
    run = Lived.of(spec(action("a", retry=Retry(max_attempts=3, backoff_seconds=2))))
    pauses = []
    for _ in range(2):
        run.go()
        run.fail("a")
        wake_at = run.go().wake_at
        assert (run.status, run.running()) == ("Running", [])
        pauses.append((wake_at - run.now).total_seconds())
        assert run.go().moves == ()
        run.now = wake_at
    assert pauses == [2, 4]
    run.go()
    run.fail("a")
    run.go()
    assert (run.status, run.run.error["code"], run.steps["a"].attempt) == ("Failed", "broken", 3)


def test_an_action_that_takes_too_long_fails() -> None:
    """Invariant 7."""
    run = Lived.of(spec(action("a", timeout_seconds=60)))
    run.now = run.go().wake_at
    assert run.now == run.run.created_at + timedelta(seconds=60)
    run.go()
    assert (run.status, run.run.error["code"]) == ("Failed", "timeout")


def test_a_run_that_takes_too_long_fails() -> None:
    run = Lived.of(spec(action("a", timeout_seconds=10**9)))
    run.go()
    run.now = run.run.deadline
    run.go()
    assert (run.status, run.run.error["code"]) == ("Failed", "timeout")


@pytest.mark.parametrize(("tier", "gates"), [("Auto", 0), ("Assisted", 0), ("HumanApprove", 1), ("ManualOnly", 1)])
def test_the_tier_says_whether_the_whole_run_has_a_gate(tier: str, gates: int) -> None:
    run = Lived.of(spec(action("a"), action("b"), tier=Tier(tier)))
    run.go()
    assert len(run.pending()) == gates
    assert run.status == ("WaitingForApproval" if gates else "Running")
    if gates:
        assert run.running() == []
        run.decide()
        run.go()
        assert (run.status, run.running()) == ("Running", ["a"])


def test_a_manual_run_is_done_by_people() -> None:
    run = Lived.of(spec(action("a"), tier=Tier.MANUAL_ONLY))
    run.go()
    run.decide()
    run.go()
    assert [(one.action, one.by) for one in run.started] == [("a", "person")]


def test_a_stricter_action_has_a_gate_of_its_own_and_an_early_decision_is_kept() -> None:
    run = Lived.of(spec(action("a"), action("b", execution_tier_override=Tier.HUMAN_APPROVE)))
    run.go()
    assert (run.status, run.running(), [one.action for one in run.pending()]) == ("Running", ["a"], ["b"])
    run.decide()
    run.go()
    run.end("a")
    run.go()
    assert run.running() == ["b"]


def test_a_gate_opens_only_when_it_is_known_what_it_is_about() -> None:
    late = {"value": {"$ref": "actions.a.output.value"}}
    run = Lived.of(spec(action("a"), action("b", input=late, execution_tier_override=Tier.HUMAN_APPROVE)))
    run.go()
    assert run.pending() == []
    run.end("a", {"value": 5000})
    run.go()
    (gate,) = run.pending()
    assert run.status == "WaitingForApproval"
    assert run.plans[gate.plan_hash].doings[0].input == {"value": 5000}
    run.decide()
    run.go()
    assert run.started[-1].input == {"value": 5000}


def test_a_denial_fails_the_run_and_nothing_begins() -> None:
    run = Lived.of(spec(action("a"), tier=Tier.HUMAN_APPROVE))
    run.go()
    run.decide("Denied")
    run.go()
    assert (run.status, run.run.error["code"], run.started) == ("Failed", "denied", [])


def test_a_request_for_changes_pauses_the_run() -> None:
    run = Lived.of(spec(action("a"), tier=Tier.HUMAN_APPROVE))
    run.go()
    run.decide("RequestChanges")
    run.go()
    assert (run.status, run.run.hold, run.started) == ("Paused", "changes", [])
    assert run.go().moves == ()


def test_what_is_not_decided_in_time_is_denied() -> None:
    """Fail closed."""
    run = Lived.of(spec(action("a"), tier=Tier.HUMAN_APPROVE, approval=Approval(due_seconds=3600)))
    run.now = run.go().wake_at
    assert run.now == run.run.created_at + HOUR
    run.go()
    assert (run.status, run.run.error["code"], run.started) == ("Failed", "denied", [])
    assert any(isinstance(move, Expire) for move in run.made)


def test_further_people_are_asked_in_turn() -> None:
    asked = Approval(due_seconds=7200, escalate_to=("u1", "u2"), escalate_after_seconds=1800)
    run = Lived.of(spec(action("a"), tier=Tier.HUMAN_APPROVE, approval=asked))
    times = []
    for _ in range(3):
        wake_at = run.go().wake_at
        times.append((wake_at - run.run.created_at).total_seconds())
        run.now = wake_at
    assert times == [1800, 3600, 7200]
    assert [move.to for move in run.made if isinstance(move, Escalate)] == ["u1", "u2"]


def test_a_gate_takes_as_many_people_as_the_workflow_the_action_or_a_policy_says() -> None:
    run = Lived.of(spec(action("a"), tier=Tier.HUMAN_APPROVE, approval=Approval(quorum=2)))
    run.approvers = 3
    run.go()
    assert [one.quorum for one in run.pending()] == [3]


def test_an_approval_of_another_plan_counts_no_more() -> None:
    served = action("a", "invoice:create")
    run = Lived.of(spec(served, tier=Tier.HUMAN_APPROVE))
    run.served_by = {"a": "sap/1"}
    run.go()
    run.decide()
    run.served_by = {"a": "oracle/2"}
    run.go()
    assert any(isinstance(move, VoidGate) for move in run.made)
    assert (run.status, run.started) == ("WaitingForApproval", [])
    run.decide()
    run.go()
    assert [(one.by, one.served_by) for one in run.started] == [("machine", "oracle/2")]


def test_a_change_elsewhere_does_not_undo_what_was_approved_and_begun() -> None:
    run = Lived.of(spec(action("a", "invoice:create"), action("b"), tier=Tier.HUMAN_APPROVE))
    run.served_by = {"a": "sap/1"}
    run.go()
    run.decide()
    run.go()
    run.served_by = {"a": "oracle/2"}
    run.end("a")
    run.go()
    assert run.running() == ["b"]
    assert sum(isinstance(move, OpenGate) for move in run.made) == 1


def test_without_an_adapter_the_action_fails() -> None:
    run = Lived.of(spec(action("a", "invoice:create")))
    run.go()
    assert (run.status, run.run.error["code"]) == ("Failed", "no_adapter")


def test_a_held_run_begins_nothing_and_finishes_what_runs() -> None:
    run = Lived.of(spec(action("a"), action("b")))
    run.go()
    run.run = _held(run)
    run.end("a")
    run.go()
    assert (run.status, run.running(), run.steps["a"].status) == ("Paused", [], "Succeeded")


def test_an_ended_run_does_nothing() -> None:
    run = Lived.of(spec(action("a")))
    run.go()
    run.end("a")
    run.go()
    found = run.go()
    assert (found.moves, found.wake_at) == ((), None)


def test_a_number_too_large_for_json_fails_the_run_instead_of_being_approved_as_another() -> None:
    run = Lived.of(
        spec(action("a", input={"value": {"$ref": "parameters.n"}}), tier=Tier.HUMAN_APPROVE), parameters={"n": 2**60}
    )
    run.go()
    assert (run.status, run.run.error["code"], run.pending()) == ("Failed", "bad_input", [])


def test_persons_and_machines_have_operations_of_their_own() -> None:
    run = Lived.of(
        spec(
            action("a", "person:complete", input={"description": "Look"}, depends_on=()),
            action("b", "machine:invoke", input={"machineId": "m", "action": "x:y"}),
            action("c", "test:run", input={"package": {"$file": {}}}),
        )
    )
    run.go()
    assert {one.action: one.by for one in run.started if isinstance(one, Start)} == {
        "a": "person",
        "b": "machine",
        "c": "job",
    }


def _held(run: Lived):
    from dataclasses import replace

    from runyard.services.runs.engine.states import RunStatus

    return replace(run.run, status=RunStatus.PAUSED, hold="pause")


def test_another_adapter_is_approved_before_a_further_try_goes_to_it() -> None:
    run = Lived.of(spec(action("a", "invoice:create", retry=Retry(max_attempts=2)), tier=Tier.HUMAN_APPROVE))
    run.served_by = {"a": "sap/1"}
    run.go()
    run.decide()
    run.go()
    assert [one.served_by for one in run.started] == ["sap/1"]
    run.fail("a")
    run.go()
    run.served_by = {"a": "oracle/2"}
    run.now += timedelta(seconds=60)
    run.go()
    assert run.running() == []
    (gate,) = run.pending()
    assert run.plans[gate.plan_hash].doings[0].served_by == "oracle/2"
    run.decide()
    run.go()
    assert [one.served_by for one in run.started] == ["sap/1", "oracle/2"]


@pytest.mark.parametrize(
    ("operation", "given", "text"),
    [
        ("machine:invoke", {"action": "x"}, "machineId"),
        ("machine:invoke", [1], "array"),
        ("person:complete", {"description": 1}, "description"),
        ("invoice:create", "everything", "is no object"),
    ],
)
def test_an_input_that_turns_out_not_to_fit_fails_the_action(operation: str, given: object, text: str) -> None:
    """A whole input by reference can't be checked when the workflow is saved."""
    run = Lived.of(spec(action("a", operation, input={"$ref": "parameters.all"})), parameters={"all": given})
    run.served_by = {"a": "sap/1"}
    run.go()
    assert (run.status, run.run.error["code"]) == ("Failed", "bad_input")
    assert text in run.run.error["message"]
    assert run.started == []


def test_references_that_grow_out_of_all_bounds_fail_the_action() -> None:
    """Invariant 5: each action gives what the one before gave a hundred times; nothing that large is ever written."""
    copies = {"value": [{"$ref": "parameters.text"}] * 100}
    run = Lived.of(spec(action("a", input=copies)), parameters={"text": "x" * 100_000})
    run.go()
    assert run.run.error["code"] == "bad_input"
    gated = Lived.of(spec(action("a", input=copies), tier=Tier.HUMAN_APPROVE), parameters={"text": "x" * 100_000})
    gated.go()
    assert (gated.status, gated.run.error["code"], gated.plans) == ("Failed", "bad_input", {})
    small = Lived.of(spec(action("a", input=copies)), parameters={"text": "x" * 1000})
    small.go()
    assert small.running() == ["a"]
