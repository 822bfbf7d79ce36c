"""Running other people's code: out of sight of everything else, and within limits.

`probe()` says which sandbox this machine has; `async with sandbox.start(command) as process` runs one command
in it. Leaving that context, or the death of this program, ends everything the command started.
"""

from runyard.sandbox.command import Command, Exit, LimitName, Limits, Mount
from runyard.sandbox.errors import SandboxError, SandboxUnavailable
from runyard.sandbox.probe import Sandbox, probe
from runyard.sandbox.process import Process

__all__ = [
    "Command",
    "Exit",
    "LimitName",
    "Limits",
    "Mount",
    "Process",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailable",
    "probe",
]
