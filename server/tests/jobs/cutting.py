"""Postgres behind a Unix socket that can be cut at a chosen answer: the statement took effect, and nobody was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"


class Cutter:
    """Passes bytes between the yard and Postgres until an armed cut is due; then that connection is reset."""

    def __init__(self) -> None:
        self._due: int | None = None
        self.cuts = 0

    def arm(self, answer: int) -> None:
        """Cut at the ``answer``-th answer from now, counted from 1; the answer itself is lost."""
        self._due = answer

    def disarm(self) -> bool:
        """Cut no more; return whether a cut was still due."""
        due, self._due = self._due, None
        return due is not None

    async def serve(self, upstream: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(str(upstream / SOCKET))

        async def requests() -> None:
            while data := await reader.read(65536):
                server_writer.write(data)

        async def answers() -> None:
            while data := await server_reader.read(65536):
                if self._due is not None:
                    self._due -= 1
                    if self._due == 0:
                        self._due = None
                        self.cuts += 1
                        return
                writer.write(data)

        pumps = [asyncio.create_task(requests()), asyncio.create_task(answers())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, server_writer):
                end.transport.abort()
                with suppress(OSError):
                    await end.wait_closed()


@asynccontextmanager
async def cut_postgres(database_url: str, folder: Path) -> AsyncIterator[tuple[str, Cutter]]:
    """Yield a URL for the same database by way of a :class:`Cutter`."""
    upstream = Path(parse_qs(urlsplit(database_url).query)["host"][0])
    cutter, tasks = Cutter(), set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(cutter.serve(upstream, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_unix_server(accept, str(folder / SOCKET))
    try:
        yield f"postgresql://postgres@/postgres?host={folder}", cutter
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
