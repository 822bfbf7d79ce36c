"""The `inferlets` service: WebAssembly programs that talk while they run.

``programs`` keeps what was uploaded, ``runtime`` is what runs inside the instance processes, ``hosts`` the worker's
side of them, ``executor`` turns an instance into a job. ``instances`` is what a protocol adapter calls.
"""
