"""The service below its face in this process: real queue, real sandbox, real agents, a provider that is told what to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import msgspec

from runyard.artifacts import ArtifactMissing
from runyard.jobs import LOG, Event, Job, NewJob, State, Worker
from runyard.sandbox import Sandbox
from runyard.services.sessions.executor import open_sessions
from runyard.services.sessions.order import Budget, Order, Repository
from runyard.services.sessions.words import DECISION, FINISH, INTERRUPT, KIND, PATCH, USER_SAYS, Tells
from runyard.testing.running import fresh_yard
from runyard.testing.working import new_worker, working
from runyard.text import TextProvider, open_text
from runyard.text.open import NoText
from runyard.yard import Yard

from .fake_provider import FakeProvider, open_provider

DEADLINE = 60.0


def table(provider: FakeProvider) -> dict[str, dict[str, object]]:
    """Models of the tests. The provider answers at once, or never: only `hasty` runs out of patience."""
    shell = {"agent": "command"}
    return {
        "fake": {"agent": "provider", "base_url": provider.url, "model": "m", "seconds": 60, "retries": 2},
        "hasty": {"agent": "provider", "base_url": provider.url, "model": "m", "seconds": 0.2, "retries": 0},
        "keyless": {"agent": "provider", "base_url": provider.url, "key_env": "NO_SUCH_VARIABLE"},
        "program": {**shell, "command": ["sh", "-c", "cat > /dev/null; echo working; echo done"]},
        "reader": {**shell, "command": ["cat"]},
        "argument": {**shell, "command": ["echo", "I was told: {task}"]},
        "writer": {
            **shell,
            "command": ["sh", "-c", 'echo noise; echo changed >> README.md; echo "# Done" > "$RUNYARD_ANSWER"'],
        },
        "broken": {**shell, "command": ["sh", "-c", "echo oh no; exit 3"]},
        "missing": {**shell, "command": ["no-such-program"]},
        "stuck": {**shell, "command": ["sh", "-c", "echo here; exec sleep 1000"]},
        "secretive": {
            **shell,
            "command": ["sh", "-c", 'echo "$A $HOME"; ls /nowhere 2>&1 | head -1'],
            "env": {"A": "b"},
        },
    }


@dataclass(frozen=True, slots=True)
class Story:
    """A session after its end."""

    job: Job
    events: Sequence[Event]

    @property
    def answer(self) -> str:
        assert self.job.state is State.SUCCEEDED, self.job.error
        assert self.job.result is not None
        return str(self.job.result["answer"])

    @property
    def reason(self) -> str | None:
        return self.job.error_code

    @property
    def error(self) -> str:
        assert self.job.error is not None, self.job.result
        return str(self.job.error["message"])

    @property
    def log(self) -> str:
        return b"".join(event.body for event in self.events if event.type == LOG).decode()

    def told(self, kind: str) -> list[dict[str, object]]:
        """Bodies of the events of a type."""
        return [event.data for event in self.events if event.type == kind]

    @property
    def notes(self) -> list[str]:
        return [str(one["content"]) for one in self.told(Tells.NOTE)]

    @property
    def said(self) -> list[str]:
        return [str(one["content"]) for one in self.told(Tells.SAID)]

    @property
    def shown(self) -> str:
        return "".join(str(one["content"]) for one in self.told(Tells.DELTA))


@dataclass(frozen=True, slots=True)
class Bench:
    """A yard with a worker for sessions."""

    yard: Yard
    sandbox: Sandbox
    provider: FakeProvider
    text: TextProvider

    async def start(
        self, task: str = "Do it.", *, agent: str = "fake", repositories: Sequence[Repository] = (), interactive: bool = False,
        approve: Sequence[str] = (), seconds: float = 60.0, turns: int = 20, tokens: int = 10_000, notes: Sequence[str] = (),
    ) -> Job:  # fmt: skip
        """Queue a session."""
        order = Order(
            session=f"session-1-{uuid4().hex[:6]}", task=task, agent=agent, repositories=repositories, notes=notes,
            budget=Budget(seconds=seconds, turns=turns, tokens=tokens), interactive=interactive, approve=approve,
        )  # fmt: skip
        params = msgspec.to_builtins(order)
        return await self.yard.jobs.submit(NewJob(kind=KIND, owner=uuid4(), tenant="project:test", params=params))

    async def say(self, job: Job, content: str) -> None:
        await self.yard.jobs.send(job.id, {"type": USER_SAYS, "content": content})

    async def interrupt(self, job: Job) -> None:
        await self.yard.jobs.send(job.id, {"type": INTERRUPT})

    async def finish(self, job: Job) -> None:
        await self.yard.jobs.send(job.id, {"type": FINISH})

    async def decide(self, job: Job, call: object, *, approved: bool, comment: str = "") -> None:
        body = {"type": DECISION, "call": call, "approved": approved, "by": "Ada", "comment": comment}
        await self.yard.jobs.send(job.id, body)

    async def until(self, job: Job, condition: Callable[[Event], bool], *, after: int = 0) -> Event:
        """The first event that fulfils a condition."""
        async with asyncio.timeout(DEADLINE), aclosing(self.yard.tails.follow(job.id, after, idle=DEADLINE)) as events:
            async for event in events:
                if event is not None and condition(event):
                    return event
                assert event is None or not event.ends_job, (event.data, (await self.yard.jobs.get(job.id)).result)
        raise AssertionError

    async def told(self, job: Job, kind: str, *, after: int = 0, **values: object) -> Event:
        """The first event of a type with these values."""
        return await self.until(
            job, lambda event: event.type == kind and values.items() <= event.data.items(), after=after
        )

    async def waits(self, job: Job, what: str = "message", *, after: int = 0) -> Event:
        """Wait until it waits for people, with no process; the event that says so."""
        told = await self.told(job, Tells.WAITS, after=after, **{"for": what})
        return await self.told(job, "state", after=told.seq, state="waiting")

    async def story(self, job: Job) -> Story:
        """Its end, and all that happened."""
        events: list[Event] = []
        async with asyncio.timeout(DEADLINE), aclosing(self.yard.tails.follow(job.id, 0, idle=DEADLINE)) as found:
            events.extend([event async for event in found if event is not None])
        return Story(await self.yard.jobs.get(job.id), events)

    async def tell(self, task: str = "Do it.", **options: object) -> Story:
        """A session from start to end."""
        return await self.story(await self.start(task, **options))  # type: ignore[arg-type]

    async def file(self, job: Job, name: str) -> str | None:
        """One of the job's files; None if there is none."""
        try:
            artifact = await self.yard.artifacts.find(job.id, name)
        except ArtifactMissing:
            return None
        return b"".join([piece async for piece in self.yard.artifacts.read(artifact.digest)]).decode()

    async def patch(self, job: Job, repository: str) -> str | None:
        return await self.file(job, PATCH.format(name=repository))


@asynccontextmanager
async def open_bench(
    database: str,
    sandbox: Sandbox,
    *,
    text: Literal["none", "provider", "packaged"] = "none",
    worker: bool = True,
    **settings: object,
) -> AsyncIterator[Bench]:
    """A bench.

    Args:
        text: what the embedded agent has for language model; the provider of the test is asked without streaming.
    """  # fmt: skip
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(open_provider())
        models = json.dumps(table(provider))
        hosts = "127.0.0.1"
        opening = fresh_yard(database, session_models=models, session_hosts=hosts, text_threads=1, **settings)
        yard = await stack.enter_async_context(opening)
        writer: TextProvider = NoText()
        if text != "none":
            url = provider.url if text == "provider" else None
            known = yard.settings.model_copy(update={"text_url": url, "text_seconds": 30.0})
            writer = await stack.enter_async_context(open_text(known, sandbox))
        bench = Bench(yard, sandbox, provider, writer)
        if worker:
            await stack.enter_async_context(open_worker(bench))
        yield bench


@asynccontextmanager
async def open_worker(bench: Bench) -> AsyncIterator[Worker]:
    """A worker for the bench's sessions; it gives them back when the context ends."""
    async with (
        open_sessions(bench.yard, bench.sandbox, bench.text) as registrations,
        working(new_worker(bench.yard, registrations, sandbox=bench.sandbox)) as worker,
    ):
        yield worker
