"""How the yard is: alive, ready for work, and in numbers."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from runyard import __version__
from runyard.database import DatabaseUnavailable
from runyard.yard import Yard


def health_router(yard: Yard) -> APIRouter:
    """``/healthz`` (this process lives), ``/readyz`` (it can take work), ``/metrics`` (Prometheus)."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @router.get("/readyz")
    async def readyz(response: Response) -> dict[str, str]:
        if yard.tails.closing.is_set():
            response.status_code = 503
            return {"status": "draining"}
        try:
            await yard.database.fetchval("SELECT 1")
        except DatabaseUnavailable:
            response.status_code = 503
            return {"status": "database unavailable"}
        return {"status": "ready"}

    @router.get("/metrics")
    async def metrics() -> Response:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        registry.register(await _Jobs.read(yard))
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


class _Jobs:
    """Numbers that come from the database, so that every process tells the same."""

    def __init__(self, counts: list[tuple[str, str, int]], oldest: list[tuple[str, float]], watched: int) -> None:
        self._counts = counts
        self._oldest = oldest
        self._watched = watched

    @classmethod
    async def read(cls, yard: Yard) -> _Jobs:
        counts = await yard.database.fetch("SELECT kind, state, count(*) AS count FROM jobs GROUP BY kind, state")
        oldest = await yard.database.fetch(
            "SELECT kind, extract(epoch FROM $1 - min(created_at))::float AS age"
            " FROM jobs WHERE state = 'queued' GROUP BY kind",
            yard.clock(),
        )
        return cls(
            [(row["kind"], row["state"], row["count"]) for row in counts],
            [(row["kind"], row["age"]) for row in oldest],
            yard.tails.watched,
        )

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("runyard_jobs", "Jobs that are kept, by kind and state.", labels=["kind", "state"])
        for kind, state, count in self._counts:
            jobs.add_metric([kind, state], count)
        yield jobs
        waiting = GaugeMetricFamily("runyard_queue_oldest_seconds", "Age of the oldest queued job.", labels=["kind"])
        for kind, age in self._oldest:
            waiting.add_metric([kind], age)
        yield waiting
        yield GaugeMetricFamily(
            "runyard_watched_jobs", "Jobs whose events are being followed here.", value=self._watched
        )
