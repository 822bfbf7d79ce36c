"""Media jobs on a Runyard server: embeddings, faces, EXIF, hashes, HLS, conversion, thumbnails.

Nothing loads before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._version import VERSION

if TYPE_CHECKING:
    from ._wire.retry import RetryPolicy
    from .auth import AuthProvider, JWTAuthProvider, NoAuthProvider, get_default_auth
    from .auth_client import AuthClient
    from .auth_models import (
        PublicKeyResponse,
        TokenResponse,
        UserCreateRequest,
        UserResponse,
        UserUpdateRequest,
    )
    from .compute_client import ComputeClient
    from .config import ComputeClientConfig
    from .exceptions import (
        AuthenticationError,
        ComputeClientError,
        DownloadError,
        JobFailedError,
        JobNotFoundError,
        PermissionError,
        StatusError,
        WorkerUnavailableError,
    )
    from .job import Job
    from .models import (
        JobFile,
        JobResponse,
        OnJobResponseCallback,
        PluginInfo,
        WorkerCapabilitiesResponse,
        WorkerCapability,
    )
    from .mqtt_monitor import MQTTJobMonitor, get_mqtt_monitor, release_mqtt_monitor
    from .result import Result
    from .server_config import ServerConfig, ServerPref
    from .session_manager import SessionManager
    from .user_manager import UserManager

__version__ = VERSION

_HOMES = {
    "ComputeClient": "compute_client",
    "ComputeClientConfig": "config",
    "AuthClient": "auth_client",
    "Job": "job",
    "Result": "result",
    "RetryPolicy": "_wire.retry",
    "SessionManager": "session_manager",
    "UserManager": "user_manager",
    **dict.fromkeys(("AuthProvider", "JWTAuthProvider", "NoAuthProvider", "get_default_auth"), "auth"),
    **dict.fromkeys(
        ("PublicKeyResponse", "TokenResponse", "UserCreateRequest", "UserResponse", "UserUpdateRequest"),
        "auth_models",
    ),
    **dict.fromkeys(
        (
            "AuthenticationError",
            "ComputeClientError",
            "DownloadError",
            "JobFailedError",
            "JobNotFoundError",
            "PermissionError",
            "StatusError",
            "WorkerUnavailableError",
        ),
        "exceptions",
    ),
    **dict.fromkeys(
        (
            "JobFile",
            "JobResponse",
            "OnJobResponseCallback",
            "PluginInfo",
            "WorkerCapabilitiesResponse",
            "WorkerCapability",
        ),
        "models",
    ),
    **dict.fromkeys(("MQTTJobMonitor", "get_mqtt_monitor", "release_mqtt_monitor"), "mqtt_monitor"),
    **dict.fromkeys(("ServerConfig", "ServerPref"), "server_config"),
}

__all__ = [
    "AuthClient",
    "AuthProvider",
    "AuthenticationError",
    "ComputeClient",
    "ComputeClientConfig",
    "ComputeClientError",
    "DownloadError",
    "JWTAuthProvider",
    "Job",
    "JobFailedError",
    "JobFile",
    "JobNotFoundError",
    "JobResponse",
    "MQTTJobMonitor",
    "NoAuthProvider",
    "OnJobResponseCallback",
    "PermissionError",
    "PluginInfo",
    "PublicKeyResponse",
    "Result",
    "RetryPolicy",
    "ServerConfig",
    "ServerPref",
    "SessionManager",
    "StatusError",
    "TokenResponse",
    "UserCreateRequest",
    "UserManager",
    "UserResponse",
    "UserUpdateRequest",
    "WorkerCapabilitiesResponse",
    "WorkerCapability",
    "WorkerUnavailableError",
    "get_default_auth",
    "get_mqtt_monitor",
    "release_mqtt_monitor",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    from typing import cast

    return cast("object", getattr(import_module(f".{home}", __name__), name))
