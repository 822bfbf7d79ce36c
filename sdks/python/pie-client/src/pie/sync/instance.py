"""`Instance` without asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pie._chunks import Content, Progress
from pie._handle import Handle, outcome_of
from pie._mailbox import Mailbox
from pie.events import Event

if TYPE_CHECKING:
    from .client import PieClient


class Instance(Handle):
    """A running program. `PieClient.launch_instance` and `attach_instance` give one."""

    def __init__(self, client: PieClient, instance_id: str, box: Mailbox | None = None) -> None:
        super().__init__(box or client.mailbox_of(instance_id))
        self.client = client

    def send(self, message: str, *, timeout: float | None = None) -> None:
        """Send a text to the program. One that has ended is no error: `recv` tells of it.

        Raises:
            QueueFull: it has too many messages waiting.
        """
        self.client.signal_instance(self.id, message, timeout=timeout)

    def upload_blob(
        self, blob_bytes: Content, *, on_progress: Progress | None = None, timeout: float | None = None
    ) -> None:
        """Send bytes, or a file, to the program."""
        self.client.upload_blob(self.id, blob_bytes, on_progress=on_progress, timeout=timeout)

    def recv(self, timeout: float | None = None) -> tuple[Event, str | bytes]:
        """The next event: its kind, and a text, or bytes for `Event.Blob`.

        Args:
            timeout: seconds to wait; None waits as long as the program takes.

        Raises:
            InstanceEnded: all has been received, the terminal event too.
            DeadlineExceeded: nothing came in time.
            ConnectionLost: the connection broke off, and no new one could be made.
            NotAttached: the events don't come here.
        """
        item = self.client.link.take(self._box, timeout)
        return item.event, item.content

    def __iter__(self) -> Iterator[tuple[Event, str | bytes]]:
        """The events up to the terminal one."""
        while True:
            event, content = self.recv()
            yield event, content
            if event.terminal:
                return

    def result(self, timeout: float | None = None) -> str:
        """Receive up to the end, and give what the program returned.

        Args:
            timeout: seconds that may pass between two events.

        Raises:
            InstanceFailed: it didn't complete.
        """
        while True:
            item = self.client.link.take(self._box, timeout)
            if item.event.terminal:
                return outcome_of(self.id, item)

    def terminate(self, *, grace_seconds: float | None = None, timeout: float | None = None) -> None:
        """End the program.

        Args:
            grace_seconds: how long it may take to end by itself; the server's own time if None.
            timeout: seconds that the server may take for its answer.
        """
        self.client.terminate_instance(self.id, grace_seconds=grace_seconds, timeout=timeout)

    def detach(self, *, timeout: float | None = None) -> None:
        """Let it go on by itself; its events stay on the server until somebody attaches."""
        self.client.detach_instance(self.id, timeout=timeout)
