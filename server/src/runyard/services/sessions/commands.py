"""Programs over a workspace: each in a sandbox of its own, without network unless said, gone with all it started."""

from __future__ import annotations

import codecs
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runyard.sandbox import Command, Exit, Limits, Sandbox, SandboxError
from runyard.services.sessions.space import Space
from runyard.settings import Settings
from runyard.sizes import KIB, MIB

HEAD: Final = 12_000
TAIL: Final = 24_000
"""Characters of the output's beginning and end that an agent gets to see."""

TOLD: Final = 4 * MIB
"""Bytes of one command's output that are passed on as they come."""

TASK: Final = "task.md"

_NO_MORE: Final = f"\n[runyard] Of this command's output no more than {TOLD // KIB} KiB are passed on.\n".encode()

Print = Callable[[bytes], Awaitable[None]]

_CODES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]")
_UNSHOWN: Final = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), 127) if chr(code) not in "\t\n\r"}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answers; with ``ok`` false, why it couldn't. ``truncated``: there is more than the content says."""

    ok: bool
    content: str
    truncated: bool = False


def workspace_command(
    space: Space,
    settings: Settings,
    argv: Sequence[str],
    *,
    folder: str,
    env: Mapping[str, str],
    network: bool,
    seconds: float | None,
) -> Command:
    """A program that may change the workspace. ``folder`` is where it starts, as it sees it."""
    home, temporary = space.inside(space.home), space.inside(space.temporary)
    return Command(
        argv=argv,
        cwd=folder,
        env={
            "CI": "true",
            "GIT_PAGER": "cat",
            "GIT_TERMINAL_PROMPT": "0",
            "HOME": home,
            "PAGER": "cat",
            "PYTHONUNBUFFERED": "1",
            "TERM": "dumb",
            "TMPDIR": temporary,
            **env,
        },
        mounts=[
            space.mount(space.home, writable=True),
            space.mount(space.temporary, writable=True),
            space.mount(space.clones),
            space.mount(space.workspace, writable=True),
        ],
        network=network,
        limits=Limits(
            wall=seconds,
            memory=settings.session_memory,
            processes=settings.session_processes,
            disk=settings.session_disk,
        ),
    )


def shell(command: str) -> tuple[str, ...]:
    """A command line for the shell that most people mean."""
    return ("/bin/bash" if Path("/bin/bash").exists() else "/bin/sh", "-c", command)


async def run(sandbox: Sandbox, command: Command, tell: Print | None) -> ToolResult:
    """Run a program to its end.

    Args:
        tell: is given its output as it comes, up to a limit.
    """
    ends, told = _Ends(), 0
    try:
        async with sandbox.start(command) as process:
            async for chunk in process.output():
                ends.feed(chunk)
                if tell is not None and told < TOLD:
                    await tell(chunk[: TOLD - told])
                    told += len(chunk)
                    if told >= TOLD:
                        await tell(_NO_MORE)
            exit_ = await process.wait()
    except SandboxError as error:
        return ToolResult(False, f"The command could not be run: {error}")
    text = ends.text()
    lines = [text, "" if text.endswith("\n") or not text else "\n", _verdict(exit_)]
    return ToolResult(exit_.code == 0 and exit_.limit is None, "".join(lines), truncated=ends.cut)


def readable(text: str) -> str:
    """Text without codes for terminals and characters that databases and people can't read."""
    return _CODES.sub("", text).translate(_UNSHOWN)


def _verdict(exit_: Exit) -> str:
    if exit_.limit is not None:
        return f"[The command was ended. {exit_.message}]"
    if exit_.code < 0:
        return f"[The command was ended by signal {-exit_.code}.]"
    return f"[exit code {exit_.code}]"


class _Ends:
    """The beginning and the end of an output, whatever its length."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = self._tail = ""
        self._length = 0

    @property
    def cut(self) -> bool:
        """Whether something in the middle is missing."""
        return self._length > HEAD + TAIL

    def feed(self, chunk: bytes) -> None:
        self._add(self._decoder.decode(chunk))

    def text(self) -> str:
        self._add(self._decoder.decode(b"", final=True))
        if not self.cut:
            return self._head + self._tail
        return f"{self._head}\n[… {self._length - HEAD - TAIL} characters …]\n{self._tail[-TAIL:]}"

    def _add(self, text: str) -> None:
        self._length += len(text)
        room = HEAD - len(self._head)
        self._head += text[:room]
        self._tail = (self._tail + text[room:])[-TAIL:]
