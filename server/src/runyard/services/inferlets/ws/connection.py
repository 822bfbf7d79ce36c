"""One client's connection: lets it in, takes its requests side by side, tells it what its instances say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from runyard.database import DatabaseUnavailable
from runyard.identity import Principal
from runyard.services.inferlets.errors import Denied
from runyard.services.inferlets.ws import requests as ask
from runyard.services.inferlets.ws.answers import Extra, response, server_event
from runyard.services.inferlets.ws.callers import DOMAIN, Challenge
from runyard.services.inferlets.ws.desk import Desk
from runyard.services.inferlets.ws.room import Room
from runyard.services.inferlets.ws.socket import Close, Gone, Socket
from runyard.services.inferlets.ws.watch import Watch

REQUESTS: Final = 64
"""Requests of one connection that may be under way."""

LAST_REQUESTS: Final = 10.0
"""Seconds that requests of a client which has gone may take to be done."""

VERSION: Final = 1
AUTH_OFF: Final = "Authenticated (Engine disabled authentication)"

log = structlog.get_logger(__name__)


class Connection:
    """Serves one client. See ``docs/reference/inferlets-ws.md``."""

    def __init__(self, room: Room, socket: Socket) -> None:
        self._room = room
        self._socket = socket
        self._watches: dict[UUID, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(REQUESTS)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ending: dict[UUID, asyncio.Event] = {}
        self.ours = False
        """Whether the client knows Runyard's extras."""

    # ---------------------------------------------------------------- letting in

    async def enter(self) -> Principal | None:
        """Who the client is; None if it couldn't say, and the connection is closed."""
        challenge: Challenge | None = None
        async for frame in self._socket.frames():
            try:
                request = ask.read_frame(frame)
            except ask.BadRequest as error:
                await self._complain(error)
                break
            except ask.Unreadable as error:
                await self._socket.close(Close.UNREADABLE, str(error))
                return None
            try:
                found = await self._step(challenge, request)
            except Denied as error:
                if request.corr_id is not None:
                    await self._refuse(request.corr_id, str(error), code=error.code)
                break
            if not isinstance(found, Challenge):
                return found
            challenge = found
        await self._socket.close(Close.UNAUTHENTICATED, "Not authenticated.")
        return None

    async def _step(self, challenge: Challenge | None, request: ask.Request) -> Principal | Challenge:
        match request:
            case ask.Identification() if challenge is None:
                return await self._identify(request)
            case ask.Signature() if challenge is not None:
                return await self._prove(challenge, request)
            case ask.InternalAuthenticate() if challenge is None:
                return await self._admit(request)
            case _:
                wanted = "identification" if challenge is None else "signature"
                raise Denied(f"Say who you are first: send {wanted!r}.", code="unauthenticated")

    async def _identify(self, request: ask.Identification) -> Principal | Challenge:
        self.ours = request.runyard >= 1
        found = await self._room.gate.identify(request.username, ours=self.ours, headers=self._socket.headers)
        if isinstance(found, Challenge):
            extra: Extra = {"runyard": VERSION, "domain": DOMAIN} if self.ours else {}
            await self._socket.send(response(request.corr_id, found.text, extra=extra))
        else:
            await self._welcome(request.corr_id, AUTH_OFF)
        return found

    async def _prove(self, challenge: Challenge, request: ask.Signature) -> Principal:
        principal = await self._room.gate.prove(challenge, request.signature, address=self._socket.address)
        await self._welcome(request.corr_id, "Authenticated")
        return principal

    async def _admit(self, request: ask.InternalAuthenticate) -> Principal:
        self.ours = request.runyard >= 1
        principal = await self._room.gate.admit(request.token)
        await self._welcome(request.corr_id, "Authenticated")
        return principal

    async def _welcome(self, corr_id: int, text: str) -> None:
        extra: Extra = {"runyard": VERSION} if self.ours else {}
        await self._socket.send(response(corr_id, text, extra=extra))

    # ---------------------------------------------------------------- serving

    async def serve(self, principal: Principal) -> None:
        """Take requests until the client goes."""
        desk = Desk(self._room, principal, self)
        try:
            async for frame in self._socket.frames():
                try:
                    request = ask.read_frame(frame)
                except ask.BadRequest as error:
                    await self._complain(error)
                except ask.Unreadable as error:
                    await self._socket.close(Close.UNREADABLE, str(error))
                    return
                else:
                    await self._take(desk, request)
        finally:
            await self._leave()
            await desk.close()

    async def _leave(self) -> None:
        """Tell nothing more, but do what was asked for: many send a message and go."""
        for watch in self._watches.values():
            watch.cancel()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LAST_REQUESTS)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, *self._watches.values(), return_exceptions=True)

    async def _take(self, desk: Desk, request: ask.Request) -> None:
        if isinstance(request, ask.UploadProgram | ask.UploadBlob):
            # Chunks are taken in their order; a store that is behind holds up the client.
            finish = await desk.take_chunk(request)
            if finish is not None:
                self._begin(self._guarded(request, finish()))
            return
        await self._slots.acquire()
        instance = getattr(request, "instance_id", None)
        work = desk.take(request) if instance is None else self._in_turn(_canonical(instance), desk.take(request))
        task = self._begin(self._guarded(request, work))
        task.add_done_callback(lambda _: self._slots.release())

    async def _in_turn(self, instance: str, work: Awaitable[None]) -> None:
        """Requests about one instance are done in the order they came."""
        turn = self._turns.setdefault(instance, asyncio.Lock())
        async with turn:
            await work

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, request: ask.Request, work: Awaitable[None]) -> None:
        """Answer also what fails through no fault of the client's."""
        try:
            await work
        except Gone:
            pass  # the reading side sees it too
        except Exception as error:
            text = "Something failed in the yard; its log says what."
            if isinstance(error, DatabaseUnavailable):
                text = "The yard's database does not answer. Try again in a moment."
                log.error("database_unavailable", error=str(error))  # noqa: TRY400  (the text says it all)
            else:
                log.exception("request_failed", type=type(request).__name__)
            if request.corr_id is not None:
                await self._excuse(request.corr_id, text)

    async def _excuse(self, corr_id: int, text: str) -> None:
        try:
            await self._refuse(corr_id, text, code="internal")
        except Gone:
            return

    async def _complain(self, error: ask.BadRequest) -> None:
        if error.corr_id is None:
            await self._socket.send(server_event(str(error)))
        else:
            await self._refuse(error.corr_id, str(error), code=error.code)

    async def _refuse(self, corr_id: int, text: str, *, code: str) -> None:
        extra: Extra = {"code": code} if self.ours else {}
        await self._socket.send(response(corr_id, text, successful=False, extra=extra))

    # ---------------------------------------------------------------- what desks need

    async def send(self, frame: bytes) -> None:
        """Send a frame; waits while the client is behind."""
        await self._socket.send(frame)

    def watch(self, instance: UUID, after: int, *, launched: bool = False) -> None:
        """Tell what the instance says after event ``after``; one just launched as soon as the client can know of it."""
        task = asyncio.create_task(self._watch(instance, after, launched=launched), name=f"watch {instance}")
        self._watches[instance] = task

        def ended(_task: asyncio.Task[None]) -> None:
            if self._watches.get(instance) is task:
                del self._watches[instance]

        task.add_done_callback(ended)

    async def unwatch(self, instance: UUID) -> None:
        """Tell no more of it."""
        task = self._watches.get(instance)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def watches(self, instance: UUID) -> bool:
        """Whether this connection is attached to it."""
        return instance in self._watches

    @contextmanager
    def ending(self, instance: UUID) -> Iterator[None]:
        """Whoever ends an instance gets the answer first: the end is told when the block is left."""
        answered = self._ending[instance] = asyncio.Event()
        try:
            yield
        finally:
            answered.set()
            if self._ending.get(instance) is answered:
                del self._ending[instance]

    async def _watch(self, instance: UUID, after: int, *, launched: bool) -> None:
        async def before_end() -> None:
            if (answered := self._ending.get(instance)) is not None:
                await answered.wait()

        watch = Watch(
            self._room.yard, self._room.cursors, instance, after=after, send=self._socket.send, before_end=before_end,
            ours=self.ours,
        )  # fmt: skip
        try:
            with self._room.watching(instance):
                if launched and not self.ours:
                    # Originals drop what a program prints before they have dealt with the answer to its launch.
                    await self._socket.heard()
                await watch.run()
        except Gone:
            pass  # the reading side sees it too
        except Exception:
            log.exception("watch_failed", instance=str(instance))
            await self._socket.close(Close.FAILED, "What an instance says can't be told; connect and attach again.")


def _canonical(instance: str) -> str:
    """An id in its one spelling; what is none stays as it is."""
    try:
        return str(UUID(instance))
    except ValueError:
        return instance
