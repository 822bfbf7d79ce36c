"""An application of the yard: its routes, and around them what every application has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from runyard import __version__
from runyard.web.patience import BodiesInTime
from runyard.web.requests import RequestIds


def application(
    title: str, *routers: APIRouter, unmatched: Callable[[Request, Exception], Awaitable[Response]] | None = None
) -> FastAPI:
    """Make one.

    Args:
        title: what it is called in its OpenAPI document.
        routers: its routes; the first that fits answers.
        unmatched: answers what no route is for; the framework's own words if None.
    """
    app = FastAPI(title=title, version=__version__)
    app.add_middleware(BodiesInTime)
    app.add_middleware(RequestIds)
    if unmatched is not None:
        app.add_exception_handler(HTTPException, unmatched)
    for router in routers:
        app.include_router(router)
    return app
