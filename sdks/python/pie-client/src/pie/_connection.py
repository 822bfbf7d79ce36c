"""What both shells know about connections: the settings, which ends are final, when to try again. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from ssl import SSLContext, create_default_context
from typing import Final
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from ._wire.errors import without_userinfo
from ._wire.retry import backoff
from .errors import ConnectionFailed, ConnectionLost, DeadlineExceeded, MessageTooLarge, UsageError

_FINAL_CODES: Final = frozenset({1002, 1003, 1007, 1008, 1009, 1010})
"""WebSocket close codes after which another connection would end the same way (RFC 6455, 7.4.1)."""

_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a connection behaves; times are in seconds, sizes in bytes. `ClientBase` explains them."""

    timeout: float
    connect_timeout: float
    reconnect: float
    max_message: int
    ssl: SSLContext | None


CLOSE_TIMEOUT: Final = 2.0
"""Seconds that the closing handshake may take."""


def checked_uri(uri: str) -> str:
    """The server's address.

    Raises:
        UsageError: it is none.
    """
    parts = urlsplit(uri)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise UsageError(f"{without_userinfo(uri)!r} is no address of a server; write it like ws://127.0.0.1:8080")
    return uri


def tls(uri: str, settings: Settings) -> SSLContext | None:
    """How to encrypt; None for a plain address."""
    if urlsplit(uri).scheme == "ws":
        return None
    return settings.ssl or create_default_context()


def failed_connect(uri: str, error: Exception) -> ConnectionFailed:
    """The error for a connection that could not be made."""
    reason = str(error) or type(error).__name__
    if isinstance(error, (InvalidHandshake, InvalidURI)):
        reason = f"it is no WebSocket server ({reason})"
    return ConnectionFailed(f"Cannot connect to {without_userinfo(uri)}: {reason}")


def lost_connection(uri: str, error: ConnectionClosed, *, max_message: int) -> ConnectionLost:
    """The error for a connection that broke off."""
    where = without_userinfo(uri)
    if error.rcvd is None and error.sent is not None and error.sent.code == 1009:
        text = f"{where} sent a message of more than {max_message} bytes; raise the limit with: max_message="
        return MessageTooLarge(text, close_code=1009, final=True)
    if error.rcvd is None:
        return ConnectionLost(f"The connection to {where} broke off")
    code, reason = error.rcvd.code, error.rcvd.reason
    words = f"{code}: {reason}" if reason else str(code)
    kind = MessageTooLarge if code == 1009 else ConnectionLost
    return kind(f"{where} closed the connection ({words})", close_code=code, final=code in _FINAL_CODES)


def pause_before(attempt: int) -> float:
    """Seconds to wait before the next attempt to connect; the first one comes at once."""
    if attempt == 0:
        return 0.0
    return backoff(attempt, first=_FIRST_DELAY, longest=_LONGEST_DELAY, random=random.random)


def is_final(error: Exception) -> bool:
    """Whether trying again for a connection would end the same way."""
    if isinstance(error, ConnectionLost):
        return error.final
    return not isinstance(error, (ConnectionFailed, DeadlineExceeded))


def given_up(error: ConnectionLost, reason: Exception) -> ConnectionLost:
    """The error when no new connection could be made."""
    return ConnectionLost(f"{error}; {reason}", close_code=error.close_code, final=True)
