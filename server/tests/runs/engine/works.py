"""A yard whose runs go on: its face, a worker, and operations whose end a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from runyard.jobs import Asked, File, JobContext, JobFailed, NewJob, Offer, Registration, Unservable, Worker
from runyard.sandbox import probe
from runyard.services.runs.engine.executor import KIND, RunJob
from runyard.services.runs.http import call
from runyard.services.runs.ledger import CHANNEL

from ..house import House, Place, open_house

DEADLINE = 20.0
ENDED = ("Succeeded", "Failed", "Cancelled")
Record = dict[str, Any]


class Say(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    value: object = None
    fails: bool = False
    waits: str | None = None
    file: File | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    value: object = None


async def _request(asked: Asked) -> NewJob:
    wanted = asked.input
    assert isinstance(wanted, Say)
    if wanted.value == "unservable":
        raise Unservable("Nobody says that.")
    return NewJob(kind="test.say", owner=asked.owner, tenant=asked.tenant, params=msgspec.to_builtins(wanted))


SAY = Offer(operation="echo:say", title="Say it again", input=Say, output=Said, request=_request)


@dataclass
class Saying:
    """The executor of ``echo:say``: says it again, fails, or waits until the test lets it go on."""

    begun: list[Mapping[str, object]] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)

    def gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        params = ctx.job.params
        self.begun.append(params)
        if params["waits"]:
            await self.gate(str(params["waits"])).wait()
        if params["fails"]:
            raise JobFailed("broken", "It broke.")
        await ctx.artifact("out/said.txt", str(params["value"]).encode(), content_type="text/plain", limit=1000)
        return {"value": params["value"]}


@dataclass
class Works:
    """What a test does to runs."""

    house: House
    saying: Saying

    @property
    def engine(self):
        return self.house.room.engine

    def worker(self) -> Worker:
        yard = self.house.yard
        return Worker(
            [
                Registration(KIND, RunJob(self.engine), "light"),
                Registration("test.say", self.saying, "light"),
                call.registration(yard.settings),
            ],
            settings=yard.settings, store=yard.jobs, tails=yard.tails, artifacts=yard.artifacts,
            signals=yard.signals, sandbox=probe("none"),
        )  # fmt: skip

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Worker]:
        worker = self.worker()
        ready = asyncio.Event()
        running = asyncio.create_task(worker.run(ready=ready.set))
        await asyncio.wait_for(ready.wait(), DEADLINE)
        try:
            yield worker
        finally:
            await worker.drain()
            await asyncio.wait_for(running, DEADLINE)

    async def until(self, read: Callable[[], Any], found: Callable[[Any], object]) -> Any:
        """What ``read`` gives, once it is as it should be; looked at whenever a workspace has news."""
        news = asyncio.Event()
        heard = lambda _payload: news.set()  # noqa: E731
        signals = self.house.yard.signals
        await signals.listen(CHANNEL, heard)
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    news.clear()
                    value = await read()
                    if found(value):
                        return value
                    await news.wait()
        finally:
            signals.unlisten(CHANNEL, heard)


@dataclass
class Site:
    """A workspace in which runs are made."""

    works: Works
    place: Place

    async def workflow(self, *actions: Record, name: str = "Test flow", tier: str = "Auto", **more: object) -> str:
        """Save a workflow; actions without an operation say something."""
        numbered = [
            {"portFamily": "ComplianceGrc", "operation": "echo:say", "order": place, **one}
            for place, one in enumerate(actions, 1)
        ]
        body = {"name": name, "executionTier": tier, "actions": numbered, **more}
        return (await ok(self.place.admin.post("/workflows", json=body), 201))["workflowId"]

    async def start(self, workflow: str, **body: object) -> str:
        return (await ok(self.place.operator.post("/runs", json={"workflowId": workflow, **body}), 201))["runId"]

    async def run(self, *actions: Record, **more: object) -> str:
        return await self.start(await self.workflow(*actions, **more))

    async def get(self, run: str) -> Record:
        return await ok(self.place.auditor.get(f"/runs/{run}"))

    async def until(self, run: str, *statuses: str) -> Record:
        """The run, once it is in one of these states."""
        return await self.works.until(lambda: self.get(run), lambda found: found["status"] in statuses)

    async def ended(self, run: str) -> Record:
        return await self.until(run, *ENDED)

    async def step(self, run: str, action: str, status: str) -> Record:
        found = await self.works.until(
            lambda: self.get(run),
            lambda run: any((one["actionId"], one["status"]) == (action, status) for one in run["steps"]),
        )
        return next(one for one in found["steps"] if one["actionId"] == action)

    async def approvals(self, run: str, status: str | None = "Pending") -> list[Record]:
        params = {"runId": run, **({"status": status} if status else {})}
        return (await ok(self.place.auditor.get("/approvals", params=params)))["items"]

    async def approval(self, run: str) -> Record:
        """The one that is asked for, once it is."""
        found = await self.works.until(lambda: self.approvals(run), bool)
        assert len(found) == 1
        return found[0]

    async def decide(self, approval: str, decision: str = "Approved", *, by: httpx.AsyncClient | None = None) -> Record:
        body = {"decision": decision, "rationale": "I have looked at it."}
        return await ok((by or self.place.approver).post(f"/approvals/{approval}/decide", json=body))

    async def evidence(self, run: str) -> list[str]:
        found = await ok(self.place.auditor.get("/evidence", params={"runId": run, "limit": 200}))
        return [one["summary"] for one in found["items"]]


async def ok(request: Any, status: int = 200) -> Record:
    """The body of an answer that has the status it should have."""
    answer = await request
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else {}


async def problem(request: Any, status: int, slug: str, text: str = "") -> Record:
    """A problem, as it should be."""
    answer = await request
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == (f"https://portarium.dev/problems/{slug}", status)
    assert text in body["detail"], body["detail"]
    return body


@asynccontextmanager
async def open_works(database: str, **settings: object) -> AsyncGenerator[Works]:
    """A yard whose runs go on."""
    async with open_house(database, [SAY], **settings) as house:
        works = Works(house, Saying())
        async with works.working():
            yield works
