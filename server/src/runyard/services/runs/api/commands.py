"""The one way in which a request changes something, and the one in which it looks at a thing.

A change is one transaction: the record that makes its repetition harmless, the workspace's book, and the change. A
change that is refused leaves nothing behind, not even its Idempotency-Key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Final, TypeAlias, TypeVar
from uuid import UUID, uuid4

from fastapi import Request, Response

from runyard.database import Connection
from runyard.services.runs.api.edge import Visit
from runyard.services.runs.api.etags import etag_of, matches
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Answer, Ask
from runyard.services.runs.refused import conflict
from runyard.services.runs.room import Room
from runyard.web.bodies import JSON
from runyard.web.idempotency import idempotency_key

A = TypeVar("A", bound=Answer)
Work: TypeAlias = Callable[[Connection, Book], Awaitable[A]]

SWEEP: Final = 32
"""Changes of a process between two removals of records that have expired: of twice as many, so that they get fewer."""

_CLAIM: Final = """
    INSERT INTO runs_idempotency AS known (workspace, command, user_id, key, fingerprint, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (workspace, command, user_id, key) DO UPDATE SET fingerprint = $5, created_at = $6
        WHERE known.created_at < $7
    RETURNING true
"""
_KNOWN: Final = """
    SELECT fingerprint, status, location, body FROM runs_idempotency
    WHERE workspace = $1 AND command = $2 AND user_id = $3 AND key = $4
"""
_DONE: Final = """
    UPDATE runs_idempotency SET status = $5, location = $6, body = $7
    WHERE workspace = $1 AND command = $2 AND user_id = $3 AND key = $4
"""
_SWEEP: Final = f"""
    DELETE FROM runs_idempotency WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM runs_idempotency WHERE created_at < $1 LIMIT {2 * SWEEP} FOR UPDATE SKIP LOCKED
    ))
"""


_changes: Final = count()


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: int
    location: str | None
    body: bytes
    replayed: bool = False


async def command(
    visit: Visit,
    name: str,
    asked: Ask | None,
    work: Work[A],
    *,
    status: int = 200,
    location: Callable[[A], str] | None = None,
    keep: Callable[[A], Answer] | None = None,
) -> Response:
    """Do what a request asks for, once, however often it is sent with the same Idempotency-Key.

    Args:
        visit: who asks.
        name: what the protocol calls the change, such as ``StartWorkflow``.
        asked: the body; another one with the same key is a conflict.
        work: makes the change and its evidence, and returns what to answer. It may be run more than once, in a new
            transaction each time. With ``status=204`` what it returns isn't shown.
        location: says where a new thing is, below the workspace: ``runs/<id>``.
        keep: what repetitions of the request are told, when the answer holds a secret that mustn't be stored.
    """
    workspace, user = visit.caller.workspace, visit.caller.user
    once = Once(visit.room, visit.request, asked, workspace=workspace, command=name, user=user)

    async def inside(connection: Connection) -> tuple[A, str | None]:
        book = await visit.room.ledger.open(connection, workspace)
        answer = await work(connection, book)
        await book.close()
        return answer, None if location is None else f"/v1/workspaces/{workspace}/{location(answer)}"

    return await once.run(inside, status=status, keep=keep)


async def look(visit: Visit, answer: Answer, *, etag: bool = True) -> Response:
    """Show a thing, or say that the caller has this very version of it. ``etag=False`` for lists."""
    return shown(visit.request, answer, etag=etag)


def shown(request: Request, answer: Answer, *, etag: bool = True) -> Response:
    """The same for whoever asks."""
    body = answer.encoded()
    if not etag:
        return Response(body, media_type=JSON)
    headers = {"ETag": etag_of(body)}
    wanted = request.headers.get("if-none-match")
    if wanted is not None and matches(wanted, body):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


class Once:
    """A request that changes something, as it is remembered: whose, which, and with what body.

    Raises:
        BadKey: its Idempotency-Key can't be one.
    """

    def __init__(
        self, room: Room, request: Request, asked: Ask | None, *, workspace: str, command: str, user: UUID
    ) -> None:
        key = idempotency_key(request)
        self._room = room
        self._known_by = (workspace, command, user, f"once {uuid4()}" if key is None else f"key {key}")
        said = b"" if asked is None else asked.model_dump_json(by_alias=True, exclude_unset=True).encode()
        self._fingerprint = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + said).digest()

    async def run(
        self,
        work: Callable[[Connection], Awaitable[tuple[A, str | None]]],
        *,
        status: int,
        keep: Callable[[A], Answer] | None = None,
    ) -> Response:
        """Run ``work`` in a transaction unless it was done before, and answer what it returns: a body and a place."""

        async def attempt(connection: Connection) -> _Outcome:
            now = self._room.yard.clock()
            expiry = now - timedelta(hours=self._room.yard.settings.idempotency_hours)
            known = await self._claim(connection, now, expiry)
            if known is not None:
                return known
            answer, location = await work(connection)
            body = b"" if status == 204 else answer.encoded()
            kept = body if keep is None else keep(answer).encoded()
            await connection.execute(_DONE, *self._known_by, status, location, kept)
            if next(_changes) % SWEEP == 0:
                await connection.execute(_SWEEP, expiry)
            return _Outcome(status, location, body)

        return _response(await self._room.yard.database.transaction(attempt))

    async def _claim(self, connection: Connection, now: datetime, expiry: datetime) -> _Outcome | None:
        """Remember the request in this transaction, or what came of it before. Waits for one that is under way."""
        if await connection.fetchval(_CLAIM, *self._known_by, self._fingerprint, now, expiry):
            return None
        known = await connection.fetchrow(_KNOWN, *self._known_by)
        assert known is not None  # it was committed: one that is under way was waited for
        if known["fingerprint"] != self._fingerprint:
            raise conflict("This Idempotency-Key was used for another request. Use a new one.")
        return _Outcome(known["status"], known["location"], known["body"], replayed=True)


def _response(outcome: _Outcome) -> Response:
    headers = {}
    if outcome.location is not None:
        headers["Location"] = outcome.location
    if outcome.replayed:
        headers["Idempotency-Replayed"] = "true"
    if outcome.status == 204:
        return Response(status_code=204, headers=headers)
    return Response(outcome.body, outcome.status, headers={"ETag": etag_of(outcome.body), **headers}, media_type=JSON)
