"""Which servers are believed: those that this machine's certificates vouch for."""

from __future__ import annotations

import asyncio
import ssl
from functools import cache


async def trust() -> ssl.SSLContext:
    """The context for connections. Made once, and off the event loop: it takes many milliseconds."""
    return await asyncio.to_thread(_context)


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
