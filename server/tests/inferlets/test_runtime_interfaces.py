"""What the interfaces of components promise: waiting, messages, broadcasts, blobs, arguments, the value at the end."""

from __future__ import annotations

from contextlib import aclosing

from blake3 import blake3

from runyard.services.inferlets import instances
from runyard.services.inferlets.instances import Said

from . import programs as wat
from .conftest import Bench

# A component that can use everything below; `body` is its core function `run`, with four locals, and returns whether
# it failed. Texts that it gets are at the address and of the length in bytes 20 and 24, if byte 16 is not 0.
_COMPONENT = """(component
  (import "wasi:io/poll@0.2.4" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.4" (instance $clock
    (export "pollable" (type $p2 (eq $pollable)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p2))))))
  (import "inferlet:core/runtime" (instance $runtime
    (export "get-arguments" (func (result (list string))))
    (export "set-return" (func (param "value" string)))))
  (import "inferlet:core/common" (instance $common
    (export "pollable" (type $p2 (eq $pollable)))
    (export "blob" (type $b (sub resource)))
    (export "blob-result" (type $r (sub resource)))
    (export "[constructor]blob" (func (param "init" (list u8)) (result (own $b))))
    (export "[method]blob.read" (func (param "self" (borrow $b)) (param "offset" u64) (param "n" u64)
      (result (list u8))))
    (export "[method]blob.size" (func (param "self" (borrow $b)) (result u64)))
    (export "[method]blob-result.pollable" (func (param "self" (borrow $r)) (result (own $p2))))
    (export "[method]blob-result.get" (func (param "self" (borrow $r)) (result (option (own $b)))))))
  (alias export $common "blob" (type $blob))
  (alias export $common "blob-result" (type $blob-result))
  (import "inferlet:core/message" (instance $message
    (export "pollable" (type $p2 (eq $pollable)))
    (export "blob-result" (type $br (eq $blob-result)))
    (export "receive-result" (type $r (sub resource)))
    (export "subscription" (type $s (sub resource)))
    (export "send" (func (param "message" string)))
    (export "receive" (func (result (own $r))))
    (export "receive-blob" (func (result (own $br))))
    (export "subscribe" (func (param "topic" string) (result (own $s))))
    (export "[method]receive-result.pollable" (func (param "self" (borrow $r)) (result (own $p2))))
    (export "[method]receive-result.get" (func (param "self" (borrow $r)) (result (option string))))
    (export "[method]subscription.pollable" (func (param "self" (borrow $s)) (result (own $p2))))
    (export "[method]subscription.get" (func (param "self" (borrow $s)) (result (option string))))
    (export "[method]subscription.unsubscribe" (func (param "self" (borrow $s))))))
  (alias export $message "receive-result" (type $receive-result))
  (alias export $message "subscription" (type $subscription))
  LIBC
  LOWERED
  (core module $main
    IMPORTED
    (import "libc" "memory" (memory 1))
    (data (i32.const 1024) "DATA")
    (func $digit (param i32)
      (i32.store8 (i32.const 512) (i32.add (i32.const 48) (local.get 0)))
      (call $send (i32.const 512) (i32.const 1)))
    (func $await (param $p i32) (call $block (local.get $p)) (call $drop-pollable (local.get $p)))
    (func $retell (if (i32.load8_u (i32.const 16))
      (then (call $send (i32.load (i32.const 20)) (i32.load (i32.const 24))))
      (else (call $send (i32.const 512) (i32.const 0)))))
    (func $poll2 (param i32 i32) (result i32)
      (i32.store (i32.const 32) (local.get 0)) (i32.store (i32.const 36) (local.get 1))
      (call $poll (i32.const 32) (i32.const 2) (i32.const 16))
      (if (i32.ne (i32.load (i32.const 20)) (i32.const 1)) (then unreachable))
      (i32.load (i32.load (i32.const 16))))
    (func (export "run") (result i32) (local $r i32) (local $p i32) (local $q i32) (local $n i32)
      BODY (i32.const 0)))
  (core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance EXPORTED))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $interface (export "run" (func $run)))
  (export "inferlet:core/run" (instance $interface)))"""

_FUNCTIONS = {  # name here: (instance, name there, core type)
    "block": ("poll", "[method]pollable.block", "(param i32)"),
    "ready": ("poll", "[method]pollable.ready", "(param i32) (result i32)"),
    "poll": ("poll", "poll", "(param i32 i32 i32)"),
    "pause": ("clock", "subscribe-duration", "(param i64) (result i32)"),
    "arguments": ("runtime", "get-arguments", "(param i32)"),
    "return": ("runtime", "set-return", "(param i32 i32)"),
    "blob": ("common", "[constructor]blob", "(param i32 i32) (result i32)"),
    "read": ("common", "[method]blob.read", "(param i32 i64 i64 i32)"),
    "size": ("common", "[method]blob.size", "(param i32) (result i64)"),
    "blob-pollable": ("common", "[method]blob-result.pollable", "(param i32) (result i32)"),
    "blob-get": ("common", "[method]blob-result.get", "(param i32 i32)"),
    "send": ("message", "send", "(param i32 i32)"),
    "receive": ("message", "receive", "(result i32)"),
    "receive-blob": ("message", "receive-blob", "(result i32)"),
    "subscribe": ("message", "subscribe", "(param i32 i32) (result i32)"),
    "pollable": ("message", "[method]receive-result.pollable", "(param i32) (result i32)"),
    "get": ("message", "[method]receive-result.get", "(param i32 i32)"),
    "news-pollable": ("message", "[method]subscription.pollable", "(param i32) (result i32)"),
    "news-get": ("message", "[method]subscription.get", "(param i32 i32)"),
    "unsubscribe": ("message", "[method]subscription.unsubscribe", "(param i32)"),
}
_RESOURCES = ("pollable", "blob", "receive-result", "subscription")


def component(body: str, *, data: str = "") -> bytes:
    """WebAssembly text of a component."""
    options = '(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))'
    drops = {f"drop-{name}": f"(canon resource.drop ${name})" for name in _RESOURCES}
    lowered = {
        name: f'(canon lower (func ${instance} "{there}") {options})'
        for name, (instance, there, _) in _FUNCTIONS.items()
    } | drops
    types = {name: kind for name, (_, _, kind) in _FUNCTIONS.items()} | dict.fromkeys(drops, "(param i32)")
    parts = {
        "LIBC": wat.LIBC,
        "LOWERED": "\n".join(f"(core func $l-{name} {code})" for name, code in lowered.items()),
        "IMPORTED": "\n".join(f'(import "host" "{name}" (func ${name} {kind}))' for name, kind in types.items()),
        "EXPORTED": "\n".join(f'(export "{name}" (func $l-{name}))' for name in lowered),
        "DATA": data,
        "BODY": body,
    }
    text = _COMPONENT
    for place, part in parts.items():
        text = text.replace(place, part)
    return text.encode()


async def test_arguments_arrive_in_a_component(bench: Bench) -> None:
    program = component("""
      (call $arguments (i32.const 16))
      (local.set $p (i32.load (i32.const 16)))
      (local.set $q (i32.add (local.get $p) (i32.mul (i32.load (i32.const 20)) (i32.const 8))))
      (loop $again (if (i32.lt_u (local.get $p) (local.get $q)) (then
        (call $send (i32.load (local.get $p)) (i32.load offset=4 (local.get $p)))
        (local.set $p (i32.add (local.get $p) (i32.const 8)))
        (br $again))))
    """)
    _, said = await bench.story(await bench.launch(program, "a", "", "ü ∞"))
    assert said == [Said("a"), Said(""), Said("ü ∞")]


async def test_the_last_value_set_is_returned(bench: Bench) -> None:
    program = component("""
      (call $return (i32.const 1024) (i32.const 5))
      (call $return (i32.const 1029) (i32.const 4))
    """, data="firstlast")  # fmt: skip
    end, _ = await bench.story(await bench.launch(program))
    assert (end.reason, end.text) == ("completed", "last")


async def test_a_message_is_not_lost_with_what_was_to_receive_it(bench: Bench) -> None:
    program = component("""
      (local.set $r (call $receive))
      (local.set $p (call $pollable (local.get $r)))
      (call $digit (call $ready (local.get $p)))
      (call $await (local.get $p))
      (call $drop-receive-result (local.get $r))
      (local.set $r (call $receive))
      (call $get (local.get $r) (i32.const 16))
      (call $retell)
      (call $get (local.get $r) (i32.const 16))
      (call $retell)
    """)
    job = await bench.launch(program)
    async with aclosing(bench.says(job)) as says:
        assert await anext(says) == Said("0")
        await bench.text(job, "hello")
        assert await anext(says) == Said("hello")
        assert await anext(says) == Said("hello")  # asking again gives the same, as it did


async def test_a_subscription_goes_on(bench: Bench) -> None:
    program = component("""
      (local.set $r (call $subscribe (i32.const 1024) (i32.const 4)))
      (call $digit (i32.const 0))
      (loop $again
        (call $await (call $news-pollable (local.get $r)))
        (call $news-get (local.get $r) (i32.const 16))
        (call $retell)
        (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 2))))
      (call $unsubscribe (local.get $r))
      (call $await (call $news-pollable (local.get $r)))
      (call $news-get (local.get $r) (i32.const 16))
      (call $retell)
    """, data="news")  # fmt: skip
    job = await bench.launch(program, tenant="user:goes-on")
    async with aclosing(bench.says(job)) as says:
        assert await anext(says) == Said("0")
        for _ in range(2):
            await bench.story(await bench.launch(wat.TELL, tenant="user:goes-on"))
        assert [await anext(says) for _ in range(3)] == [Said("hello"), Said("hello"), Said("")]


async def test_dropped_subscriptions_make_room_for_others(bench: Bench) -> None:
    program = component("""
      (loop $again
        (call $drop-subscription (call $subscribe (i32.const 1024) (i32.const 4)))
        (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200))))
    """, data="news")  # fmt: skip
    end, _ = await bench.story(await bench.launch(program))
    assert end.reason == "completed", end.text


async def test_a_blob_has_nothing_past_its_end(bench: Bench) -> None:
    program = component("""
      (local.set $r (call $blob (i32.const 1024) (i32.const 9)))
      (call $digit (i32.wrap_i64 (call $size (local.get $r))))
      (call $read (local.get $r) (i64.const 3) (i64.const 100) (i32.const 16))
      (call $send (i32.load (i32.const 16)) (i32.load (i32.const 20)))
      (call $read (local.get $r) (i64.const 9) (i64.const 1) (i32.const 16))
      (call $digit (i32.load (i32.const 20)))
      (call $read (local.get $r) (i64.const -1) (i64.const -1) (i32.const 16))
      (call $digit (i32.load (i32.const 20)))
    """, data="123456789")  # fmt: skip
    end, said = await bench.story(await bench.launch(program))
    assert end.reason == "completed", end.text
    assert said == [Said("9"), Said("456789"), Said("0"), Said("0")]


async def test_what_comes_first_ends_a_wait_for_a_clock_and_a_message(bench: Bench) -> None:
    program = component("""
      (local.set $r (call $receive))
      (local.set $p (call $pollable (local.get $r)))
      (call $digit (call $poll2 (local.get $p) (call $pause (i64.const 1000000))))
      (call $digit (call $poll2 (local.get $p) (call $pause (i64.const -1))))
      (call $get (local.get $r) (i32.const 16))
      (call $retell)
    """)
    job = await bench.launch(program)
    async with aclosing(bench.says(job)) as says:
        assert await anext(says) == Said("1")
        await bench.text(job, "hello")
        assert [await anext(says) for _ in range(2)] == [Said("0"), Said("hello")]


async def test_a_wait_for_messages_and_blobs_ends_with_either(bench: Bench) -> None:
    program = component("""
      (local.set $r (call $receive-blob))
      (local.set $q (call $blob-pollable (local.get $r)))
      (local.set $p (call $pollable (call $receive)))
      (call $digit (call $poll2 (local.get $p) (local.get $q)))
      (call $blob-get (local.get $r) (i32.const 16))
      (call $digit (i32.wrap_i64 (call $size (i32.load (i32.const 20)))))
    """)
    job = await bench.launch(program)

    async def pieces():
        yield b"four"

    blob = await bench.yard.artifacts.put(pieces(), limit=100)
    await instances.send_blob(bench.yard, job.id, blob, blake3(b"four").hexdigest())
    _, said = await bench.story(job)
    assert said == [Said("1"), Said("4")]


async def test_a_program_that_is_told_to_end_receives_nothing_more(bench: Bench) -> None:
    program = component("""
      (local.set $r (call $receive))
      (call $digit (i32.const 0))
      (call $await (call $pollable (local.get $r)))
      (call $get (local.get $r) (i32.const 16))
      (call $digit (i32.add (i32.const 1) (i32.load8_u (i32.const 16))))
    """)
    job = await bench.launch(program)
    async with aclosing(bench.says(job)) as says:
        assert await anext(says) == Said("0")
        await instances.terminate(bench.yard, job.id, grace=20)
        assert await anext(says) == Said("1")
    end, _ = await bench.story(job)
    assert end.reason == "aborted"
