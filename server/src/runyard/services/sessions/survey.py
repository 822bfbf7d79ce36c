"""The analysis of a workspace's repositories, in a process of its own that can change nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from runyard.sandbox import Command, Limits, Sandbox, SandboxError
from runyard.sandbox.python import python_environment, python_mounts
from runyard.services.sessions.analyst.facts import Analysis
from runyard.services.sessions.plain_files import read_plain
from runyard.services.sessions.space import Space
from runyard.sizes import GIB, MIB

MEMORY: Final = 2 * GIB
SECONDS: Final = 600.0
FACTS: Final = "facts.json"
LARGEST: Final = 64 * MIB
SAID: Final = 500


class SurveyFailed(Exception):
    """There is no analysis; the text says why, for people."""


async def survey(space: Space, sandbox: Sandbox, folders: Mapping[str, str]) -> Analysis:
    """What the analyst finds out.

    Args:
        folders: of the repositories by name, as processes see them.

    Raises:
        SurveyFailed: it came to nothing.
    """
    said = bytearray()
    try:
        async with sandbox.start(await asyncio.to_thread(_command, space, sandbox, folders)) as process:
            async for chunk in process.output():
                said += chunk
                del said[: -4 * SAID]
            exit_ = await process.wait()
    except SandboxError as error:
        raise SurveyFailed(f"The analysis can't be started: {error}.") from error
    if exit_.limit is not None or exit_.code != 0:
        words = " ".join(said.decode(errors="replace").split())[-SAID:]
        raise SurveyFailed(f"The analysis has failed: {exit_.message or words or f'exit code {exit_.code}'}")
    try:
        found = await asyncio.to_thread(read_plain, space.out, FACTS, limit=LARGEST)
        return await asyncio.to_thread(msgspec.json.decode, found, type=Analysis)
    except (OSError, msgspec.DecodeError) as error:
        raise SurveyFailed(f"The analysis left nonsense: {error}") from error


def _command(space: Space, sandbox: Sandbox, folders: Mapping[str, str]) -> Command:
    return Command(
        argv=(
            sys.executable, "-m", "runyard.services.sessions.analyst", f"{space.inside(space.out)}/{FACTS}",
            *(f"{name}={folder}" for name, folder in folders.items()),
        ),
        cwd=space.inside(space.workspace),
        env=python_environment(),
        mounts=[
            *(python_mounts() if sandbox.isolated else ()),
            space.mount(space.clones),
            space.mount(space.workspace),
            space.mount(space.out, writable=True),
        ],
        limits=Limits(wall=SECONDS, memory=MEMORY, processes=64),
    )  # fmt: skip
