"""Spans, where OpenTelemetry is there; nothing where it isn't."""

import sys
from contextlib import contextmanager

import pytest

from cl_client import _telemetry


class Tracer:
    def __init__(self):
        self.spans = []

    @contextmanager
    def start_as_current_span(self, name, *, attributes):
        self.spans.append((name, attributes))
        yield


@pytest.fixture
def spans(monkeypatch):
    tracer = Tracer()
    monkeypatch.setattr(_telemetry, "_tracer", lambda: tracer)
    return tracer.spans


async def test_submitting_waiting_and_fetching_are_traced(spans, yard, connect, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "opentelemetry.propagate.inject", lambda carrier: carrier.update(traceparent="00-4bf92f3577b34da6-01")
    )
    yard.on_submit = [yard.finish]
    client = connect(yard)
    job = await client.hash.compute(photo, wait=True)
    yard.files[job.job_id] = {"output/hash.json": b"{}"}
    await client.download_job_file(job.job_id, "output/hash.json", tmp_path / "hash.json")
    assert [name for name, _ in spans] == ["cl_client.submit", "cl_client.wait", "cl_client.download"]
    assert spans[1][1] == {"cl_client.job_id": job.job_id}
    assert yard.seen("POST /jobs/hash")[0].headers["traceparent"] == "00-4bf92f3577b34da6-01"


def test_the_real_tracer_is_found():
    _telemetry._tracer.cache_clear()
    with _telemetry.span("submit", endpoint="/jobs/hash") as headers:
        assert "traceparent" not in headers  # there is no trace to carry


def test_without_opentelemetry_nothing_is_sent(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    _telemetry._tracer.cache_clear()
    with _telemetry.span("submit") as headers:
        assert headers == {}
    _telemetry._tracer.cache_clear()
