"""Asks an ssh-agent to sign (draft-miller-ssh-agent): the key never leaves it."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .errors import KeyRejected

_LIST, _KEYS, _SIGN, _SIGNATURE = 11, 12, 13, 14
_RSA_SHA256_FLAG: Final = 2
_LONGEST: Final = 256 * 1024
_TIMEOUT: Final = 30.0  # seconds; the agent may ask a person
_KINDS: Final = {
    "ssh-ed25519": "Ed25519",
    "ssh-rsa": "RSA",
    "ecdsa-sha2-nistp256": "ECDSA P-256",
    "ecdsa-sha2-nistp384": "ECDSA P-384",
}


class Agent:
    """The ssh-agent of this session.

    Args:
        socket_path: where it listens; SSH_AUTH_SOCK if None.

    Raises:
        KeyRejected: there is none.
    """

    def __init__(self, socket_path: str | None = None) -> None:
        path = socket_path or os.environ.get("SSH_AUTH_SOCK")
        if not path:
            raise KeyRejected("There is no ssh-agent: SSH_AUTH_SOCK is not set")
        self._path = path

    def held(self) -> list[AgentKey]:
        """The keys that servers take."""
        answer = self._ask(bytes([_LIST]), _KEYS)
        fields = _fields(answer[4:])
        held = [AgentKey(self, blob, next(fields, b"").decode(errors="replace")) for blob in fields]
        return [key for key in held if key.kind]

    def find(self, which: str | None) -> AgentKey:
        """The first key whose comment contains `which`, or whose public line begins with it; any for None."""
        keys = self.held()
        for key in keys:
            if which is None or which in key.comment or key.public_line.startswith(which):
                return key
        known = ", ".join(repr(key.comment) for key in keys) or "none that can be used"
        raise KeyRejected(f"The ssh-agent has no key {which or ''!r} (it has: {known}); add one with: ssh-add")

    def sign(self, blob: bytes, data: bytes, flags: int) -> bytes:
        """The agent's signature, in SSH's form."""
        request = bytes([_SIGN]) + _string(blob) + _string(data) + flags.to_bytes(4, "big")
        return next(_fields(self._ask(request, _SIGNATURE)), b"")

    def _ask(self, request: bytes, expected: int) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_TIMEOUT)
                connection.connect(self._path)
                connection.sendall(_string(request))
                length = int.from_bytes(_exactly(connection, 4), "big")
                if not 0 < length <= _LONGEST:
                    raise KeyRejected(f"The ssh-agent's answer of {length} bytes makes no sense")
                answer = _exactly(connection, length)
        except OSError as error:
            raise KeyRejected(f"The ssh-agent at {self._path!r} doesn't answer: {error}") from error
        if answer[0] != expected:
            raise KeyRejected("The ssh-agent refuses")
        return answer[1:]


class AgentKey:
    """A key that the agent holds. `kind` is empty for one that servers don't take."""

    def __init__(self, agent: Agent, blob: bytes, comment: str) -> None:
        self._agent = agent
        self._blob = blob
        self.comment = comment
        self._type = next(_fields(blob), b"").decode(errors="replace")
        self.kind = _KINDS.get(self._type, "")
        self.public_line = f"{self._type} {base64.b64encode(blob).decode()}"

    def sign(self, data: bytes) -> bytes:
        """The signature as servers check it."""
        flags = _RSA_SHA256_FLAG if self._type == "ssh-rsa" else 0
        fields = _fields(self._agent.sign(self._blob, data, flags))
        form = next(fields, b"")
        signature = next(fields, b"")
        if self._type == "ssh-rsa" and form != b"rsa-sha2-256":
            raise KeyRejected(f"The ssh-agent signs RSA with {form.decode(errors='replace')!r} only")
        if self._type.startswith("ecdsa-"):
            r, s = (int.from_bytes(number, "big") for number in _fields(signature))
            return encode_dss_signature(r, s)
        return signature


def _string(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _fields(content: bytes) -> Iterator[bytes]:
    """The strings that SSH puts one after the other."""
    while content:
        length = int.from_bytes(content[:4], "big")
        field, content = content[4 : 4 + length], content[4 + length :]
        if len(field) != length:
            raise KeyRejected("The ssh-agent's answer is cut short")
        yield field


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise OSError("it closed the connection")
        received += piece
    return bytes(received)
