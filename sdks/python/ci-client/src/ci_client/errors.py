"""Everything this client raises on purpose. `CIError` is the root, and a `RuntimeError`.

The tree is the one drawn in `_wire.errors`, plus:

CIError
└── PackageError    yours: the project cannot be packaged
"""

from __future__ import annotations

from ._wire.errors import (
    AuthenticationError,
    Conflict,
    ConnectionFailed,
    NotFound,
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
from ._wire.errors import WireError as CIError


class PackageError(CIError):
    """The project cannot be packaged; the message names the file or folder."""


__all__ = [
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
]
