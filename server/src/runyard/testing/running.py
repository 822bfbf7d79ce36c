"""A yard in processes of its own, as an operator would run it, with the levers a test needs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar
from urllib.request import urlopen
from uuid import UUID, uuid4

import psutil

from runyard.database.embedded import EmbeddedPostgres
from runyard.settings import Settings
from runyard.yard import Yard, open_yard

T = TypeVar("T")

START_DEADLINE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TestUser:
    """Somebody with a key."""

    __test__ = False  # for pytest, which collects what is called Test...

    id: UUID
    name: str
    email: str
    api_key: str
    server_url: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which ``ci`` and programs on ``ci_client`` act as this user, with an empty home."""
        return {
            **os.environ,
            "CI_SERVER_URL": self.server_url,
            "CI_API_KEY": self.api_key,
            "HOME": str(self.home),
            "COLUMNS": "120",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TestAccount:
    """Somebody with a name and a password."""

    __test__ = False

    username: str
    password: str
    environment: dict[str, str]
    """Environment in which ``cl_client`` and ``cl-admin`` find the yard and act as this user, with an empty home."""


class RunningYard:
    """``runyard serve`` on a free port, in a folder of its own below the system's temporary folder.

    Args:
        database_url: a Postgres to use; its own embedded one by default. Each yard takes a schema of its own.
        settings: names and values of further settings, e.g. ``{"ci_timeout": "30"}``.
        worker: run a worker beside the API.
    """

    def __init__(
        self, *, database_url: str | None = None, settings: Mapping[str, str] | None = None, worker: bool = True
    ) -> None:
        self.data_dir = Path(tempfile.mkdtemp(prefix="runyard-test-"))
        self.data_dir.chmod(0o711)
        self._worker = worker
        self._variables = {f"RUNYARD_{name.upper()}": value for name, value in (settings or {}).items()}
        self._variables |= {
            "RUNYARD_DATA_DIR": str(self.data_dir),
            "RUNYARD_PORT": "0",
            "RUNYARD_COMPUTE_PORT": "0",
            "RUNYARD_INFERLETS_PORT": "0",
            "RUNYARD_MQTT_PORT": "0",
            "RUNYARD_LOGIN_ATTEMPTS": "1000",  # every user of a test comes from the same address
            "RUNYARD_DRAIN_SECONDS": "5",
        } | self._variables
        self._variables.setdefault("RUNYARD_DATABASE_SCHEMA", f"test_{uuid4().hex[:12]}")
        if database_url is not None:
            self._variables["RUNYARD_DATABASE_URL"] = database_url
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.compute_url = ""
        self.inferlets_url = ""
        self.mqtt_url: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which ``runyard`` and ``ci-admin`` find this yard."""
        return {**os.environ, **self._variables}

    @property
    def settings(self) -> Settings:
        """The settings this yard runs with."""
        names = Settings.model_fields
        values = {name.removeprefix("RUNYARD_").lower(): value for name, value in self._variables.items()}
        return Settings(**{name: value for name, value in values.items() if name in names})  # type: ignore[arg-type]

    @property
    def port(self) -> int:
        """Port of the API."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def mqtt_port(self) -> int:
        """Port of the broker."""
        assert self.mqtt_url is not None
        return int(self.mqtt_url.rsplit(":", 1)[1])

    @property
    def compute_environment(self) -> dict[str, str]:
        """Environment in which programs on ``cl_client`` find this yard, as guests."""
        places = {"AUTH_URL": self.url, "COMPUTE_URL": self.compute_url}
        if self.mqtt_url is not None:
            places |= {"MQTT_BROKER_HOST": "127.0.0.1", "MQTT_BROKER_PORT": str(self.mqtt_port)}
        return {**os.environ, **places, "COLUMNS": "120"}

    @property
    def pid(self) -> int:
        """Process id of the API."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the API process ended; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    @property
    def log(self) -> str:
        """What the processes have written so far."""
        return (self.data_dir / "serve.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the processes and wait until requests are answered; on the same ports as before, if there were some."""
        if self.url:
            self._variables["RUNYARD_PORT"] = str(self.port)
            self._variables["RUNYARD_COMPUTE_PORT"] = self.compute_url.rsplit(":", 1)[1]
            self._variables["RUNYARD_INFERLETS_PORT"] = self.inferlets_url.rsplit(":", 1)[1]
            if self.mqtt_url is not None:
                self._variables["RUNYARD_MQTT_PORT"] = str(self.mqtt_port)
        note = self.data_dir / "serve.json"
        note.unlink(missing_ok=True)
        with (self.data_dir / "serve.log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runyard", "serve", *([] if self._worker else ["--no-worker"])],
                env=self.environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: note.exists() or self._process.poll() is not None, "the yard to open")  # type: ignore[union-attr]
        if not note.exists():
            raise RuntimeError(f"the yard did not open:\n{self.log}")
        places = json.loads(note.read_text())
        self.url, self.compute_url, self.mqtt_url = places["url"], places["compute_url"], places["mqtt_url"]
        self.inferlets_url = places["inferlets_url"]

    def stop(self) -> None:
        """Stop in an orderly way, as Ctrl-C does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)

    def kill(self) -> None:
        """Kill -9 the API process; its worker notices."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def worker(self) -> psutil.Process:
        """The worker process."""
        assert self._process is not None
        api = psutil.Process(self._process.pid)
        found: list[psutil.Process] = []

        def look() -> bool:
            found[:] = [one for one in api.children() if "worker" in one.cmdline()]
            return bool(found)

        wait_until(look, "a worker process")
        return found[0]

    def close(self) -> None:
        """Stop, and remove everything."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def user(self, name: str = "Ada") -> TestUser:
        """A new user with a new key."""
        email = f"{name.lower()}-{uuid4().hex[:8]}@example.com"

        async def make(yard: Yard) -> tuple[UUID, str]:
            user = await yard.identity.users.create(name=name, email=email)
            issued = await yard.identity.keys.issue(user.id, name="test", kind="ci")
            return user.id, issued.secret.reveal()

        user_id, key = self.inside(make)
        home = self.data_dir / "homes" / email
        home.mkdir(parents=True)
        return TestUser(id=user_id, name=name, email=email, api_key=key, server_url=self.url, home=home)

    def account(
        self,
        username: str | None = None,
        password: str = "correct horse",  # noqa: S107  (of a yard that lives as long as a test)
        *,
        is_admin: bool = False,
        permissions: Sequence[str] = ("ai_inference_support",),
    ) -> TestAccount:
        """A new user who signs in with a password."""
        name = username or f"user{uuid4().hex[:8]}"

        async def make(yard: Yard) -> None:
            await yard.identity.users.create(
                name, login=name, password=password, is_admin=is_admin, permissions=permissions
            )

        self.inside(make)
        home = self.data_dir / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        environment = {**self.compute_environment, "HOME": str(home), "CL_USERNAME": name, "CL_PASSWORD": password}
        return TestAccount(username=name, password=password, environment=environment)

    def inside(self, work: Callable[[Yard], Awaitable[T]]) -> T:
        """Do something with the yard's own parts, in a thread and event loop of their own."""

        async def run() -> T:
            async with open_yard(self.settings, application="test") as yard:
                return await work(yard)

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, run()).result()

    def get(self, path: str) -> bytes:
        """GET without a key."""
        with urlopen(self.url + path, timeout=10) as answer:  # noqa: S310
            return bytes(answer.read())


@contextmanager
def shared_postgres(run: str) -> Iterator[str]:
    """An embedded Postgres shared by every process that names the same ``run``; the last one to leave removes it."""
    folder = Path(tempfile.gettempdir()) / f"runyard-tests-{os.geteuid()}-{run}"
    folder.mkdir(mode=0o711, exist_ok=True)
    postgres = EmbeddedPostgres(folder, durable=False)
    postgres.acquire()
    try:
        yield postgres.dsn
    finally:
        postgres.release()
        if postgres.pid() is None:
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def fresh_yard(database_url: str, **settings: object) -> AsyncIterator[Yard]:
    """The parts of a yard in this process, in an empty schema, without any listener."""
    folder = Path(tempfile.mkdtemp(prefix="runyard-test-"))
    values = {
        "data_dir": folder,
        "database_url": database_url,
        "database_schema": f"test_{uuid4().hex[:12]}",
        **settings,
    }
    try:
        async with open_yard(Settings(**values), application="test") as yard:  # type: ignore[arg-type]
            yield yard
            await yard.database.execute(f"DROP SCHEMA {yard.settings.database_schema} CASCADE")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def until(condition: Callable[[], object], what: str, *, seconds: float = START_DEADLINE) -> None:
    """The same as :func:`wait_until` for what this process's event loop brings about."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  (there is no event, that is the point)
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise TimeoutError(f"waited {seconds:g} s for {what}") from None


def wait_until(condition: Callable[[], object], what: str, *, seconds: float = START_DEADLINE) -> None:
    """Wait for something that has no event to wait for, in other processes."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)
