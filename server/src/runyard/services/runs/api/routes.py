"""All routes of this service, noun by noun in the order of the contract. The first that fits answers."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from runyard.services.runs.api import (
    adapters,
    agents,
    approvals,
    auth,
    events,
    evidence,
    files,
    grants,
    human_tasks,
    invocations,
    location,
    machines,
    map_layers,
    oidc,
    plans,
    policies,
    proposals,
    run_evidence,
    runs,
    service_accounts,
    users,
    work_items,
    workflows,
    workforce,
    workspaces,
)
from runyard.services.runs.api.edge import ground
from runyard.services.runs.room import Room

NOUNS: Final = (
    workspaces, users, service_accounts, auth, oidc, evidence, events, work_items, human_tasks, workforce, location,
    map_layers,
    machines, invocations, agents, adapters, grants, policies, proposals, workflows, runs, run_evidence, plans,
    approvals, files,
)  # fmt: skip


BUSY: Final = (runs, approvals, invocations, machines)
"""Asked for most, so tried first: the framework tries one route after the other."""

WORD: Final = 4
"""Where that word stands: ``/v1/workspaces/{workspaceId}/runs``."""


def routers(room: Room) -> dict[str, APIRouter]:
    """The service's routes, in ``room``, by the word that follows the workspace in their paths; "" for those without.

    A request is looked up among the few of its word: to go through all of them would take longer than to answer.
    """
    words: dict[str, list[BaseRoute]] = {}
    for route in all_routes():
        assert isinstance(route, APIRoute)
        words.setdefault("".join(route.path.split("/")[WORD : WORD + 1]), []).append(route)
    return {word: ground.router(APIRouter(routes=routes), room) for word, routes in words.items()}


def all_routes() -> list[BaseRoute]:
    """The routes by themselves, for those who only look at them."""
    return [route for noun in NOUNS for route in noun.routes.routes]
