"""A yard in which somebody is in a project, and a program of the original generation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runyard.testing.running import RunningYard
from runyard.yard import Yard

from .original import OriginalClient

PROJECT = "conformance"


@pytest.fixture(scope="session")
def url(yard: RunningYard) -> str:
    """Where HTTP is spoken on the port that WebSockets have too."""
    return yard.inferlets_url.replace("ws://", "http://")


@pytest.fixture(scope="session")
def token(yard: RunningYard) -> str:
    """A token as OpenShift has them."""

    async def make(opened: Yard) -> str:
        user = await opened.identity.users.create("Original", email="original@example.com")
        await opened.identity.projects.add(PROJECT, members={user.id: "member"})
        return (await opened.identity.keys.issue(user.id, kind="openshift")).secret.reveal()

    return yard.inside(make)


@pytest.fixture
def original(url: str, token: str) -> Iterator[OriginalClient]:
    with OriginalClient(url, token, PROJECT) as client:
        yield client
