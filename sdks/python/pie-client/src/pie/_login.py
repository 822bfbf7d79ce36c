"""Who is there: the calls by which somebody says so and proves it."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from ._calls import Flow, ask, work
from ._messages import Answer
from ._protocol import Protocol
from .errors import AuthenticationError, ProtocolError
from .keys import SigningKey

_OURS: Final = 1
_DOMAIN: Final = "runyard-inferlets-v1"
_AUTH_OFF: Final = "Authenticated (Engine disabled authentication)"
_ALREADY: Final = "Already authenticated"
_CHALLENGE_BYTES: Final = range(32, 65)


def identify(core: Protocol, username: str) -> Flow[tuple[bool, str]]:
    """Say who one is, and no more."""
    answer = yield from _identified(core, username)
    return answer.successful, answer.result


def authenticate(core: Protocol, username: str, key: SigningKey | None) -> Flow[None]:
    """Say who one is, and prove it where the server wants that."""
    identified = yield from _identified(core, username)
    if not identified.successful:
        text = identified.result
        raise AuthenticationError(f"Username {username!r} rejected: {text}", code=identified.code, text=text)
    if identified.result in {_AUTH_OFF, _ALREADY}:
        return
    if key is None:
        raise AuthenticationError(f"The server wants a private key of {username!r}; give one to: authenticate")
    challenge = _to_sign(identified, username)
    signature = yield from work(lambda: key.sign(challenge))
    answer = yield from ask(core, "signature", {"signature": base64.b64encode(signature).decode()})
    if not answer.successful:
        raise AuthenticationError(
            f"The server doesn't take this key for {username!r}: {answer.result}", code=answer.code, text=answer.result
        )


def authenticate_by_token(core: Protocol, token: str) -> Flow[None]:
    """Prove with a token that one belongs to the server."""
    answer = yield from ask(core, "internal_authenticate", {"token": token, "runyard": _OURS})
    if not answer.successful:
        raise AuthenticationError(f"Token rejected: {answer.result}", code=answer.code, text=answer.result)


def _identified(core: Protocol, username: str) -> Flow[Answer]:
    return (yield from ask(core, "identification", {"username": username, "runyard": _OURS}))


def _to_sign(identified: Answer, username: str) -> bytes:
    """The bytes to be signed: the challenge, after what the signature is good for where the server says that.

    A key signs other things, too, so that anything but a short random text could be a trap.
    """
    text = identified.result
    try:
        challenge = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ProtocolError(f"The server's challenge is no base64: {text!r:.80}") from error
    if len(challenge) not in _CHALLENGE_BYTES:
        raise ProtocolError(f"The server's challenge has {len(challenge)} bytes; a key signs 32 to 64 at most")
    if identified.domain is None:
        return challenge
    if identified.domain != _DOMAIN:
        raise ProtocolError(f"The server wants a signature for {identified.domain!r:.80}; a key signs {_DOMAIN!r} only")
    return b"\0".join((_DOMAIN.encode(), username.encode(), challenge))
