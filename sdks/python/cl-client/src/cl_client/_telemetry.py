"""Spans for OpenTelemetry, where its API is installed; nothing otherwise."""

from __future__ import annotations

import functools
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ._version import VERSION


class _Tracer(Protocol):
    def start_as_current_span(
        self, name: str, *, attributes: Mapping[str, str] | None = None
    ) -> AbstractContextManager[object]: ...


@functools.cache
def _tracer() -> _Tracer | None:
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace.get_tracer("cl_client", VERSION)


@contextmanager
def span(name: str, **attributes: str) -> Generator[dict[str, str], None, None]:
    """Trace what happens inside.

    Args:
        name: what it is: `submit`, `wait`, `download`.
        attributes: known facts, such as `job_id`.

    Yields:
        Headers that carry the trace to the server; empty without OpenTelemetry.
    """
    tracer = _tracer()
    if tracer is None:
        yield {}
        return
    from opentelemetry.propagate import inject

    with tracer.start_as_current_span(
        f"cl_client.{name}", attributes={f"cl_client.{key}": value for key, value in attributes.items()}
    ):
        headers: dict[str, str] = {}
        inject(headers)
        yield headers
