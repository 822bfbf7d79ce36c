"""The service's own words for jobs, their files and their events."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

KIND: Final = "inferlet.instance"
PROGRAM: Final = "program.wasm"

STDERR: Final = "stderr"
"""Event ``{"text"}``; standard output is the job's log."""

BLOB: Final = "blob"
"""Event ``{"name", "size", "sha256", "blake3"}``: a file of the job that the program has sent."""

EXIT: Final = "exit"
"""Event ``{"code", "reason", "limit", "text", "fuel", "memory"}``, the last before the job's end."""

BLOBS_IN, BLOBS_OUT = "in/", "out/"
"""Where blobs are among the job's files: ``in/<blake3>`` those for the program, ``out/<number>`` those it sent."""

SIGNALLED: Final = "Signal termination"
"""What the protocol says of an instance that was terminated."""

Reason: TypeAlias = Literal["completed", "aborted", "exception", "server_error", "out_of_resources"]
"""How an instance ends; the codes of failed jobs as well."""
