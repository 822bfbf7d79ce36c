"""Text from the packaged model: as the yard and its programs get it, against its runner alone. ``make bench``."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import xllamacpp
from blake3 import blake3
from wasmtime import wat2wasm

from runyard.sandbox import probe
from runyard.services.inferlets import instances
from runyard.services.inferlets.compiled import CompiledPrograms
from runyard.services.inferlets.executor import open_inferlets
from runyard.services.inferlets.instances import Said, read_event
from runyard.services.inferlets.limits import asked
from runyard.services.inferlets.programs import Programs
from runyard.settings import Settings
from runyard.testing.running import fresh_yard, shared_postgres
from runyard.testing.working import new_worker, working
from runyard.text import Sampling, TextProvider, open_text
from runyard.text.weights import packaged_weights

ROUNDS, TOKENS, SLOTS = 5, 96, 4
QUESTION = "Write a long story about the sea and the people who live beside it."
OPTIONS = f'{{"max_tokens": {TOKENS}, "temperature": 0}}'
WRITTEN = OPTIONS.replace('"', r"\22")
STREAM = wat2wasm(f"""(module
  (import "inferlet" "take" (func $take (param i32 i32) (result i32)))
  (import "inferlet" "send" (func $send (param i32 i32)))
  (import "inferlet" "generate_start" (func $start (param i32 i32 i32 i32) (result i32)))
  (import "inferlet" "generate_next" (func $next (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{QUESTION}")
  (data (i32.const 256) "{WRITTEN}")
  (func (export "run") (local $g i32) (local $n i32)
    (local.set $g (call $start (i32.const 0) (i32.const {len(QUESTION)}) (i32.const 256) (i32.const {len(OPTIONS)})))
    (loop $more
      (local.set $n (call $next (local.get $g)))
      (if (i32.lt_s (local.get $n) (i32.const 0)) (then return))
      (call $send (i32.const 1024) (call $take (i32.const 1024) (local.get $n)))
      (br $more))))""")

Ask = Callable[[], Awaitable[str]]


def alone() -> Ask:
    """The runner in this very process, with no layer of ours."""
    weights = packaged_weights()
    assert weights is not None
    settings = Settings()
    params: Any = xllamacpp.CommonParams()
    params.model.path = str(weights.file)
    params.hostnames = [str(Path(tempfile.mkdtemp()) / "alone.sock")]
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * settings.text_context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.text_threads
    params.verbosity = 1
    server: Any = xllamacpp.Server(params)
    question = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": TOKENS, "temperature": 0}

    async def ask() -> str:
        found = await asyncio.to_thread(server.handle_chat_completions, question)
        return cast("str", found["choices"][0]["message"]["content"])

    return ask


def provided(text: TextProvider) -> Ask:
    """As a service asks it."""
    return lambda: text.generate(QUESTION, Sampling(max_tokens=TOKENS, temperature=0))


@asynccontextmanager
async def program(database: str) -> AsyncIterator[Ask]:
    """As a program says it on, piece by piece, through its process, its job's log, and a reader of that."""
    sandbox = await asyncio.to_thread(probe, "auto")
    async with (
        fresh_yard(database) as yard,
        open_text(yard.settings, sandbox) as text,
        open_inferlets(yard, sandbox, text) as work,
        CompiledPrograms.open(yard.settings, sandbox) as compiled,
        working(new_worker(yard, work.registrations, sandbox=sandbox)),
    ):

        async def pieces() -> AsyncIterator[bytes]:
            yield STREAM

        blob = await yard.artifacts.put(pieces(), limit=1 << 30)
        programs = Programs(yard.database, yard.artifacts, compiled, clock=yard.clock)
        kept = await programs.add(
            tenant="user:bench", owner=uuid4(), blob=blob, digest=blake3(STREAM).hexdigest(), manifest=""
        )

        async def ask() -> str:
            job = await instances.launch(
                yard, kept, owner=uuid4(), tenant="user:bench", user="bench", arguments=[],
                limits=asked(None, yard.settings),
            )  # fmt: skip
            said = ""
            async for event in yard.tails.follow(job.id, 0, idle=120):
                if event is not None and isinstance(found := read_event(event), Said):
                    said += found.text
            return said

        yield ask


async def compare(ways: dict[str, Ask], at_once: int) -> None:
    """The same answers from all, turn by turn, so that a busy machine is busy for each."""
    answers = {await ask() for ask in ways.values()}
    assert len(answers) == 1, answers
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, ask in ways.items():
            start = time.perf_counter()
            assert set(await asyncio.gather(*(ask() for _ in range(at_once)))) == answers
            took[name].append(time.perf_counter() - start)
    baseline = statistics.median(took["xllamacpp alone"])
    for name, times in took.items():
        middle = statistics.median(times)
        speed = at_once * TOKENS / middle
        print(f"{at_once} at once, {name}: {speed:.1f} tokens a second, {baseline / middle:.2f} of the runner alone")


async def main(database: str) -> None:
    threads = Settings().text_threads
    print(f"{os.cpu_count()} cores, {threads} threads, {TOKENS} tokens an answer, median of {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder:
        sandbox = await asyncio.to_thread(probe, "auto")
        async with open_text(Settings(data_dir=Path(folder)), sandbox) as text, program(database) as said:
            ways = {"xllamacpp alone": alone(), "text provider": provided(text), "streaming program": said}
            for at_once in (1, SLOTS):
                await compare(ways, at_once)


if __name__ == "__main__":
    with shared_postgres(uuid4().hex[:8]) as url:
        asyncio.run(main(url))
