"""How routes, which are made once, get at what they stand on, which is opened with each yard."""

from __future__ import annotations

from typing import Generic, TypeVar

from fastapi import APIRouter, Depends, Request

T = TypeVar("T")


class Ground(Generic[T]):
    """What the routes of a service stand on.

    Args:
        kind: its room, or the yard for a service without one.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind

    def router(self, routes: APIRouter, ground: T) -> APIRouter:
        """The routes, on this ground."""

        async def carry(request: Request) -> None:
            request.state.ground = ground

        bound = APIRouter(dependencies=[Depends(carry)])
        bound.include_router(routes)
        return bound

    def of(self, request: Request) -> T:
        """The ground of a request's route."""
        ground = request.state.ground
        assert isinstance(ground, self._kind)
        return ground
