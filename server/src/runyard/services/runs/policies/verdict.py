"""The judgement: what policies say of something that is about to be done. Pure; the strictest voice counts.

A Deny rule that is true, or that can't be decided for lack of a fact, denies. A policy with Allow rules lets pass what
one of them is true of; what none is true of takes approval. Two incompatible duties of one person in one run deny.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Literal

from runyard.services.runs.engine.tiers import Tier, strictest
from runyard.services.runs.models.policies import DistinctApprovers, IncompatibleDuties, PolicyV1
from runyard.services.runs.policies.conditions import Condition, EvaluationError
from runyard.services.runs.policies.tools import risk

NOBODY_OBJECTS: Final = "No policy objects."


class Decision(IntEnum):
    """What follows, the stricter the larger."""

    ALLOW = 0
    REQUIRE_APPROVAL = 1
    DENY = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, and why.

    Attributes:
        said: a rule allows it in so many words; otherwise only nobody objects.
    """

    decision: Decision
    reason: str
    said: bool = False

    @property
    def word(self) -> Literal["Allow", "Deny", "HumanApprove"]:
        """The decision in the protocol's word."""
        return _WORDS[self.decision]


_WORDS: Final[Mapping[Decision, Literal["Allow", "Deny", "HumanApprove"]]] = MappingProxyType(
    {Decision.ALLOW: "Allow", Decision.REQUIRE_APPROVAL: "HumanApprove", Decision.DENY: "Deny"}
)


def judge(
    policies: Iterable[PolicyV1], facts: Mapping[str, object], *, duties: Collection[str] = (), duty: str | None = None
) -> Verdict:
    """What the active ones of these policies say of these facts.

    Args:
        duties: what whoever acts has done in this run already.
        duty: what they are about to do.
    """
    voices: list[Verdict] = []
    for policy in sorted(policies, key=lambda one: (-one.priority, one.policy_id)):
        if policy.active:
            voices += _rules(policy, facts)
            voices += _duties(policy, duties, duty)
    # The first of the strictest, so that of the highest priority.
    return max(voices, key=lambda one: one.decision, default=Verdict(Decision.ALLOW, NOBODY_OBJECTS))


def of_tool(tool: str, *, tier: Tier = Tier.AUTO, policies: Verdict) -> Verdict:
    """What follows for a tool whose use takes at least ``tier``: its name, the tier and the policies together.

    What a rule allows in so many words needs no approval for the tool's name only. What only people may do is denied.
    """
    kind = risk(tool)
    wanted = strictest((kind.tier, tier))
    if policies.decision is Decision.DENY:
        return policies
    if wanted.by_people:
        why = f"{tool!r} is {kind}" if kind.tier.by_people else f"the tier is {tier}"
        return Verdict(Decision.DENY, f"Only people may do this: {why}.")
    if wanted.needs_approval and not (policies.said and not tier.needs_approval):
        why = f"{tool!r} is {kind}" if kind.tier.needs_approval else f"the tier is {tier}"
        return Verdict(Decision.REQUIRE_APPROVAL, f"This takes approval: {why}.")
    return policies


def approvers(policies: Iterable[PolicyV1]) -> int:
    """How many different people have to approve what takes approval."""
    asked = (
        constraint.minimum_approvers
        for policy in policies
        if policy.active
        for constraint in policy.sod_constraints or ()
        if isinstance(constraint, DistinctApprovers)
    )
    return max(asked, default=1)


def _rules(policy: PolicyV1, facts: Mapping[str, object]) -> Sequence[Verdict]:
    voices, allowed_by, allowing = [], None, False
    for rule in policy.rules or ():
        where = f"rule {rule.rule_id!r} of policy {policy.name!r}"
        try:
            holds = Condition.parse(rule.condition).holds(facts)
        except EvaluationError as error:
            holds = rule.effect == "Deny"
            where = f"{where}, for {error}"
        if rule.effect == "Allow":
            allowing = True
            allowed_by = allowed_by or (where if holds else None)
        elif holds:
            voices.append(Verdict(Decision.DENY, f"Denied by {where}."))
    if allowed_by is not None:
        voices.append(Verdict(Decision.ALLOW, f"Allowed by {allowed_by}.", said=True))
    elif allowing:
        voices.append(Verdict(Decision.REQUIRE_APPROVAL, f"No rule of policy {policy.name!r} allows it."))
    return voices


def _duties(policy: PolicyV1, duties: Collection[str], duty: str | None) -> Sequence[Verdict]:
    return [
        Verdict(Decision.DENY, f"{duty!r} and {clash!r} may not be done by one person (policy {policy.name!r}).")
        for constraint in policy.sod_constraints or ()
        if isinstance(constraint, IncompatibleDuties) and duty in constraint.duty_keys
        for clash in sorted({*duties} & {*constraint.duty_keys} - {duty})
    ]
