"""A yard with a workspace, and callers of it that know nothing but the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from runyard.identity.roles import WorkspaceRole
from runyard.testing.running import RunningYard
from runyard.yard import Yard

WORKSPACE = "ws-conformance"


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of the workspace's people, by role, and of its program."""

    people: dict[str, str]
    client_id: str
    client_secret: str


def inhabited(yard: RunningYard, workspace: str) -> Keys:
    """A new workspace with somebody in each role, and a program that administers it."""

    async def make(opened: Yard) -> Keys:
        identity, now = opened.identity, opened.clock()

        async def inside(connection) -> Keys:
            await identity.workspaces.create(connection, workspace, workspace, now=now)
            for role in WorkspaceRole:
                await identity.workspace_users.add(
                    connection, workspace, f"{role}@{workspace}.example", roles=[role], now=now
                )
            program = await identity.service_accounts.create(
                connection, workspace, "conformance", roles=[WorkspaceRole.ADMIN]
            )
            return Keys({}, program.account.client_id, program.secret.reveal())

        made = await opened.database.transaction(inside)
        for role in WorkspaceRole:
            user = await identity.users.by_email(f"{role}@{workspace}.example")
            issued = await identity.keys.issue(user.id, kind="ry", project=workspace)
            made.people[role] = issued.secret.reveal()
        return made

    return yard.inside(make)


def token_of(yard: RunningYard, keys: Keys) -> str:
    """A token of a workspace, as its program gets it."""
    form = {"grant_type": "client_credentials", "client_id": keys.client_id, "client_secret": keys.client_secret}
    answer = httpx.post(f"{yard.url}/v1/auth/token", data=form, trust_env=False)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture(scope="session")
def keys(yard: RunningYard) -> Keys:
    return inhabited(yard, WORKSPACE)


@pytest.fixture(scope="session")
def token(yard: RunningYard, keys: Keys) -> str:
    return token_of(yard, keys)


@pytest.fixture(scope="session")
def stranger(yard: RunningYard) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=yard.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def admin(yard: RunningYard, token: str) -> Iterator[httpx.Client]:
    """An administrator of the workspace."""
    with httpx.Client(
        base_url=yard.url, timeout=60, trust_env=False, headers={"Authorization": f"Bearer {token}"}
    ) as client:
        yield client


@pytest.fixture(scope="session")
def auditor(yard: RunningYard, keys: Keys) -> Iterator[httpx.Client]:
    """Somebody who may look, and no more."""
    headers = {"Authorization": f"Bearer {keys.people['auditor']}"}
    with httpx.Client(base_url=yard.url, timeout=60, trust_env=False, headers=headers) as client:
        yield client
