"""Everything this client raises on purpose; the type says whose fault it was.

PieError
├── UsageError             yours: an argument that can't work, found before anything was sent; also a ValueError
│   ├── KeyRejected        a private key that can't be read or used
│   │   └── KeyEncrypted   it needs its passphrase
│   └── NotAttached        `recv` of an instance whose events don't come here
├── ConnectionFailed       the network's: no connection, or it broke off; also a ConnectionError
│   ├── ConnectionLost     it broke off while somebody waited
│   └── MessageTooLarge    a message was larger than a side takes
├── DeadlineExceeded       no answer in time; also a TimeoutError
├── ProtocolError          the server's: a message that is not what the protocol says
│   └── BlobDamaged        a blob that doesn't fit its hash
├── Overflowed             events nobody took filled the buffer, and the server can't hold them back
├── InstanceFailed         the program ended badly
├── InstanceEnded          there is nothing more to receive
└── RequestRefused         the server said no; `code` says why, `text` is its sentence
    ├── AuthenticationError
    ├── NotFound, NotYours, AlreadyAttached, QueueFull
    ├── ProgramRefused     the program, its manifest or its name
    └── ServerFault        the server's own
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .events import Event, Exit


class PieError(Exception):
    """The root: catch this to catch everything this client raises on purpose."""


class UsageError(PieError, ValueError):
    """An argument that can't work, found before anything was sent."""


class KeyRejected(UsageError):
    """A private key that can't be read or used."""


class KeyEncrypted(KeyRejected):
    """A private key that can't be read without its passphrase."""


class NotAttached(UsageError):
    """The instance's events don't come here."""


class ConnectionFailed(PieError, ConnectionError):
    """There is no connection, or it broke off."""


class ConnectionLost(ConnectionFailed):
    """The connection broke off. Whether the server still acted on what was sent is not known.

    Attributes:
        close_code: the WebSocket close code, or None if the connection just broke.
        final: whether connecting again would end the same way.
    """

    def __init__(self, message: str, *, close_code: int | None = None, final: bool = False) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.final = final


class MessageTooLarge(ConnectionLost):
    """A message was larger than one of the sides takes."""


class DeadlineExceeded(PieError, TimeoutError):
    """No answer came in time."""


class ProtocolError(PieError):
    """The server's message is not what the protocol says."""


class BlobDamaged(ProtocolError):
    """A blob arrived that doesn't fit its hash."""


class Overflowed(PieError):
    """Events that nobody took filled the buffer, and the server can't hold them back."""


class InstanceFailed(PieError):
    """The program ended badly.

    Attributes:
        event: the terminal event.
        text: its message.
        exit: how it ended, where the server told.
    """

    def __init__(self, instance_id: str, event: Event, text: str, exit: Exit | None) -> None:  # noqa: A002
        limit = f" ({exit.limit})" if exit is not None and exit.limit else ""
        super().__init__(f"Instance {instance_id} ended with {event.name}{limit}: {text}")
        self.instance_id = instance_id
        self.event = event
        self.text = text
        self.exit = exit


class InstanceEnded(PieError):
    """The instance has ended, and all its events have been received."""


class RequestRefused(PieError):
    """The server said no.

    Attributes:
        code: the server's stable word for it; None from servers that have none.
        text: the server's sentence.
    """

    def __init__(self, message: str, *, code: str | None = None, text: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.text = text


class AuthenticationError(RequestRefused):
    """The server doesn't know the user, the key or the token; or a key is needed."""


class NotFound(RequestRefused):
    """There is no such thing, or it is somebody else's."""


class NotYours(RequestRefused):
    """It is somebody else's."""


class AlreadyAttached(RequestRefused):
    """The instance's events go to this client already; or, from an original server, to another one."""


class QueueFull(RequestRefused):
    """The instance has more messages waiting than it may."""


class ProgramRefused(RequestRefused):
    """The program can't be stored or launched; the text names what is wrong with it."""


class ServerFault(RequestRefused):
    """Something went wrong in the server."""


_BY_CODE: dict[str, type[RequestRefused]] = {
    "unauthenticated": AuthenticationError,
    "bad_credential": AuthenticationError,
    "not_found": NotFound,
    "not_installed": NotFound,
    "not_yours": NotYours,
    "already_attached": AlreadyAttached,
    "queue_full": QueueFull,
    "bad_program": ProgramRefused,
    "bad_manifest": ProgramRefused,
    "bad_name": ProgramRefused,
    "missing_import": ProgramRefused,
    "dependency_cycle": ProgramRefused,
    "internal": ServerFault,
}


def refusal(what: str, text: str, code: str | None) -> RequestRefused:
    """The error for a failed answer.

    Args:
        what: what was asked for, as in `Upload Program`.
        text: the server's sentence.
        code: its stable word, or None.
    """
    kind = RequestRefused if code is None else _BY_CODE.get(code, RequestRefused)
    return kind(f"{what} failed: {text}", code=code, text=text)
