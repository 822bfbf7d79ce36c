"""All routes of this service, noun by noun in the order of the contract. The first that fits answers."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
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
    machines, invocations, agents, adapters, grants, policies, proposals, workflows, runs, run_evidence, plans, approvals, files,
)  # fmt: skip


def router(room: Room) -> APIRouter:
    """The service's routes, in ``room``."""
    return ground.router(APIRouter(routes=all_routes()), room)


def all_routes() -> list[BaseRoute]:
    """The routes by themselves, for those who only look at them."""
    return [route for noun in NOUNS for route in noun.routes.routes]
