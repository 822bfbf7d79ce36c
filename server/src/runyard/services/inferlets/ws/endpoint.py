"""The application behind the WebSocket: a place to wait for those who haven't said who they are, then connections."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from starlette.types import Receive, Scope, Send

from runyard.identity import Principal
from runyard.services.inferlets.ws.connection import Connection
from runyard.services.inferlets.ws.room import Room
from runyard.services.inferlets.ws.socket import Close, Gone, Socket
from runyard.web.websockets import trust

LOGIN: Final = 30.0
"""Seconds in which a client has to say who it is."""

STRANGERS: Final = 500
"""Connections that haven't done so; with more, the one that has waited longest goes."""

log = structlog.get_logger(__name__)


class Endpoint:
    """ASGI application for WebSockets, on any path."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lobby: dict[Socket, asyncio.Timeout] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection from the handshake to its end."""
        socket = Socket(scope, receive, send)
        connection = Connection(self._room, socket)
        with structlog.contextvars.bound_contextvars(client=socket.address):
            try:
                await socket.accept()
                principal = await self._wait_for_login(connection, socket)
                if principal is not None:
                    trust(scope)
                    log.info("client_connected", user=principal.name, ours=connection.ours)
                    await connection.serve(principal)
            except Gone:
                return
            except Exception:
                log.exception("connection_failed")
                await socket.close(Close.FAILED, "Something failed in the yard; its log says what.")

    async def _wait_for_login(self, connection: Connection, socket: Socket) -> Principal | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOGIN) as patience:
                self._lobby[socket] = patience
                if len(self._lobby) > STRANGERS:
                    self._lobby.pop(next(iter(self._lobby))).reschedule(loop.time())
                return await connection.enter()
        except TimeoutError:
            if socket in self._lobby:
                await socket.close(Close.UNAUTHENTICATED, f"Say who you are within {LOGIN:g} s.")
            else:
                await socket.close(Close.BUSY, "Too many clients haven't said who they are.")
            return None
        finally:
            self._lobby.pop(socket, None)
