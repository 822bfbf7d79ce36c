"""The composition root: the applications behind the yard's ports, with every service in its place."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from runyard import __version__
from runyard.services.ci import api as ci_api
from runyard.services.compute import accounts
from runyard.services.compute import api as compute_api
from runyard.services.compute.room import Room
from runyard.services.inferlets.ws.endpoint import Endpoint
from runyard.services.inferlets.ws.room import Room as InferletRoom
from runyard.services.sessions import api as sessions_api
from runyard.services.sessions.edge import no_route
from runyard.services.sessions.room import Room as SessionRoom
from runyard.web.health import health_router
from runyard.web.patience import BodiesInTime
from runyard.web.ports import ByKind
from runyard.web.requests import RequestIds
from runyard.yard import Yard


def build_app(yard: Yard) -> FastAPI:
    """The application behind the yard's main port."""
    app = FastAPI(title="Runyard", version=__version__)
    app.add_middleware(BodiesInTime)
    app.add_middleware(RequestIds)
    app.include_router(health_router(yard))
    app.include_router(ci_api.router(yard))
    app.include_router(accounts.router(yard))
    return app


def build_compute_app(room: Room) -> FastAPI:
    """The application behind the port of `compute`."""
    app = FastAPI(title="Runyard compute", version=__version__)
    app.add_middleware(BodiesInTime)
    app.add_middleware(RequestIds)
    app.include_router(compute_api.router(room))
    return app


def build_sessions_app(room: SessionRoom) -> FastAPI:
    """The application that `sessions` is, and whatever else is asked over HTTP on the port it shares."""
    app = FastAPI(title="Runyard sessions", version=__version__)
    app.add_middleware(BodiesInTime)
    app.add_middleware(RequestIds)
    app.add_exception_handler(HTTPException, no_route)
    app.include_router(sessions_api.router(room))
    app.include_router(health_router(room.yard))
    return app


def build_talking_app(inferlets: InferletRoom, sessions: SessionRoom) -> ByKind:
    """The application behind the port that `inferlets` and `sessions` share."""
    return ByKind(http=build_sessions_app(sessions), websocket=Endpoint(inferlets))
