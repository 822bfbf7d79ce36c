"""What is wrong with a workflow, found when it is saved: order, cycles, references, types, who may approve."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.references import BadReference, Scope, Unresolved, find, read, resolve
from runyard.services.runs.engine.shapes import problems as misfits
from runyard.services.runs.engine.spec import MOST_ACTIONS, Action, Approval, Spec, before, cycle
from runyard.services.runs.words import MAY, Act

OPERATION: Final = re.compile(r"[a-z][a-z0-9-]*:[a-zA-Z][a-zA-Z0-9_-]*")
LONGEST: Final = 366 * 24 * 3600.0
"""Seconds that anything of a run may last."""

Problem = tuple[str, str]
"""Field, and what is wrong with it."""


def problems(spec: Spec, catalogue: Catalogue) -> Mapping[str, list[str]]:
    """Everything that is wrong, by field."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for field, text in _problems(spec, catalogue):
        found[field].append(text)
    return dict(found)


def missing_parameters(spec: Spec, parameters: Mapping[str, object]) -> Mapping[str, list[str]]:
    """What the actions refer to and a run was not given, by field."""
    scope, names = Scope(parameters=parameters), [one.action_id for one in spec.actions]
    found: dict[str, list[str]] = {}
    for action in spec.actions:
        for _, text in find(action.input):
            reference = read(text, names)
            if reference.kind == "parameter":
                try:
                    resolve({"$ref": text}, scope, names)
                except Unresolved:
                    found.setdefault(reference.text, []).append(f"is missing; action {action.action_id!r} needs it")
    return found


def _problems(spec: Spec, catalogue: Catalogue) -> Iterator[Problem]:
    if len(spec.actions) > MOST_ACTIONS:
        yield "actions", f"there are {len(spec.actions)}; a workflow has {MOST_ACTIONS} at most"
        return
    yield from _approval("approval", spec.approval)
    yield from _seconds("timeoutSeconds", spec.timeout_seconds)
    for place, action in enumerate(spec.actions):
        yield from _action(place, action, spec)
    dependencies = spec.dependencies()
    if len(dependencies) < len(spec.actions):
        return  # two have one id: what depends on what can't be said
    if circle := cycle(dependencies):
        yield "actions", f"they wait for each other in a circle: {' → '.join(circle)}"
        return
    for place, action in enumerate(spec.actions):
        yield from _input(f"actions.{place}.input", action, spec, dependencies, catalogue)


def _action(place: int, action: Action, spec: Spec) -> Iterator[Problem]:
    where, names = f"actions.{place}", [one.action_id for one in spec.actions]
    if action.order != place + 1:
        yield f"{where}.order", f"is {action.order}; the actions are numbered from 1 in the order of the list"
    if action.action_id in names[:place]:
        yield f"{where}.actionId", f"{action.action_id!r} is there twice"
    if not OPERATION.fullmatch(action.operation):
        yield f"{where}.operation", f"{action.operation!r} is no operation; write entity:verb, such as invoice:create"
    override = action.execution_tier_override
    if override is not None and override.rank < spec.execution_tier.rank:
        text = f"{override} is less strict than {spec.execution_tier}, the workflow's; it may only be as strict or more"
        yield f"{where}.executionTierOverride", text
    yield from _approval(f"{where}.approval", action.approval)
    yield from _seconds(f"{where}.timeoutSeconds", action.timeout_seconds)
    for name in action.depends_on or ():
        if name not in names:
            yield f"{where}.dependsOn", f"there is no action {name!r}; there are: {', '.join(names)}"


def _input(
    where: str, action: Action, spec: Spec, dependencies: Mapping[str, tuple[str, ...]], catalogue: Catalogue
) -> Iterator[Problem]:
    names = [one.action_id for one in spec.actions]
    earlier = before(dependencies, action.action_id)
    try:
        references = [(place, read(text, names)) for place, text in find(action.input)]
    except BadReference as error:
        yield where, str(error)
        return
    for place, reference in references:
        if reference.action is not None and reference.action not in earlier:
            text = f"{reference.text!r}: {reference.action!r} does not come before {action.action_id!r}"
            yield ".".join((where, *place)), text
            return
    wanted = catalogue.input_of(action.operation)
    if wanted is None:
        if action.input is not None and not isinstance(action.input, dict):
            yield where, f"is {action.input!r:.100}; it is an object"
        return

    def output_of(name: str) -> type[msgspec.Struct] | None:
        return catalogue.output_of(spec.action(name).operation)

    for place, text in misfits(action.input, wanted, actions=names, output_of=output_of):
        yield ".".join((where, *place)), text


def _approval(where: str, approval: Approval | None) -> Iterator[Problem]:
    if approval is None:
        return
    deciders = MAY[Act.APPROVAL_DECIDE]
    for role in approval.roles:
        if role not in deciders:
            yield f"{where}.roles", f"{role!r} may not decide; those who may: {', '.join(sorted(deciders))}"
    if approval.assignee_user_id is not None and approval.quorum > 1:
        yield f"{where}.assigneeUserId", f"one person can't be {approval.quorum} approvers; leave it out"
    if approval.escalate_to and approval.escalate_after_seconds is None:
        yield f"{where}.escalateAfterSeconds", "is missing; it says when escalateTo begins"
    yield from _seconds(f"{where}.dueSeconds", approval.due_seconds)
    yield from _seconds(f"{where}.escalateAfterSeconds", approval.escalate_after_seconds)


def _seconds(where: str, value: float | None) -> Iterator[Problem]:
    if value is not None and not 0 < value <= LONGEST:
        yield where, f"is {value:g}; it is more than 0 and at most {LONGEST:.0f} seconds"
