"""The worker's side of the packaged model's process: started in the sandbox, asked over a Unix socket, watched."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import httpx
import msgspec
import structlog

from runyard.sandbox import Command, Limits, Mount, Process, Sandbox, SandboxError
from runyard.sandbox.python import python_environment, python_mounts
from runyard.settings import Settings
from runyard.text import model as program
from runyard.text.endpoint import Endpoint
from runyard.text.provider import TextRefused
from runyard.text.weights import Weights

START_DEADLINE: Final = 120.0
OUTPUT_KEPT: Final = 4000
INSIDE: Final = "/text"
NOT_STARTED: Final = "the yard can't start its language model; its log says why"
URL: Final = "http://model/v1"
SPARE: Final = 8
"""Connections beside those that wait for text: tokens are quickly told."""

log = structlog.get_logger(__name__)


class ModelProcess:
    """A running model. Made by :meth:`start`."""

    def __init__(self) -> None:
        self.endpoint: Endpoint
        self.vocabulary = 0
        """How many tokens there are."""

        self.over: asyncio.Task[None]
        """Done when the process is gone."""

        self._process: Process
        self._ready = asyncio.Event()
        self._said = bytearray()

    def wake(self) -> None:
        """It is asked for something."""
        self._process.wake()

    def rest(self) -> None:
        """Nobody asks for anything."""
        self._process.rest()

    @classmethod
    @asynccontextmanager
    async def start(
        cls, folder: Path, weights: Weights, sandbox: Sandbox, settings: Settings
    ) -> AsyncIterator[ModelProcess]:
        """A model that answers; it ends with the context.

        Args:
            folder: empty, and nobody else's.

        Raises:
            TextRefused: it can't be started; the log says why.
        """
        work = folder / "work"
        work.mkdir()
        work.chmod(0o777)  # the sandbox has a user of its own; the folder above is ours alone
        command = await asyncio.to_thread(_command, work, weights, sandbox, settings)
        model = cls()
        async with AsyncExitStack() as stack:
            try:
                model._process = await stack.enter_async_context(sandbox.start(command))
                model.over = asyncio.create_task(model._listen(), name="output of the language model")
                stack.callback(model.over.cancel)
                await model._until_ready()
                http = await stack.enter_async_context(_connect(folder, settings))
                async with asyncio.timeout(START_DEADLINE):
                    model.vocabulary = await _vocabulary(http)
            except (SandboxError, TimeoutError, OSError, httpx.HTTPError, msgspec.DecodeError) as error:
                log.error("language_model_not_started", error=str(error), output=model._output())  # noqa: TRY400
                raise TextRefused(NOT_STARTED) from error
            model.endpoint = Endpoint(http, base=URL, model=weights.name, deadline=settings.text_seconds, grammars=True)
            model.rest()
            yield model

    async def _until_ready(self) -> None:
        ready = asyncio.ensure_future(self._ready.wait())
        try:
            async with asyncio.timeout(START_DEADLINE):
                await asyncio.wait({ready, self.over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not self._ready.is_set():
            raise SandboxError("it ended at once")

    async def _listen(self) -> None:
        """Keep its last words, which are libraries' complaints, until it is gone."""
        async for chunk in self._process.output():
            self._said += chunk
            if program.READY in self._said:
                self._ready.set()
            del self._said[:-OUTPUT_KEPT]
        try:
            ended = await self._process.wait()
        except SandboxError as error:
            log.error("language_model_died", error=str(error), output=self._output())  # noqa: TRY400
        else:
            log.error("language_model_died", code=ended.code, limit=ended.limit, output=self._output())

    def _output(self) -> str:
        return self._said.decode(errors="replace")


@asynccontextmanager
async def _connect(folder: Path, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The process's socket by a name of ours.

    What the process may yet put in its folder doesn't matter, nor does how long the folder's path is.
    """
    os.link(folder / "work" / program.SOCKET, folder / program.SOCKET, follow_symlinks=False)
    if not stat.S_ISSOCK((folder / program.SOCKET).lstat().st_mode):
        raise OSError("the language model has something else in the place of its socket")
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        transport = httpx.AsyncHTTPTransport(
            uds=f"/proc/self/fd/{handle}/{program.SOCKET}",
            # One connection a request: a lost one means a lost process, never an idle connection that was closed.
            limits=httpx.Limits(max_connections=settings.text_queue + SPARE, max_keepalive_connections=0),
        )
        async with httpx.AsyncClient(transport=transport, timeout=settings.text_seconds) as http:
            yield http
    finally:
        os.close(handle)


async def _vocabulary(http: httpx.AsyncClient) -> int:
    found = msgspec.json.decode((await http.get(f"{URL}/models")).content, type=_Models)
    return found.data[0].meta.n_vocab


def _command(work: Path, weights: Weights, sandbox: Sandbox, settings: Settings) -> Command:
    inside = INSIDE if sandbox.isolated else str(work)
    mounts = python_mounts() if sandbox.isolated else []  # the model's file is among the modules
    options = (settings.text_threads, settings.text_slots, settings.text_context, settings.text_queue + SPARE)
    return Command(
        argv=(sys.executable, "-P", program.__file__, str(weights.file), weights.name, *map(str, options)),
        cwd=inside,
        env=python_environment(),
        mounts=[*mounts, Mount(source=work, target=inside, writable=True)],
        limits=Limits(memory=settings.text_memory, processes=512 + settings.text_queue),
    )


class _Meta(msgspec.Struct):
    n_vocab: int


class _Model(msgspec.Struct):
    meta: _Meta


class _Models(msgspec.Struct):
    data: Annotated[list[_Model], msgspec.Meta(min_length=1)]
