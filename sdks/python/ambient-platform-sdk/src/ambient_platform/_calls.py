"""Every call, written once for both clients: what is sent, and what the answer means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx

from ._checks import path_part
from ._core import Core, new_key
from ._fields import Fields
from ._refusals import document_of
from ._wire.httpx_shell import header
from .exceptions import ConflictError, ResponseError, SessionNotFoundError
from .types import (
    Artifact,
    CreateSessionRequest,
    CreateSessionResponse,
    Message,
    Model,
    SessionListResponse,
    SessionResponse,
)

T = TypeVar("T")

SESSIONS: Final = "/v1/sessions"
_PAGE: Final = range(1, 501)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which sessions are listed, and how many at a time."""

    limit: int | None = None
    status: str | None = None
    labels: Mapping[str, str] | None = None
    search: str | None = None

    def query(self, cursor: str | None) -> tuple[tuple[str, str], ...]:
        """As it travels.

        Raises:
            ValueError: the limit is none.
        """
        if self.limit is not None and self.limit not in _PAGE:
            raise ValueError(f"limit has to be 1 to {_PAGE[-1]}, not {self.limit!r}")
        given = {"limit": self.limit, "status": self.status, "search": self.search, "cursor": cursor}
        labels = [("label", f"{name}={value}") for name, value in (self.labels or {}).items()]
        return (*((name, str(value)) for name, value in given.items() if value is not None), *labels)


def session_path(session_id: str, *below: str) -> str:
    """The path of a session, or of something of it."""
    return "/".join((SESSIONS, path_part(session_id, "Session ID"), *below))


async def create_session(core: Core, request: CreateSessionRequest, key: str | None) -> CreateSessionResponse:
    """Start a session."""
    request.validate()
    asked = core.request("POST", SESSIONS, document=request.to_dict(), headers=_under(key))
    return _read(await core.once(asked), CreateSessionResponse.from_dict)


async def get_session(core: Core, session_id: str, *, until: float | None = None) -> SessionResponse:
    """How a session is."""
    asked = core.request("GET", session_path(session_id), until=until)
    return _read(await core.answer(asked, replayable=True, until=until), SessionResponse.from_dict)


async def list_sessions(core: Core, wanted: Filter, cursor: str | None) -> SessionListResponse:
    """A page of sessions."""
    asked = core.request("GET", SESSIONS, query=wanted.query(cursor))
    page = _read(await core.answer(asked, replayable=True), SessionListResponse.from_dict)
    if cursor is not None and page.next_cursor == cursor:
        raise ResponseError(f"The server's answer is wrong: the page after {cursor!r} is that page again")
    return page


async def delete(core: Core, session_id: str) -> None:
    """Forget a session."""
    await core.end(core.request("DELETE", session_path(session_id)), ended=SessionNotFoundError)


async def interrupt(core: Core, session_id: str, key: str | None) -> SessionResponse:
    """End the turn, and keep the session."""
    asked = core.request("POST", session_path(session_id, "interrupt"), headers=_under(key))
    return _read(await core.once(asked, superset=True), SessionResponse.from_dict)


async def end(core: Core, session_id: str, verb: str) -> SessionResponse:
    """Stop or finish a session."""
    asked = core.request("POST", session_path(session_id, verb))
    response = await core.end(asked, ended=ConflictError, superset=True)
    if response is None:
        return await get_session(core, session_id)
    return _read(response, SessionResponse.from_dict)


async def send_message(core: Core, session_id: str, content: str, key: str | None) -> int:
    """Tell the agent something; gives the message's number."""
    if not content.strip():
        raise ValueError("Message cannot be empty")
    path = session_path(session_id, "messages")
    asked = core.request("POST", path, document={"content": content}, headers=_under(key))
    return _read(await core.once(asked, superset=True), lambda given: Fields(given, "the message").number("seq"))


async def approve(core: Core, session_id: str, call: str, *, approved: bool, comment: str | None) -> None:
    """Let a tool's call happen, or not."""
    document = {"approved": approved, **({"comment": comment} if comment else {})}
    path = session_path(session_id, "approvals", path_part(call, "Call ID"))
    await core.answer(core.request("POST", path, document=document), replayable=False, superset=True)


async def messages(core: Core, session_id: str) -> list[Message]:
    """The transcript."""
    return await _items(core, session_path(session_id, "messages"), Message.of)


async def artifacts(core: Core, session_id: str) -> list[Artifact]:
    """The files that a session has made."""
    return await _items(core, session_path(session_id, "artifacts"), Artifact.of)


async def models(core: Core) -> list[Model]:
    """What sessions may ask for."""
    return await _items(core, "/v1/models", Model.of)


async def patch(core: Core, session_id: str, repo: str | None) -> bytes:
    """What changed in the repositories."""
    query = () if repo is None else (("repo", repo),)
    asked = core.request("GET", session_path(session_id, "patch"), query=query)
    return (await core.answer(asked, replayable=True, superset=True)).content


async def logs(core: Core, session_id: str, tail: int | None) -> str:
    """What tools and the agent have printed."""
    query = () if tail is None else (("tail", str(tail)),)
    asked = core.request("GET", session_path(session_id, "logs"), query=query)
    return (await core.answer(asked, replayable=True, superset=True)).content.decode("utf-8", "replace")


async def metrics(core: Core, session_id: str) -> Mapping[str, object]:
    """Times, turns, tokens and tool calls."""
    asked = core.request("GET", session_path(session_id, "metrics"))
    return _read(await core.answer(asked, replayable=True, superset=True), lambda given: given)


async def _items(core: Core, path: str, make: Callable[[Fields], T]) -> list[T]:
    response = await core.answer(core.request("GET", path), replayable=True, superset=True)
    return _read(response, lambda given: [make(one) for one in Fields(given, "the list").objects("items")])


def _under(key: str | None) -> dict[str, str]:
    """What makes a request one that may come again: the caller's key, or one of its own."""
    return {"Idempotency-Key": key or new_key()}


def _read(response: httpx.Response, make: Callable[[Mapping[str, object]], T]) -> T:
    """What an answer says; one that is wrong is refused with what its operator needs to find it."""
    try:
        return make(Fields(document_of(response), "the answer").raw)
    except ResponseError as error:
        error.status, error.request_id = response.status_code, header(response, "X-Request-Id")
        raise
