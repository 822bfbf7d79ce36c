"""WebSockets that take small messages only, until they are told that whoever is there may send large ones."""

from __future__ import annotations

from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import Final, cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from runyard.sizes import KIB

STRANGER: Final = 64 * KIB
"""Bytes of a message of somebody who hasn't said who they are: each may send one in part, and stop."""

_TRUST: Final = "runyard.trust"


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket, whose ``ws_max_size`` holds from :func:`trust` on."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Somebody has connected."""
        super().connection_made(transport)
        self.conn.max_message_size = STRANGER

    async def run_asgi(self) -> None:
        """Serve the connection."""
        self.scope["extensions"][_TRUST] = {"now": self._trust}
        await super().run_asgi()

    def _trust(self) -> None:
        self.conn.max_message_size = self.config.ws_max_size


def trust(scope: Scope) -> None:
    """Take messages of any allowed size on this connection from now on."""
    extension = scope["extensions"].get(_TRUST)
    if extension is not None:
        cast("Callable[[], None]", extension["now"])()
