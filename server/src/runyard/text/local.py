"""The packaged small model, in a process of its own that is started when first asked, and again when it has died."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import structlog

from runyard.sandbox import Sandbox
from runyard.sandbox.scratch import remove
from runyard.settings import Settings
from runyard.text.endpoint import TextLate, TextLost
from runyard.text.process import NOT_STARTED, ModelProcess
from runyard.text.provider import Prompt, Sampling, TextRefused
from runyard.text.weights import Weights

log = structlog.get_logger(__name__)


class LocalText:
    """A model of this machine. ``text_slots`` requests are worked on at a time; the others wait in line.

    Args:
        folder: for what a process needs; empty, and nobody else's.
    """

    def __init__(self, folder: Path, weights: Weights, sandbox: Sandbox, settings: Settings) -> None:
        self.name = weights.name
        self._folder = folder
        self._weights = weights
        self._sandbox = sandbox
        self._settings = settings
        self._process: asyncio.Future[ModelProcess] | None = None
        self._leave = asyncio.Event()
        self._living: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._asking = 0
        self._heard_at = 0.0
        self._idle: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """End the process, even one that is just starting."""
        self._dismiss()
        for living in self._living:
            living.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)

    async def generate(self, prompt: Prompt, sampling: Sampling) -> str:
        """See :class:`runyard.text.TextProvider`."""
        async with aclosing(self.stream(prompt, sampling)) as pieces:
            return "".join([piece async for piece in pieces])

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str, None]:
        """See :class:`runyard.text.TextProvider`."""
        async with self._turn() as model, aclosing(model.endpoint.stream(prompt, sampling)) as pieces:
            async for piece in pieces:
                self._heard_at = asyncio.get_running_loop().time()
                yield piece

    async def tokenize(self, text: str) -> Sequence[int]:
        """See :class:`runyard.text.TextProvider`."""
        async with self._turn() as model:
            return await model.endpoint.tokenize(text)

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """See :class:`runyard.text.TextProvider`."""
        async with self._turn() as model:
            _check(tokens, model.vocabulary)
            return await model.endpoint.detokenize(tokens)

    async def forward(self, tokens: Sequence[int], top: int) -> Sequence[tuple[int, float]]:
        """See :class:`runyard.text.TextProvider`."""
        async with self._turn() as model:
            _check(tokens, model.vocabulary)
            return await model.endpoint.forward(tokens, top)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[ModelProcess]:
        """The running model, for one request."""
        if self._asking >= self._settings.text_queue:
            raise TextRefused(f"the language model has {self._asking} requests already; ask again in a while")
        self._asking += 1
        try:
            model = await self._running()
            model.wake()
            try:
                yield model
            except TextLost:
                self._retire(model)
                raise
            except TextLate:
                if asyncio.get_running_loop().time() - self._heard_at >= self._settings.text_seconds:
                    log.error("language_model_stuck", seconds=self._settings.text_seconds)  # noqa: TRY400
                    self._retire(model)
                raise
            self._heard_at = asyncio.get_running_loop().time()
        finally:
            self._asking -= 1
            self._rest()

    async def _running(self) -> ModelProcess:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None or (self._process.done() and not _alive(self._process)):
            self._process = asyncio.get_running_loop().create_future()
            self._process.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._leave = asyncio.Event()
            living = asyncio.create_task(self._live(self._process, self._leave), name="language model")
            self._living.add(living)
            living.add_done_callback(self._living.discard)
        return await asyncio.shield(self._process)

    def _retire(self, model: ModelProcess) -> None:
        """Ask this process for nothing any more."""
        if self._process is not None and self._process.done() and self._process.result() is model:
            self._dismiss()

    def _dismiss(self) -> None:
        self._leave.set()
        self._process = None
        if self._idle is not None:
            self._idle.cancel()

    def _rest(self) -> None:
        """With nobody left to ask, let the process be, and end it in a while."""
        if self._asking or self._process is None or not self._process.done() or not _alive(self._process):
            return
        self._process.result().rest()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self._settings.text_idle_seconds, self._dismiss)

    async def _live(self, started: asyncio.Future[ModelProcess], leave: asyncio.Event) -> None:
        """A process from start to end, in one task: the sandbox wants to be left by whoever entered it."""
        folder = self._folder / f"process-{next(self._numbers)}"
        leaving = asyncio.create_task(leave.wait())
        try:
            folder.mkdir()
            async with ModelProcess.start(folder, self._weights, self._sandbox, self._settings) as model:
                started.set_result(model)
                await asyncio.wait({model.over, leaving}, return_when=asyncio.FIRST_COMPLETED)
        except TextRefused as refused:
            started.set_exception(refused)
        except Exception:
            log.exception("language_model_failed")
            if not started.done():
                started.set_exception(TextRefused(NOT_STARTED))
        finally:
            leaving.cancel()
            started.cancel()
            await asyncio.to_thread(remove, folder)


def _alive(process: asyncio.Future[ModelProcess]) -> bool:
    return not process.cancelled() and process.exception() is None and not process.result().over.done()


def _check(tokens: Sequence[int], vocabulary: int) -> None:
    for token in tokens:
        if not 0 <= token < vocabulary:
            raise TextRefused(f"{token!r} is no token: this model's are 0 to {vocabulary - 1}")
