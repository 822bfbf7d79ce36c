"""A command at work in a sandbox: its output as it comes, its end, and ways to bring that about."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from asyncio.subprocess import Process as Child
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from runyard.sandbox import usage
from runyard.sandbox.command import Command, Exit
from runyard.sandbox.errors import SandboxError
from runyard.sandbox.launch import Launch, Launcher
from runyard.sandbox.view import source_of
from runyard.sandbox.watch import Breach, Watch, file_too_large

CHUNK = 64 * 1024
_START_DEADLINE = 30.0
_KILL_DEADLINE = 10.0
_TAIL = 2000


class Process:
    """Made by `Sandbox.start`."""

    def __init__(self, command: Command, launch: Launch, child: Child, output: Pipe, status: Pipe) -> None:
        self._command = command
        self._ending = launch.ending
        self._child = child
        self._output = output
        self._status = status
        self._tail = b""
        self._waiting_since: float | None = None
        self._output_taken = False
        self._awake = asyncio.Event()
        self._awake.set()
        self._killed = False
        self._breach: Breach | None = None
        self._started = time.time()
        self._init: int | None = None
        self._init_handle: int | None = None
        self._group: int | None = None
        self._ended: asyncio.Task[Exit]
        self._watching: asyncio.Task[None]

    async def output(self) -> AsyncIterator[bytes]:
        """What the command prints, stdout and stderr as one, in chunks of up to 64 KiB.

        A reader who takes his time slows the command down; at most 128 KiB wait here.
        """
        self._output_taken = True
        while True:
            self._waiting_since = time.monotonic()
            try:
                chunk = await self._output.reader.read(CHUNK)
            finally:
                self._waiting_since = None
            if not chunk:
                return
            self._tail = (self._tail + chunk)[-_TAIL:]
            yield chunk

    async def wait(self) -> Exit:
        """How the command ended, when it has.

        Read `output()` to its end first; where it has not been asked for, it is dropped here.
        Raises SandboxError when the command could not be run at all.
        """
        if not self._output_taken:
            async for _ in self.output():
                pass
        return await asyncio.shield(self._ended)

    def rest(self) -> None:
        """Says that the command has nothing to do until :meth:`wake`: its limits are looked at less often."""
        self._awake.clear()

    def wake(self) -> None:
        """Says that the command is at work again."""
        self._awake.set()

    async def terminate(self) -> None:
        """SIGTERM to the command's process group; when that does not help in time, SIGKILL to the tree."""
        if not self._ended.done():
            self._signal_group(signal.SIGTERM)
            await asyncio.wait({self._ended}, timeout=self._command.limits.grace)
        await self.kill()

    async def kill(self) -> None:
        """Ends the whole tree at once."""
        self._killed = True
        if not self._ended.done():
            self._end_tree()
            await asyncio.wait({self._ended}, timeout=_KILL_DEADLINE)
        if self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.kill()
        await asyncio.wait({self._ended}, timeout=_KILL_DEADLINE)

    async def begin(self) -> None:
        """Waits until the launcher reports that there is a tree; SandboxError when there will not be one."""
        line = await asyncio.wait_for(self._status.reader.readline(), _START_DEADLINE)
        facts = json.loads(line or b"{}")
        if "child-pid" not in facts:
            text = (await self._output.reader.read(_TAIL)).decode(errors="replace").strip()
            raise SandboxError(f"the sandbox did not start: {facts.get('error') or text or 'it said nothing'}")
        self._init = facts["child-pid"]
        self._group = facts.get("group", self._init)
        with suppress(ProcessLookupError):  # it may be over already
            self._init_handle = os.pidfd_open(facts["child-pid"])
        self._ended = asyncio.create_task(self._end())
        self._watching = asyncio.create_task(self._watch(facts["child-pid"]))

    async def close(self) -> None:
        """Ends what is left and gives back what was used."""
        try:
            if self._init is None:
                with suppress(ProcessLookupError):
                    self._child.kill()
                await self._child.wait()
                return
            self._watching.cancel()
            await self.kill()
            await asyncio.gather(self._watching, self._ended, return_exceptions=True)
        finally:
            self._output.transport.close()
            self._status.transport.close()
            if self._init_handle is not None:
                os.close(self._init_handle)

    async def _watch(self, init: int) -> None:
        mounts = self._command.mounts
        folders = tuple(source_of(mount) for mount in mounts if mount.writable)
        watch = Watch(self._command.limits, init=init, folders=folders, quiet=self._quiet, awake=self._awake)
        breach = await watch.breach()
        if self._ended.done():
            return
        self._breach = breach
        await (self.kill() if breach.urgent else self.terminate())

    def _quiet(self) -> float:
        return 0.0 if self._waiting_since is None else time.monotonic() - self._waiting_since

    def _signal_group(self, number: signal.Signals) -> None:
        if self._init_handle is None or self._group is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            # While the first process lives (signal 0 says so), nobody else can have the group's number.
            signal.pidfd_send_signal(self._init_handle, 0)
            os.killpg(self._group, number)

    def _end_tree(self) -> None:
        """The first process of a pid namespace takes all others along; without one, the stage does it."""
        with suppress(ProcessLookupError):
            if self._init_handle is None:
                self._child.kill()
            else:
                signal.pidfd_send_signal(self._init_handle, self._ending)

    async def _end(self) -> Exit:
        await self._child.wait()
        if self._init_handle is not None:
            await _readable(self._init_handle, _KILL_DEADLINE)
        lines = (await self._status.reader.read()).splitlines()
        facts: dict[str, object] = {}
        for line in lines:
            facts |= json.loads(line)
        code = facts.get("exit-code")
        if isinstance(code, int):
            return await self._exit(128 - code if 128 < code < 128 + signal.NSIG else code)
        if self._killed or self._breach is not None:
            return await self._exit(-signal.SIGKILL)
        text = str(facts.get("error") or self._tail.decode(errors="replace").strip() or "no reason given")
        raise SandboxError(f"the sandbox could not run {self._command.argv[0]!r}: {text}")

    async def _exit(self, code: int) -> Exit:
        if self._breach is not None:
            return Exit(code=code, limit=self._breach.limit, message=self._breach.message)
        limit = self._command.limits.file_size
        if limit is not None and code != 0 and not self._killed:
            mounts = self._command.mounts
            folders = [source_of(mount) for mount in mounts if mount.writable]
            path: Path | None = await asyncio.to_thread(usage.file_of_size, folders, limit, since=self._started)
            if path is not None or code == -signal.SIGXFSZ:
                return Exit(code=code, limit="file_size", message=file_too_large(limit, path))
        return Exit(code=code)


class Pipe:
    """The reading end of a pipe on the event loop, with back-pressure."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self.reader = reader
        self.transport = transport

    @classmethod
    async def open(cls, fd: int) -> Pipe:
        """Takes over the file descriptor."""
        reader = asyncio.StreamReader(limit=CHUNK)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
        )
        return cls(reader, transport)


@asynccontextmanager
async def start(command: Command, launcher: Launcher) -> AsyncIterator[Process]:
    """Runs the command; leaving the context ends whatever is left of it.

    Must be called on a thread that lives as long as the command: the kernel ends it with the thread that
    started it.
    """
    process = await _spawn(command, launcher)
    try:
        await process.begin()
        yield process
    finally:
        await process.close()


async def _spawn(command: Command, launcher: Launcher) -> Process:
    read_end, write_end = os.pipe()
    try:
        with launcher(command) as launch:
            child = await asyncio.create_subprocess_exec(
                *launch.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                pass_fds=launch.inherit,
                cwd="/",
                env={},  # the command could read it as that of its process 1
                start_new_session=True,
            )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    return Process(command, launch, child, await Pipe.open(read_end), await Pipe.open(launch.status))


async def _readable(fd: int, deadline: float) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(fd, event.set)
    try:
        await asyncio.wait_for(event.wait(), deadline)
    finally:
        loop.remove_reader(fd)
