"""Incremental decoder of Server-Sent Events (the WHATWG grammar): bytes in, events out, no I/O.

Work is linear in the bytes fed, however they are cut: an unfinished line is kept in pieces and joined once.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ProtocolError

DEFAULT_MAX_EVENT_BYTES = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One dispatched event. `id` is the last id seen, which may come from an earlier event."""

    data: str
    event: str
    id: str | None


class Decoder:
    """Feed it the body's bytes as they come; it hands back the events they complete.

    `last_event_id` and `retry` (seconds) hold what the server said last. An `id:` line without data moves
    `last_event_id` although no event comes of it: a server names the starting point of a stream that way.
    """

    def __init__(self, *, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        self.last_event_id: str | None = None
        self.retry: float | None = None
        self._max_event_bytes = max_event_bytes
        self._unfinished: list[bytes] = []
        self._unfinished_size = 0
        self._after_cr = False
        self._at_start = True
        self._data: list[bytes] = []
        self._data_size = 0
        self._event = ""
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Take the next bytes of the body.

        Raises:
            ProtocolError: one event is larger than `max_event_bytes`.
        """
        if self._at_start:
            chunk = self._without_bom(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if not chunk:
            return []
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if not end:
            self._hold(chunk)
            return []
        lines = chunk if end == len(chunk) else chunk[:end]
        if self._unfinished:
            lines = b"".join([*self._unfinished, lines])
            self._unfinished.clear()
            self._unfinished_size = 0
        # A CR at the very end may be half of a CRLF: the LF is then swallowed from the next chunk.
        self._after_cr = chunk.endswith(b"\r")
        events = self._take_lines(lines)
        if end != len(chunk):
            self._hold(chunk[end:])
        return events

    def _without_bom(self, chunk: bytes) -> bytes:
        start = b"".join([*self._unfinished, chunk])
        self._unfinished.clear()
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._unfinished.append(start)
            return b""
        self._at_start = False
        return start.removeprefix(_BOM)

    def _hold(self, piece: bytes) -> None:
        self._unfinished.append(piece)
        self._unfinished_size += len(piece)
        self._check_size()

    def _keep(self, value: bytes) -> None:
        self._data.append(value)
        self._data_size += len(value)
        self._check_size()

    def _check_size(self) -> None:
        if self._data_size + self._unfinished_size > self._max_event_bytes:
            raise ProtocolError(
                f"the server sent one event of more than {self._max_event_bytes} bytes; "
                "raise max_event_bytes if that is meant"
            )

    def _take_lines(self, lines: bytes) -> list[ServerEvent]:
        events = []
        for line in lines.splitlines():
            if not line:
                if self._data:
                    events.append(self._dispatch())
                else:
                    self._dispatch_nothing()
            elif line.startswith(b"data: "):
                self._keep(line[6:])
            elif not line.startswith(b":"):
                self._take_field(line)
        return events

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"data":
            self._keep(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry = int(value) / 1000

    def _dispatch(self) -> ServerEvent:
        if self._id is not None:
            self.last_event_id = self._id
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        event = ServerEvent(data.decode("utf-8", "replace"), self._event or "message", self.last_event_id)
        self._data.clear()
        self._data_size = 0
        self._event = ""
        return event

    def _dispatch_nothing(self) -> None:
        if self._id is not None:
            self.last_event_id = self._id
        self._event = ""
