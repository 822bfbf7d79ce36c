"""``runyard serve``: the API in this process, one worker beside it, and an orderly end for both."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import structlog
import uvicorn
from pydantic import SecretStr

from runyard.allocator import keep_memory
from runyard.app import build_compute_app, build_main_app, build_talking_app
from runyard.identity.authorized_users import follow_authorized_users
from runyard.identity.first_admin import ensure_admin
from runyard.identity.internal_token import InternalToken
from runyard.loading import undisturbed
from runyard.logs import configure_logs
from runyard.offers import offered
from runyard.services.compute.room import open_room
from runyard.services.inferlets.ws.room import open_room as open_inferlets
from runyard.services.runs.room import open_room as open_runs
from runyard.services.sessions.room import Room as SessionRoom
from runyard.services.sessions.room import open_room as open_sessions
from runyard.settings import Settings
from runyard.sizes import MIB
from runyard.web.patience import PatientProtocol
from runyard.web.ports import ByPort
from runyard.web.websockets import GuardedWebSocket
from runyard.yard import Yard, open_yard

OPEN_FILES: Final = 65_536
FRAME: Final = 16 * MIB
"""Most bytes of one WebSocket message."""

SECRETS: Final = ("database_url", "mqtt_url", "text_key")
"""Settings a worker needs that don't show what they are."""

OURS: Final = ("admin_password", "runs_oidc_client_secret")
"""Secrets that no worker needs."""

RESTART_DELAYS: Final = (0.1, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger(__name__)


class CannotServe(Exception):
    """The yard can't be opened here; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Where a yard answers. ``password`` is that of the user ``admin`` when it was made up just now."""

    url: str
    compute_url: str
    inferlets_url: str
    mqtt_url: str | None
    password: str | None = None


async def serve(
    settings: Settings, *, worker: bool = True, ready: Callable[[Opened], None] = lambda _opened: None
) -> None:
    """Run the yard until SIGINT or SIGTERM.

    Args:
        worker: run a worker process beside the API.
        ready: told where once requests are answered.

    Raises:
        CannotServe: a port is taken, or another yard uses the data folder.
    """
    configure_logs(settings)
    keep_memory()
    _allow_many_connections()
    settings.data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    with (
        _only_one(settings.data_dir),
        _listen(settings.host, settings.port, "port") as main,
        _listen(settings.host, settings.compute_port, "compute_port") as compute,
        _listen(settings.host, settings.inferlets_port, "inferlets_port") as talking,
    ):
        async with (
            open_yard(settings, application="runyard api") as yard,
            open_room(yard) as room,
            open_inferlets(yard, InternalToken.issue(settings.data_dir)) as inferlets,
            _sessions(yard) as sessions,
            open_runs(yard, offered(yard, programs=inferlets.programs, models=sessions.models)) as runs,
        ):
            await follow_authorized_users(yard.identity.ssh_keys, settings.authorized_users)
            port, talking_port = compute.getsockname()[1], talking.getsockname()[1]
            opened = Opened(
                url=_url(settings.host, main.getsockname()[1]),
                compute_url=_url(settings.host, port),
                inferlets_url=_url(settings.host, talking_port, scheme="ws"),
                mqtt_url=room.mqtt_url,
                password=await ensure_admin(yard.identity, settings),
            )
            if room.mqtt_port is not None:
                settings = settings.model_copy(update={"mqtt_port": room.mqtt_port})
            async with _worker(settings, wanted=worker):
                with undisturbed():
                    talking_app = build_talking_app(inferlets, sessions)
                    app = ByPort(build_main_app(yard, runs), {port: build_compute_app(room), talking_port: talking_app})
                server = _Server(
                    uvicorn.Config(
                        app,
                        loop="uvloop",
                        http=PatientProtocol,
                        ws=GuardedWebSocket,
                        ws_max_size=FRAME,
                        ws_per_message_deflate=False,
                        log_config=None,
                        access_log=False,
                        server_header=False,
                        proxy_headers=False,  # whoever connects could say they come from elsewhere
                        timeout_graceful_shutdown=round(settings.drain_seconds),
                        timeout_keep_alive=75,
                    ),
                    on_exit=yard.tails.close,
                    on_start=lambda: _announce(settings.data_dir, opened, ready),
                )
                await server.serve(sockets=[main, compute, talking])


@asynccontextmanager
async def _sessions(yard: Yard) -> AsyncIterator[SessionRoom]:
    try:
        room = await open_sessions(yard)
    except ValueError as error:
        raise CannotServe(str(error)) from error
    yield room


class _Server(uvicorn.Server):
    """Uvicorn that tells streams to go elsewhere before it waits for them."""

    def __init__(self, config: uvicorn.Config, *, on_start: Callable[[], object], on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._on_exit = on_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Heed SIGINT and SIGTERM, and don't raise them again at the end: worker and database are to be closed yet."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        log.info("draining", signal=signal.Signals(sig).name)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_exit()
        await super().shutdown(sockets)


def _allow_many_connections() -> None:
    """Each stream and subscriber is an open file; the usual soft limit of 1024 is for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    with (data_dir / "serve.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotServe(
                f"Another `runyard serve` uses {data_dir}. Stop it, or give this one a folder of its own "
                f"(--data DIR or RUNYARD_DATA_DIR) and another port."
            ) from None
        yield


@contextmanager
def _listen(host: str, port: int, setting: str) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotServe(
            f"{host!r} is not an address of this machine ({error}); set RUNYARD_HOST or --host."
        ) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(2048)  # at once: until then another yard could bind the port as well
        except OSError as error:
            raise CannotServe(
                f"Port {port} on {host} can't be used ({error.strerror}). "
                f"Choose another with --{setting.replace('_', '-')} or RUNYARD_{setting.upper()}; 0 picks a free one."
            ) from error
        yield listener


def _url(host: str, port: int, *, scheme: str = "http") -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{scheme}://{name}:{port}"


def _announce(data_dir: Path, opened: Opened, ready: Callable[[Opened], None]) -> None:
    """Say where this yard answers, and leave a note for programs on this machine that know only its folder."""
    note = data_dir / "serve.json"
    partial = note.with_suffix(".partial")
    places = {
        "url": opened.url, "compute_url": opened.compute_url, "inferlets_url": opened.inferlets_url,
        "mqtt_url": opened.mqtt_url,
    }  # fmt: skip
    partial.write_text(json.dumps({**places, "pid": os.getpid()}))
    partial.replace(note)
    ready(opened)


@asynccontextmanager
async def _worker(settings: Settings, *, wanted: bool) -> AsyncIterator[None]:
    """A worker process that is started again when it dies, and drained at the end."""
    if not wanted:
        yield
        return
    stopping = asyncio.Event()
    keeper = asyncio.create_task(_keep_worker(settings, stopping), name="worker keeper")
    try:
        yield
    finally:
        stopping.set()
        await keeper


async def _keep_worker(settings: Settings, stopping: asyncio.Event) -> None:
    failures = 0
    while not stopping.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runyard", "worker", "--supervised",
            env={**os.environ, **_environment(settings)},
            stdin=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        ended = asyncio.create_task(process.wait())
        asked = asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not ended.done():
            await _stop(process, settings.drain_seconds + 10)
            return
        if not stopping.is_set():
            log.error("worker_died", exit_code=process.returncode)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), RESTART_DELAYS[min(failures, len(RESTART_DELAYS) - 1)])
            failures += 1


async def _stop(process: asyncio.subprocess.Process, patience: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as the worker's environment, flags included."""
    changed = settings.model_dump(exclude_defaults=True, exclude={*SECRETS, *OURS})
    variables = {f"RUNYARD_{name.upper()}": str(value) for name, value in changed.items()}
    variables["RUNYARD_DATA_DIR"] = str(settings.data_dir)
    for name in SECRETS:
        secret: SecretStr | None = getattr(settings, name)
        if secret is not None:
            variables[f"RUNYARD_{name.upper()}"] = secret.get_secret_value()
    return variables
