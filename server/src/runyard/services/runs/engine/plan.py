"""What a run is about to do, in a form that can be approved: the same doings have the same hash, others another one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from runyard.services.runs.engine.references import BadReference, Scope, Unresolved, resolve
from runyard.services.runs.engine.spec import Action, Spec
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.evidence.canonical import canonical

YARD: Final = "runyard"
"""Who serves an action when no adapter does."""


class Doing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One action, as it will be done.

    Attributes:
        served_by: the adapter's provider and id, or the yard.
        input: with the run's parameters in place; what actions have yet to give stands as it is written.
    """

    action_id: str
    operation: str
    port_family: str
    execution_tier: Tier
    served_by: str
    input: object


class Plan(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything that an approval agrees to."""

    run_id: str
    workflow_id: str
    workflow_version: int
    revision: int
    doings: tuple[Doing, ...]

    def digest(self) -> str:
        """SHA-256 of the canonical form.

        Raises:
            NotCanonical: a number in an input is too large for every reader to take it exactly.
        """
        return hashlib.sha256(canonical(msgspec.to_builtins(self))).hexdigest()


def doings(
    spec: Spec, actions: Sequence[Action], *, tier: Tier, scope: Scope, served_by: Mapping[str, str]
) -> tuple[Doing, ...]:
    """The actions with all that is known of them now.

    Args:
        served_by: the adapter of each action that has one.
    """
    names = [one.action_id for one in spec.actions]
    return tuple(
        Doing(
            action_id=action.action_id,
            operation=action.operation,
            port_family=action.port_family,
            execution_tier=spec.tier_of(action, tier),
            served_by=served_by.get(action.action_id, YARD),
            input=_known(action.input, scope, names),
        )
        for action in actions
    )


def _known(template: object, scope: Scope, names: Sequence[str]) -> object:
    try:
        return resolve(template, scope, names, partly=True)
    except (Unresolved, BadReference):  # the action will fail of it, and say so; the plan shows what is written
        return template
