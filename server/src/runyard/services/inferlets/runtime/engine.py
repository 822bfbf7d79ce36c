"""The WebAssembly engine all instances of a process share."""

from __future__ import annotations

import wasmtime._ffi as ffi
from wasmtime import Config, Engine

from runyard.services.inferlets.runtime.fingerprint import STACK
from runyard.services.inferlets.runtime.memories import use_our_memories


def new_engine() -> Engine:
    """An engine that counts fuel and can be interrupted. Change ``fingerprint.CONFIG`` with it."""
    config = Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.max_wasm_stack = STACK
    config.wasm_threads = False  # a guest that waits on shared memory could not be interrupted
    ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)  # with it, no call may lend two resources
    use_our_memories(config)
    return Engine(config)
