"""Where tasks of one plugin wait for a media process: alone, or together where the plugin takes many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runyard.services.compute.frames import Outcome
from runyard.services.compute.hosts import Host, HostDied, Hosts
from runyard.services.compute.plugin import Plugin


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Piece:
    """One job's part.

    Attributes:
        folder: holds the file ``input``, and the results afterwards; only here while no process works on it.
        key: a name for the folder that no other piece has.
        name: what the file is called.
        report: told (percent, note) on the way.
    """

    folder: Path
    key: str
    name: str
    params: dict[str, object]
    report: Callable[[int, str], object]
    outcome: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Line:
    """Brings pieces to processes and their outcomes back."""

    def __init__(self, plugin: Plugin[Any], hosts: Hosts) -> None:
        self._plugin = plugin
        self._hosts = hosts
        self._waiting: list[Piece] = []
        self._emptying: asyncio.Task[None] | None = None

    async def do(self, piece: Piece) -> Outcome:
        """The outcome of a piece, when its turn has come. To be cancelled at any time."""
        if self._plugin.batch == 1:
            return await self._alone(piece)
        self._waiting.append(piece)
        if self._emptying is None or self._emptying.done():
            self._emptying = asyncio.create_task(self._empty(), name=f"batches of {self._plugin.name}")
        try:
            return await piece.outcome
        finally:
            if piece in self._waiting:
                self._waiting.remove(piece)

    async def _empty(self) -> None:
        """Batch after batch; while one is being computed the next one gathers."""
        while self._waiting:
            batch: list[Piece] = []
            try:
                async with self._hosts.take(self._plugin.name) as host:
                    batch = self._waiting[: self._plugin.batch]
                    del self._waiting[: self._plugin.batch]
                    for piece, outcome in zip(batch, await self._run(host, batch), strict=True):
                        _settle(piece, outcome)
            except HostDied as died:
                # Which of them did it is unknown: each gets a process to itself.
                for piece in batch or self._waiting:
                    if len(batch) > 1:
                        with suppress(asyncio.CancelledError):
                            _settle(piece, await self._alone(piece))
                    else:
                        _settle(piece, _failed(died))
                if not batch:
                    self._waiting.clear()
            except BaseException as error:
                for piece in (*batch, *self._waiting):
                    if not piece.outcome.done():
                        piece.outcome.set_exception(RuntimeError(f"the batch broke off: {error!r}"))
                self._waiting.clear()
                raise

    async def _alone(self, piece: Piece) -> Outcome:
        for last in (False, True):
            try:
                async with self._hosts.take(self._plugin.name) as host:
                    return (await self._run(host, [piece]))[0]
            except HostDied as died:
                # A process may be killed for reasons of its own; a file that kills two is to blame.
                if last or died.reason != "crashed" or piece.outcome.cancelled():
                    return _failed(died)
        raise AssertionError

    async def _run(self, host: Host, batch: Sequence[Piece]) -> list[Outcome]:
        """Hand the folders over, have the work done, take them back. The process sees no other job's files."""
        present = [piece for piece in batch if piece.folder.exists()]  # not those cancelled in the meantime
        if not present:
            return [Outcome()] * len(batch)
        for piece in present:
            piece.folder.rename(host.folder / piece.key)
        try:
            outcomes = await host.run(
                self._plugin.name,
                [(piece.key, piece.name, piece.params) for piece in present],
                lambda number, percent, note: present[number].report(percent, note),
            )
        finally:
            for piece in present:
                with suppress(FileNotFoundError):  # its job was cancelled, and its scratch folder is gone
                    (host.folder / piece.key).rename(piece.folder)
        found = dict(zip(map(id, present), outcomes, strict=True))
        return [found.get(id(piece), Outcome()) for piece in batch]


def _settle(piece: Piece, outcome: Outcome) -> None:
    if not piece.outcome.done():
        piece.outcome.set_result(outcome)


def _failed(died: HostDied) -> Outcome:
    return Outcome(reason=died.reason, message=str(died))
