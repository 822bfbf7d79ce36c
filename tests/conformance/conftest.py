"""A running yard as programs see it that know nothing but the wire: HTTP clients of the two ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeAlias

import httpx
import pytest

from runyard.testing.running import RunningYard, TestAccount

Record: TypeAlias = dict[str, Any]
SignedIn: TypeAlias = Callable[[TestAccount], httpx.Client]
WithoutGuests: TypeAlias = Callable[[], AbstractContextManager[None]]

TIMEOUT = 60.0


@pytest.fixture(scope="session")
def auth(yard: RunningYard) -> Iterator[httpx.Client]:
    """The auth service, for anybody."""
    with httpx.Client(base_url=yard.url, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture(scope="session")
def compute(yard: RunningYard) -> Iterator[httpx.Client]:
    """The compute service, for a guest."""
    with httpx.Client(base_url=yard.compute_url, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture(scope="session")
def ada(yard: RunningYard) -> TestAccount:
    """Somebody who may use the compute service."""
    return yard.account("ada")


@pytest.fixture(scope="session")
def bob(yard: RunningYard) -> TestAccount:
    """Somebody who may not: `*` is the name of a permission like any other."""
    return yard.account("bob", permissions=["*", "media_store_read"])


@pytest.fixture(scope="session")
def root(yard: RunningYard) -> TestAccount:
    """An administrator with no permission at all."""
    return yard.account("root", is_admin=True, permissions=[])


@pytest.fixture(scope="session")
def signed_in(yard: RunningYard, auth: httpx.Client) -> Iterator[SignedIn]:
    """Clients of the compute service with the token of an account."""
    with ExitStack() as stack:

        def sign_in(account: TestAccount) -> httpx.Client:
            headers = bearer(token_of(auth, account))
            client = httpx.Client(base_url=yard.compute_url, timeout=TIMEOUT, headers=headers)
            return stack.enter_context(client)

        yield sign_in


@pytest.fixture(scope="session")
def without_guests(signed_in: SignedIn, root: TestAccount) -> WithoutGuests:
    """Guest mode off for the length of a block."""
    admin = signed_in(root)

    def switch(word: str) -> None:
        answer = admin.put("/admin/config/guest-mode", data={"guest_mode": word})
        expected = {"guest_mode": word == "on", "message": "Configuration updated successfully"}
        assert (answer.status_code, answer.json()) == (200, expected)

    @contextmanager
    def shut() -> Iterator[None]:
        switch("off")
        try:
            yield
        finally:
            switch("on")

    return shut


def token_of(auth: httpx.Client, account: TestAccount) -> str:
    answer = auth.post("/auth/token", data={"username": account.username, "password": account.password})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def submit(client: httpx.Client, plugin: str, name: str, content: bytes, **fields: object) -> str:
    """The id of a new job."""
    answer = client.post(f"/jobs/{plugin}", files={"file": (name, content)}, data=fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["job_id"])


def ended(client: httpx.Client, job: str) -> Record:
    """The record of a job that has ended."""
    record: Record = client.get(f"/jobs/{job}", params={"wait": TIMEOUT - 5}).json()
    assert record["status"] in {"completed", "failed"}, record
    return record


def completed(client: httpx.Client, plugin: str, name: str, content: bytes, **fields: object) -> Record:
    """The record of a new job that has done what it should."""
    record = ended(client, submit(client, plugin, name, content, **fields))
    assert (record["status"], record["progress"], record["error_message"]) == ("completed", 100, None)
    return record
