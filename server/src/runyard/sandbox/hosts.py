"""Which machines may be talked to: all of the internet, of the internal network only those an operator names."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

_CARRIED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""Prefixes of IPv6 that lead to an IPv4 address in the last 32 bits."""

_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
"""What leads to IPv4 by a network's own rules (RFC 8215): nobody outside knows where."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Those that are named: (host, port) each, where a port of None means any."""

    entries: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Hosts:
        """Read ``git.corp.example, 10.0.0.7:3000, [fd00::1]:8080``.

        Raises:
            ValueError: an entry is neither.
        """
        return cls(frozenset(_entry(word) for word in text.replace(",", " ").split()))

    def named(self, host: str, port: int) -> bool:
        """Whether an operator has named it."""
        name = host.lower().rstrip(".")
        return (name, port) in self.entries or (name, None) in self.entries


def why_internal(address: IPv4Address | IPv6Address) -> str | None:
    """What makes an address one of the internal network, in words; None for one of the internet."""
    if address in _LOCAL:
        return "an internal address"
    real = _real(address)
    if real.is_loopback or real.is_unspecified:
        return "an address of this machine"
    if real.is_link_local:
        return "an address of the local link"
    if real.is_multicast:
        return "a multicast address"
    site_local = isinstance(real, IPv6Address) and real.is_site_local
    return "an internal address" if site_local or not real.is_global else None


def _real(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if int(address) > 1 and any(address in network for network in _CARRIED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _entry(word: str) -> tuple[str, int | None]:
    host, port = word, ""
    if word.startswith("["):
        host, _, port = word[1:].partition("]")
        port = port.removeprefix(":")
    elif word.count(":") == 1:
        host, _, port = word.partition(":")
    if not host or "/" in host or (port and not port.isdecimal()):
        raise ValueError(f"{word!r} is no host: write git.corp.example or 10.0.0.7:3000")
    return host.lower().rstrip("."), int(port) if port else None
