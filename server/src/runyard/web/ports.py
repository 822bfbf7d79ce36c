"""One server on several ports: which application answers is told by port, path and kind."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class ByPort:
    """ASGI application that hands each request to the application of its port.

    Args:
        first: answers on every port that isn't named, and to the server's own questions (lifespan).
        others: applications by port.
    """

    def __init__(self, first: ASGIApp, others: Mapping[int, ASGIApp]) -> None:
        self._first = first
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        server = scope.get("server")
        app = self._others.get(server[1], self._first) if server else self._first
        await app(scope, receive, send)


class ByPath:
    """ASGI application that hands some paths, with all below them, to other applications.

    Args:
        first: answers everything else, and the server's own questions (lifespan).
        others: applications by the path that they begin at.
    """

    def __init__(self, first: ASGIApp, others: Mapping[str, ASGIApp]) -> None:
        self._first = first
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        path = scope.get("path", "")
        places = (app for begin, app in self._others.items() if path == begin or path.startswith(f"{begin}/"))
        await next(places, self._first)(scope, receive, send)


class ByWord:
    """ASGI application that hands each request to the application of one word of its path.

    Args:
        first: answers where there is no such word, or an unknown one, and the server's own questions (lifespan).
        place: where the word stands; 1 is what follows the first slash.
        others: applications by word.
    """

    def __init__(self, first: ASGIApp, place: int, others: Mapping[str, ASGIApp]) -> None:
        self._first = first
        self._place = place
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        words = scope.get("path", "").split("/", self._place + 1)
        word = words[self._place] if len(words) > self._place else ""
        await self._others.get(word, self._first)(scope, receive, send)


class ByKind:
    """ASGI application that hands WebSockets to one application, and everything else to another."""

    def __init__(self, *, http: ASGIApp, websocket: ASGIApp) -> None:
        self._http = http
        self._websocket = websocket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        app = self._websocket if scope["type"] == "websocket" else self._http
        await app(scope, receive, send)
