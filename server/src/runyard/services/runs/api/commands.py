"""The one way in which a request changes something, and the one in which it looks at a thing.

A change is one transaction: the record that makes its repetition harmless, the workspace's book, and the change. A
change that is refused leaves nothing behind, not even its Idempotency-Key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Final, TypeAlias, TypeVar
from uuid import UUID, uuid4

from fastapi import Request, Response

from runyard.database import Connection, DatabaseUnavailable
from runyard.services.runs.api.edge import Visit
from runyard.services.runs.api.etags import etag_of, matches
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Answer, Ask
from runyard.services.runs.repeats import Answered, Command, answered
from runyard.services.runs.room import Room
from runyard.web.bodies import JSON
from runyard.web.idempotency import idempotency_key

A = TypeVar("A", bound=Answer)
Work: TypeAlias = Callable[[Connection, Book], Awaitable[A]]

SWEEP: Final = 32
"""Changes of a process between two removals of records that have expired: of twice as many, so that they get fewer."""

_SWEEP: Final = f"""
    DELETE FROM runs_idempotency WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM runs_idempotency WHERE created_at < $1 LIMIT {2 * SWEEP} FOR UPDATE SKIP LOCKED
    ))
"""

_changes: Final = count()


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

    def place(answer: A) -> str:
        assert location is not None
        return f"/v1/workspaces/{workspace}/{location(answer)}"

    return await once.run(work, status=status, location=None if location is None else place, keep=keep)


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
    """A request that changes something in one workspace, to be done once.

    Args:
        workspace: whose book the change is written in.
        scope: the workspace the command is about, if that isn't there yet.

    Raises:
        BadKey: its Idempotency-Key can't be one.
    """

    def __init__(
        self, room: Room, request: Request, asked: Ask | None, *, workspace: str, command: str, user: UUID,
        scope: str | None = None,
    ) -> None:  # fmt: skip
        key, now = idempotency_key(request), room.yard.clock()
        said = b"" if asked is None else asked.model_dump_json(by_alias=True, exclude_unset=True).encode()
        self._room = room
        self._workspace = workspace
        self._command = Command(
            scope=workspace if scope is None else scope, name=command, user=user,
            key=f"once {uuid4()}" if key is None else f"key {key}",
            fingerprint=hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + said).digest(),
            at=now, since=now - timedelta(hours=room.yard.settings.idempotency_hours),
        )  # fmt: skip

    async def run(
        self,
        work: Work[A],
        *,
        status: int,
        location: Callable[[A], str] | None = None,
        keep: Callable[[A], Answer] | None = None,
    ) -> Response:
        """Run ``work`` in a transaction unless it was done before, and answer what it returns."""

        async def attempt(connection: Connection) -> tuple[Answered, bool]:
            book = await self._room.ledger.open(connection, self._workspace, self._command)
            if book.answered is not None:
                return book.answered, True
            made = await work(connection, book)
            answer = Answered(
                status=status, location=None if location is None else location(made),
                body=b"" if status == 204 else made.encoded(),
            )  # fmt: skip
            await book.close(answer if keep is None else replace(answer, body=keep(made).encoded()))
            if next(_changes) % SWEEP == 0:
                await connection.execute(_SWEEP, self._command.since)
            return answer, False

        database = self._room.yard.database
        try:
            answer, replayed = await database.transaction(attempt)
        except DatabaseUnavailable:
            raise
        except Exception:
            # Perhaps it was refused only because the same request was being done while this one was waiting.
            before = await answered(database, self._command)
            if before is None:
                raise
            answer, replayed = before, True
        return _response(answer, replayed=replayed)


def _response(answer: Answered, *, replayed: bool) -> Response:
    headers = {}
    if answer.location is not None:
        headers["Location"] = answer.location
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    return Response(answer.body, answer.status, headers={"ETag": etag_of(answer.body), **headers}, media_type=JSON)
