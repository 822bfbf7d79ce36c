"""What one version of a workflow says: its actions, their order, and where people come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from runyard.services.runs.engine.tiers import Tier, strictest

MOST_ACTIONS: Final = 100
PERSON: Final = "person:complete"
"""The operation of an action that a person does."""

MACHINE: Final = "machine:invoke"
"""The operation of an action that a machine does which the input names."""


class Retry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How often an action is tried. The pause doubles each time, up to half a minute."""

    max_attempts: Annotated[int, Meta(ge=1, le=10)] = 1
    backoff_seconds: Annotated[float, Meta(ge=0, le=3600)] = 1.0


class Approval(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who has to agree, and by when.

    Attributes:
        quorum: how many different people have to approve.
        roles: those who may decide; all who may decide anything, if there is none.
        due_seconds: after which it counts as denied.
        escalate_to: users who are asked in turn, one every ``escalate_after_seconds``.
    """

    quorum: Annotated[int, Meta(ge=1, le=20)] = 1
    roles: tuple[str, ...] = ()
    due_seconds: float | None = None
    escalate_to: tuple[str, ...] = ()
    escalate_after_seconds: float | None = None
    assignee_user_id: str | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One thing to do.

    Attributes:
        input: JSON in which ``{"$ref": ...}`` stands for what isn't known yet.
        depends_on: actions that come first; None for "the one before" if no action of the workflow says anything else.
    """

    action_id: str
    order: int
    port_family: str
    operation: str
    execution_tier_override: Tier | None = None
    input: object = None
    depends_on: tuple[str, ...] | None = None
    timeout_seconds: float | None = None
    retry: Retry | None = None
    approval: Approval | None = None


class Spec(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One version of a workflow."""

    execution_tier: Tier
    actions: tuple[Action, ...]
    approval: Approval | None = None
    timeout_seconds: float | None = None
    policy_ids: tuple[str, ...] = ()

    def action(self, action_id: str) -> Action:
        """The action of this id."""
        return next(one for one in self.actions if one.action_id == action_id)

    def dependencies(self) -> Mapping[str, tuple[str, ...]]:
        """What comes directly before each action."""
        if any(one.depends_on is not None for one in self.actions):
            return {one.action_id: one.depends_on or () for one in self.actions}
        names = [one.action_id for one in self.actions]
        return {name: tuple(names[place - 1 : place]) if place else () for place, name in enumerate(names)}

    def last(self) -> tuple[str, ...]:
        """The actions that nothing comes after."""
        before = {name for names in self.dependencies().values() for name in names}
        return tuple(one.action_id for one in self.actions if one.action_id not in before)

    def tier_of(self, action: Action, run: Tier) -> Tier:
        """The tier under which a run with tier ``run`` does an action."""
        return strictest((run, action.execution_tier_override or run))


def before(dependencies: Mapping[str, tuple[str, ...]], action_id: str) -> frozenset[str]:
    """Everything that comes before an action, directly or not."""
    found: set[str] = set()
    open_ = list(dependencies.get(action_id, ()))
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += dependencies.get(name, ())
    return frozenset(found)


def after(dependencies: Mapping[str, tuple[str, ...]], action_id: str) -> frozenset[str]:
    """An action and everything that comes after it."""
    return frozenset(name for name in dependencies if name == action_id or action_id in before(dependencies, name))


def cycle(dependencies: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """Actions that wait for each other in a circle, the first again at the end; None if there are none."""
    done: set[str] = set()
    for start in dependencies:
        path: list[str] = []
        stack = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(name)
            elif name in path:
                return (*path[path.index(name) :], name)
            elif name not in done:
                path.append(name)
                stack.append((name, True))
                stack += [(each, False) for each in dependencies.get(name, ())]
    return None
