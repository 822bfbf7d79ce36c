"""One WebSocket, as the server hands it over: binary frames in, binary frames out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from enum import IntEnum

from starlette.types import Receive, Scope, Send

from runyard.web.websockets import heard

_LONGEST_REASON = 120


class Close(IntEnum):
    """Why a connection is closed. After FAILED and BUSY it is worth connecting again."""

    TEXT = 1003
    UNREADABLE = 1007
    UNAUTHENTICATED = 1008
    FAILED = 1011
    BUSY = 1013


class Gone(Exception):
    """The client isn't there any more."""


class Socket:
    """A WebSocket that has been asked for."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._open = False
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        client = scope.get("client")
        self.address: str = client[0] if client else ""

    async def accept(self) -> None:
        """Answer the handshake.

        Raises:
            Gone: it was taken back.
        """
        message = await self._receive()
        if message["type"] != "websocket.connect":
            raise Gone
        await self._tell({"type": "websocket.accept"})
        self._open = True

    async def frames(self) -> AsyncIterator[bytes]:
        """What the client sends, until it goes. A text frame ends the connection: nobody would answer it."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                self._open = False
                return
            content = message.get("bytes")
            if content is None:
                await self.close(Close.TEXT, "Messages are MessagePack in binary frames.")
                return
            yield content

    async def send(self, frame: bytes) -> None:
        """Send a frame; waits while the client is behind.

        Raises:
            Gone: there is nobody to send to.
        """
        if not self._open:
            raise Gone
        await self._tell({"type": "websocket.send", "bytes": frame})

    async def heard(self) -> None:
        """Wait until the client's library has taken in what was sent so far."""
        if self._open:
            await heard(self._scope)

    async def close(self, code: Close, reason: str) -> None:
        """End the connection, if it is still there."""
        if not self._open:
            return
        self._open = False
        short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        try:
            await self._tell({"type": "websocket.close", "code": int(code), "reason": short})
        except Gone:
            return

    async def _tell(self, message: Mapping[str, object]) -> None:
        try:
            await self._send(dict(message))
        except (OSError, RuntimeError) as error:  # what servers raise once the client has gone
            self._open = False
            raise Gone from error
