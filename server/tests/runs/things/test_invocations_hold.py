"""What holds of invocations whatever happens, in whatever order: found by trying many orders."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from runyard.database import Connection
from runyard.services.runs.evidence.entry import SYSTEM
from runyard.services.runs.ledger import Book, Ledger
from runyard.services.runs.machines import enrolment, invocations, store
from runyard.services.runs.machines.invocation import LEASE, TRANSITIONS, Invocation
from runyard.services.runs.machines.machine import Machine
from runyard.services.runs.models.machines import InvocationError, InvocationStatus
from runyard.services.runs.refused import Refused
from runyard.yard import Yard

STEPS = 120
MACHINES = 2


@dataclass
class World:
    """Machines, what they were asked to do, and a clock that only the test moves."""

    yard: Yard
    random: random.Random
    now: datetime
    workspace: str = field(default_factory=lambda: f"ws-{uuid4().hex[:8]}")
    machines: list[Machine] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    handed: list[Invocation] = field(default_factory=list)
    seen: dict[str, Invocation] = field(default_factory=dict)
    begun: Counter[str] = field(default_factory=Counter)

    async def book(self, work) -> object:
        async def inside(connection: Connection) -> object:
            book = await Ledger(lambda: self.now).open(connection, self.workspace)
            done = await work(connection, book)
            await book.close()
            return done

        return await self.yard.database.transaction(inside)

    async def begin(self) -> None:
        """Some machines."""

        async def work(connection: Connection, book: Book) -> None:
            await connection.execute(
                "INSERT INTO projects (name, created_at) VALUES ($1, $2)", self.workspace, self.now
            )
            for number in range(MACHINES):
                machine = await store.add(
                    connection, self.workspace, hostname=f"m{number}", os_image=None, capabilities=None,
                    operations=["x:y"], slots=1, at=book.now,
                )  # fmt: skip
                self.machines.append(
                    await enrolment.enrolled(
                        connection, machine, client_id=f"sa-{uuid4()}", declared=["x:y"], os_image=None, at=book.now
                    )
                )

        await self.book(work)

    async def ask(self) -> None:
        machine = self.random.choice(self.machines)

        async def work(connection: Connection, book: Book) -> None:
            opened = await invocations.open(
                connection, book, machine, operation="x:y", input={}, actor=SYSTEM, asked_by="u", correlation_id="c",
                within=timedelta(seconds=self.random.choice([30, 300])),
            )  # fmt: skip
            self.asked.append(opened.id)

        await self.book(work)

    async def claim(self) -> None:
        machine = self.random.choice(self.machines)
        mine = [one.id for one in self.handed if one.machine_id == machine.id]
        holding = self.random.sample(mine, self.random.randint(0, len(mine)))
        handed, _ = await self.yard.database.transaction(
            lambda connection: invocations.claim(connection, machine, holding=set(holding), free=2, now=self.now)  # type: ignore[arg-type]
        )
        assert all(one.machine_id == machine.id for one in handed)
        self.handed += handed

    async def report(self) -> None:
        if not self.handed:
            return
        one, way = self.random.choice(self.handed[-4:]), self.random.choice(["begin", "complete", "fail"])

        async def work(connection: Connection, book: Book) -> None:
            found = await invocations.settle(
                connection, book, await invocations.lock(connection, self.workspace, one.id)
            )
            if found.status.ended:
                return
            invocations.check_delivery(found, one.delivery)
            if way == "begin":
                before = found.status
                await invocations.begin(connection, book, found, delivery=one.delivery)
                self.begun[one.id] += before is InvocationStatus.ACCEPTED
                return
            error = InvocationError(code="x", message="x") if way == "fail" else None
            await invocations.end(connection, book, found, actor=SYSTEM, output={}, error=error)

        await self.book(work)

    async def cancel(self) -> None:
        if not self.asked:
            return
        invocation = self.random.choice(self.asked)

        async def work(connection: Connection, book: Book) -> None:
            found = await invocations.lock(connection, self.workspace, invocation)
            await invocations.cancel(connection, book, found, actor=SYSTEM, reason="Nobody wants it.")

        await self.book(work)

    async def wait(self) -> None:
        self.now += self.random.choice([timedelta(seconds=1), LEASE / 2, LEASE])

    async def check(self) -> None:
        """What was once so and can't be otherwise."""
        for each in self.asked:
            found = await invocations.find(self.yard.database, self.workspace, each)
            before = self.seen.get(each)
            if before is not None and before.status is not found.status:
                ways = TRANSITIONS[before.status]
                assert found.status in ways, (before.status, found.status)
            if before is not None and before.status.ended:
                assert found == before
            assert self.begun[each] <= 1
            assert (found.status is InvocationStatus.FAILED) == (found.error is not None)
            self.seen[each] = found


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_begins_twice_and_no_end_changes(parts: Yard, seed: int) -> None:
    world = World(parts, random.Random(seed), parts.clock())
    await world.begin()
    steps = [*[world.ask, world.claim] * 2, *[world.report] * 6, world.cancel, world.wait]
    for _ in range(STEPS):
        with suppress(Refused):
            await world.random.choice(steps)()
        await world.check()
    assert {one.status for one in world.seen.values()} >= {InvocationStatus.COMPLETED, InvocationStatus.FAILED}
    for each, found in world.seen.items():
        told = await invocations.events(parts.database, found, after=0, rows=1000)
        assert [seq for seq, *_ in told] == list(range(1, len(told) + 1)), each


async def test_two_processes_of_one_machine_cannot_both_begin(parts: Yard) -> None:
    world = World(parts, random.Random(0), parts.clock())
    await world.begin()
    world.machines = world.machines[:1]
    for _ in range(10):
        world.handed.clear()
        await world.ask()
        await asyncio.gather(world.claim(), world.claim())
        mine = [one for one in world.handed if one.id == world.asked[-1]]

        async def begin(one: Invocation) -> bool:
            async def work(connection: Connection, book: Book) -> None:
                found = await invocations.lock(connection, world.workspace, one.id)
                invocations.check_delivery(found, one.delivery)
                await invocations.begin(connection, book, found, delivery=one.delivery)

            with suppress(Refused):
                await world.book(work)
                return True
            return False

        assert sum(await asyncio.gather(*map(begin, mine))) == 1
