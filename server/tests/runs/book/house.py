"""The service's face on a real socket, and people who come to it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import uvicorn

from runyard.app import build_runs_app
from runyard.identity.roles import WorkspaceRole
from runyard.services.runs.evidence.entry import SYSTEM
from runyard.services.runs.ledger import Book
from runyard.services.runs.room import Room, open_room
from runyard.testing.running import fresh_yard
from runyard.yard import Yard

DEADLINE = 30.0

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


@dataclass(slots=True)
class House:
    """A yard with the service's face."""

    yard: Yard
    room: Room
    url: str
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def workspace(self) -> str:
        """A new one, with nobody in it."""
        name = f"ws-{uuid4().hex[:8]}"
        identity = self.yard.identity
        await self.yard.database.transaction(
            lambda connection: identity.workspaces.create(connection, name, name, now=self.yard.clock())
        )
        return name

    async def person(self, *roles: str, workspace: str | None = None) -> Person:
        """Somebody with these roles, in a new workspace unless one is named."""
        workspace = workspace or await self.workspace()
        email, identity = f"{uuid4().hex[:12]}@example.com", self.yard.identity
        given = [WorkspaceRole(role) for role in roles or ("admin",)]
        user = await self.yard.database.transaction(
            lambda connection: identity.workspace_users.add(
                connection, workspace, email, roles=given, now=self.yard.clock()
            )
        )
        token = (await identity.keys.issue(user.user_id, kind="ry")).secret.reveal()
        client = httpx.AsyncClient(
            base_url=f"{self.url}/v1/workspaces/{workspace}", headers={"Authorization": f"Bearer {token}"},
            timeout=DEADLINE, trust_env=False,
        )  # fmt: skip
        self.stack.push_async_callback(client.aclose)
        return Person(user.user_id, workspace, client)

    async def write(self, workspace: str, *summaries: str, **links: str) -> list[str]:
        """Append evidence and an event for each; returns the ids."""

        async def work(connection) -> list[str]:
            book = await self.room.ledger.open(connection, workspace)
            ids = [self._note(book, summary, links) for summary in summaries]
            await book.close()
            return ids

        return await self.yard.database.transaction(work)

    def _note(self, book: Book, summary: str, links: dict[str, str]) -> str:
        run = links.get("run_id")
        book.tell("run", "Noted", subject=f"runs/{run}", data={"text": summary}, correlation_id="c", run_id=run)
        return book.record("Action", summary, actor=SYSTEM, correlation_id="c", **links).evidence_id


@asynccontextmanager
async def open_house(database: str, **settings: object) -> AsyncGenerator[House]:
    """A yard in a schema of its own, served on a free port."""
    async with AsyncExitStack() as stack:
        yard = await stack.enter_async_context(fresh_yard(database, **settings))
        room = await stack.enter_async_context(open_room(yard))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        config = uvicorn.Config(
            build_runs_app(room), log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def stop() -> None:
            yard.tails.close()
            server.should_exit = True
            await asyncio.wait_for(serving, DEADLINE)

        stack.push_async_callback(stop)
        house = House(yard, room, f"http://127.0.0.1:{listener.getsockname()[1]}")
        async with house.stack:
            yield house


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
