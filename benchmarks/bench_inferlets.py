"""What an instance costs: launch, echo, output; the runtime's own share against bare wasmtime in the same process."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from uuid import uuid4

from blake3 import blake3
from wasmtime import Config, Engine, Instance, Module, Store, wat2wasm

from runyard.jobs import Job
from runyard.sandbox import probe
from runyard.services.inferlets import instances
from runyard.services.inferlets.compiled import CompiledPrograms
from runyard.services.inferlets.executor import open_inferlets
from runyard.services.inferlets.frames import Launch
from runyard.services.inferlets.limits import asked, most
from runyard.services.inferlets.programs import Program, Programs
from runyard.services.inferlets.runtime import compile as compiler
from runyard.services.inferlets.runtime.engine import new_engine
from runyard.services.inferlets.runtime.epochs import Ticker
from runyard.services.inferlets.runtime.guest import Guest
from runyard.services.inferlets.runtime.program import Programs as Loaded
from runyard.services.inferlets.runtime.run import run
from runyard.settings import Settings
from runyard.testing.running import fresh_yard, shared_postgres
from runyard.testing.working import new_worker, working
from runyard.text import open_text
from runyard.yard import Yard

ROUNDS = 200
CROWD = 200
TURNS = 20
OUTPUT = 100 << 20

EMPTY = wat2wasm('(module (memory (export "memory") 1) (func (export "run")))')
ECHO = wat2wasm("""(module
  (import "inferlet" "take" (func $take (param i32 i32) (result i32)))
  (import "inferlet" "send" (func $send (param i32 i32)))
  (import "inferlet" "receive" (func $receive (param i64) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (local $n i32)
    (loop $again
      (local.set $n (call $receive (i64.const -1)))
      (if (i32.lt_s (local.get $n) (i32.const 0)) (then return))
      (drop (call $take (i32.const 0) (local.get $n)))
      (call $send (i32.const 0) (local.get $n))
      (br $again))))""")
PRINTER = wat2wasm(f"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $left i32)
    (memory.fill (i32.const 1024) (i32.const 120) (i32.const 65536))
    (memory.fill (i32.const 66559) (i32.const 10) (i32.const 1))
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 65536))
    (local.set $left (i32.const {OUTPUT // 65536}))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))))""")


def show(what: str, values: list[float], baseline: float | None = None) -> float:
    middle, worst = statistics.median(values), sorted(values)[int(len(values) * 0.99)]
    ratio = f", {middle / baseline:.2f} x the baseline" if baseline else ""
    print(f"{what}: p50 {middle * 1000:.3f} ms, p99 {worst * 1000:.3f} ms{ratio}")
    return middle


def plain_engine() -> Engine:
    """Wasmtime by itself, counting fuel and interruptible like ours."""
    config = Config()
    config.consume_fuel = config.epoch_interruption = True
    return Engine(config)


def runtime_share() -> None:
    """Instantiate and run: bare, and as the instance process does it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program").write_bytes(EMPTY)
        compiler.main(str(folder / "program"), str(folder / "code"), str(folder / "report"))
        engine, plain = new_engine(), plain_engine()
        module = Module(plain, EMPTY)
        loaded, ticker = Loaded(engine, folder), Ticker(engine)
        limits = most(Settings())
        bare, ours = [], []
        for number in range(2000):
            start = time.perf_counter()
            store = Store(plain)
            store.set_fuel(1 << 40)
            store.set_epoch_deadline(1 << 20)
            Instance(store, module, []).exports(store)["run"](store)  # type: ignore[operator]
            store.close()
            bare.append(time.perf_counter() - start)
            guest = Guest(Launch(number, "", "code", "module", "", [], limits), lambda _: None, ticker)
            start = time.perf_counter()
            ended = run(guest, engine, loaded, ticker)
            ours.append(time.perf_counter() - start)
            assert ended.kind == "completed", ended
        show("runtime, instantiate and run", ours, show("bare wasmtime, instantiate and run", bare))


@asynccontextmanager
async def worker(database: str) -> AsyncIterator[tuple[Yard, Programs]]:
    sandbox = await asyncio.to_thread(probe, "auto")
    async with (
        fresh_yard(database) as yard,
        open_text(yard.settings, sandbox) as text,
        open_inferlets(yard, sandbox, text) as work,
        CompiledPrograms.open(yard.settings, sandbox) as compiled,
    ):
        await work.hosts.warm()
        async with working(new_worker(yard, work.registrations, sandbox=sandbox)):
            yield yard, Programs(yard.database, yard.artifacts, compiled, clock=yard.clock)


async def upload(yard: Yard, programs: Programs, content: bytes) -> Program:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    blob = await yard.artifacts.put(pieces(), limit=1 << 30)
    digest = blake3(content).hexdigest()
    return await programs.add(tenant="user:bench", owner=uuid4(), blob=blob, digest=digest, manifest="")


async def launch(yard: Yard, program: Program) -> Job:
    return await instances.launch(
        yard, program, owner=uuid4(), tenant="user:bench", user="bench", arguments=[], limits=asked(None, yard.settings)
    )


async def launches(yard: Yard, program: Program) -> None:
    took = []
    for number in range(ROUNDS + 10):
        start = time.perf_counter()
        job = await launch(yard, program)
        async with aclosing(yard.tails.follow(job.id, 0, idle=30)) as events:
            async for _ in events:
                pass
        if number >= 10:
            took.append(time.perf_counter() - start)
        assert (await yard.jobs.get(job.id)).state == "succeeded"
    show("launch of a compiled program, submit to the end of its log", took)


async def converse(yard: Yard, job: Job, turns: int) -> list[float]:
    took = []
    async with aclosing(yard.tails.follow(job.id, 0, idle=60)) as events:
        for turn in range(turns):
            start = time.perf_counter()
            await instances.send_text(yard, job.id, str(turn))
            async for event in events:
                if event is not None and event.type == "reply":
                    assert event.data["text"] == str(turn)
                    break
            took.append(time.perf_counter() - start)
    await instances.terminate(yard, job.id)
    return took


async def output(yard: Yard, program: Program) -> None:
    start = time.perf_counter()
    job, size = await launch(yard, program), 0
    async with aclosing(yard.tails.follow(job.id, 0, idle=60)) as events:
        async for event in events:
            if event is not None and event.type == "log":
                size += len(event.body)
    assert size == OUTPUT, (size, (await yard.jobs.get(job.id)).error)
    print(f"output of {size >> 20} MiB through the log: {size / (time.perf_counter() - start) / 1e6:.0f} MB/s")


async def main(database: str) -> None:
    async with worker(database) as (yard, programs):
        await launches(yard, await upload(yard, programs, EMPTY))
        echo = await upload(yard, programs, ECHO)
        show("echo through the log, one instance", (await converse(yard, await launch(yard, echo), ROUNDS))[10:])
        start = time.perf_counter()
        jobs = await asyncio.gather(*[launch(yard, echo) for _ in range(CROWD)])
        crowd = await asyncio.gather(*[converse(yard, job, TURNS) for job in jobs])
        took = time.perf_counter() - start
        print(f"{CROWD} instances, {TURNS} echoes each: {sum(map(len, crowd)) / took:.0f} echoes a second, none lost")
        await output(yard, await upload(yard, programs, PRINTER))


if __name__ == "__main__":
    runtime_share()
    with shared_postgres(uuid4().hex[:8]) as url:
        asyncio.run(main(url))
