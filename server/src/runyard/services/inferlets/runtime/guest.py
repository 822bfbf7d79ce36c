"""One running instance as its host functions see it: a mailbox, an outbox, and the word that it should stop.

The instance has a thread; the process's reader brings it what comes. Every wait of a program is :meth:`Guest.wait`,
so that whoever must stop it finds it there, or finds it computing and interrupts it at the next epoch.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn, Protocol, TypeVar

from runyard.services.inferlets.frames import (
    MAILBOX,
    WINDOW,
    Answer,
    Blob,
    Call,
    Credit,
    Ended,
    Launch,
    News,
    Output,
    Report,
    Stop,
    Stream,
    Text,
    weight,
)
from runyard.sizes import KIB, MIB

T = TypeVar("T")

GATHER: Final = 32 * KIB
"""Bytes of output that are sent at once; less waits for the next epoch at most."""

LONGEST_TEXT: Final = 4 * MIB
LONGEST_BLOB: Final = 32 * MIB
LONGEST_LIST: Final = 1_000_000
"""Members of a list in a call."""

NEWS_KEPT: Final = 64
"""Broadcasts a subscription keeps; the newest are lost when it is full."""

SUBSCRIPTIONS: Final = 64


class Stopped(Exception):
    """The instance is over; every host function that is still called raises this."""


class HostRefusal(Exception):
    """A program asks for something it can't have. Ends it, or comes back as an error where there is room for one."""


class Told(HostRefusal):
    """The program was told to end while it waited for an answer that may take long."""


class Epochs(Protocol):
    """Whoever interrupts programs that compute."""

    def join(self, guest: Guest) -> None:
        """The guest is computing."""

    def leave(self, guest: Guest) -> None:
        """The guest waits, or is over."""


class Guest:
    """The state of one instance between its thread and the process's reader."""

    def __init__(self, launch: Launch, tell: Callable[[Report], None], epochs: Epochs) -> None:
        self.launch = launch
        self.returned = ""
        self.ending: Stop | None = None
        """Why it must end, once that is decided."""

        self.texts: deque[str] = deque()
        self.blobs: deque[bytes] = deque()
        self.news: dict[int, deque[str]] = {}
        self._number = launch.instance
        self._asked = False
        self._knows = False
        self._tell = tell
        self._epochs = epochs
        self._changed = threading.Condition()
        self._answers: dict[int, Answer] = {}
        self._calls = 0
        self._subscriptions = 0
        self._said = 0
        self._outstanding = 0
        self._taken = 0
        self._outbox = threading.Lock()
        self._buffer = bytearray()
        self._stream: Stream = "stdout"

    # ---------------------------------------------------------------- the program's side

    def wait(self, look: Callable[[], T | None], timeout: float | None = None) -> T | None:
        """The first thing ``look`` finds; None after ``timeout`` seconds.

        Raises:
            Stopped: the instance is over.
        """
        self.flush()
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self.check()
            if (found := look()) is not None:
                return found
            self._epochs.leave(self)
            try:
                while True:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        return None
                    self._changed.wait(None if left is None else min(left, threading.TIMEOUT_MAX))
                    self.check()
                    if (found := look()) is not None:
                        return found
            finally:
                self._epochs.join(self)

    def check(self) -> None:
        """Raise Stopped if the instance is over."""
        if self.ending is not None:
            raise Stopped

    def stop(self, order: Stop) -> None:
        """End it as ``order`` says; the first reason counts. May be called by any thread."""
        with self._changed:
            if order.polite:
                self._asked = True
            elif self.ending is None:
                self.ending = order
            self._changed.notify_all()

    def hears_end(self) -> bool:
        """Whether it has been asked to end by itself. The program is told what comes of this, and so it knows."""
        self._knows = self._knows or self._asked
        return self._asked

    def exhaust(self, limit: str, text: str) -> Stopped:
        """End it for having reached a limit."""
        self.stop(Stop(self._number, polite=False, kind="limit", limit=limit, text=text))
        return Stopped()

    def exit(self, code: int) -> NoReturn:
        """End with a status of the program's own; 0 is success."""
        order = Stop(self._number, polite=False, kind="completed", code=code)
        if code:
            order = Stop(self._number, polite=False, kind="exception", text=f"exit status {code}", code=code)
        self.stop(order)
        raise Stopped

    def take_text(self) -> str | None:
        """The next message, if there is one."""
        if not self.texts:
            return None
        text = self.texts.popleft()
        self._took(Text(self._number, text))
        return text

    def take_blob(self) -> bytes | None:
        """The next blob, if there is one."""
        if not self.blobs:
            return None
        content = self.blobs.popleft()
        self._took(Blob(self._number, content))
        return content

    def take_news(self, subscription: int) -> str | None:
        """The next broadcast of a subscription, if there is one."""
        kept = self.news.get(subscription)
        return kept.popleft() if kept else None

    def has_news(self, subscription: int) -> bool:
        """Whether asking a subscription gives an answer at once: one that is forgotten says that there is nothing."""
        return self.news.get(subscription) != deque()

    def print(self, stream: Stream, content: bytes) -> None:
        """Add output."""
        room = self.launch.limits.output_bytes - self._said
        self._said += len(content)
        with self._outbox:
            if stream != self._stream:
                self._send_output()
                self._stream = stream
            self._buffer += content[: max(room, 0)]
        if len(content) > room:
            raise self._too_much()
        if len(self._buffer) >= GATHER:
            self.flush()
        self.check()

    def set_return(self, value: str) -> None:
        """Set the value it ends with."""
        _check_length("a return value", value)
        self.returned = value

    def send(self, text: str) -> None:
        """Add a message to whoever listens."""
        _check_length("a message", text)
        self._say(len(text.encode()), Text(self._number, text))

    def send_blob(self, content: bytes) -> None:
        """Add a blob for whoever listens."""
        if len(content) > LONGEST_BLOB:
            raise HostRefusal(f"a blob has {len(content)} bytes; {LONGEST_BLOB} are allowed")
        self._say(len(content), Blob(self._number, content))

    def call(self, name: str, *arguments: object, long: bool = False) -> object:
        """Ask the yard, and wait for its answer. Where that may take ``long``, being told to end is an answer, too.

        That is told once: what the program asks for after it knows, for its farewell, is answered.

        Raises:
            HostRefusal: the yard says no, or what it is given is too long.
            Told: the program should end, and was not told so before.
        """
        for one in arguments:
            _check_length(f"what {name!r} is given", one)
        self._calls += 1
        number = self._calls
        self._tell_after_output(Call(self._number, number, name, list(arguments)))  # type: ignore[arg-type]

        def look() -> Answer | None:
            if (found := self._answers.pop(number, None)) is None and long and not self._knows and self.hears_end():
                raise Told("the program was told to end")
            return found

        answer = self.wait(look)
        assert answer is not None
        if answer.error is not None:
            raise HostRefusal(answer.error)
        return answer.value

    def cast(self, name: str, *arguments: object) -> None:
        """Tell the yard something that needs no answer."""
        self._tell_after_output(Call(self._number, 0, name, list(arguments)))  # type: ignore[arg-type]

    def subscribe(self, topic: str) -> int:
        """Have the broadcasts on a topic kept from now on, under the number that is returned."""
        if len(self.news) >= SUBSCRIPTIONS:
            raise HostRefusal(f"an instance may have {SUBSCRIPTIONS} subscriptions at a time")
        self._subscriptions += 1
        number = self._subscriptions
        self.news[number] = deque()
        self.call("subscribe", number, topic)
        return number

    def unsubscribe(self, subscription: int) -> None:
        """Forget a subscription."""
        if self.news.pop(subscription, None) is not None:
            self.cast("unsubscribe", subscription)

    def flush(self) -> None:
        """Send what was printed; waits while too much is on its way."""
        if self._outstanding >= WINDOW:
            self._await_credit()
        with self._outbox:
            self._send_output()

    def end(self, ended: Ended) -> None:
        """Say the last word."""
        with self._outbox:
            self._send_output()
            self._tell(ended)

    # ---------------------------------------------------------------- the reader's side

    def flush_if_possible(self) -> None:
        """Send what was printed, unless too much is on its way. Never waits."""
        if self._buffer and self._outstanding < WINDOW:
            with self._outbox:
                self._send_output()

    def deliver(self, order: Text | Blob | Answer | News | Credit | Stop) -> None:
        """Take what has come for it."""
        if isinstance(order, Stop):
            self.stop(order)
            return
        with self._changed:
            match order:
                case Text():
                    self.texts.append(order.text)
                case Blob():
                    self.blobs.append(order.content)
                case Answer():
                    self._answers[order.call] = order
                case News():
                    kept = self.news.get(order.subscription)
                    if kept is not None and len(kept) < NEWS_KEPT:
                        kept.append(order.text)
                case Credit():
                    self._outstanding -= order.count
            self._changed.notify_all()

    # ---------------------------------------------------------------- within

    def _say(self, size: int, report: Text | Blob) -> None:
        self._said += size
        if self._said > self.launch.limits.output_bytes:
            raise self._too_much()
        self.flush()
        with self._outbox:
            self._count(report)
            self._tell(report)
        self.check()

    def _too_much(self) -> Stopped:
        return self.exhaust("output_bytes", f"It said more than {self.launch.limits.output_bytes} bytes.")

    def _tell_after_output(self, report: Report) -> None:
        with self._outbox:
            self._send_output()
            self._tell(report)

    def _send_output(self) -> None:
        if self._buffer:
            output = Output(self._number, self._stream, bytes(self._buffer))
            self._buffer.clear()
            self._count(output)
            self._tell(output)

    def _count(self, said: Text | Blob | Output) -> None:
        with self._changed:
            self._outstanding += weight(said)

    def _await_credit(self) -> None:
        with self._changed:
            self._epochs.leave(self)
            try:
                while self._outstanding >= WINDOW:
                    self.check()
                    self._changed.wait()
            finally:
                self._epochs.join(self)

    def _took(self, taken: Text | Blob) -> None:
        """Count what the program has taken, and say so now and then: more may come."""
        self._taken += weight(taken)
        if self._taken >= MAILBOX // 4:
            self._tell(Credit(self._number, self._taken))
            self._taken = 0


def _check_length(what: str, value: object) -> None:
    """Refuse what would not fit into a frame, and what the yard could do nothing with."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise HostRefusal(f"{what} has {len(value)} characters; {LONGEST_TEXT} are allowed")
    if isinstance(value, list) and len(value) > LONGEST_LIST:
        raise HostRefusal(f"{what} has {len(value)} members; {LONGEST_LIST} are allowed")
