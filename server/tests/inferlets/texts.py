"""Programs of the tests that ask the language model, as WebAssembly text."""

from __future__ import annotations

from wasmtime import wat2wasm

from .programs import LIBC

_IMPORTS = """
  (import "inferlet" "take" (func $take (param i32 i32) (result i32)))
  (import "inferlet" "argument" (func $argument (param i32) (result i32)))
  (import "inferlet" "set_return" (func $set_return (param i32 i32)))
  (import "inferlet" "send" (func $send (param i32 i32)))
  (import "inferlet" "send_blob" (func $send_blob (param i32 i32)))
  (import "inferlet" "generate" (func $generate (param i32 i32 i32 i32) (result i32)))
  (import "inferlet" "chat" (func $chat (param i32 i32 i32 i32) (result i32)))
  (import "inferlet" "generate_start" (func $generate_start (param i32 i32 i32 i32) (result i32)))
  (import "inferlet" "generate_next" (func $generate_next (param i32) (result i32)))
  (import "inferlet" "generate_end" (func $generate_end (param i32)))
  (import "inferlet" "tokenize" (func $tokenize (param i32 i32) (result i32)))
  (import "inferlet" "detokenize" (func $detokenize (param i32 i32) (result i32)))
  (import "inferlet" "forward" (func $forward (param i32 i32 i32) (result i32)))
"""

# At 8192 the first argument, at 16384 the second, at 32768 what was held; $a and $b are the arguments' sizes.
_WORDS = """
  (memory (export "memory") 4)
  (data (i32.const 16) "refusedtold")
  (func $tell (param $n i32)
    (if (i32.ge_s (local.get $n) (i32.const 0))
      (then (call $send (i32.const 32768) (call $take (i32.const 32768) (local.get $n)))))
    (if (i32.eq (local.get $n) (i32.const -3))
      (then (call $set_return (i32.const 16) (i32.const 7))
            (call $send (i32.const 32768) (call $take (i32.const 32768) (i32.const 4096)))))
    (if (i32.eq (local.get $n) (i32.const -2)) (then (call $send (i32.const 23) (i32.const 4)))))
"""


def module(body: str) -> bytes:
    """A core module with two arguments; ``$n`` and ``$m`` are free."""
    return wat2wasm(f"""(module {_IMPORTS} {_WORDS}
      (func (export "_start") (local $a i32) (local $b i32) (local $n i32) (local $m i32)
        (local.set $a (call $take (i32.const 8192) (call $argument (i32.const 0))))
        (local.set $b (call $take (i32.const 16384) (call $argument (i32.const 1))))
        {body}))""")


_ASKED = "(i32.const 8192) (local.get $a) (i32.const 16384) (local.get $b)"

GENERATE = module(f"(call $tell (call $generate {_ASKED}))")
CHAT = module(f"(call $tell (call $chat {_ASKED}))")
STREAM = module(f"""
  (local.set $m (call $generate_start {_ASKED}))
  (if (i32.lt_s (local.get $m) (i32.const 0)) (then (call $tell (local.get $m)) (return)))
  (loop $more
    (local.set $n (call $generate_next (local.get $m)))
    (call $tell (local.get $n))
    (br_if $more (i32.ge_s (local.get $n) (i32.const 0))))
  (call $generate_end (local.get $m))
  (call $tell (call $generate_next (local.get $m)))
""")
HOARD = module(f"""
  (loop $more
    (local.set $m (call $generate_start {_ASKED}))
    (br_if $more (i32.ge_s (local.get $m) (i32.const 0))))
  (call $tell (local.get $m))
""")
TOKENS = module("""
  (local.set $m (call $take (i32.const 32768) (call $tokenize (i32.const 8192) (local.get $a))))
  (local.set $n (call $forward (i32.const 32768) (local.get $m) (i32.const 3)))
  (call $send_blob (i32.const 65536) (call $take (i32.const 65536) (local.get $n)))
  (call $tell (call $detokenize (i32.const 32768) (local.get $m)))
""")

_RUNTIME = """
  (import "inferlet:core/message" (instance $message (export "send" (func (param "message" string)))))
  (core func $send (canon lower (func $message "send") (memory (core memory $libc "memory"))))
"""
_RUN = """
  (func $run (result (result (error string)))
    (canon lift (core func $main "run") (memory (core memory $libc "memory"))))
  (instance $interface (export "run" (func $run)))
  (export "inferlet:core/run" (instance $interface)))"""
_CANON = '(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))'

COMPONENT = wat2wasm(f"""(component {LIBC}
  (import "inferlet:core/runtime" (instance $runtime (export "get-arguments" (func (result (list string))))))
  (import "runyard:inferlet/text" (instance $text
    (export "generation" (type $g (sub resource)))
    (export "start" (func (param "prompt" string) (param "options" string) (result (result (own $g) (error string)))))
    (export "[method]generation.next" (func (param "self" (borrow $g))
      (result (result (option string) (error string)))))
    (export "chat" (func (param "messages" string) (param "options" string) (result (result string (error string)))))
    (export "tokenize" (func (param "text" string) (result (result (list u32) (error string)))))
    (export "detokenize" (func (param "tokens" (list u32)) (result (result string (error string)))))
    (export "forward" (func (param "tokens" (list u32)) (param "top" u32)
      (result (result (list (tuple u32 f32)) (error string)))))))
  {_RUNTIME}
  (alias export $text "generation" (type $generation))
  (core func $arguments (canon lower (func $runtime "get-arguments") {_CANON}))
  (core func $start (canon lower (func $text "start") {_CANON}))
  (core func $next (canon lower (func $text "[method]generation.next") {_CANON}))
  (core func $chat (canon lower (func $text "chat") {_CANON}))
  (core func $tokenize (canon lower (func $text "tokenize") {_CANON}))
  (core func $detokenize (canon lower (func $text "detokenize") {_CANON}))
  (core func $forward (canon lower (func $text "forward") {_CANON}))
  (core func $drop (canon resource.drop $generation))
  (core module $main
    (import "host" "send" (func $send (param i32 i32)))
    (import "host" "arguments" (func $arguments (param i32)))
    (import "host" "start" (func $start (param i32 i32 i32 i32 i32)))
    (import "host" "next" (func $next (param i32 i32)))
    (import "host" "chat" (func $chat (param i32 i32 i32 i32 i32)))
    (import "host" "tokenize" (func $tokenize (param i32 i32 i32)))
    (import "host" "detokenize" (func $detokenize (param i32 i32 i32)))
    (import "host" "forward" (func $forward (param i32 i32 i32 i32)))
    (import "host" "drop" (func $drop (param i32)))
    (import "libc" "memory" (memory 1))
    (func $failed (result i32)
      (if (i32.load8_u (i32.const 32)) (then
        (i32.store8 (i32.const 64) (i32.const 1))
        (i32.store (i32.const 68) (i32.load (i32.const 36)))
        (i32.store (i32.const 72) (i32.load (i32.const 40)))))
      (i32.load8_u (i32.const 32)))
    (func (export "run") (result i32) (local $a i32) (local $g i32)
      (call $arguments (i32.const 16))
      (local.set $a (i32.load (i32.const 16)))
      (call $start (i32.load (local.get $a)) (i32.load offset=4 (local.get $a))
        (i32.load offset=8 (local.get $a)) (i32.load offset=12 (local.get $a)) (i32.const 32))
      (if (call $failed) (then (return (i32.const 64))))
      (local.set $g (i32.load (i32.const 36)))
      (block $over (loop $more
        (call $next (local.get $g) (i32.const 32))
        (if (call $failed) (then (return (i32.const 64))))
        (br_if $over (i32.eqz (i32.load8_u (i32.const 36))))
        (call $send (i32.load (i32.const 40)) (i32.load (i32.const 44)))
        (br $more)))
      (call $drop (local.get $g))
      (call $chat (i32.load offset=16 (local.get $a)) (i32.load offset=20 (local.get $a))
        (i32.load offset=8 (local.get $a)) (i32.load offset=12 (local.get $a)) (i32.const 32))
      (if (call $failed) (then (return (i32.const 64))))
      (call $send (i32.load (i32.const 36)) (i32.load (i32.const 40)))
      (call $tokenize (i32.load offset=24 (local.get $a)) (i32.load offset=28 (local.get $a)) (i32.const 32))
      (if (call $failed) (then (return (i32.const 64))))
      (call $forward (i32.load (i32.const 36)) (i32.load (i32.const 40)) (i32.const 2) (i32.const 32))
      (if (call $failed) (then (return (i32.const 64))))
      (local.set $g (i32.load (i32.const 36)))
      (if (i32.or (i32.ne (i32.load (i32.const 40)) (i32.const 2))
          (f32.lt (f32.load offset=4 (local.get $g)) (f32.load offset=12 (local.get $g)))) (then unreachable))
      (call $detokenize (local.get $g) (i32.const 1) (i32.const 32))
      (if (call $failed) (then (return (i32.const 64))))
      (call $send (i32.load (i32.const 36)) (i32.load (i32.const 40)))
      (i32.const 64)))
  (core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance
    (export "send" (func $send)) (export "arguments" (func $arguments)) (export "start" (func $start))
    (export "next" (func $next)) (export "chat" (func $chat)) (export "tokenize" (func $tokenize))
    (export "detokenize" (func $detokenize)) (export "forward" (func $forward)) (export "drop" (func $drop))))))
  {_RUN}""")

TOKENIZER = wat2wasm(f"""(component {LIBC}
  (import "inferlet:core/common" (instance $common
    (export "model" (type $m (sub resource)))
    (export "[method]model.get-name" (func (param "self" (borrow $m)) (result string)))))
  (alias export $common "model" (type $model))
  (import "inferlet:core/runtime" (instance $runtime
    (export "model" (type $m2 (eq $model)))
    (export "get-all-models" (func (result (list string))))
    (export "get-model" (func (param "name" string) (result (option (own $m2)))))))
  (import "inferlet:core/tokenize" (instance $tokenize
    (export "model" (type $m3 (eq $model)))
    (export "tokenizer" (type $t (sub resource)))
    (export "get-tokenizer" (func (param "model" (borrow $m3)) (result (own $t))))
    (export "[method]tokenizer.tokenize" (func (param "self" (borrow $t)) (param "text" string) (result (list u32))))
    (export "[method]tokenizer.detokenize" (func (param "self" (borrow $t)) (param "tokens" (list u32))
      (result string)))))
  {_RUNTIME}
  (core func $names (canon lower (func $runtime "get-all-models") {_CANON}))
  (core func $get (canon lower (func $runtime "get-model") {_CANON}))
  (core func $name (canon lower (func $common "[method]model.get-name") {_CANON}))
  (core func $tokenizer (canon lower (func $tokenize "get-tokenizer")))
  (core func $split (canon lower (func $tokenize "[method]tokenizer.tokenize") {_CANON}))
  (core func $join (canon lower (func $tokenize "[method]tokenizer.detokenize") {_CANON}))
  (core module $main
    (import "host" "send" (func $send (param i32 i32)))
    (import "host" "names" (func $names (param i32)))
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "name" (func $name (param i32 i32)))
    (import "host" "tokenizer" (func $tokenizer (param i32) (result i32)))
    (import "host" "split" (func $split (param i32 i32 i32 i32)))
    (import "host" "join" (func $join (param i32 i32 i32 i32)))
    (import "libc" "memory" (memory 1))
    (func (export "run") (result i32) (local $m i32) (local $t i32)
      (call $get (i32.const 128) (i32.const 6) (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then unreachable))
      (call $names (i32.const 16))
      (call $get (i32.load (i32.load (i32.const 16))) (i32.load offset=4 (i32.load (i32.const 16))) (i32.const 32))
      (if (i32.eqz (i32.load8_u (i32.const 32))) (then unreachable))
      (local.set $m (i32.load (i32.const 36)))
      (call $name (local.get $m) (i32.const 16))
      (call $send (i32.load (i32.const 16)) (i32.load (i32.const 20)))
      (local.set $t (call $tokenizer (local.get $m)))
      (call $split (local.get $t) (i32.const 128) (i32.const 6) (i32.const 16))
      (call $join (local.get $t) (i32.load (i32.const 16)) (i32.load (i32.const 20)) (i32.const 32))
      (call $send (i32.load (i32.const 32)) (i32.load (i32.const 36)))
      (i32.const 64))
    (data (i32.const 128) "w\\c3\\b6rld"))
  (core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance
    (export "send" (func $send)) (export "names" (func $names)) (export "get" (func $get))
    (export "name" (func $name)) (export "tokenizer" (func $tokenizer)) (export "split" (func $split))
    (export "join" (func $join))))))
  {_RUN}""")
