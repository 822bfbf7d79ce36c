"""Cloning from a real server with the real git, through the gate and within limits."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from runyard.sandbox.hosts import Hosts
from runyard.services.sessions.order import Repository
from runyard.services.sessions.repositories.clone import CloneFailed, Fetcher, Place
from runyard.services.sessions.repositories.facts import Fetched
from runyard.services.sessions.repositories.gate import Gate
from runyard.services.sessions.repositories.output import Output
from runyard.services.sessions.space import Space
from runyard.services.sessions.words import Reason

from .conftest import TENANT, Desk
from .git_server import git, serve_git


class Clones:
    """Fetches repositories of the test's server into a folder of the test."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.space = Space(folder / "space", desk.sandbox.isolated)
        self.space.root.mkdir()
        self.space.make()
        self.log = ""
        self.place: Place

    async def fetch(self, repository: str | Repository, **changes: object) -> Fetched:
        if isinstance(repository, str):
            repository = self.desk.repository(repository)
        settings = self.desk.yard.settings.model_copy(update={"session_hosts": self.desk.git.host, **changes})
        self.place = self.space.place(uuid4().hex)

        async def log(lines: str) -> None:
            self.log += lines

        fetcher = Fetcher(settings, self.desk.sandbox, self.desk.yard.identity.credentials)
        return await fetcher.fetch(repository, self.place, tenant=TENANT, log=log)

    async def refusal(
        self, repository: str | Repository, reason: Reason = Reason.CLONE_FAILED, **changes: object
    ) -> str:
        with pytest.raises(CloneFailed) as caught:
            await self.fetch(repository, **changes)
        assert caught.value.reason is reason
        return str(caught.value)


@pytest.fixture
def clones(desk: Desk, tmp_path: Path) -> Clones:
    return Clones(desk, tmp_path)


async def test_a_clone_is_shallow_and_of_one_branch(desk: Desk, clones: Clones):
    work = desk.git.make("shop", {"a.txt": "1\n"})
    for number in range(5):
        commit = desk.git.commit(work, {"a.txt": f"{number}\n"})
    git(work, "push", "-q", "origin", "HEAD:refs/heads/other", "HEAD:refs/tags/v1")
    fetched = await clones.fetch("shop", session_clone_depth=2)
    assert (fetched.commit, fetched.branch, fetched.files, fetched.size) == (commit, "main", 1, 2)
    assert git(clones.place.clone, "-c", "safe.directory=*", "rev-list", "--count", "--all") == "2"
    assert git(clones.place.clone, "-c", "safe.directory=*", "for-each-ref", "--format=%(refname)") == "refs/heads/main"


async def test_a_branch_or_tag_can_be_asked_for(desk: Desk, clones: Clones):
    work = desk.git.make("shop", {"a.txt": "1\n"})
    git(work, "push", "-q", "origin", "HEAD:refs/tags/v1")
    first = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "-q", "-b", "feature/x")
    second = desk.git.commit(work, {"b.txt": "2\n"})
    fetched = await clones.fetch(desk.repository("shop", branch="feature/x"))
    assert (fetched.commit, fetched.branch, fetched.files) == (second, "feature/x", 2)
    fetched = await clones.fetch(desk.repository("shop", branch="v1"))
    assert (fetched.commit, fetched.branch) == (first, None)


async def test_what_is_not_there_is_said_in_gits_words(desk: Desk, clones: Clones):
    desk.git.make("shop", {"a.txt": "1\n"})
    assert "not found" in await clones.refusal("nothing")
    assert "Remote branch nope not found" in await clones.refusal(desk.repository("shop", branch="nope"))
    assert "can't be the name of a branch" in await clones.refusal(desk.repository("shop", branch="--upload-pack=x"))


async def test_a_server_that_does_not_answer_is_given_up(desk: Desk, clones: Clones):
    desk.git.make("slow", {"a.txt": "1\n"})
    desk.git.hold["slow"] = threading.Event()
    assert "it took more than 0.8 seconds" in await clones.refusal("slow", session_clone_timeout=0.8)


async def test_a_server_that_is_not_there_is_said(desk: Desk, clones: Clones, tmp_path: Path):
    with serve_git(tmp_path) as other:
        host, url = other.host, other.url
    text = await clones.refusal(Repository(name="x", url=f"{url}/x.git"), session_hosts=host)
    assert f"{host} can't be reached" in text
    text = await clones.refusal(Repository(name="x", url="https://no-such-host.invalid/x.git"))
    assert "no-such-host.invalid:443 can't be reached" in text


async def test_internal_addresses_are_not_talked_to(desk: Desk, clones: Clones):
    desk.git.make("shop", {"a.txt": "1\n"})
    text = await clones.refusal("shop", session_hosts="")
    assert "an address of this machine; an operator can allow it by name" in text
    assert desk.git.seen == []


async def test_a_redirect_is_followed_but_not_into_the_internal_network(desk: Desk, clones: Clones, tmp_path: Path):
    desk.git.make("new", {"a.txt": "1\n"})
    desk.git.redirects["/old.git"] = "/new.git"
    assert (await clones.fetch("old")).files == 1
    (tmp_path / "inner").mkdir()
    with serve_git(tmp_path / "inner", host="127.0.0.2") as inner:
        inner.make("secret", {"a.txt": "1\n"})
        desk.git.redirects["/trap.git"] = f"{inner.url}/secret.git"
        text = await clones.refusal("trap")
        assert "127.0.0.2 leads to 127.0.0.2, an address of this machine" in text
        assert inner.seen == []


async def test_a_private_repository_is_opened_by_a_credential(desk: Desk, clones: Clones):
    desk.git.make("private", {"a.txt": "1\n"})
    desk.git.logins["private"] = ("robot", "hunter2-hunter2")
    assert "it asks for a user name" in await clones.refusal("private")
    name = f"c{uuid4().hex[:8]}"
    credentials = desk.yard.identity.credentials
    await credentials.add(name, "hunter2-hunter2", host=desk.git.host, username="robot")
    assert (await clones.fetch(desk.repository("private", credential=name))).files == 1
    await credentials.add(name, "wrong-wrong-wrong", host=desk.git.host, username="robot")
    text = await clones.refusal(desk.repository("private", credential=name))
    assert f"the credential {name!r} was not accepted" in text
    everything = (
        clones.log
        + text
        + "".join(path.read_text(errors="replace") for path in clones.space.root.rglob("*") if path.is_file())
    )
    for secret in ("hunter2", "wrong-wrong", "cm9ib3Q6"):  # the last: "robot:" in base64
        assert secret not in everything


async def test_a_credential_goes_to_its_own_host_alone(desk: Desk, clones: Clones, tmp_path: Path):
    desk.git.make("shop", {"a.txt": "1\n"})
    name = f"c{uuid4().hex[:8]}"
    credentials = desk.yard.identity.credentials
    await credentials.add(name, "hunter2-hunter2", host="github.com")
    assert f"The credential {name!r} is for github.com" in await clones.refusal(
        desk.repository("shop", credential=name)
    )
    await credentials.add(name, "hunter2-hunter2", host="example.com")
    plain = Repository(name="x", url="http://example.com/x.git", credential=name)
    assert "sent over https:// only" in await clones.refusal(plain)
    assert "'unknown'" in await clones.refusal(desk.repository("shop", credential="unknown"))
    (tmp_path / "other").mkdir()
    with serve_git(tmp_path / "other", host="127.0.0.2") as other:
        other.make("shop", {"a.txt": "1\n"})
        await credentials.add(name, "hunter2-hunter2", host=desk.git.host)
        desk.git.redirects["/moved.git"] = f"{other.url}/shop.git"
        hosts = f"{desk.git.host} {other.host}"
        text = await clones.refusal(desk.repository("moved", credential=name), session_hosts=hosts)
        assert f"it leads to {other.host}, and a credential is not shown to other hosts" in text
        assert other.seen == []
    desk.git.redirects["/renamed.git"] = "/shop.git"
    assert (await clones.fetch(desk.repository("renamed", credential=name))).files == 1


async def test_more_than_the_limit_is_cut_off(desk: Desk, clones: Clones):
    noise = os.urandom(3 << 20)
    desk.git.make("noise", {"a.bin": noise})
    text = await clones.refusal("noise", Reason.REPOSITORY_TOO_LARGE, session_repository_size=1 << 20)
    assert "more than 1,048,576 bytes came, which is the limit" in text


async def test_what_would_inflate_beyond_the_limit_is_not_unpacked(desk: Desk, clones: Clones):
    desk.git.make("zeros", {"a.bin": bytes(5 << 20)})
    text = await clones.refusal("zeros", Reason.REPOSITORY_TOO_LARGE, session_repository_size=1 << 20)
    assert "its files have more than 1,048,576 bytes" in text
    assert not (clones.place.packed).exists()


async def test_a_tree_with_more_files_than_a_disk_can_hold_is_refused(desk: Desk, clones: Clones):
    work = desk.git.make("bomb")
    entry = f"100644 blob {git(work, 'hash-object', '-w', '--stdin', stdin=b'x')}\tf"
    for level in range(9):
        lines = "".join(f"{entry[:-1]}{entry[-1]}{number}\n" for number in range(10))
        entry = f"040000 tree {git(work, 'mktree', stdin=lines.encode())}\td{level}-"
    git(work, "update-ref", "HEAD", git(work, "commit-tree", "-m", "bomb", entry.split()[2].split("\t")[0]))
    desk.git.push(work)
    text = await clones.refusal("bomb", Reason.REPOSITORY_TOO_LARGE)
    assert "it has more than 100,000 files, which is the limit" in text


@asynccontextmanager
async def a_gate(
    folder: Path, hosts: str, limit: int = 1000
) -> AsyncIterator[tuple[Gate, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A gate and a connection to it that has been greeted."""
    async with Gate.open(folder, hosts=Hosts.parse(hosts), limit=limit) as gate:
        reader, writer = await asyncio.open_unix_connection(str(folder / "gate"))
        writer.write(b"\5\1\0")
        assert await reader.readexactly(2) == b"\5\0"
        yield gate, reader, writer
        writer.close()


async def test_the_gate_looks_where_a_name_leads(tmp_path: Path):
    name = b"localhost"
    async with a_gate(tmp_path, "") as (gate, reader, writer):
        writer.write(b"\5\1\0\3" + bytes([len(name)]) + name + (80).to_bytes(2, "big"))
        assert (await reader.readexactly(10))[1] == 2
        assert gate.refusal is not None
        assert gate.refusal.startswith("localhost leads to ")
        assert await reader.read() == b""


@pytest.mark.parametrize(
    "request_", [b"\4\1\0\1\0\0\0\0\0\0", b"\5\2\0\1\0\0\0\0\0\0", b"\5\1\0\7", b"\5\1\0\3\3a\nb\0\1"]
)
async def test_the_gate_hangs_up_on_nonsense(tmp_path: Path, request_: bytes):
    async with a_gate(tmp_path, "") as (_gate, reader, writer):
        writer.write(request_)
        assert await reader.read() == b""


async def test_the_gate_cuts_what_is_too_much(tmp_path: Path):
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(5000))
        writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, a_gate(tmp_path, f"127.0.0.1:{port}") as (gate, reader, writer):
        writer.write(b"\5\1\0\1\x7f\0\0\1" + port.to_bytes(2, "big"))
        assert (await reader.readexactly(10))[1] == 0
        assert len(await reader.read()) <= 1000
        assert gate.too_much


def test_what_git_prints_is_made_fit_to_be_shown():
    output = Output("hunter2")
    shown = output.feed(b"remote: hi\x1b[31m\x07\nReceiving 1%\rReceiving 99%\rReceiving 100%, done.\nfatal: no hunt")
    assert shown == "remote: hi\N{REPLACEMENT CHARACTER}\nReceiving 100%, done.\n"
    assert output.feed(b"er2 here\xff") == ""
    assert output.finish() == "fatal: no *** here\N{REPLACEMENT CHARACTER}\n"
    assert output.complaint() == "remote: hi\N{REPLACEMENT CHARACTER} fatal: no *** here\N{REPLACEMENT CHARACTER}"
    assert len(Output().feed(b"x" * 10_000_000)) == 0
