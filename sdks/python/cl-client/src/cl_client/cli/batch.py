"""Carries out an order: sends the files, waits for their jobs, fetches and draws what was asked for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cl_client import ComputeClient, Job, JobResponse
from cl_client._wire.interrupt import Interrupted, run_interruptibly
from cl_client._wire.program import AUTHENTICATION, INTERRUPTED, UNREACHABLE, USAGE
from cl_client._wire.terminal import note
from cl_client.exceptions import JobNotFoundError, StatusError
from cl_client.plugins.base import BasePluginClient

from .connection import connected, settings_of
from .failures import Failure, JobTimeout, failure_of
from .fetching import fetch_file, fetch_folder, is_folder, result_path
from .inputs import Source, gather
from .interrupt import tell_what_goes_on, wants_to_cancel
from .options import Server
from .order import Order
from .outcome import Outcome, Report, failure_of_job
from .places import Places
from .progress import Board, follow, look
from .settings import Settings
from .together import together

_ENDS_THE_RUN = {USAGE, UNREACHABLE, AUTHENTICATION}


def carry_out(order: Order, server: Server) -> int:
    """Do the work; the exit code."""
    settings = settings_of(server)
    run = Run(order, settings, gather(order.inputs, order.suffixes))
    try:
        run_interruptibly(run.work())
    except Interrupted:
        run.report.close()
        job_ids = list(run.under_way)
        tell_what_goes_on(job_ids)
        if job_ids and wants_to_cancel(len(job_ids)):
            run_interruptibly(_cancel(settings, job_ids))
        return INTERRUPTED
    except Exception:
        run.report.close()
        tell_what_goes_on(list(run.under_way))
        raise
    return run.report.close()


class Run:
    """One run over all files of an order.

    Attributes:
        under_way: jobs that were submitted and have not been seen to end, with their files.
    """

    def __init__(self, order: Order, settings: Settings, sources: list[Source]) -> None:
        several = len(sources) > 1
        self._order = order
        self._settings = settings
        self._sources = sources
        self._places = Places(order, several=several)
        self._board = Board(
            len(sources), look(watch=order.watch, several=several, streams=order.as_json or order.detach)
        )
        self.report = Report(sources, as_json=order.as_json, detached=order.detach)
        self.under_way: dict[str, Source] = {}

    async def work(self) -> None:
        """Do all of it, a few at a time.

        Raises:
            Exception: what went wrong would go wrong with every other file, too.
        """
        waiting = iter(self._sources)
        async with connected(self._settings, events=True) as client:
            with self._board:
                await together(self._lane(client, waiting) for _ in range(self._order.concurrency))
            if self._order.wishes.sheet is not None:
                await self._lay_out(client, self._order.wishes.sheet)

    async def _lane(self, client: ComputeClient, waiting: Iterator[Source]) -> None:
        for source in waiting:
            outcome = await self._one(client, source)
            self._board.ended(source.label, failed=outcome.failure is not None)
            self.report.take(outcome)

    async def _one(self, client: ComputeClient, source: Source) -> Outcome:
        """One file from here to its results. What only concerns this file becomes its outcome."""
        job: Job | None = None
        record: JobResponse | None = None
        saved: tuple[Path, ...] = ()
        failure: Failure | None = None
        try:
            job = await self._submit(client, source)
            if not self._order.detach:
                self.under_way[job.id] = source
                record = await follow(job, source.label, self._board, timeout=self._order.timeout)
                failure = failure_of_job(record)
            if record is not None and failure is None:
                saved = await self._keep(client, record, source)
        except JobTimeout as error:
            failure = failure_of(error)
        except Exception as error:
            failure = failure_of(error)
            if failure is None or failure.code in _ENDS_THE_RUN:
                raise
        if job is not None:
            self.under_way.pop(job.id, None)
        return Outcome(source=source, job_id=job.id if job else None, record=record, saved=saved, failure=failure)

    async def _submit(self, client: ComputeClient, source: Source) -> Job:
        def sent(done: int, total: int | None) -> None:
            if total and done < total:
                self._board.moved(source.label, f"sending {done * 100 // total} %", 0)

        plugin = BasePluginClient(client, self._order.plugin)
        params = self._order.wishes.params
        job_id = await plugin.send(
            {"file": source.path}, params, priority=self._order.priority, on_upload=sent, watch=not self._order.detach
        )
        return client.job(job_id)

    async def _keep(self, client: ComputeClient, record: JobResponse, source: Source) -> tuple[Path, ...]:
        """Fetch and draw what was asked for; the files written."""
        saved: list[Path] = []
        target = self._places.result(source, record)
        if target is not None:
            if is_folder(record):
                saved += await fetch_folder(client, record.job_id, result_path(record), target)
            else:
                saved.append(await fetch_file(client, record.job_id, result_path(record), target))
        drawing = self._places.drawing(source)
        if drawing is not None:
            from .drawing import draw_faces

            faces = (record.task_output or {}).get("faces")
            await asyncio.to_thread(draw_faces, source.path, faces if isinstance(faces, list) else [], drawing)
            saved.append(drawing)
        return tuple(saved)

    async def _lay_out(self, client: ComputeClient, target: Path) -> None:
        """Make the contact sheet of what has been made."""
        from .drawing import contact_sheet

        made = [outcome for outcome in self.report.outcomes if outcome.record and outcome.record.succeeded]
        with tempfile.TemporaryDirectory(prefix="cl_client-") as folder:
            pictures: list[tuple[Path, str]] = []
            for number, outcome in enumerate(made):
                assert outcome.record is not None
                place = Path(folder, str(number))
                await fetch_file(client, outcome.record.job_id, result_path(outcome.record), place)
                pictures.append((place, outcome.source.path.name))
            if pictures:
                await asyncio.to_thread(contact_sheet, pictures, target)
        if pictures:
            note(f"Contact sheet of {len(pictures)}: {target}")


async def _cancel(settings: Settings, job_ids: list[str]) -> None:
    async with connected(settings) as client:
        for job_id in job_ids:
            with suppress(StatusError, JobNotFoundError):  # it has ended meanwhile
                await client.cancel_job(job_id)
                note(f"Cancelled {job_id}.")
