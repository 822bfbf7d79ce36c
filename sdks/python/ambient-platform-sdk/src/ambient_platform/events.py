"""What a session tells while it runs: one class for each type of event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict

from ._fields import Fields
from .types import SessionUsage, StatusCompleted, StatusFailed


class _Head(TypedDict):
    seq: int
    at: str
    type: str
    raw: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event. One of a type that this client doesn't know is a plain `Event`.

    Attributes:
        seq: its number in the session; give it to `stream_events(id, after=)` to go on behind it.
        at: when it happened.
        type: its type.
        raw: all that the server sent.
    """

    seq: int
    at: str
    type: str
    raw: Mapping[str, object] = field(repr=False, compare=False)

    @property
    def terminal(self) -> bool:
        """Whether it is the last one."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent(Event):
    """The session's status has changed. `waiting` is `message` or `approval` while it waits for a person."""

    status: str
    reason: str | None = None
    error: str | None = None
    waiting: str | None = None

    @property
    def terminal(self) -> bool:
        """Whether the session is over."""
        return self.status in {StatusCompleted, StatusFailed}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoEvent(Event):
    """A repository is `cloning`, `ready` or `failed`."""

    name: str
    url: str
    state: str
    branch: str | None = None
    commit: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(Event):
    """A whole message of the `user` or the `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaEvent(Event):
    """A piece of the assistant's message to come."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallEvent(Event):
    """The agent uses a tool. `call` is the call's id, `arguments` whatever JSON the agent gave."""

    call: str
    name: str
    arguments: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultEvent(Event):
    """What came of a tool's call; `truncated` if there was more."""

    call: str
    ok: bool
    content: str = ""
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalEvent(Event):
    """A tool's call is `needed` to be approved, `approved` or `refused`."""

    call: str
    state: str
    by: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent(Event):
    """What the session has used so far."""

    usage: SessionUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactEvent(Event):
    """The session has made a file. `size` is in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEvent(Event):
    """What one should know."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent(Event):
    """What a tool or the agent has printed."""

    content: str


def event_of(value: object, *, event_type: str, event_id: str | None) -> Event:
    """The event that the server sent.

    Args:
        value: its JSON.
        event_type: what the stream calls it, for a server that leaves it out of the JSON.
        event_id: its number in the stream, likewise.

    Raises:
        ResponseError: it isn't what it should be.
    """
    fields = Fields(value, "an event")
    seq = fields.number_or_none("seq")
    if seq is None:
        seq = int(event_id) if event_id and event_id.isdecimal() else fields.number("seq")
    kind = fields.text_or_none("type") or event_type
    head = _Head(seq=seq, at=fields.text_or_none("at") or "", type=kind, raw=fields.raw)
    make = _KINDS.get(kind)
    return Event(**head) if make is None else make(fields, head)


def _status(fields: Fields, head: _Head) -> Event:
    reason, error, waiting = (fields.text_or_none(name) for name in ("reason", "error", "waiting"))
    return StatusEvent(**head, status=fields.text("status"), reason=reason, error=error, waiting=waiting)


def _repo(fields: Fields, head: _Head) -> Event:
    branch, commit, error = (fields.text_or_none(name) for name in ("branch", "commit", "error"))
    name, url, state = (fields.text(name) for name in ("name", "url", "state"))
    return RepoEvent(**head, name=name, url=url, state=state, branch=branch, commit=commit, error=error)


def _message(fields: Fields, head: _Head) -> Event:
    return MessageEvent(**head, role=fields.text("role"), content=fields.text("content"))


def _delta(fields: Fields, head: _Head) -> Event:
    return DeltaEvent(**head, content=fields.text("content"))


def _tool_call(fields: Fields, head: _Head) -> Event:
    return ToolCallEvent(
        **head, call=fields.text("call"), name=fields.text("name"), arguments=fields.raw.get("arguments")
    )


def _tool_result(fields: Fields, head: _Head) -> Event:
    content = fields.text_or_none("content") or ""
    return ToolResultEvent(
        **head, call=fields.text("call"), ok=fields.flag("ok"), content=content, truncated=fields.flag("truncated")
    )


def _approval(fields: Fields, head: _Head) -> Event:
    by, comment = fields.text_or_none("by"), fields.text_or_none("comment")
    return ApprovalEvent(**head, call=fields.text("call"), state=fields.text("state"), by=by, comment=comment)


def _usage(fields: Fields, head: _Head) -> Event:
    return UsageEvent(**head, usage=SessionUsage.of(fields))


def _artifact(fields: Fields, head: _Head) -> Event:
    return ArtifactEvent(**head, name=fields.text("name"), size=fields.number("size"), sha256=fields.text("sha256"))


def _note(fields: Fields, head: _Head) -> Event:
    return NoteEvent(**head, content=fields.text("content"))


def _log(fields: Fields, head: _Head) -> Event:
    return LogEvent(**head, content=fields.text("content"))


_KINDS: Final[dict[str, Callable[[Fields, _Head], Event]]] = {
    "status": _status,
    "repo": _repo,
    "message": _message,
    "delta": _delta,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
    "approval": _approval,
    "usage": _usage,
    "artifact": _artifact,
    "note": _note,
    "log": _log,
}
