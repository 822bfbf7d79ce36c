"""The client's side of the protocol as a state machine: frames in, frames out, no input or output of its own.

A shell feeds it the frames that arrive, sends what `frame` and `outbox` give, and says when a connection is made or
lost. It outlives connections: calls fail with the one they were made on, mailboxes go on with the next.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from ._mailbox import Mailbox, State
from ._messages import Answer, Chunk, Malformed, Plain, Said, decode, encode
from .errors import ConnectionLost, PieError, ProtocolError, refusal

log = logging.getLogger("pie")

_EARLY_INSTANCES: Final = 256
_EARLY_EVENTS: Final = 1000


class Call:
    """A request that waits for its answer.

    Attributes:
        kind: the request's type.
        corr_id: its number.
        answer, error: one of them, once it is done.
        opens: the mailbox that the answer opens; `launched` for one that the answer names.
        opened: the mailbox of a launched instance, once it is known.
        on_done, wake: called when it is done; `wake` for whoever waits.
    """

    __slots__ = ("answer", "corr_id", "error", "kind", "on_done", "opened", "opens", "wake")

    def __init__(self, kind: str, corr_id: int) -> None:
        self.kind = kind
        self.corr_id = corr_id
        self.answer: Answer | None = None
        self.error: PieError | None = None
        self.opens: Mailbox | Literal["launched"] | None = None
        self.opened: Mailbox | None = None
        self.on_done: Callable[[Call], None] | None = None
        self.wake: Callable[[], None] = _nobody

    @property
    def done(self) -> bool:
        """Whether it is answered, or won't be."""
        return self.answer is not None or self.error is not None

    def outcome(self) -> Answer:
        """The answer of a call that is done, failed answers too.

        Raises:
            PieError: there is none.
        """
        if self.error is not None:
            raise self.error.with_traceback(None)  # many calls may share it
        if self.answer is None:
            raise ProtocolError(f"{self.kind} has no answer yet")
        return self.answer


class Protocol:
    """All that is known on this side.

    Args:
        room: bytes of events that may wait for each instance.
        max_blob: bytes that a blob, or an event in pieces, may have.

    Attributes:
        ours: whether the server is a Runyard server.
        mailboxes: the instances whose events come here, by their ids.
        outbox: frames that the state machine itself wants to send.
        on_outbox: called when there are some.
    """

    def __init__(self, *, room: int, max_blob: int) -> None:
        self.ours = False
        self.connected = False
        self.mailboxes: dict[str, Mailbox] = {}
        self.outbox: deque[bytes] = deque()
        self.on_outbox: Callable[[], None] = _nobody
        self._room = room
        self._max_blob = max_blob
        self._last = 0
        self._calls: dict[int, Call] = {}
        self._early: dict[str, list[Said | Chunk]] = {}

    # Calls.

    def call(self, kind: str) -> Call:
        """A new call, known before anything of it is sent."""
        self._last += 1
        call = self._calls[self._last] = Call(kind, self._last)
        return call

    def frame(self, call: Call, fields: dict[str, Plain]) -> bytes:
        """The bytes of a call's request, or of one chunk of it."""
        return encode(call.kind, {"corr_id": call.corr_id, **fields})

    def forget(self, call: Call) -> None:
        """Nobody waits any more; an answer that still comes is nobody's."""
        self._calls.pop(call.corr_id, None)
        if not call.done and isinstance(call.opens, Mailbox) and not call.opens.settled:
            self._drop(call.opens)
        if not self._launching():
            self._early.clear()

    # Instances.

    def mailbox(self, instance_id: str, *, state: State, after: int | None = None) -> Mailbox:
        """A mailbox for an instance; it replaces the one that there was."""
        room = self._room if self.ours else self._room * ORIGINAL_ROOM
        box = Mailbox(instance_id, room=room, max_blob=self._max_blob, state=state, after=after)
        old = self.mailboxes.get(instance_id)
        if state != "detached":
            if old is not None:
                old.state = "detached"
                old.notify()
            self.mailboxes[instance_id] = box
        return box

    def detached(self, instance_id: str) -> None:
        """Its events don't come here any more."""
        box = self.mailboxes.pop(instance_id, None)
        if box is not None:
            box.state = "detached"
            box.notify()

    def fail(self, box: Mailbox, error: PieError) -> None:
        """No more events can come for it."""
        self._drop(box)
        box.fail(error)

    def took(self, box: Mailbox) -> None:
        """Something was taken out: perhaps it is time to ask for more."""
        if box.state == "held" and self.connected and box.drained:
            self._resume(box)

    def to_restore(self) -> list[Mailbox]:
        """After a new connection: the instances that have to be attached again."""
        return [box for box in self.mailboxes.values() if box.state == "held" and box.drained]

    # The connection.

    def made(self) -> None:
        """A new connection: nothing is known of the other side yet."""
        self.connected = True
        self.ours = False

    def lost(self, error: ConnectionLost, *, resumable: bool) -> None:
        """The connection is gone: whoever waits is told, and instances wait for the next one or fail."""
        self.connected = False
        self.outbox.clear()
        self._early.clear()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            self._finish(call, error=error)
        for box in list(self.mailboxes.values()):
            if resumable:
                box.state = "held"
                box.rewind()
            else:
                self.fail(box, error)

    def receive(self, frame: bytes) -> None:
        """Take a frame from the server. A bad one harms only what it is about."""
        try:
            message = decode(frame)
        except Malformed as error:
            self._malformed(error)
            return
        if isinstance(message, Answer):
            self._answered(message)
        elif message is not None:
            self._deliver(message)

    # Below: what frames do.

    def _answered(self, answer: Answer) -> None:
        call = self._calls.pop(answer.corr_id, None)
        if call is None:
            log.debug("an answer to request %d, for which nobody waits", answer.corr_id)
            return
        self.ours = self.ours or answer.ours
        self._finish(call, answer=answer)

    def _finish(self, call: Call, *, answer: Answer | None = None, error: PieError | None = None) -> None:
        call.answer, call.error = answer, error
        if answer is not None and answer.successful:
            self._open(call, answer)
        elif isinstance(call.opens, Mailbox) and not call.opens.settled:
            self._drop(call.opens)
        if not self._launching():
            self._early.clear()
        if call.on_done is not None:
            call.on_done(call)
        call.wake()

    def _open(self, call: Call, answer: Answer) -> None:
        """At once, before the next frame: that may be an event already."""
        if isinstance(call.opens, Mailbox):
            call.opens.open(answer.seq)
            self._watch(call.opens)
        elif call.opens == "launched":
            # The same instance again, by its idempotency key: its events come here already.
            known = self.mailboxes.get(answer.result)
            call.opened = known or self.mailbox(answer.result, state="live", after=0 if self.ours else None)
            for message in self._early.pop(answer.result, ()):
                self._deliver(message)

    def _deliver(self, message: Said | Chunk) -> None:
        box = self.mailboxes.get(message.instance_id)
        if box is None:
            self._keep_early(message)
            return
        box.deliver(message)
        self._watch(box)

    def _watch(self, box: Mailbox) -> None:
        """A mailbox has changed: has it ended, is it full?"""
        if box.ended or box.failure is not None:
            self._drop(box)
        elif box.full and box.state == "live":
            if self.ours:
                self._hold(box)
            else:
                self.fail(box, box.overflow())

    def _keep_early(self, message: Said | Chunk) -> None:
        """An event of an instance whose launch is not answered yet."""
        if not self._launching():
            log.debug("an event of instance %r, which is nobody's here", message.instance_id)
            return
        if message.instance_id in self._early or len(self._early) < _EARLY_INSTANCES:
            kept = self._early.setdefault(message.instance_id, [])
            if len(kept) < _EARLY_EVENTS:
                kept.append(message)

    def _launching(self) -> bool:
        return any(call.opens == "launched" for call in self._calls.values())

    def _malformed(self, error: Malformed) -> None:
        call = self._calls.pop(error.corr_id, None) if error.corr_id is not None else None
        box = self.mailboxes.get(error.instance_id) if error.instance_id is not None else None
        if call is not None:
            self._finish(call, error=error)
        elif box is not None:
            box.spoil(error)
        else:
            log.warning("%s", error)

    def _drop(self, box: Mailbox) -> None:
        if self.mailboxes.get(box.instance_id) is box:
            del self.mailboxes[box.instance_id]

    # Flow control: a Runyard server keeps the events of an instance until they are asked for again.

    def _hold(self, box: Mailbox) -> None:
        box.state = "holding"
        box.rewind()
        call = self.call("detach_instance")
        call.on_done = lambda _: self._held(box)
        self._send(call, {"instance_id": box.instance_id})

    def _held(self, box: Mailbox) -> None:
        if box.state == "holding":
            box.state = "held"
            self.took(box)

    def _resume(self, box: Mailbox) -> None:
        box.state = "resuming"
        call = self.call("attach_instance")
        call.opens = box
        call.on_done = lambda call: self._resumed(box, call)
        self._send(call, {"instance_id": box.instance_id, "after": box.seq or 0})

    def _resumed(self, box: Mailbox, call: Call) -> None:
        answer = call.answer
        if answer is not None and not answer.successful:
            self.fail(box, refusal("Attach Instance", answer.result, answer.code))

    def _send(self, call: Call, fields: dict[str, Plain]) -> None:
        self.outbox.append(self.frame(call, fields))
        self.on_outbox()


ORIGINAL_ROOM: Final = 8
"""How many times the room an instance has with a server that can't hold its events back."""


def _nobody() -> None:
    """Nobody waits."""
