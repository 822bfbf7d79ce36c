"""WebSockets with two abilities that ASGI has no words for.

They take small messages only, until they are told that whoever is there may send large ones; and they can wait until
the other end has taken in what was sent to it.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from contextlib import suppress
from itertools import count
from typing import Final, cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from runyard.sizes import KIB

STRANGER: Final = 64 * KIB
"""Bytes of a message of somebody who hasn't said who they are: each may send one in part, and stop."""

PATIENCE: Final = 5.0
"""Seconds after which nobody waits any longer for the other end to take in what was sent."""

_EXTENSION: Final = "runyard.websocket"


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket, whose ``ws_max_size`` holds from :func:`trust` on."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Somebody has connected."""
        super().connection_made(transport)
        self.conn.max_message_size = STRANGER
        self._numbers = count()
        self._unheard: dict[bytes, asyncio.Event] = {}

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more, and nobody waits for them."""
        for heard in self._unheard.values():
            heard.set()
        super().connection_lost(exc)

    def handle_pong(self, event: Frame) -> None:
        """The other end has taken in all that was sent before the ping."""
        if (heard := self._unheard.get(bytes(event.data))) is not None:
            heard.set()
        super().handle_pong(event)

    async def run_asgi(self) -> None:
        """Serve the connection."""
        self.scope["extensions"][_EXTENSION] = {"socket": self}
        await super().run_asgi()

    def trust(self) -> None:
        """Take messages of any allowed size from now on."""
        self.conn.max_message_size = self.config.ws_max_size

    async def heard(self) -> None:
        """Ask for a sign of life, and wait for it."""
        if self.conn.state is not State.OPEN:
            return
        name = b"heard %d" % next(self._numbers)  # longer than the ones that keep a connection alive
        heard = self._unheard[name] = asyncio.Event()
        try:
            self.conn.send_ping(name)
            self.transport.write(b"".join(self.conn.data_to_send()))
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await heard.wait()
        finally:
            del self._unheard[name]


def trust(scope: Scope) -> None:
    """Take messages of any allowed size on this connection from now on."""
    if (socket := _socket(scope)) is not None:
        socket.trust()


async def heard(scope: Scope) -> None:
    """Wait until the other end has taken in what was sent so far, has gone, or has been silent for long."""
    if (socket := _socket(scope)) is not None:
        await socket.heard()


def _socket(scope: Scope) -> GuardedWebSocket | None:
    extension = scope["extensions"].get(_EXTENSION)
    return None if extension is None else cast("GuardedWebSocket", extension["socket"])
