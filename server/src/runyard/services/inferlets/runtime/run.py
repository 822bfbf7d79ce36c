"""One instance from its start to its last word."""

from __future__ import annotations

from typing import Final

from wasmtime import Engine, Store, Trap, TrapCode, WasmtimeError

from runyard.services.inferlets.frames import Ended
from runyard.services.inferlets.runtime.epochs import Ticker
from runyard.services.inferlets.runtime.guest import Guest, Stopped
from runyard.services.inferlets.runtime.here import here
from runyard.services.inferlets.runtime.memories import Allotment, allotted
from runyard.services.inferlets.runtime.native import at_each_epoch, epoch_question
from runyard.services.inferlets.runtime.program import Failed, Programs
from runyard.services.inferlets.runtime.resources import Resources

FULL: Final = 2**63
"""Fuel of an instance without a limit; it is counted all the same."""

TABLE: Final = 1_000_000
INSTANCES, TABLES, MEMORIES = 1000, 100, 20
LONGEST: Final = 4000

_NO_FUEL: Final = "all fuel consumed"
_QUESTION: Final = epoch_question(lambda: None if here.guest.ending is None else "stopped")


def run(guest: Guest, engine: Engine, programs: Programs, ticker: Ticker) -> Ended:
    """Run an instance on this thread."""
    number, limits = guest.launch.instance, guest.launch.limits
    try:
        program = programs.get(guest.launch.file, guest.launch.kind)
    except (OSError, WasmtimeError) as error:
        return Ended(number, "unloadable", str(error)[:LONGEST])
    store = Store(engine)
    here.guest, here.store, here.memory, here.held = guest, store, None, b""
    here.resources, allotted.allotment = Resources(limits.memory), Allotment(limits.memory)
    fuel = FULL if limits.fuel is None else limits.fuel
    store.set_fuel(fuel)
    store.set_limits(table_elements=TABLE, instances=INSTANCES, tables=TABLES, memories=MEMORIES)
    at_each_epoch(store, _QUESTION)
    problem: Exception | None = None
    ticker.join(guest)
    try:
        program.run(store)
    except (Failed, Stopped, WasmtimeError, Trap) as error:
        problem = error
    finally:
        ticker.leave(guest)
    ended = _verdict(guest, problem, allotted.allotment, fuel=fuel - store.get_fuel())
    problem = None
    here.memory = None
    store.close()
    return ended


def _verdict(guest: Guest, problem: Exception | None, allotment: Allotment, *, fuel: int) -> Ended:
    number, limits, forced, memory = guest.launch.instance, guest.launch.limits, guest.ending, allotment.used
    if forced is not None and forced.kind == "completed":
        return Ended(number, "completed", guest.returned, forced.code, None, fuel, memory)
    if forced is not None and forced.kind != "exception":
        return Ended(number, forced.kind, forced.text, forced.code, forced.limit, fuel, memory)
    if forced is None and problem is None:
        return Ended(number, "completed", guest.returned, 0, None, fuel, memory)
    code: int | None = None
    if forced is not None:  # it left with a status
        said, code = forced.text, forced.code
    elif isinstance(problem, Failed):
        said, code = str(problem), 1
    else:
        said = f"Call error: {problem}"
    if (isinstance(problem, Trap) and problem.trap_code is TrapCode.OUT_OF_FUEL) or _NO_FUEL in said:
        text = f"It used up its fuel ({limits.fuel})."
        return Ended(number, "limit", text, None, "fuel", fuel, memory)
    if allotment.refused:
        text = f"It needs more memory than {limits.memory} bytes, and ended without: {_shortened(said)}"
        return Ended(number, "limit", text, code, "memory", fuel, memory)
    return Ended(number, "exception", f"Runtime error: {_shortened(said)}", code, None, fuel, memory)


def _shortened(text: str) -> str:
    """A backtrace begins with where it happened and ends with why: what is too long loses its middle."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n    ...\n{text[-LONGEST // 2 :]}"
