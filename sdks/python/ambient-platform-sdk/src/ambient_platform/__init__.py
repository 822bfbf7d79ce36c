"""AI agent sessions on a Runyard server, or any other that speaks the Ambient Code Platform's HTTP interface.

`AmbientClient` is for ordinary programs, `AsyncAmbientClient` for those of asyncio. Nothing loads before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ._version import VERSION

if TYPE_CHECKING:
    from ._wire.retry import RetryPolicy
    from .async_client import AsyncAmbientClient
    from .client import AmbientClient
    from .events import (
        ApprovalEvent,
        ArtifactEvent,
        DeltaEvent,
        Event,
        LogEvent,
        MessageEvent,
        NoteEvent,
        RepoEvent,
        StatusEvent,
        ToolCallEvent,
        ToolResultEvent,
        UsageEvent,
    )
    from .exceptions import (
        AmbientAPIError,
        AmbientConnectionError,
        AuthenticationError,
        ConflictError,
        DownloadError,
        InvalidRequestError,
        NotSupportedError,
        PermissionDeniedError,
        RateLimitError,
        ResponseError,
        ServerError,
        SessionFailed,
        SessionNotFoundError,
        SessionTimeout,
        StreamLostError,
    )
    from .pages import AsyncSessionPage, SessionPage
    from .session import AsyncSession, Session
    from .streams import AsyncEventStream, EventStream
    from .types import (
        Artifact,
        CreateSessionRequest,
        CreateSessionResponse,
        ErrorResponse,
        Message,
        Model,
        RepoHTTP,
        SessionListResponse,
        SessionRepo,
        SessionResponse,
        SessionUsage,
        StatusCompleted,
        StatusFailed,
        StatusPending,
        StatusRunning,
    )

__version__ = VERSION

__all__ = [
    "AmbientAPIError",
    "AmbientClient",
    "AmbientConnectionError",
    "ApprovalEvent",
    "Artifact",
    "ArtifactEvent",
    "AsyncAmbientClient",
    "AsyncEventStream",
    "AsyncSession",
    "AsyncSessionPage",
    "AuthenticationError",
    "ConflictError",
    "CreateSessionRequest",
    "CreateSessionResponse",
    "DeltaEvent",
    "DownloadError",
    "ErrorResponse",
    "Event",
    "EventStream",
    "InvalidRequestError",
    "LogEvent",
    "Message",
    "MessageEvent",
    "Model",
    "NotSupportedError",
    "NoteEvent",
    "PermissionDeniedError",
    "RateLimitError",
    "RepoEvent",
    "RepoHTTP",
    "ResponseError",
    "RetryPolicy",
    "ServerError",
    "Session",
    "SessionFailed",
    "SessionListResponse",
    "SessionNotFoundError",
    "SessionPage",
    "SessionRepo",
    "SessionResponse",
    "SessionTimeout",
    "SessionUsage",
    "StatusCompleted",
    "StatusEvent",
    "StatusFailed",
    "StatusPending",
    "StatusRunning",
    "StreamLostError",
    "ToolCallEvent",
    "ToolResultEvent",
    "UsageEvent",
]

_HOMES: Final = {
    "AmbientClient": "client",
    "AsyncAmbientClient": "async_client",
    "RetryPolicy": "_wire.retry",
    **dict.fromkeys(("AsyncEventStream", "EventStream"), "streams"),
    **dict.fromkeys(("AsyncSession", "Session"), "session"),
    **dict.fromkeys(("AsyncSessionPage", "SessionPage"), "pages"),
    **dict.fromkeys((name for name in __all__ if name == "Event" or name.endswith("Event")), "events"),
    **dict.fromkeys(
        (name for name in __all__ if name.endswith("Error") or name in {"SessionFailed", "SessionTimeout"}),
        "exceptions",
    ),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    from typing import cast

    return cast("object", getattr(import_module(f".{_HOMES.get(name, 'types')}", __name__), name))
