"""The composition root: the HTTP application and the worker's executors, with every service in its place."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from runyard import __version__
from runyard.services.ci import api as ci_api
from runyard.web.health import health_router
from runyard.web.requests import RequestIds
from runyard.yard import Yard


def build_app(yard: Yard) -> FastAPI:
    """The application behind the yard's main port."""
    app = FastAPI(title="Runyard", version=__version__)
    app.add_middleware(RequestIds)
    app.include_router(health_router(yard))
    app.include_router(ci_api.router(yard))
    return app


__all__: Sequence[str] = ["build_app"]
