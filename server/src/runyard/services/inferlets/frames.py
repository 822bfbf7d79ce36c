"""What a worker and its instance processes say to each other.

One pair of pipes carries every instance of a process; ``instance`` is the worker's number of one. The process is not
trusted: what it sends is checked, and grants it nothing but to speak for the instances it was given.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from runyard.frames import Frames
from runyard.services.inferlets.limits import Limits
from runyard.sizes import KIB, MIB

LONGEST: Final = 64 * MIB
"""Bytes of one frame; a blob with all that is around it."""

WINDOW: Final = 256 * KIB
"""Bytes an instance may have said that nobody has taken yet; then it waits."""

MAILBOX: Final = 1 * MIB
"""Bytes that may wait for an instance inside its process; the rest waits in the event log."""

Stream: TypeAlias = Literal["stdout", "stderr"]
Kind: TypeAlias = Literal["module", "component"]
EndKind: TypeAlias = Literal["completed", "exception", "limit", "aborted", "unloadable"]


class Launch(msgspec.Struct, frozen=True, tag="launch"):
    """Run a program. ``file`` is its compiled form in the folder of compiled programs."""

    instance: int
    id: str
    file: str
    kind: Kind
    program: str
    arguments: list[str]
    limits: Limits


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A message for the instance."""

    instance: int
    text: str


class Blob(msgspec.Struct, frozen=True, tag="blob"):
    """A blob, in either direction."""

    instance: int
    content: bytes


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """What became of call number ``call``; ``error`` is for the program."""

    instance: int
    call: int
    value: object = None
    error: str | None = None


class News(msgspec.Struct, frozen=True, tag="news"):
    """Something was broadcast that subscription number ``subscription`` is about."""

    instance: int
    subscription: int
    text: str


class Credit(msgspec.Struct, frozen=True, tag="credit"):
    """So many bytes were taken by the other side, whichever that is."""

    instance: int
    count: int


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End the instance; politely first, if ``polite``: what it waits for comes back empty."""

    instance: int
    polite: bool
    kind: EndKind = "aborted"
    limit: str | None = None
    text: str = ""
    code: int | None = None


Order: TypeAlias = Launch | Text | Blob | Answer | News | Credit | Stop


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process is up and has its libraries."""


class Output(msgspec.Struct, frozen=True, tag="output"):
    """Bytes as they were printed."""

    instance: int
    stream: Stream
    content: bytes


class Call(msgspec.Struct, frozen=True, tag="call"):
    """The instance asks the yard for something and waits for the answer."""

    instance: int
    call: int
    name: Literal[
        "kv_get",
        "kv_set",
        "kv_delete",
        "kv_keys",
        "broadcast",
        "subscribe",
        "unsubscribe",
        "models",
        "generate",
        "chat",
        "generate_start",
        "generate_next",
        "generate_end",
        "tokenize",
        "detokenize",
        "forward",
    ]
    arguments: list[object]  # fmt: skip


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The last word about an instance.

    ``text`` is the value it returned or what went wrong; ``code`` the status it exited with; ``limit`` the limit it
    reached; ``fuel`` what it used; ``memory`` the bytes it had at the end.
    """

    instance: int
    kind: EndKind
    text: str = ""
    code: int | None = None
    limit: str | None = None
    fuel: int = 0
    memory: int = 0


Report: TypeAlias = Ready | Output | Text | Blob | Call | Credit | Ended

order_frames: Final = Frames[Order](Order, longest=LONGEST)
report_frames: Final = Frames[Report](Report, longest=LONGEST)


def weight(message: Text | Blob | Output) -> int:
    """What a message counts in windows and mailboxes; small ones count as more than they are, so they can't be many."""
    return max(256, len(message.text if isinstance(message, Text) else message.content))
