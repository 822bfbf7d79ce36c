"""People who come to the service's face, and the books that they look into."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx

from runyard.services.runs.evidence.entry import SYSTEM
from runyard.services.runs.ledger import Book
from runyard.services.runs.room import Room
from runyard.services.runs.words import Role
from runyard.yard import Yard

from ..house import House

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a workspace, with their token."""

    id: UUID
    workspace: str
    client: httpx.AsyncClient

    async def get(self, path: str, code: int = 200, **params: object) -> Record:
        return await self.ask("GET", path, status=code, params=params)

    async def post(self, path: str, body: object = None, code: int = 200, **headers: str) -> Record:
        return await self.ask("POST", path, body, status=code, headers=headers)

    async def patch(self, path: str, body: object, code: int = 200, **headers: str) -> Record:
        return await self.ask("PATCH", path, body, status=code, headers=headers)

    async def put(self, path: str, body: object, code: int = 200, **headers: str) -> Record:
        return await self.ask("PUT", path, body, status=code, headers=headers)

    async def ask(
        self, method: str, path: str, body: object = None, *, status: int = 200, headers=None, params=None
    ) -> Record:
        """The answer, which is a problem if it is none that was hoped for."""
        wire = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        content = {} if body is None else {"json": body}
        answer = await self.client.request(method, path, headers=wire, params=params, **content)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
            assert {"type", "title", "instance"} <= answer.json().keys()
        else:
            assert "null" not in answer.text.replace('"null"', ""), answer.text
        return answer.json()

    async def pages(self, path: str, *, limit: int, **params: object) -> AsyncIterator[list[Record]]:
        """Every page of a list."""
        cursor = None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            page = await self.get(path, limit=limit, **params, **more)
            yield page["items"]
            cursor = page.get("nextCursor")
            assert page.get("cursor") == cursor
            if cursor is None:
                return

    async def all(self, path: str, **params: object) -> list[Record]:
        return [item async for page in self.pages(path, limit=50, **params) for item in page]


@dataclass(frozen=True, slots=True)
class Desk:
    """A house, the people who come to it, and the books of its workspaces."""

    house: House

    @property
    def yard(self) -> Yard:
        return self.house.yard

    @property
    def room(self) -> Room:
        return self.house.room

    @property
    def url(self) -> str:
        return self.house.url

    async def person(self, *roles: str, workspace: str | None = None) -> Person:
        """Somebody with these roles, in a new workspace unless one is named."""
        given = [Role(role) for role in roles or ("admin",)]
        user, client = await self.house.add(workspace or await self._workspace(), *given)
        return Person(user.user_id, user.workspace, client)

    async def _workspace(self) -> str:
        name = f"ws-{uuid4().hex[:8]}"
        make, now = self.yard.identity.workspaces.create, self.yard.clock()
        await self.yard.database.transaction(lambda connection: make(connection, name, name, now=now))
        return name

    async def write(self, workspace: str, *summaries: str, **links: str) -> list[str]:
        """Append evidence and an event for each; returns the ids."""

        async def work(connection) -> list[str]:
            book = await self.room.ledger.open(connection, workspace)
            ids = [note(book, summary, **links) for summary in summaries]
            await book.close()
            return ids

        return await self.yard.database.transaction(work)


def note(book: Book, summary: str, **links: str) -> str:
    """An entry and an event; the id of the entry."""
    run = links.get("run_id")
    book.tell("run", "Noted", subject=f"runs/{run}", data={"text": summary}, correlation_id="c", run_id=run)
    return book.record("Action", summary, actor=SYSTEM, correlation_id="c", **links).evidence_id


async def frames(answer: httpx.Response) -> AsyncIterator[Record]:
    """The events of a stream, each as what its data says; its head has to agree."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            event = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (event["id"], event["type"])
            yield event
        fields = {}
