"""Programs in text, and hostile ones: each ends for its own reason, says why, and harms no other."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from blake3 import blake3
from wasmtime import wat2wasm

from runyard.services.inferlets import instances
from runyard.services.inferlets.instances import Said, Utterance
from runyard.services.inferlets.programs import MissingImport, ProgramError
from runyard.services.inferlets.words import Reason

from . import programs as wat
from .conftest import Bench

MEMORY = 32 << 20
"""Bytes the hostile programs may have."""


def module(body: str, *, imports: str = "", fields: str = '(memory (export "memory") 1)') -> str:
    return f'(module $guest {imports} {fields} (func (export "_start") (local $n i32) {body}))'


def host(name: str, kind: str, *, of: str = "inferlet") -> str:
    return f'(import "{of}" "{name}" (func ${name} {kind}))'


def component(entry: str = "", *, before: str = "", body: str = "(i32.const 0)") -> str:
    """A component whose `run` has the type and options of ``entry``."""
    return f"""(component {before}
      (core module $m (memory (export "memory") 1) (func (export "run") (result i32) {body}))
      (core instance $m (instantiate $m))
      (func $run {entry or "(result (result))"} (canon lift (core func $m "run")))
      (instance $interface (export "run" (func $run)))
      (export "inferlet:core/run" (instance $interface)))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """A program, and how it has to end: with what in its last words."""

    program: str
    says: str = ""
    reason: Reason = "exception"
    limit: str | None = None
    limits: dict[str, object] = field(default_factory=dict)


WHOLE = "(i32.const 0) (i32.mul (memory.size) (i32.const 65536))"
"""The whole of a program's memory as address and length."""

LARGE = '(memory (export "memory") 300)'

HOSTILE = {
    "trap with names": Hostile(
        program="""(module $calc
          (func $divide (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
          (func $average (drop (call $divide (i32.const 0))))
          (func (export "_start") (call $average)))""",
        says=r"calc!divide(?s:.*)calc!average(?s:.*)integer divide by zero",
    ),
    "recursion": Hostile(
        program='(module (func $down (call $down)) (func (export "_start") (call $down)))', says="call stack exhausted"
    ),
    "recursion of long names": Hostile(
        program=f'(module (func ${"x" * 900} (call ${"x" * 900})) (func (export "_start") (call ${"x" * 900})))',
        says="call stack exhausted",
    ),
    "infinite loop": Hostile(
        program=module("(loop (br 0))"), reason="out_of_resources", limit="wall_seconds", limits={"wall_seconds": 0.2}
    ),
    "loop out of fuel": Hostile(
        program=module("(loop (br 0))"), reason="out_of_resources", limit="fuel", limits={"fuel": 10_000}
    ),
    "start function that loops": Hostile(
        program='(module (func $s (loop (br 0))) (start $s) (func (export "_start")))',
        reason="out_of_resources", limit="wall_seconds", limits={"wall_seconds": 0.2},
    ),
    "start function out of fuel": Hostile(
        program='(module (func $s (loop (br 0))) (start $s) (func (export "_start")))',
        reason="out_of_resources", limit="fuel", limits={"fuel": 10_000},
    ),
    "waits for ever": Hostile(
        program=module("(drop (call $receive (i64.const 0x7fffffffffffffff)))",
                       imports=host("receive", "(param i64) (result i32)")),
        reason="out_of_resources", limit="idle_seconds", limits={"idle_seconds": 0.2},
    ),
    "sleeps for ever": Hostile(
        program=module("""(i64.store (i32.const 56) (i64.const -1)) (i32.store (i32.const 48) (i32.const 1))
            (drop (call $poll_oneoff (i32.const 32) (i32.const 256) (i32.const 1) (i32.const 8)))""",
                       imports=host("poll_oneoff", "(param i32 i32 i32 i32) (result i32)",
                                    of="wasi_snapshot_preview1")),
        reason="out_of_resources", limit="wall_seconds", limits={"wall_seconds": 0.2},
    ),
    "memory that grows": Hostile(
        program=module("(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"),
        says="more memory than 33554432 bytes", reason="out_of_resources", limit="memory",
    ),
    "one refused request": Hostile(  # while it has little: it's the refusal that counts
        program=module("(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))"),
        says="unreachable", reason="out_of_resources", limit="memory",
    ),
    "refused and leaves": Hostile(
        program=module("""(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1))
            (then (call $proc_exit (i32.const 3))))""",
                       imports=host("proc_exit", "(param i32)", of="wasi_snapshot_preview1")),
        says="exit status 3", reason="out_of_resources", limit="memory",
    ),
    "refused and content": Hostile(
        program=module("(drop (memory.grow (i32.const 1000)))"), reason="completed"
    ),
    "many memories": Hostile(
        program=module("", fields=" ".join(["(memory 400)"] * 4)), reason="out_of_resources", limit="memory"
    ),
    "memory that nobody exports": Hostile(
        program=module("(drop (memory.grow (i32.const 1000))) unreachable", fields="(memory 1)"),
        reason="out_of_resources", limit="memory",
    ),
    "memory of a component": Hostile(
        program=component(body="(drop (memory.grow (i32.const 1000))) unreachable"),
        reason="out_of_resources", limit="memory",
    ),
    "garbage that is collected": Hostile(
        program="""(module (type $a (array (mut i64))) (table $t 1000 (ref null $a)) (func (export "_start")
          (local $n i32) (loop
            (table.set $t (local.get $n) (array.new $a (i64.const 1) (i32.const 100000)))
            (local.set $n (i32.add (local.get $n) (i32.const 1))) (br 0))))""",
        reason="out_of_resources", limit="memory",
    ),
    "huge table": Hostile(
        program='(module (table 2000000 funcref) (func (export "_start")))', says="2000000 elements exceeds table limits"
    ),
    "table that grows": Hostile(
        program="""(module (table $t 1 funcref) (func (export "_start")
          (loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 100000)) (i32.const -1)))) unreachable))""",
        says="unreachable",
    ),
    "data out of bounds": Hostile(
        program=module("", fields='(memory 1) (data (i32.const 65530) "0123456789")'),
        says="out of bounds memory access",
    ),
    "elements out of bounds": Hostile(
        program='(module (table 1 funcref) (elem (i32.const 5) $f) (func $f) (func (export "_start")))',
        says="out of bounds table access",
    ),
    "address out of bounds": Hostile(
        program=module("(call $send (i32.const 65530) (i32.const 10))", imports=host("send", "(param i32 i32)")),
        says="bytes 65530 to 65540 are outside of the program's memory",
    ),
    "a global for a memory": Hostile(
        program=module("(call $send (i32.const 0) (i32.const 1))", imports=host("send", "(param i32 i32)"),
                       fields='(global (export "memory") i32 (i32.const 0))'),
        says='exports no memory named "memory"',
    ),
    "thrown and not caught": Hostile(
        program=module("(throw $t)", fields="(tag $t)"), says="thrown Wasm exception"
    ),
    "huge return value": Hostile(
        program=module(f"(call $set_return {WHOLE})", imports=host("set_return", "(param i32 i32)"), fields=LARGE),
        says="a return value has 19660800 characters; 4194304 are allowed",
    ),
    "huge message": Hostile(
        program=module(f"(call $send {WHOLE})", imports=host("send", "(param i32 i32)"), fields=LARGE),
        says="a message has 19660800 characters",
    ),
    "huge question": Hostile(
        program=module(f"(if (i32.ne (call $kv_set {WHOLE} {WHOLE}) (i32.const -3)) (then unreachable))",
                       imports=host("kv_set", "(param i32 i32 i32 i32) (result i32)"), fields=LARGE),
        reason="completed",
    ),
    "huge list": Hostile(
        program=module(f"(if (i32.ne (call $detokenize {WHOLE}) (i32.const -3)) (then unreachable))",
                       imports=host("detokenize", "(param i32 i32) (result i32)"), fields=LARGE),
        reason="completed",
    ),
    "the same megabytes a thousand times": Hostile(
        program=module("""(loop
              (i32.store (i32.mul (local.get $n) (i32.const 8)) (i32.const 0))
              (i32.store offset=4 (i32.mul (local.get $n) (i32.const 8)) (i32.const 16000000))
              (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
            (loop
              (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1000) (i32.const 16000)))
              (br 0))""",
                       imports=host("fd_write", "(param i32 i32 i32 i32) (result i32)", of="wasi_snapshot_preview1"),
                       fields=LARGE),
        reason="out_of_resources", limit="output_bytes", limits={"output_bytes": 3_000_000},
    ),
    "resources without end": Hostile(
        program=component(
            before="""(import "wasi:clocks/monotonic-clock@0.2.0" (instance $c (export "pollable" (type $p (sub resource)))
                (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
              (core func $pause (canon lower (func $c "subscribe-duration")))
              (core module $more (import "" "pause" (func $pause (param i64) (result i32))) (func $more
                (loop (drop (call $pause (i64.const 1))) (br 0))) (start $more))
              (core instance (instantiate $more (with "" (instance (export "pause" (func $pause))))))"""
        ),
        says="a program may hold 10000 resources at a time",
    ),
    "blobs without end": Hostile(
        program=component(
            before=f"""(import "inferlet:core/common" (instance $c (export "blob" (type $b (sub resource)))
                (export "[constructor]blob" (func (param "init" (list u8)) (result (own $b))))))
              {wat.LIBC}
              (core func $blob (canon lower (func $c "[constructor]blob") (memory (core memory $libc "memory"))))
              (core module $more (import "" "blob" (func $blob (param i32 i32) (result i32))) (func $more
                (loop (drop (call $blob (i32.const 0) (i32.const 100000))) (br 0))) (start $more))
              (core instance (instantiate $more (with "" (instance (export "blob" (func $blob))))))"""
        ),
        says="blobs of more bytes than it may have memory", limits={"memory": 2 << 20},
    ),
    "a text repeated in a list": Hostile(
        program=component(
            before=f"""(import "inferlet:core/runtime" (instance $r
                (export "get-all-models-with-traits" (func (param "traits" (list string)) (result (list string))))))
              {wat.LIBC}
              (core func $ask (canon lower (func $r "get-all-models-with-traits")
                (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
              (core module $more (import "" "ask" (func $ask (param i32 i32 i32))) (import "libc" "memory" (memory 1))
                (func $more (local $n i32) (loop
                  (i32.store (local.get $n) (i32.const 20000))
                  (i32.store offset=4 (local.get $n) (i32.const 100000))
                  (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 8))) (i32.const 16000))))
                  (call $ask (i32.const 0) (i32.const 2000) (i32.const 17000))) (start $more))
              (core instance (instantiate $more (with "libc" (instance $libc))
                (with "" (instance (export "ask" (func $ask))))))"""
        ),
        says="too much data is being copied",
    ),
    "a function of another type than the host's": Hostile(
        program=component(
            before="""(import "inferlet:core/runtime" (instance $r (export "get-version" (func (result u32)))))
              (core func $ask (canon lower (func $r "get-version")))
              (core module $more (import "" "ask" (func $ask (result i32)))
                (func $more (drop (call $ask))) (start $more))
              (core instance (instantiate $more (with "" (instance (export "ask" (func $ask))))))"""
        ),
        says="Call error",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
async def unharmed(bench: Bench) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Two conversations, one in each process, that have to go on whatever others do."""
    jobs = [await bench.launch(wat.ECHO) for _ in range(2)]
    turns = itertools.count()

    async def converse() -> None:
        said = Said(f"still here {next(turns)}")
        for job in jobs:
            await bench.text(job, said.text)
            async with aclosing(bench.says(job)) as says:
                assert said in [one async for one in until(says, said)]

    await converse()
    yield converse
    for job in jobs:
        await instances.terminate(bench.yard, job.id, grace=0)


async def until(says: AsyncIterator[Utterance], last: Utterance) -> AsyncIterator[Utterance]:
    """What is said up to ``last``."""
    async for said in says:
        yield said
        if said == last:
            return


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_program_ends_with_its_reason(
    bench: Bench, unharmed: Callable[[], Awaitable[None]], hostile: Hostile
) -> None:
    limits = {"memory": MEMORY, **hostile.limits}
    end, _ = await bench.story(await bench.launch(hostile.program.encode(), **limits))
    assert (end.reason, end.limit) == (hostile.reason, hostile.limit), end.text
    assert end.text.startswith("Runtime error: ") == (end.reason == "exception")
    assert len(end.text) < 5000
    assert re.search(hostile.says, end.text)
    await unharmed()


async def test_text_is_a_program(bench: Bench) -> None:
    text = b'\n  ;; the smallest\n(module (func (export "run") (result i32) (i32.const 0)))'
    program = await bench.upload(text)
    assert program.blake3 == blake3(text).hexdigest()
    assert program.surface.kind == "module"
    end, _ = await bench.story(await bench.launch(text))
    assert end.reason == "completed"


REFUSED = {
    "an unknown instruction": (module("\n  (i32.cost 1)"), r"unknown operator(?s:.*)program\.wat:2:4"),
    "an end too early": ("(module\n  (func", r"program\.wat:2:8"),
    "an unknown name": ('(component\n\n (alias export $nobody "x" (func)))', r"\$nobody(?s:.*)program\.wat:3"),
    "no utf-8": (b"(module \xff)", "can't be assembled"),
    "nested too deep": ("(" * 100_000, "can't be assembled"),
    "what does not type": ('(module (func $odd (export "run") (result i32) (i64.const 1)))', "expected i32, found i64"),
    "prose": ("Dear yard, please run me.", "as text with `\\(module`"),
    "an entry with parameters": ('(module (func (export "_start") (param i32)))', "must be a function without param"),
    "an entry with another result": ('(module (func (export "run") (result f64) (f64.const 1)))', "nothing or an i32"),
    "an entry with two results": (
        '(module (func (export "run") (result i32 i32) (i32.const 1) (i32.const 1)))', "nothing or an i32"
    ),
    "an entry that is a global": ('(module (global (export "run") i32 (i32.const 1)))', "must be a function"),
    "an entry with a parameter, in a component": (
        component('(param "x" u32) (result (result))').replace("(result i32)", "(param i32) (result i32)"),
        r"run: func\(\) -> result",
    ),
    "an entry without result type, in a component": (component("(result u32)"), r"run: func\(\) -> result"),
    "an entry that is an empty interface": (
        '(component (instance $i) (export "inferlet:core/run" (instance $i)))', r"run: func\(\) -> result"
    ),
    "a module that was to become a component": (
        module("", imports=host("send", "(param i32 i32)", of="inferlet:core/message")),
        "'inferlet:core/message' is an interface of components(?s:.*)wasm-tools component new",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "says"), REFUSED.values(), ids=REFUSED)
async def test_what_is_wrong_with_a_text_is_told(bench: Bench, program: str | bytes, says: str) -> None:
    with pytest.raises(ProgramError, match=says) as refused:
        await bench.upload(program if isinstance(program, bytes) else program.encode())
    assert "anon" not in str(refused.value)


async def test_files_may_be_linked_that_are_never_opened(bench: Bench) -> None:
    """As the libraries of most languages do: resources of several interfaces are of one type."""
    program = component(
        before="""(import "wasi:io/poll@0.2.3" (instance $poll (export "pollable" (type (sub resource)))))
          (alias export $poll "pollable" (type $pollable))
          (import "wasi:io/streams@0.2.3" (instance $streams (export "input-stream" (type (sub resource)))))
          (alias export $streams "input-stream" (type $input))
          (import "wasi:filesystem/types@0.2.3" (instance $files
            (export "descriptor" (type $d (sub resource)))
            (export "input-stream" (type $i (eq $input)))
            (export "[method]descriptor.sync" (func (param "self" (borrow $d)) (result (result))))
            (export "[method]descriptor.read-via-stream" (func (param "self" (borrow $d)) (result (own $i))))))
          (alias export $files "descriptor" (type $descriptor))
          (import "wasi:filesystem/preopens@0.2.3" (instance
            (export "descriptor" (type $d (eq $descriptor)))
            (export "get-directories" (func (result (list (tuple (own $d) string)))))))
          (import "wasi:sockets/tcp@0.2.3" (instance
            (export "tcp-socket" (type $t (sub resource)))
            (export "pollable" (type $p (eq $pollable)))
            (export "[method]tcp-socket.subscribe" (func (param "self" (borrow $t)) (result (own $p))))))"""
    )
    end, _ = await bench.story(await bench.launch(program.encode()))
    assert end.reason == "completed", end.text


async def test_a_resource_of_the_wrong_type_is_found_at_upload(bench: Bench) -> None:
    program = component(
        before="""(import "inferlet:core/message" (instance
            (export "pollable" (type (sub resource)))
            (export "subscription" (type $s (sub resource)))))
          (import "inferlet:core/common" (instance (export "blob" (func))))"""
    )
    with pytest.raises(MissingImport, match="inferlet:core/common"):
        await bench.upload(program.encode())


@pytest.mark.slow
async def test_100_000_functions_are_compiled(bench: Bench) -> None:
    program = wat2wasm(f'(module {"(func)" * 100_000} (func (export "_start") (call 99999)))')
    end, _ = await bench.story(await bench.launch(bytes(program)))
    assert end.reason == "completed"
