"""An application of a yard on a free port, in the process of its test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from runyard.yard import Yard

END: Final = 30.0


@asynccontextmanager
async def served(app: FastAPI, yard: Yard) -> AsyncGenerator[tuple[str, uvicorn.Server]]:
    """The address, and the server; whoever still follows something at the end is sent away."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio leaves it off here: 40 ms an answer
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=5)
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
        finally:
            yard.tails.close()
            server.should_exit = True
            await asyncio.wait_for(serving, END)
