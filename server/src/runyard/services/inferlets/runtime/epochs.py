"""The clock that interrupts computing programs: it ticks only while there are any."""

from __future__ import annotations

import threading
import time
from typing import Final

from wasmtime import Engine

from runyard.services.inferlets.runtime.guest import Guest

TICK: Final = 0.01
"""Seconds between two epochs: how long a program that is to end may go on computing, and output may wait."""


class Ticker:
    """A thread that raises the engine's epoch and sends on what computing programs have printed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._computing: set[Guest] = set()
        self._changed = threading.Condition(threading.Lock())
        threading.Thread(target=self._run, name="epochs", daemon=True).start()

    def join(self, guest: Guest) -> None:
        """The guest is computing."""
        with self._changed:
            self._computing.add(guest)
            if len(self._computing) == 1:
                self._changed.notify()

    def leave(self, guest: Guest) -> None:
        """The guest waits, or is over."""
        with self._changed:
            self._computing.discard(guest)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._computing:
                    self._changed.wait()
                computing = tuple(self._computing)
            time.sleep(TICK)
            self._engine.increment_epoch()
            for guest in computing:
                guest.flush_if_possible()
