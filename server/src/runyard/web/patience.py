"""How long a client may take to say what it wants: the head of a request, and each further piece of its body."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from runyard.web.errors import Refused

HEAD: Final = 20.0
"""Seconds from a connection, or the first byte of a further request on it, to the end of the request's head."""

SILENCE: Final = 60.0
"""Longest pause between two pieces of a body."""


class PatientProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP, which by itself waits for the head of a request for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        self._wait_no_more()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has gone."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._wait_no_more()
        self._deadline = self.loop.call_later(HEAD, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class BodiesInTime:
    """ASGI middleware: a body whose next piece doesn't come in time is given up, with a 408."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other ASGI traffic passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        complete = begun = False

        async def in_time() -> Message:
            nonlocal complete
            if complete:  # from now on it waits for the end of the connection
                return await receive()
            try:
                async with asyncio.timeout(SILENCE):
                    message = await receive()
            except TimeoutError:
                raise BodyTooSlow from None
            complete = not message.get("more_body", False)
            return message

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, in_time, watch)
        except BodyTooSlow:
            if begun:
                raise
            text = f"The rest of the request didn't come within {SILENCE:g} s."
            refused = Refused(408, text, code="request_timeout", headers={"Connection": "close"})
            await refused.response()(scope, receive, send)


class BodyTooSlow(Exception):
    """The next piece of a body didn't come in time."""
