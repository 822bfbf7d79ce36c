"""What is wrong with a workflow is found when it is saved, with the place and the way out."""

from __future__ import annotations

import pytest

from runyard.services.runs.engine.checking import missing_parameters, problems
from runyard.services.runs.engine.spec import Approval
from runyard.services.runs.engine.tiers import Tier

from .model import CATALOGUE, action, spec

FILE = {"$file": {"sha256": "0" * 64, "name": "p.zip"}}


def test_a_sound_workflow_has_no_problems() -> None:
    sound = spec(
        action("t", "test:run", input={"package": {"$ref": "parameters.package"}, "tests": ["a", "b"]}),
        action("e", input={"value": {"$ref": "actions.t.output.report.passed"}}),
        action("p", "person:complete", input={"description": "Look", "details": {"n": {"$ref": "actions.e.output"}}}),
        action("o", "invoice:create", input={"anything": [{"$ref": "actions.p.output.completionNote"}]}),
    )
    assert problems(sound, CATALOGUE) == {}


@pytest.mark.parametrize(
    ("actions", "field", "text"),
    [
        ([action("a"), action("a")], "actions.1.actionId", "'a' is there twice"),
        ([action("a", "Echo")], "actions.0.operation", "entity:verb"),
        ([action("a", depends_on=("x",))], "actions.0.dependsOn", "there is no action 'x'; there are: a"),
        ([action("a", depends_on=("b",)), action("b", depends_on=("a",))], "actions", "a → b → a"),
        ([action("a", depends_on=("a",))], "actions", "a → a"),
        ([action("a", timeout_seconds=0)], "actions.0.timeoutSeconds", "is 0; it is more than 0"),
        ([action("a", approval=Approval(roles=("auditor",)))], "actions.0.approval.roles", "'auditor' may not decide"),
        ([action("a", approval=Approval(escalate_to=("u",)))], "actions.0.approval.escalateAfterSeconds", "is missing"),
        (
            [action("a", approval=Approval(quorum=2, assignee_user_id="u"))],
            "actions.0.approval.assigneeUserId",
            "one person can't be 2",
        ),
        ([action("a", input={"value": {"$ref": "params.x"}})], "actions.0.input", "it begins with 'parameters.'"),
        ([action("a", input={"value": {"$ref": "actions.z.output"}})], "actions.0.input", "it names no action"),
        ([action("a", input={"value": {"$ref": 3}})], "actions.0.input", "$ref is 3"),
        ([action("a", input={"value": {"$ref": "parameters.x", "or": 1}})], "actions.0.input", "stands beside 'or'"),
        (
            [action("a", input={"value": {"$ref": "actions.b.output"}}), action("b")],
            "actions.0.input.value",
            "'b' does not come before 'a'",
        ),
        ([action("a", "test:run")], "actions.0.input.package", "is missing"),
        ([action("a", "test:run", input={"package": FILE, "test": []})], "actions.0.input.test", "no such field"),
        (
            [action("a", "test:run", input={"package": "p.zip"})],
            "actions.0.input.package",
            "Expected `object`, got `str`",
        ),
        (
            [action("a", "test:run", input={"package": FILE, "seconds": FILE})],
            "actions.0.input.seconds",
            "a file stands where number is wanted",
        ),
        (
            [action("e"), action("a", "test:run", input={"package": {"$ref": "actions.t.output.passed"}})],
            "actions.1.input",
            "it names no action",
        ),
        ([action("a", "invoice:create", input=[1])], "actions.0.input", "it is an object"),
    ],
)
def test_a_bad_workflow_is_refused_with_the_place(actions, field: str, text: str) -> None:
    found = problems(spec(*actions), CATALOGUE)
    assert list(found) == [field]
    assert text.replace("`", "") in found[field][0]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("actions.t.output.passed", "'actions.t.output.passed' is number; file is wanted"),
        ("actions.t.output.nothing", "there is no 'nothing'; there are: passed, report"),
        ("actions.t.output.passed.deeper", "number has no 'deeper'"),
    ],
)
def test_references_are_checked_by_type(reference: str, text: str) -> None:
    first = action("t", "test:run", input={"package": FILE})
    found = problems(spec(first, action("a", "test:run", input={"package": {"$ref": reference}})), CATALOGUE)
    assert text in found["actions.1.input.package"][0]


def test_files_of_earlier_actions_are_files() -> None:
    first = action("e")
    second = action("a", "test:run", input={"package": {"$ref": "actions.e.files.out.zip"}})
    assert problems(spec(first, second), CATALOGUE) == {}
    third = action("a", "test:run", input={"package": FILE, "seconds": {"$ref": "actions.e.files.out.zip"}})
    assert "is file; number is wanted" in problems(spec(first, third), CATALOGUE)["actions.1.input.seconds"][0]


def test_an_override_is_never_less_strict() -> None:
    loose = spec(action("a", execution_tier_override=Tier.AUTO), tier=Tier.HUMAN_APPROVE)
    assert "may only be as strict" in problems(loose, CATALOGUE)["actions.0.executionTierOverride"][0]


def test_a_nest_without_end_is_refused() -> None:
    value: object = 1
    for _ in range(60):
        value = [value]
    assert "nested" in problems(spec(action("a", input={"value": value})), CATALOGUE)["actions.0.input"][0]


def test_missing_parameters_are_named() -> None:
    wants = spec(action("a", input={"value": [{"$ref": "parameters.x"}, {"$ref": "parameters.y.0"}]}))
    assert missing_parameters(wants, {"y": [1]}) == {"parameters.x": ["is missing; action 'a' needs it"]}
