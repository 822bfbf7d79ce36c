"""The events of one instance on their way to whoever receives them: put together, in order, once each. Pure.

A mailbox holds a bounded number of bytes. What comes when it is full is not taken: a Runyard server is asked to hold
the events back and to send them again from the cursor on; with any other server the mailbox fails with `Overflowed`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ._chunks import Assembly
from ._messages import Chunk, Said
from .errors import BlobDamaged, InstanceEnded, Overflowed, PieError, ProtocolError
from .events import Event, Exit

State: TypeAlias = Literal["live", "holding", "held", "resuming", "detached"]
"""`live`: events come. `holding`: told to stop. `held`: stopped. `resuming`: told to go on. `detached`: not ours."""

_ITEM: Final = 128  # bytes that an event costs besides its own


@dataclass(frozen=True, slots=True)
class Item:
    """An event as it is received; or the error that stands in its place."""

    event: Event
    content: str | bytes
    seq: int | None = None
    exit: Exit | None = None
    error: PieError | None = None

    @property
    def cost(self) -> int:
        """Bytes that it counts for."""
        return _ITEM + len(self.content)


class Mailbox:
    """The events of one instance.

    Args:
        instance_id: whose.
        room: bytes that may wait here.
        max_blob: bytes that a blob, or an event in pieces, may have.
        state: whether events come from the start.
        after: the `seq` of the last event known already.
    """

    def __init__(
        self, instance_id: str, *, room: int, max_blob: int, state: State = "live", after: int | None = None
    ) -> None:
        self.instance_id = instance_id
        self.state: State = state
        self.seq = after
        self.taken = after
        self.exit: Exit | None = None
        self.ended = False
        self.settled = state != "resuming"
        self.failure: PieError | None = None
        self.waiters: list[Callable[[], None]] = []
        self._room = room
        self._max_blob = max_blob
        self._items: deque[Item] = deque()
        self._size = 0
        self._pieces: list[str] = []
        self._pieces_size = 0
        self._blobs: dict[str, Assembly] = {}

    @property
    def ready(self) -> bool:
        """Whether `take` gives or raises something at once."""
        return bool(self._items) or self.failure is not None or self.ended

    @property
    def waiting(self) -> int:
        """Bytes of events that wait."""
        return self._size

    @property
    def full(self) -> bool:
        """Whether no more events are taken."""
        return self._size >= self._room

    @property
    def drained(self) -> bool:
        """Whether there is room enough again to ask for more."""
        return self._size <= self._room // 4

    def take(self) -> Item:
        """The next event. Call it when there is one.

        Raises:
            PieError: what stands in its place, or why there is none.
        """
        if not self._items:
            if self.failure is not None:
                raise self.failure.with_traceback(None)  # it is told to everybody who asks: traces must not pile up
            raise InstanceEnded(f"Instance {self.instance_id} has ended: there is nothing to receive")
        item = self._items.popleft()
        self._size -= item.cost
        if item.seq is not None:
            self.taken = item.seq
        if item.error is not None:
            raise item.error
        return item

    def deliver(self, message: Said | Chunk) -> None:
        """Put an event in, or a piece of one. What is known already, or not wanted now, is left alone."""
        if self.ended or self.failure is not None or self.state in {"holding", "held", "detached"}:
            return
        if message.seq is not None and self.seq is not None and message.seq <= self.seq:
            return
        item = self._whole(message) if isinstance(message, Said) else self._blob(message)
        if item is not None:
            self._put(item)

    def open(self, seq: int | None) -> None:
        """The server sends the events after `seq` from now on; None if it doesn't tell."""
        self.settled = True
        if self.state == "resuming":
            self.state = "live"
        if self.seq is None:
            self.seq = seq

    def spoil(self, error: PieError) -> None:
        """Put an error in the place of an event that can't be read."""
        self._put(Item(Event.Message, "", error=error))

    def fail(self, error: PieError) -> None:
        """End it: what has arrived can still be taken, then `take` raises the error."""
        if not self.ended and self.failure is None:
            self.failure = error
            self._forget_pieces()
            self.notify()

    def notify(self) -> None:
        """Tell whoever waits that something has changed."""
        for waiter in tuple(self.waiters):
            waiter()

    def rewind(self) -> None:
        """The events after the cursor will come again: forget the pieces of unfinished ones."""
        self._forget_pieces()

    def overflow(self) -> Overflowed:
        """The error for a full mailbox of a server that can't hold back."""
        return Overflowed(
            f"Instance {self.instance_id}: {self._size} bytes of events wait, and nobody takes them; take them"
            " faster, or make room with: buffer="
        )

    def _put(self, item: Item) -> None:
        if item.seq is not None:
            self.seq = item.seq
        self._items.append(item)
        self._size += item.cost
        if item.event.terminal:
            self.ended = True
            self.exit = item.exit
            self._forget_pieces()
        self.notify()

    def _whole(self, said: Said) -> Item | None:
        if said.parts == 1:
            return Item(said.event, said.text, said.seq, said.exit)
        if said.part != len(self._pieces):
            if said.part == 0:
                self._forget_pieces()
            else:
                error = ProtocolError(f"Event {said.seq}: part {said.part} came where {len(self._pieces)} was due")
                self._forget_pieces()
                return Item(said.event, "", said.seq, error=error)
        self._pieces.append(said.text)
        self._pieces_size += len(said.text)
        if self._pieces_size > self._max_blob:
            self._forget_pieces()
            error = ProtocolError(f"Event {said.seq} is larger than {self._max_blob} bytes; raise it with: max_blob=")
            return Item(said.event, "", said.seq, error=error)
        if len(self._pieces) < said.parts:
            return None
        text = "".join(self._pieces)
        self._forget_pieces()
        return Item(said.event, text, said.seq, said.exit)

    def _blob(self, chunk: Chunk) -> Item | None:
        assembly = self._blobs.get(chunk.blob_hash)
        try:
            if assembly is None or chunk.index == 0:
                if chunk.index:
                    return None  # the rest of one that was given up
                assembly = self._blobs[chunk.blob_hash] = Assembly(chunk, most=self._max_blob)
            content = assembly.add(chunk)
        except BlobDamaged as error:
            self._blobs.pop(chunk.blob_hash, None)
            return Item(Event.Blob, b"", chunk.seq, error=error)
        if content is None:
            return None
        del self._blobs[chunk.blob_hash]
        return Item(Event.Blob, content, chunk.seq)

    def _forget_pieces(self) -> None:
        self._pieces = []
        self._pieces_size = 0
        self._blobs.clear()
