"""WebAssembly programs on a Runyard server: upload, launch, talk with them while they run.

`PieClient` is for asyncio; `pie.sync` has the same without. Nothing loads before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._version import VERSION

if TYPE_CHECKING:
    from .client import PieClient
    from .errors import (
        AlreadyAttached,
        AuthenticationError,
        BlobDamaged,
        ConnectionFailed,
        ConnectionLost,
        DeadlineExceeded,
        InstanceEnded,
        InstanceFailed,
        KeyEncrypted,
        KeyRejected,
        MessageTooLarge,
        NotAttached,
        NotFound,
        NotYours,
        Overflowed,
        PieError,
        ProgramRefused,
        ProtocolError,
        QueueFull,
        RequestRefused,
        ServerFault,
        UsageError,
    )
    from .events import Event, Exit, InstanceInfo, Limits
    from .instance import Instance
    from .keys import ParsedPrivateKey

__version__ = VERSION

__all__ = [
    "AlreadyAttached",
    "AuthenticationError",
    "BlobDamaged",
    "ConnectionFailed",
    "ConnectionLost",
    "DeadlineExceeded",
    "Event",
    "Exit",
    "Instance",
    "InstanceEnded",
    "InstanceFailed",
    "InstanceInfo",
    "KeyEncrypted",
    "KeyRejected",
    "Limits",
    "MessageTooLarge",
    "NotAttached",
    "NotFound",
    "NotYours",
    "Overflowed",
    "ParsedPrivateKey",
    "PieClient",
    "PieError",
    "ProgramRefused",
    "ProtocolError",
    "QueueFull",
    "RequestRefused",
    "ServerFault",
    "UsageError",
]

_HOMES = {
    "PieClient": "client",
    "Instance": "instance",
    "ParsedPrivateKey": "keys",
    **dict.fromkeys(("Event", "Exit", "InstanceInfo", "Limits"), "events"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    from typing import cast

    return cast("object", getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name))
