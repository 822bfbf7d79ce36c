"""Programs that the tests launch: those of the service's own tests, and some that show an order."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import cast

from wasmtime import wat2wasm

_HOME = Path(__file__).parents[3] / "server/tests/inferlets/programs.py"


def _load() -> ModuleType:
    spec = spec_from_file_location("inferlet_programs", _HOME)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_theirs = _load()


def _of(name: str) -> bytes:
    return cast("bytes", getattr(_theirs, name))


HELLO = _of("HELLO")
"""Prints ``hello`` and a line feed, and returns ``hello``."""

ECHO, COMPONENT_ECHO, BLOBS = _of("ECHO"), _of("COMPONENT_ECHO"), _of("BLOBS")
"""Send back what they hear: all of it, one message, every blob."""

ARGUMENTS, COMPLAIN, TRAP, SPIN, SLEEP, CHATTER, GROW, HUGE = map(
    _of, ("ARGUMENTS", "COMPLAIN", "TRAP", "SPIN", "SLEEP", "CHATTER", "GROW", "HUGE")
)
STRANGER, COMPONENT_STRANGER, LIBRARY, WRONG_TYPE, BAD_ADDRESS = map(
    _of, ("STRANGER", "COMPONENT_STRANGER", "LIBRARY", "WRONG_TYPE", "BAD_ADDRESS")
)
COMMAND_HELLO, COMPONENT_ERROR = _of("COMMAND_HELLO"), _of("COMPONENT_ERROR")
SPLIT, REMEMBER, LISTEN, TELL = map(_of, ("SPLIT", "REMEMBER", "LISTEN", "TELL"))


def module(body: str, *, pages: int = 2, data: str = "") -> bytes:
    """A core module that can use everything; ``body`` is the code of ``_start`` with the locals ``$n`` and ``$m``."""
    return cast("bytes", _theirs.module(body, pages=pages, data=data))


def at(place: int, size: int = 1) -> str:
    """Some of a module's data."""
    return f"(i32.const {16 + place}) (i32.const {size})"


EVERYTHING = module(
    f"""(call $print (i32.const 1) {at(0)}) (call $send {at(1)}) (call $print (i32.const 2) {at(2)})
    (call $send_blob {at(3)}) (call $send {at(4)}) (call $set_return {at(5)}) (call $set_return {at(6)})""",
    data="abcdefg",
)
"""Prints a, says b, complains c, gives the blob d, says e, and returns f and then g."""

TOLD = [("Stdout", "a"), (0, "b"), ("Stderr", "c"), ("Blob", b"d"), (0, "e"), (1, "g")]

ONCE_TOLD = module(
    f"""(drop (call $receive (i64.const -1)))
    (call $print (i32.const 1) {at(0)}) (call $send {at(1)}) (call $print (i32.const 2) {at(2)})
    (call $send_blob {at(3)}) (call $send {at(4)}) (call $set_return {at(6)})""",
    data="abcdefg",
)
"""The same, when it has heard a message."""

STUBBORN = wat2wasm("""(module
  (import "inferlet" "receive" (func $receive (param i64) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (loop $again (drop (call $receive (i64.const -1))) (br $again))))""")
"""Hears everything, that it should end too, and goes on."""


def counting(numbers: int, *, pause: int = 1) -> bytes:
    """Says the numbers from 1 on, in six digits, one every ``pause`` milliseconds; a message makes it end before."""
    return module(
        f"""(loop $again
          (local.set $n (i32.const 21))
          (loop $carry
            (i32.store8 (local.get $n) (i32.add (i32.load8_u (local.get $n)) (i32.const 1)))
            (if (i32.gt_u (i32.load8_u (local.get $n)) (i32.const 57))
              (then
                (i32.store8 (local.get $n) (i32.const 48))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br $carry))))
          (call $send {at(0, 6)})
          (if (i32.ne (call $receive (i64.const {pause})) (i32.const -1)) (then return))
          (local.set $m (i32.add (local.get $m) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $m) (i32.const {numbers}))))""",
        data="000000",
    )


def printing(size: int, *, piece: int = 65_536) -> bytes:
    """Prints ``size`` bytes, ``piece`` at a time; a line feed ends each piece."""
    return bytes(
        wat2wasm(f"""(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 3)
      (func (export "_start") (local $left i32)
        (memory.fill (i32.const 1024) (i32.const 120) (i32.const {piece}))
        (i32.store8 (i32.const {1024 + piece - 1}) (i32.const 10))
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const {piece}))
        (local.set $left (i32.const {size // piece}))
        (loop $again
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $again (local.get $left)))))""")
    )


def padded(program: bytes, size: int) -> bytes:
    """The same program with a custom section that makes it ``size`` bytes long at least."""
    filling = b"\x07padding" + bytes(size)
    return program + b"\x00" + _leb128(len(filling)) + filling


def _leb128(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
