"""The packaged model itself, in its real sandbox: one process for all tests of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runyard.sandbox import Sandbox, probe
from runyard.settings import Settings
from runyard.text import TextProvider, open_text

SLOTS, QUEUE = 2, 12


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return probe("auto")


@pytest.fixture(scope="session")
async def text(sandbox: Sandbox) -> AsyncIterator[TextProvider]:
    """One thread: on a busy machine two only wait for each other."""
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), text_threads=1, text_slots=SLOTS, text_queue=QUEUE)
        async with open_text(settings, sandbox) as provider:
            yield provider
