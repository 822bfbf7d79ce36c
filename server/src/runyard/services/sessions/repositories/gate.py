"""The only way out of the sandbox in which git fetches: SOCKS 5 on a Unix socket, served by the worker.

Names are looked up here and connections made here, to the very addresses that were checked: neither a redirect nor a
name that changes its mind leads to the internal network.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from runyard.sandbox.hosts import Hosts, why_internal

SOCKET: Final = "gate"
CONNECTIONS: Final = 16
CONNECT_SECONDS: Final = 20.0
GREETING_SECONDS: Final = 10.0

_PIECE: Final = 64 * 1024
_VERSION: Final = 5
_CONNECT: Final = 1
_GRANTED, _REFUSED, _UNREACHABLE = 0, 2, 4
_IPV4, _NAME, _IPV6 = 1, 3, 4


class Gate:
    """What went through it, and what did not. Made by :meth:`open`."""

    def __init__(self, hosts: Hosts, limit: int, only: tuple[str, int] | None) -> None:
        self.received = 0
        """Bytes that came in."""
        self.refusal: str | None = None
        """Why the last connection was not made, for people."""
        self.too_much = False
        """More came than the limit; the connections are cut."""
        self._hosts = hosts
        self._limit = limit
        self._only = only
        self._open: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, hosts: Hosts, limit: int, only: tuple[str, int] | None = None
    ) -> AsyncIterator[Gate]:
        """A gate at ``gate`` in ``folder``, for as long as the context is open.

        Args:
            folder: its socket is made there, for everybody who sees the folder.
            hosts: those of the internal network that may be reached.
            limit: bytes that may come in.
            only: the one host and port that may be talked to.
        """
        gate = cls(hosts, limit, only)
        server = await asyncio.start_unix_server(
            gate._serve, sock=await asyncio.to_thread(_listener, folder), limit=_PIECE
        )
        try:
            yield gate
        finally:
            server.close()
            for task in gate._open:
                task.cancel()
            await asyncio.gather(*gate._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if len(self._open) <= CONNECTIONS:
                await self._connect(reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # git sees a closed connection and says so
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(GREETING_SECONDS):
            asked = await _read_request(reader, writer)
        if asked is None:
            return
        host, port = asked
        code, remote = _UNREACHABLE, None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                remote = await self._reach(host, port)
        except _Forbidden as error:
            code, self.refusal = _REFUSED, str(error)
        except TimeoutError:
            self.refusal = f"{host}:{port} did not answer within {CONNECT_SECONDS:g} seconds"
        except (OSError, UnicodeError) as error:  # a name that can't be one in DNS
            self.refusal = f"{host}:{port} can't be reached: {getattr(error, 'strerror', None) or error}"
        if remote is None:
            writer.write(_reply(code))
            await writer.drain()
            return
        self.refusal = None
        writer.write(_reply(_GRANTED))
        await self._carry((reader, writer), remote)

    async def _reach(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._only is not None and (host.lower().rstrip("."), port) != self._only:
            # Git shows a header that is meant for one host to every host that this one leads to.
            raise _Forbidden(f"it leads to {host}:{port}, and a credential is not shown to other hosts")
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        if not self._hosts.named(host, port):
            for address in addresses:
                if why := why_internal(_address(address)):
                    raise _Forbidden(
                        f"{host} leads to {address}, {why}; an operator can allow it by name (RUNYARD_SESSION_HOSTS)"
                    )
        problem: OSError = OSError(f"no address is known for {host}")
        for address in addresses:
            try:
                return await asyncio.open_connection(address, port, limit=_PIECE)
            except OSError as error:
                problem = error
        raise problem

    async def _carry(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(near[0], far[1], counted=False))
                tasks.create_task(self._pump(far[0], near[1], counted=True))
        except* (OSError, _Full):
            pass
        finally:
            far[1].transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool) -> None:
        while piece := await source.read(_PIECE):
            if counted:
                self.received += len(piece)
                if self.received > self._limit:
                    self.too_much = True
                    raise _Full
            target.write(piece)
            await target.drain()
        with suppress(OSError):
            target.write_eof()


class _Forbidden(Exception):
    """The address must not be talked to."""


class _Full(Exception):
    """More came than may come."""


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
    """Where the other side wants to go; None when it does not keep to the protocol."""
    version, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    if version != _VERSION:
        return None
    writer.write(bytes([_VERSION, 0]))
    version, command, _, kind = await reader.readexactly(4)
    if version != _VERSION or command != _CONNECT:
        return None
    if kind == _IPV4:
        host = str(IPv4Address(await reader.readexactly(4)))
    elif kind == _IPV6:
        host = str(IPv6Address(await reader.readexactly(16)))
    elif kind == _NAME:
        length = (await reader.readexactly(1))[0]
        host = (await reader.readexactly(length)).decode("ascii", "replace")
    else:
        return None
    port = int.from_bytes(await reader.readexactly(2), "big")
    return (host, port) if host.isprintable() else None


def _reply(code: int) -> bytes:
    return bytes([_VERSION, code, 0, _IPV4, 0, 0, 0, 0, 0, 0])


def _address(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)


def _listener(folder: Path) -> socket.socket:
    """Bound by way of the folder's descriptor: a socket's path may have 107 characters only."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{place}/{SOCKET}")
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(place)
    (folder / SOCKET).chmod(0o666)
    return listener
