"""A running yard, people with keys made by ``ssh-keygen``, and connections of guests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import pytest

from runyard.testing.running import RunningYard
from runyard.yard import Yard

from .original import Original
from .signing import KINDS, KeyPair, ssh_keygen
from .wire import Wire, wire

Connect: TypeAlias = Callable[..., AbstractAsyncContextManager[Wire]]
WriteProgram: TypeAlias = Callable[..., tuple[Path, Path]]


@pytest.fixture
def name() -> str:
    """A guest nobody has heard of."""
    return f"guest-{uuid4().hex[:8]}"


@pytest.fixture
async def guest(yard: RunningYard, name: str) -> AsyncIterator[Wire]:
    """A connection that is let in."""
    async with wire(yard.inferlets_url, name) as opened:
        yield opened


@pytest.fixture
def again(yard: RunningYard, name: str) -> Connect:
    """More connections of the same guest."""
    return lambda **options: wire(yard.inferlets_url, name, **options)


@pytest.fixture
def stranger(yard: RunningYard) -> Connect:
    """Connections of nobody yet."""
    return lambda **options: wire(yard.inferlets_url, **options)


@pytest.fixture
async def original(yard: RunningYard, name: str) -> AsyncIterator[Original]:
    """A client of the original generation, let in under the same name."""
    async with Original(yard.inferlets_url) as client:
        await client.authenticate(name)
        yield client


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, KeyPair]:
    """A pair of keys of each kind."""
    folder = tmp_path_factory.mktemp("keys")
    return {kind: ssh_keygen(folder / kind, *options) for kind, options in KINDS.items()}


@pytest.fixture(scope="session")
def foreign_key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    """A good key of nobody here."""
    return ssh_keygen(tmp_path_factory.mktemp("foreign") / "key", "-t", "ed25519")


@pytest.fixture(scope="session")
def ada(yard: RunningYard, keys: Mapping[str, KeyPair]) -> str:
    """Somebody with a key of every kind."""
    return somebody(yard, "ada", *keys.values())


@pytest.fixture(scope="session")
def bob(yard: RunningYard, foreign_key: KeyPair) -> str:
    """Somebody else."""
    return somebody(yard, "bob", foreign_key)


def somebody(yard: RunningYard, login: str, *pairs: KeyPair) -> str:
    """A new user with these keys."""
    login = f"{login}-{uuid4().hex[:6]}"

    async def make(parts: Yard) -> None:
        user = await parts.identity.users.create(login, login=login, password=uuid4().hex)
        for pair in pairs:
            await parts.identity.ssh_keys.add(user.id, pair.public)

    yard.inside(make)
    return login


@pytest.fixture
def program_file(tmp_path: Path) -> WriteProgram:
    """Writes a program and its manifest."""

    def write(
        content: bytes, *, name: str = "std/program", version: str = "1.0.0", more: str = ""
    ) -> tuple[Path, Path]:
        wasm, manifest = tmp_path / f"{uuid4().hex}.wasm", tmp_path / f"{uuid4().hex}.toml"
        wasm.write_bytes(content)
        manifest.write_text(f'[package]\nname = "{name}"\nversion = "{version}"\n{more}')
        return wasm, manifest

    return write
