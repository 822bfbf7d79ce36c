"""A running program at the terminal: what it says is shown, what is typed goes to it, its status is the command's."""

from __future__ import annotations

import asyncio
import base64
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pie import Event, Instance, PieClient, PieError, QueueFull
from pie._wire.program import FAILED, OK
from pie._wire.terminal import note, say, say_json

from .options import Server
from .settings import resolve
from .terminal import write

_GRACE: Final = 10.0  # seconds to say goodbye after Ctrl-C
_FULL: Final = 0.1  # seconds between two attempts to send


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How to talk.

    Attributes:
        prefix: put the instance's id before each line.
        as_json: print each event as a line of JSON.
        takes_input: send the lines of stdin to the program.
        detaches: the end of the input leaves the program.
        blobs: the folder for its blobs; None only tells of them.
    """

    prefix: bool = False
    as_json: bool = False
    takes_input: bool = False
    detaches: bool = False
    blobs: Path | None = None


@asynccontextmanager
async def connected(server: Server) -> AsyncGenerator[PieClient]:
    """A client that has signed in."""
    settings = resolve(server)
    async with PieClient(settings.url) as client:
        await client.authenticate(settings.username, settings.key)
        yield client


async def talk(instance: Instance, manners: Manners) -> int:
    """Show what the program says until it ends; gives its status. Ctrl-C ends the program."""
    screen = _Screen(instance, manners)
    if manners.detaches and sys.stderr.isatty():
        note("What you type goes to the program. Ctrl-D leaves it running, Ctrl-C ends it.")
    talking = asyncio.ensure_future(_follow(instance, screen))
    typing = asyncio.ensure_future(_type(instance)) if manners.takes_input else None
    try:
        if typing is not None:
            await asyncio.wait({talking, typing}, return_when=asyncio.FIRST_COMPLETED)
            if manners.detaches and not talking.done():
                note(f"Detached. The program goes on: pie attach {instance.id[:8]}")
                return OK
        return await talking
    except asyncio.CancelledError:
        with suppress(PieError):
            await instance.terminate(timeout=_GRACE)
        raise
    finally:
        for task in (talking, typing):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, PieError):
                    await task


async def _follow(instance: Instance, screen: _Screen) -> int:
    async for event, content in instance:
        screen.show(event, content)
        if event.terminal:
            if instance.exit is not None:
                # Of a status the system keeps eight bits.
                return instance.exit.code % 256 or (OK if event is Event.Completed else FAILED)
            return OK if event is Event.Completed else FAILED
    return FAILED


async def _type(instance: Instance) -> None:
    """Send the lines of stdin, as they come. A thread reads them: it may wait there for ever."""
    lines: asyncio.Queue[str | None] = asyncio.Queue(1000)
    loop = asyncio.get_running_loop()
    threading.Thread(target=_read_lines, args=(loop, lines), daemon=True).start()
    while (line := await lines.get()) is not None:
        await _send(instance, line)


async def _send(instance: Instance, line: str) -> None:
    """Send a line; a program that reads more slowly than it is told gets the time it needs.

    One that is refused, or may be lost with the connection, is told of, and the next ones go on: how the program itself
    fares is seen by whoever follows it.
    """
    while True:
        try:
            await instance.send(line)
        except QueueFull:
            await asyncio.sleep(_FULL)
        except PieError as error:
            note(f"Error: {error}")
            return
        else:
            return


def _read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    with suppress(RuntimeError, ValueError, asyncio.CancelledError):  # the program is over before its input
        for line in sys.stdin:
            asyncio.run_coroutine_threadsafe(lines.put(line.rstrip("\n")), loop).result()
        asyncio.run_coroutine_threadsafe(lines.put(None), loop).result()


class _Screen:
    """Where events are shown."""

    def __init__(self, instance: Instance, manners: Manners) -> None:
        self._instance = instance
        self._manners = manners
        self._count = 0

    def show(self, event: Event, content: str | bytes) -> None:
        if isinstance(content, bytes):
            self._blob(content)
        elif self._manners.as_json:
            self._json(event, content)
        elif self._manners.prefix:
            self._lines(event, content)
        else:
            self._plain(event, content)

    def _plain(self, event: Event, content: str) -> None:
        if event in {Event.Stdout, Event.Stderr}:
            write(content, stderr=event is Event.Stderr)
        elif event in {Event.Message, Event.Completed}:
            if content or event is Event.Message:
                say(content)
        else:
            note(f"{event.name}: {content}")

    def _lines(self, event: Event, content: str) -> None:
        to: Callable[[str], None] = say if event in {Event.Stdout, Event.Message, Event.Completed} else note
        text = content if event.value in {0, 1, 7, 8} else f"{event.name}: {content}"
        for line in text.splitlines():
            if line:
                to(f"[Instance {self._instance.id[:8]}] {line}")

    def _json(self, event: Event, content: str) -> None:
        document: dict[str, object] = {"event": event.name, "data": content, "seq": self._instance.seq}
        if event.terminal and (ended := self._instance.exit) is not None:
            document["exit"] = {"code": ended.code, "reason": ended.reason, "limit": ended.limit}
        say_json(document, line=True)

    def _blob(self, content: bytes) -> None:
        self._count += 1
        if self._manners.blobs is not None:
            self._manners.blobs.mkdir(parents=True, exist_ok=True)
            path = self._manners.blobs / f"{self._instance.id[:8]}-{self._count}.bin"
            path.write_bytes(content)
            note(f"{path} ({len(content)} bytes)")
        elif self._manners.as_json:
            say_json(
                {"event": "Blob", "data": base64.b64encode(content).decode(), "seq": self._instance.seq}, line=True
            )
        else:
            note(f"A blob of {len(content)} bytes; keep blobs with: --blobs FOLDER")
