"""Programs of the tests, as WebAssembly text."""

from __future__ import annotations

from wasmtime import wat2wasm

_IMPORTS = """
  (import "inferlet" "take" (func $take (param i32 i32) (result i32)))
  (import "inferlet" "argument" (func $argument (param i32) (result i32)))
  (import "inferlet" "instance_id" (func $instance_id (result i32)))
  (import "inferlet" "set_return" (func $set_return (param i32 i32)))
  (import "inferlet" "send" (func $send (param i32 i32)))
  (import "inferlet" "receive" (func $receive (param i64) (result i32)))
  (import "inferlet" "send_blob" (func $send_blob (param i32 i32)))
  (import "inferlet" "receive_blob" (func $receive_blob (param i64) (result i32)))
  (import "inferlet" "broadcast" (func $broadcast (param i32 i32 i32 i32) (result i32)))
  (import "inferlet" "subscribe" (func $subscribe (param i32 i32) (result i32)))
  (import "inferlet" "next" (func $next (param i32 i64) (result i32)))
  (import "inferlet" "kv_get" (func $kv_get (param i32 i32) (result i32)))
  (import "inferlet" "kv_set" (func $kv_set (param i32 i32 i32 i32) (result i32)))
  (import "inferlet" "generate" (func $generate (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
"""

_PRINT = """
  (func $print (param $stream i32) (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $held (param $size i32) (result i32)
    (drop (call $take (i32.const 4096) (local.get $size)))
    (local.get $size))
"""


def module(body: str, *, pages: int = 2, data: str = "") -> bytes:
    """A core module that can use everything; ``body`` is the code of ``_start`` with two locals."""
    return wat2wasm(
        f"""(module {_IMPORTS} (memory (export "memory") {pages})
        (data (i32.const 16) "{data}") {_PRINT}
        (func (export "_start") (local $n i32) (local $m i32) {body}))"""
    )


def text(size: int) -> str:
    """The place of a module's data."""
    return f"(i32.const 16) (i32.const {size})"


HELLO = module(f"(call $print (i32.const 1) {text(6)}) (call $set_return {text(5)})", data="hello\\n")
COMPLAIN = module(f"(call $print (i32.const 2) {text(5)}) (call $exit (i32.const 3))", data="oh no")
TIDY = module("(call $exit (i32.const 0))")
ECHO = module("""
  (loop $again
    (local.set $n (call $receive (i64.const -1)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then return))
    (call $send (i32.const 4096) (call $held (local.get $n)))
    (br $again))
""")
BLOBS = module("""
  (loop $again
    (local.set $n (call $receive_blob (i64.const -1)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then return))
    (call $send_blob (i32.const 4096) (call $held (local.get $n)))
    (br $again))
""", pages=40)  # fmt: skip
ARGUMENTS = module("""
  (loop $again
    (local.set $n (call $argument (local.get $m)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then return))
    (call $send (i32.const 4096) (call $held (local.get $n)))
    (local.set $m (i32.add (local.get $m) (i32.const 1)))
    (br $again))
""")
TRAP = module("unreachable")
SPIN = wat2wasm('(module (func (export "run") (loop (br 0))))')
GROW = wat2wasm("""(module (memory (export "memory") 1) (func (export "run")
  (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable))""")
HUGE = wat2wasm('(module (memory (export "memory") 60000) (func (export "run")))')
CHATTER = module(f"(loop (call $print (i32.const 1) {text(10)}) (br 0))", data="0123456789")
SLEEP = module("""
  (i64.store (i32.const 56) (i64.const 3600000000000))
  (i32.store (i32.const 48) (i32.const 1))
  (drop (call $poll (i32.const 32) (i32.const 256) (i32.const 1) (i32.const 8)))
""")
BAD_ADDRESS = module("(call $send (i32.const -10) (i32.const 100))")
REMEMBER = module(f"""
  (local.set $n (call $kv_get (i32.const 16) (i32.const 3)))
  (if (i32.ge_s (local.get $n) (i32.const 0))
    (then (call $send (i32.const 4096) (call $held (local.get $n))))
    (else (drop (call $kv_set (i32.const 16) (i32.const 3) (i32.const 19) (i32.const 5)))
          (call $send {text(3)})))
""", data="keyvalue")  # fmt: skip
LISTEN = module("""
  (local.set $m (call $subscribe (i32.const 16) (i32.const 4)))
  (call $send (i32.const 20) (i32.const 5))
  (call $send (i32.const 4096) (call $held (call $next (local.get $m) (i64.const -1))))
""", data="newsready")  # fmt: skip
TELL = module("(drop (call $broadcast (i32.const 16) (i32.const 4) (i32.const 20) (i32.const 5)))", data="newshello")
ASK = module("""
  (local.set $n (call $generate (i32.const 16) (i32.const 5) (i32.const 0) (i32.const 0)))
  (if (i32.eq (local.get $n) (i32.const -3)) (then (local.set $n (call $take (i32.const 4096) (i32.const 4000)))))
  (drop (call $take (i32.const 4096) (local.get $n)))
  (call $send (i32.const 4096) (local.get $n))
""", data="hello")  # fmt: skip
SPLIT = module("""
  (call $print (i32.const 2) (i32.const 16) (i32.const 1))
  (call $print (i32.const 1) (i32.const 18) (i32.const 1))
  (call $print (i32.const 2) (i32.const 17) (i32.const 1))
""", data="\\c3\\a9-")  # fmt: skip
STRANGER = wat2wasm("""(module (import "env" "launch_missiles" (func)) (import "inferlet" "fly" (func))
  (func (export "_start")))""")
WRONG_TYPE = wat2wasm('(module (import "inferlet" "send" (func (param i64))) (func (export "_start")))')
LIBRARY = wat2wasm('(module (func (export "add")))')

LIBC = """
  (core module $libc
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $r i32)
      (local.set $r (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $r) (local.get 3)))
      (local.get $r)))
  (core instance $libc (instantiate $libc))
"""

COMPONENT_ECHO = wat2wasm(f"""(component
  (import "wasi:io/poll@0.2.4" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))))
  (alias export $poll "pollable" (type $pollable))
  (import "inferlet:core/message" (instance $message
    (export "pollable" (type $p2 (eq $pollable)))
    (export "receive-result" (type $r (sub resource)))
    (export "receive" (func (result (own $r))))
    (export "send" (func (param "message" string)))
    (export "[method]receive-result.pollable" (func (param "self" (borrow $r)) (result (own $p2))))
    (export "[method]receive-result.get" (func (param "self" (borrow $r)) (result (option string))))))
  (alias export $message "receive-result" (type $result))
  {LIBC}
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $receive (canon lower (func $message "receive")))
  (core func $send (canon lower (func $message "send") (memory (core memory $libc "memory"))))
  (core func $pollable (canon lower (func $message "[method]receive-result.pollable")))
  (core func $get (canon lower (func $message "[method]receive-result.get")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $drop-result (canon resource.drop $result))
  (core func $drop-pollable (canon resource.drop $pollable))
  (core module $main
    (import "host" "block" (func $block (param i32)))
    (import "host" "receive" (func $receive (result i32)))
    (import "host" "send" (func $send (param i32 i32)))
    (import "host" "pollable" (func $pollable (param i32) (result i32)))
    (import "host" "get" (func $get (param i32 i32)))
    (import "host" "drop-result" (func $drop-result (param i32)))
    (import "host" "drop-pollable" (func $drop-pollable (param i32)))
    (import "libc" "memory" (memory 1))
    (func (export "run") (result i32) (local $r i32) (local $p i32)
      (local.set $r (call $receive))
      (local.set $p (call $pollable (local.get $r)))
      (call $block (local.get $p))
      (call $drop-pollable (local.get $p))
      (call $get (local.get $r) (i32.const 16))
      (call $drop-result (local.get $r))
      (if (i32.eqz (i32.load8_u (i32.const 16)))
        (then (i32.store8 (i32.const 64) (i32.const 1))
              (i32.store (i32.const 68) (i32.const 128)) (i32.store (i32.const 72) (i32.const 4))
              (return (i32.const 64))))
      (call $send (i32.load (i32.const 20)) (i32.load (i32.const 24)))
      (i32.store8 (i32.const 64) (i32.const 0))
      (i32.const 64))
    (data (i32.const 128) "done"))
  (core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance
    (export "block" (func $block)) (export "receive" (func $receive)) (export "send" (func $send))
    (export "pollable" (func $pollable)) (export "get" (func $get))
    (export "drop-result" (func $drop-result)) (export "drop-pollable" (func $drop-pollable))))))
  (func $run (result (result (error string)))
    (canon lift (core func $main "run") (memory (core memory $libc "memory"))))
  (instance $interface (export "run" (func $run)))
  (export "inferlet:core/run" (instance $interface)))""")

COMPONENT_BLOB = wat2wasm(f"""(component
  (import "inferlet:core/common" (instance $common
    (export "blob" (type $b (sub resource)))
    (export "[constructor]blob" (func (param "init" (list u8)) (result (own $b))))
    (export "[method]blob.size" (func (param "self" (borrow $b)) (result u64)))))
  (alias export $common "blob" (type $blob))
  (import "inferlet:core/message" (instance $message
    (export "blob" (type $b2 (eq $blob)))
    (export "send-blob" (func (param "blob" (own $b2))))))
  {LIBC}
  (core func $new (canon lower (func $common "[constructor]blob") (memory (core memory $libc "memory"))))
  (core func $size (canon lower (func $common "[method]blob.size")))
  (core func $send (canon lower (func $message "send-blob")))
  (core module $main
    (import "host" "new" (func $new (param i32 i32) (result i32)))
    (import "host" "size" (func $size (param i32) (result i64)))
    (import "host" "send" (func $send (param i32)))
    (import "libc" "memory" (memory 1))
    (func (export "run") (result i32) (local $b i32)
      (local.set $b (call $new (i32.const 1024) (i32.const 70000)))
      (if (i64.ne (call $size (local.get $b)) (i64.const 70000)) (then unreachable))
      (call $send (local.get $b))
      (i32.const 0))
    (data (i32.const 1024) "bytes"))
  (core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance
    (export "new" (func $new)) (export "size" (func $size)) (export "send" (func $send))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $interface (export "run" (func $run)))
  (export "wasi:cli/run@0.2.3" (instance $interface)))""")

COMPONENT_STRANGER = wat2wasm("""(component
  (import "acme:rockets/launch" (instance (export "now" (func))))
  (import "inferlet:core/runtime" (instance (export "get-version" (func (result string)))
    (export "self-destruct" (func))))
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $m (instantiate $m))
  (func $run (result (result)) (canon lift (core func $m "run")))
  (instance $interface (export "run" (func $run)))
  (export "inferlet:core/run" (instance $interface)))""")

COMMAND_HELLO = wat2wasm(f"""(component
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $o (sub resource)))
    (export "error" (type $e (sub resource)))
    (type $failure (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $f (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $o)) (param "contents" (list u8)) (result (result (error $f)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (export "output-stream" (type $o2 (eq $output)))
    (export "get-stdout" (func (result (own $o2))))))
  {LIBC}
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory (core memory $libc "memory"))))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core module $main
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "get" (func $get (result i32)))
    (import "libc" "memory" (memory 1))
    (func (export "run") (result i32)
      (call $write (call $get) (i32.const 1024) (i32.const 6) (i32.const 16))
      (i32.load8_u (i32.const 16)))
    (data (i32.const 1024) "hello\\0a"))
  (core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance
    (export "write" (func $write)) (export "get" (func $get))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $interface (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $interface)))""")

COMPONENT_ERROR = wat2wasm("""(component
  (core module $m (memory (export "memory") 1) (data (i32.const 128) "oh no")
    (func (export "run") (result i32)
      (i32.store8 (i32.const 64) (i32.const 1))
      (i32.store (i32.const 68) (i32.const 128)) (i32.store (i32.const 72) (i32.const 5))
      (i32.const 64)))
  (core instance $m (instantiate $m))
  (func $run (result (result (error string))) (canon lift (core func $m "run") (memory (core memory $m "memory"))))
  (instance $interface (export "run" (func $run)))
  (export "inferlet:core/run" (instance $interface)))""")
