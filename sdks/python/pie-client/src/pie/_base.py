"""What both kinds of `PieClient` are made of."""

from __future__ import annotations

from ssl import SSLContext

from ._connection import Settings, checked_uri
from ._mailbox import Mailbox
from ._program import canonical_id
from ._protocol import Protocol
from ._wire.errors import without_userinfo
from .errors import NotAttached


class ClientBase:
    """A client of one server; `with` (or `async with`) connects and disconnects it.

    Args:
        server_uri: such as `ws://127.0.0.1:8080`.
        timeout: seconds that the server may take for an answer, or to take a piece of an upload. Every call takes
            a `timeout` of its own, too.
        connect_timeout: seconds that a connection may take to be made.
        reconnect: seconds to try for a new connection when one is lost; 0 doesn't try.
        buffer: bytes of each instance's events that may wait to be received.
        max_message: bytes that a message of the server may have.
        max_blob: bytes that a blob of an instance may have.
        ssl: for `wss://` addresses, rather than the system's certificates.

    Raises:
        UsageError: `server_uri` is no address.
    """

    def __init__(
        self,
        server_uri: str = "ws://127.0.0.1:8080",
        *,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        reconnect: float = 60.0,
        buffer: int = 8 * 1024 * 1024,
        max_message: int = 64 * 1024 * 1024 + 64 * 1024,
        max_blob: int = 256 * 1024 * 1024,
        ssl: SSLContext | None = None,
    ) -> None:
        self.server_uri = checked_uri(server_uri)
        self._settings = Settings(
            timeout=timeout,
            connect_timeout=connect_timeout,
            reconnect=reconnect,
            max_message=max_message,
            ssl=ssl,
        )
        self._core = Protocol(room=buffer, max_blob=max_blob)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({without_userinfo(self.server_uri)!r})"

    @property
    def ours(self) -> bool:
        """Whether the server is a Runyard server; known once one is authenticated."""
        return self._core.ours

    def mailbox_of(self, instance_id: str) -> Mailbox:
        """Where the events of an attached instance arrive.

        Raises:
            NotAttached: it isn't.
        """
        box = self._core.mailboxes.get(canonical_id(instance_id))
        if box is None:
            raise NotAttached(f"Instance {instance_id} is not attached; attach it with: attach_instance")
        return box
