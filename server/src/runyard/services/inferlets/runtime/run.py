"""One instance from its start to its last word."""

from __future__ import annotations

from typing import Final

from wasmtime import Engine, Store, Trap, TrapCode, WasmtimeError

from runyard.services.inferlets.frames import Ended
from runyard.services.inferlets.runtime.epochs import Ticker
from runyard.services.inferlets.runtime.guest import Guest, Stopped
from runyard.services.inferlets.runtime.here import here
from runyard.services.inferlets.runtime.native import at_each_epoch
from runyard.services.inferlets.runtime.program import Failed, Programs
from runyard.services.inferlets.runtime.resources import Resources

FULL: Final = 2**63
"""Fuel of an instance without a limit; it is counted all the same."""

TABLE: Final = 1_000_000
INSTANCES, TABLES, MEMORIES = 1000, 100, 100
LONGEST: Final = 4000

_NO_MEMORY: Final = ("exceeds memory limits", "memory minimum size", "resource limit exceeded")
_NO_FUEL: Final = "all fuel consumed"


def run(guest: Guest, engine: Engine, programs: Programs, ticker: Ticker) -> Ended:
    """Run an instance on this thread."""
    number, limits = guest.launch.instance, guest.launch.limits
    try:
        program = programs.get(guest.launch.file, guest.launch.kind)
    except (OSError, WasmtimeError) as error:
        return Ended(number, "unloadable", str(error)[:LONGEST])
    store = Store(engine)
    here.guest, here.store, here.memory, here.held, here.resources = guest, store, None, b"", Resources()
    fuel = FULL if limits.fuel is None else limits.fuel
    store.set_fuel(fuel)
    store.set_limits(memory_size=limits.memory, table_elements=TABLE, instances=INSTANCES, tables=TABLES,
                     memories=MEMORIES)  # fmt: skip
    kept = at_each_epoch(store, lambda: "stopped" if guest.ending is not None else None)
    problem: Exception | None = None
    ticker.join(guest)
    try:
        program.run(store)
    except (Failed, Stopped, WasmtimeError, Trap) as error:
        problem = error
    finally:
        ticker.leave(guest)
    memory = 0 if here.memory is None else here.memory.data_len(store)
    ended = _verdict(guest, problem, fuel=fuel - store.get_fuel(), memory=memory)
    problem = None
    here.memory = None
    store.close()
    del kept
    return ended


def _verdict(guest: Guest, problem: Exception | None, *, fuel: int, memory: int) -> Ended:
    number, limits, forced = guest.launch.instance, guest.launch.limits, guest.ending
    if forced is not None:
        text = guest.returned if forced.kind == "completed" else forced.text
        if forced.kind == "exception":
            text = f"Runtime error: {text}"
        return Ended(number, forced.kind, text, forced.code, forced.limit, fuel, memory)
    if problem is None:
        return Ended(number, "completed", guest.returned, 0, None, fuel, memory)
    said = str(problem)
    if isinstance(problem, Failed):
        return Ended(number, "exception", f"Runtime error: {said}"[:LONGEST], 1, None, fuel, memory)
    if (isinstance(problem, Trap) and problem.trap_code is TrapCode.OUT_OF_FUEL) or _NO_FUEL in said:
        text = f"It used up its fuel ({limits.fuel})."
        return Ended(number, "limit", text, None, "fuel", fuel, memory)
    if any(words in said for words in _NO_MEMORY) or 2 * memory > limits.memory:
        text = f"It needs more memory than {limits.memory} bytes."
        return Ended(number, "limit", text, None, "memory", fuel, memory)
    return Ended(number, "exception", f"Runtime error: Call error: {said}"[:LONGEST], None, None, fuel, memory)
