"""The way out for HTTP calls: names are looked up once, and connections made to the very addresses that were checked.

Neither a redirect nor a name that changes its mind leads to the internal network.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

import httpcore

from runyard.sandbox.hosts import Hosts, why_internal

LOOKUP_SECONDS: Final = 10.0


class Forbidden(httpcore.ConnectError):
    """The address must not be talked to. The text says why."""


class Guard(httpcore.AsyncNetworkBackend):
    """Makes connections to the internet, and to hosts of the internal network that an operator has named.

    Args:
        hosts: those.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (the library's own signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host, by an address that was checked."""
        problem: Exception = httpcore.ConnectError(f"no address is known for {host}")
        for address in await self._addresses(host, port):
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def connect_unix_socket(self, path: str, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        """Refuse: nothing on this machine is called."""
        raise Forbidden(f"{path!r} is a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._backend.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"the name {host} was not found within {LOOKUP_SECONDS:g} seconds") from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} is not known: {error}") from None
        addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        if not self._hosts.named(host, port):
            for address in addresses:
                if why := why_internal(ip_address(address)):
                    raise Forbidden(
                        f"{host} leads to {address}, {why}; an operator can allow it by name (RUNYARD_RUNS_HTTP_HOSTS)"
                    )
        return addresses
