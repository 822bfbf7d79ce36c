"""The worker's side of the instance processes: started in the sandbox, shared by instances, replaced when broken."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from runyard.sandbox import Command, Limits, Mount, Sandbox
from runyard.sandbox.companion import Companion, CompanionDied
from runyard.sandbox.python import ORDERS, REPORTS, python_environment, python_mounts
from runyard.sandbox.scratch import remove
from runyard.services.inferlets.frames import (
    MAILBOX,
    WINDOW,
    Answer,
    Blob,
    Call,
    Credit,
    Ended,
    Launch,
    News,
    Order,
    Output,
    Ready,
    Report,
    Stop,
    Text,
    order_frames,
    report_frames,
    weight,
)
from runyard.settings import Settings

NAME: Final = "the process that runs programs"
MOST_WAITING: Final = 2 * WINDOW // 256
"""Reports of one instance that may wait; a process that keeps to its windows has fewer."""


class HostDied(Exception):
    """The process is gone, and its instances with it. The text says how, for people."""


class Instance:
    """A running program, as the worker sees it. Made by :meth:`Hosts.launch`."""

    def __init__(self, number: int, tell: Callable[[Order], None], kill: Callable[[], Awaitable[None]]) -> None:
        self.number = number
        self.ended = False
        self.kill = kill
        """Ends the whole process: for an instance that can't be ended otherwise."""

        self._tell = tell
        self._reports: asyncio.Queue[Output | Text | Blob | Call | Ended | HostDied] = asyncio.Queue()
        self._taken = 0
        self._waiting = 0
        self._room = asyncio.Event()
        self._room.set()

    async def next_report(self) -> Output | Text | Blob | Call | Ended:
        """What it says next; the last is :class:`Ended`.

        Raises:
            HostDied: its process is gone.
        """
        report = await self._reports.get()
        if isinstance(report, HostDied):
            raise report
        return report

    @property
    def backlog(self) -> int:
        """How many of its reports are still to be taken."""
        return self._reports.qsize()

    @property
    def silent(self) -> bool:
        """Whether it has said nothing that is still to be taken."""
        return not self.backlog

    def took(self, report: Output | Text | Blob) -> None:
        """Say that a report has been dealt with: the instance may say more."""
        self._taken += weight(report)
        if self._taken >= WINDOW // 4:
            self._tell(Credit(self.number, self._taken))
            self._taken = 0

    async def deliver(self, message: Text | Blob) -> None:
        """Hand it a message, once it has room for it."""
        await self._room.wait()
        self._waiting += weight(message)
        self._look_for_room()
        self._tell(message)

    def answer(self, call: int, value: object = None, error: str | None = None) -> None:
        """Answer a call of its."""
        self._tell(Answer(self.number, call, value, error))

    def news(self, subscription: int, text: str) -> None:
        """Hand it a broadcast."""
        self._tell(News(self.number, subscription, text))

    def stop(self, order: Stop) -> None:
        """End it."""
        self._tell(order)

    def hear(self, report: Report | HostDied) -> None:
        """Its process has said something about it."""
        match report:
            case Credit():
                self._waiting -= report.count
                self._look_for_room()
            case Ready():
                pass
            case _:
                self.ended = self.ended or isinstance(report, Ended | HostDied)
                self._reports.put_nowait(report)

    def _look_for_room(self) -> None:
        if self._waiting < MAILBOX:
            self._room.set()
        else:
            self._room.clear()


class Host:
    """One process. Made by :class:`Hosts`."""

    def __init__(self, companion: Companion[Order, Report]) -> None:
        self.instances: dict[int, Instance] = {}
        self.over: asyncio.Task[None]
        """Done when the process is gone."""

        self._companion = companion

    def add(self, number: int) -> Instance:
        """Room for one more instance."""
        self._companion.wake()
        instance = self.instances[number] = Instance(number, self.tell, self._companion.kill)
        return instance

    def remove(self, number: int) -> None:
        """An instance is over."""
        del self.instances[number]
        if not self.instances:
            self._companion.rest()

    def tell(self, order: Order) -> None:
        """Send an order."""
        self._companion.tell(order)

    @classmethod
    @asynccontextmanager
    async def start(cls, folder: Path, programs: Path, sandbox: Sandbox, settings: Settings) -> AsyncIterator[Host]:
        """A running process; ends with the context.

        Raises:
            HostDied: it can't be started; the log says why.
        """
        command = await asyncio.to_thread(_command, folder, programs, sandbox, settings)
        async with AsyncExitStack() as stack:
            companion = Companion.start(NAME, command, sandbox, folder, orders=order_frames, reports=report_frames)
            try:
                host = cls(await stack.enter_async_context(companion))
            except CompanionDied as error:
                raise HostDied(str(error)) from error
            host.over = asyncio.create_task(host._listen(), name="reports of an instance process")
            stack.callback(host.over.cancel)
            yield host

    async def _listen(self) -> None:
        """Pass on what the process says until it is gone."""
        died = HostDied("The process that ran the program was ended.")
        try:
            while True:
                report = await self._companion.hear()
                if isinstance(report, Ready) or (instance := self.instances.get(report.instance)) is None:
                    continue
                instance.hear(report)
                if instance.backlog > MOST_WAITING:
                    problem = f"{instance.backlog} reports wait; an instance may have said {MOST_WAITING}"
                    raise await self._companion.mistrusted(problem)
        except CompanionDied as error:
            died = HostDied(str(error))
        finally:
            for instance in tuple(self.instances.values()):
                instance.hear(died)


class Hosts:
    """Up to ``settings.inferlet_processes`` processes, each with its share of the instances."""

    def __init__(self, folder: Path, programs: Path, sandbox: Sandbox, settings: Settings) -> None:
        self._folder = folder
        self._programs = programs
        self._sandbox = sandbox
        self._settings = settings
        self.hosts: list[Host] = []
        self._living: set[asyncio.Task[None]] = set()
        self._starting: asyncio.Future[Host] | None = None
        self._leave = asyncio.Event()
        self._numbers = itertools.count(1)
        self._folders = itertools.count(1)

    @asynccontextmanager
    async def launch(self, order: Callable[[int], Launch]) -> AsyncIterator[Instance]:
        """Run a program in the process that has the fewest; ``order`` is given the instance's number.

        Leaving the context ends it.

        Raises:
            HostDied: no process can be started.
        """
        host = await self._pick()
        number = next(self._numbers)
        instance = host.add(number)
        try:
            host.tell(order(number))
            yield instance
        finally:
            host.remove(number)
            if not instance.ended:
                host.tell(Stop(number, polite=False))

    async def close(self) -> None:
        """End all of them."""
        self._leave.set()
        await asyncio.gather(*self._living, return_exceptions=True)

    async def warm(self) -> None:
        """Have one process ready before the first program is launched."""
        with suppress(HostDied):  # the first launch will say so
            await self._pick()

    async def _pick(self) -> Host:
        """A process with few instances. While all have some and there may be more, another is started beside it."""
        alive = [host for host in self.hosts if not host.over.done()]
        least = min(alive, key=lambda host: len(host.instances), default=None)
        if least is not None and (not least.instances or len(alive) >= self._settings.inferlet_processes):
            return least
        starting = self._start()
        return await asyncio.shield(starting) if least is None else least

    def _start(self) -> asyncio.Future[Host]:
        if self._starting is None or self._starting.done():
            started: asyncio.Future[Host] = asyncio.get_running_loop().create_future()
            started.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._starting = started
            living = asyncio.create_task(self._live(started), name="instance process")
            self._living.add(living)
            living.add_done_callback(self._living.discard)
        return self._starting

    async def _live(self, started: asyncio.Future[Host]) -> None:
        folder = self._folder / f"process-{next(self._folders)}"
        folder.mkdir()
        folder.chmod(0o777)  # the sandbox has a user of its own; the folder above is ours alone
        try:
            async with Host.start(folder, self._programs, self._sandbox, self._settings) as host:
                self.hosts.append(host)
                started.set_result(host)
                leaving = asyncio.create_task(self._leave.wait())
                try:
                    await asyncio.wait({host.over, leaving}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    leaving.cancel()
                    self.hosts.remove(host)
        except HostDied as error:
            if not started.done():
                started.set_exception(error)
        finally:
            await asyncio.to_thread(remove, folder)


def _command(folder: Path, programs: Path, sandbox: Sandbox, settings: Settings) -> Command:
    pipes_inside, programs_inside, mounts = str(folder), str(programs), []
    if sandbox.isolated:
        pipes_inside, programs_inside = "/pipes", "/programs"
        mounts = [*python_mounts(), Mount(source=programs, target=programs_inside)]
    return Command(
        argv=(
            sys.executable, "-m", "runyard.services.inferlets.runtime.host",
            f"{pipes_inside}/{ORDERS}", f"{pipes_inside}/{REPORTS}", programs_inside,
        ),
        cwd=pipes_inside,
        env=python_environment(),
        mounts=[*mounts, Mount(source=folder, target=pipes_inside, writable=True)],
        limits=Limits(
            memory=settings.inferlet_process_memory,
            processes=settings.inferlet_slots + 64,  # a thread for each instance
        ),
    )  # fmt: skip
