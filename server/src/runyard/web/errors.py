"""Refusals as HTTP answers: raised anywhere below a route, told in the words of the route's service."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute


class Refused(Exception):
    """The answer to a request that isn't granted.

    Args:
        status: HTTP status.
        detail: what was wrong and what to do, for people; or a list in the framework's shape.
        code: stable word for programs.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: object,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.headers = headers

    def response(self) -> Response:
        """The envelope. A service with another one overrides this."""
        content = {"detail": self.detail} if self.code is None else {"detail": self.detail, "code": self.code}
        return JSONResponse(content, self.status, headers=self.headers)


def invalid(kind: str, loc: tuple[str, ...], message: str, given: object = None) -> Refused:
    """A 422 in the shape the framework gives its own."""
    return Refused(422, [{"type": kind, "loc": list(loc), "msg": message, "input": given}])


Refusals: TypeAlias = Mapping[type[Exception], Callable[[Any], Refused]]
"""A service's table: what each error of the lower floors is over HTTP. The first entry that fits counts."""


def refusing(table: Refusals) -> type[APIRoute]:
    """A class of routes that answer the errors of ``table``, and :class:`Refused` itself."""

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    return await handle(request)
                except Refused as refused:
                    return refused.response()
                except tuple(table) as error:
                    return next(told for kind, told in table.items() if isinstance(error, kind))(error).response()

            return answer

    return Route
