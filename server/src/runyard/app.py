"""The composition root: the applications behind the yard's ports, with every service in its place."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from runyard.services.ci import api as ci_api
from runyard.services.compute import accounts
from runyard.services.compute import api as compute_api
from runyard.services.compute.room import Room
from runyard.services.inferlets.ws.endpoint import Endpoint
from runyard.services.inferlets.ws.room import Room as InferletRoom
from runyard.services.runs.api import routes as runs_routes
from runyard.services.runs.api.marks import Marks
from runyard.services.runs.api.problems import unknown_route
from runyard.services.runs.room import Room as RunsRoom
from runyard.services.sessions import api as sessions_api
from runyard.services.sessions.edge import no_route
from runyard.services.sessions.room import Room as SessionRoom
from runyard.web.application import application
from runyard.web.health import health_router
from runyard.web.ports import ByKind, ByPath, ByWord
from runyard.yard import Yard

RUNS: Final = ("/v1", "/api/v1", "/auth/oidc", "/auth/session", "/auth/logout")
"""What `runs` answers on the main port, with all that is below."""


def build_app(yard: Yard) -> FastAPI:
    """The application that `ci` and the accounts are."""
    return application("Runyard", health_router(yard), ci_api.router(yard), accounts.router(yard))


def build_runs_app(room: RunsRoom) -> Marks:
    """The application that `runs` is, made of one for each of its nouns."""
    nouns = {
        word: application(f"Runyard runs {word}", router, unmatched=unknown_route)
        for word, router in runs_routes.routers(room).items()
    }
    for noun in nouns.values():
        noun.router.redirect_slashes = False  # the generated client takes a redirect for a broken problem
    return Marks(ByWord(nouns[""], runs_routes.WORD, nouns))


def build_main_app(yard: Yard, runs: RunsRoom) -> ByPath:
    """The application behind the yard's main port."""
    return ByPath(build_app(yard), dict.fromkeys(RUNS, build_runs_app(runs)))


def build_compute_app(room: Room) -> FastAPI:
    """The application behind the port of `compute`."""
    return application("Runyard compute", compute_api.router(room))


def build_sessions_app(room: SessionRoom) -> FastAPI:
    """The application that `sessions` is, and whatever else is asked over HTTP on the port it shares."""
    return application("Runyard sessions", sessions_api.router(room), health_router(room.yard), unmatched=no_route)


def build_talking_app(inferlets: InferletRoom, sessions: SessionRoom) -> ByKind:
    """The application behind the port that `inferlets` and `sessions` share."""
    return ByKind(http=build_sessions_app(sessions), websocket=Endpoint(inferlets))
