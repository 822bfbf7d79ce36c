"""Run a Python project's tests on a Runyard server.

`ci_client.client` holds the original five functions; `CI` is the API beside them. Nothing loads before use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._wire.requests_shell import Timeouts
    from ._wire.retry import RetryPolicy
    from .errors import (
        AuthenticationError,
        CIError,
        Conflict,
        ConnectionFailed,
        NotFound,
        PackageError,
        PermissionDenied,
        ProtocolError,
        RateLimited,
        RequestRejected,
        ServerFault,
        StatusError,
        StreamLost,
        TimedOut,
        UsageError,
    )
    from .events import Completed, Event, JobSubmitted, Log, PhaseEntered, StateChanged, TestEnded
    from .job import Job
    from .records import Artifact, Identity, JobDetails, JobSummary, TestCase, TestCounts
    from .yard import CI

__version__ = "0.1.0"

_HOMES = {
    "CI": "yard",
    "Job": "job",
    "RetryPolicy": "_wire.retry",
    "Timeouts": "_wire.requests_shell",
    **dict.fromkeys(
        ("Completed", "Event", "JobSubmitted", "Log", "PhaseEntered", "StateChanged", "TestEnded"), "events"
    ),
    **dict.fromkeys(("Artifact", "Identity", "JobDetails", "JobSummary", "TestCase", "TestCounts"), "records"),
    **dict.fromkeys(
        (
            "AuthenticationError",
            "CIError",
            "Conflict",
            "ConnectionFailed",
            "NotFound",
            "PackageError",
            "PermissionDenied",
            "ProtocolError",
            "RateLimited",
            "RequestRejected",
            "ServerFault",
            "StatusError",
            "StreamLost",
            "TimedOut",
            "UsageError",
        ),
        "errors",
    ),
}

__all__ = [
    "CI",
    "Artifact",
    "AuthenticationError",
    "CIError",
    "Completed",
    "Conflict",
    "ConnectionFailed",
    "Event",
    "Identity",
    "Job",
    "JobDetails",
    "JobSubmitted",
    "JobSummary",
    "Log",
    "NotFound",
    "PackageError",
    "PermissionDenied",
    "PhaseEntered",
    "ProtocolError",
    "RateLimited",
    "RequestRejected",
    "RetryPolicy",
    "ServerFault",
    "StateChanged",
    "StatusError",
    "StreamLost",
    "TestCase",
    "TestCounts",
    "TestEnded",
    "TimedOut",
    "Timeouts",
    "UsageError",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{home}", __name__), name)
