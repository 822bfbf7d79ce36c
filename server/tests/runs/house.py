"""The service's face on a real socket, over the embedded Postgres, with people and programs to call it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import httpx

from runyard.app import build_main_app
from runyard.identity.service_accounts import IssuedAccount
from runyard.identity.workspace_users import WorkspaceUser
from runyard.jobs import Offer
from runyard.services.runs.room import Room, open_room
from runyard.services.runs.words import Role
from runyard.testing.running import fresh_yard
from runyard.testing.serving import served
from runyard.yard import Yard

DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace, with somebody in each role. Paths of ``admin`` and the others are below the workspace."""

    house: House
    id: str
    admin: httpx.AsyncClient
    operator: httpx.AsyncClient
    approver: httpx.AsyncClient
    auditor: httpx.AsyncClient
    users: dict[Role, WorkspaceUser]

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/workspaces/{self.id}"

    @property
    def url(self) -> str:
        """The same in full: what clients send to the workspace itself, and not to what is below."""
        return self.house.url + self.path

    async def add(self, *roles: Role, email: str | None = None) -> tuple[WorkspaceUser, httpx.AsyncClient]:
        """One more person, and how they call."""
        return await self.house.add(self.id, *roles, email=email)


@dataclass(slots=True)
class House:
    """A yard with the service's face, and what a test does to them."""

    yard: Yard
    room: Room
    url: str
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def client(self, *, token: str | None = None, below: str = "", **headers: str) -> httpx.AsyncClient:
        """A client; all its paths are ``below`` this one."""
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(
            base_url=self.url + below, headers={**bearer, **headers}, timeout=DEADLINE, trust_env=False
        )
        self.stack.push_async_callback(client.aclose)
        return client

    async def place(self, workspace: str | None = None) -> Place:
        """A new workspace with an admin, an operator, an approver and an auditor."""
        workspace = workspace or f"ws-{uuid4().hex[:8]}"
        identity, now = self.yard.identity, self.yard.clock()

        async def make(connection) -> dict[Role, WorkspaceUser]:
            await identity.workspaces.create(connection, workspace, workspace, now=now)
            return {
                role: await identity.workspace_users.add(
                    connection,
                    workspace,
                    f"{role}-{uuid4().hex[:8]}@example.com",
                    roles=[role],
                    now=now + index * timedelta(milliseconds=1),  # lists are in the order they came
                )
                for index, role in enumerate(Role)
            }

        users = await self.yard.database.transaction(make)
        clients = {str(role): await self._caller(user) for role, user in users.items()}
        return Place(self, workspace, users=users, **clients)

    async def add(
        self, workspace: str, *roles: Role, email: str | None = None
    ) -> tuple[WorkspaceUser, httpx.AsyncClient]:
        """A person in a workspace, who calls with a token of it."""
        identity, now = self.yard.identity, self.yard.clock()

        async def make(connection) -> WorkspaceUser:
            address = email or f"user-{uuid4().hex[:8]}@example.com"
            return await identity.workspace_users.add(connection, workspace, address, roles=roles, now=now)

        user = await self.yard.database.transaction(make)
        return user, await self._caller(user)

    async def _caller(self, user: WorkspaceUser) -> httpx.AsyncClient:
        token = await self.token(user.workspace, user)
        return self.client(token=token, below=f"/v1/workspaces/{user.workspace}")

    async def token(self, workspace: str, user: WorkspaceUser) -> str:
        """A token of a workspace for somebody in it."""
        identity = self.yard.identity
        member = await identity.members.member(workspace, user.user_id)
        assert member is not None
        number = (await identity.users.get(user.user_id)).number
        return (await identity.workspace_tokens.issue(member, number=number)).token

    async def account(self, workspace: str, *roles: Role, name: str | None = None, **more: object) -> IssuedAccount:
        """A program in a workspace."""

        async def make(connection) -> IssuedAccount:
            return await self.yard.identity.service_accounts.create(
                connection, workspace, name or f"ci-{uuid4().hex[:8]}", roles=roles, **more
            )

        return await self.yard.database.transaction(make)

    async def key(self, user: WorkspaceUser) -> str:
        """A bearer token of the yard, not of a workspace."""
        return (await self.yard.identity.keys.issue(user.user_id, kind="ry")).secret.reveal()


@asynccontextmanager
async def open_house(database: str, offers: Sequence[Offer] = (), **settings: object) -> AsyncGenerator[House]:
    """A yard in a schema of its own, served on a free port."""
    async with AsyncExitStack() as stack:
        yard = await stack.enter_async_context(fresh_yard(database, drain_seconds=0.2, **settings))
        room = await stack.enter_async_context(open_room(yard, offers))
        url, _ = await stack.enter_async_context(served(build_main_app(yard, room), yard))
        house = House(yard, room, url)
        async with house.stack:
            yield house
