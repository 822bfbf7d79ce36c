"""Whether something answers over HTTP, and how fast. Any answer will do; its content is nobody's business here."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final

import httpcore

from runyard.sandbox.hosts import Hosts
from runyard.services.runs.http.guard import Guard
from runyard.services.runs.models.machines import ConnectionTestResult, ConnectionTestStatus
from runyard.trust import trust

PATIENCE: Final = 5.0
"""Seconds that it gets to answer."""


SLOW: Final = 1000
"""Milliseconds from which an answer is called slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What came of an attempt. ``why`` there was no answer; None if there was one."""

    milliseconds: int = 0
    why: str | None = None

    def shown(self) -> ConnectionTestResult:
        """The same as the protocol shows it."""
        if self.why is not None:
            status = ConnectionTestStatus.UNREACHABLE
        else:
            status = ConnectionTestStatus.OK if self.milliseconds < SLOW else ConnectionTestStatus.SLOW
        return ConnectionTestResult(status=status, latency_ms=self.milliseconds, error_message=self.why)


async def reach(url: str, hosts: Hosts) -> Reached:
    """Ask for ``url``.

    Args:
        hosts: those of the internal network that may be asked.
    """
    loop = asyncio.get_running_loop()
    context = await trust()
    started, why = loop.time(), None
    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpcore.AsyncConnectionPool(ssl_context=context, network_backend=Guard(hosts), retries=0) as pool,
            pool.stream("HEAD", url, headers=[("User-Agent", "runyard"), ("Connection", "close")]),
        ):
            pass
    except TimeoutError:
        why = f"It didn't answer within {PATIENCE:g} s."
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ssl.SSLError) as error:
        why = f"{error or type(error).__name__}."
    return Reached(milliseconds=round((loop.time() - started) * 1000), why=why)
