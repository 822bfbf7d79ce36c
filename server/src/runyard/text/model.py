"""The process in the sandbox that runs the packaged model: llama.cpp's server on a Unix socket in the current folder.

``python model.py FILE NAME THREADS SLOTS CONTEXT CONNECTIONS``, a file run by itself: it needs nothing of ours. Says
READY when it answers. The runner always opens a listener; this one can't be reached over a network, and the folder of
its socket is the worker's alone.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Final

SOCKET: Final = "model.sock"
READY: Final = b"runyard: the model answers"


def main(file: str, name: str, *numbers: str) -> None:
    """Serve until killed."""
    import xllamacpp  # noqa: PLC0415  (the worker reads this module for its words, and may not have the package)

    threads, slots, context, connections = map(int, numbers)
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.model_alias = {name}
    params.hostnames = [SOCKET]
    params.n_threads_http = connections
    params.n_parallel = slots
    params.n_ctx = slots * context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cpuparams.poll = params.cpuparams_batch.poll = 0  # a model that waits leaves the processor to others
    params.cache_ram_mib = 0  # a slot knows its last prompt; nothing else is kept
    params.ctx_shift = False
    params.ui = params.endpoint_slots = False
    params.offline = True
    params.verbosity = 1
    server = xllamacpp.Server(params)
    Path(SOCKET).chmod(0o666)  # the sandbox may have a user of its own
    print(READY.decode(), server.listening_address, flush=True)  # noqa: T201  (that is how the worker knows)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
