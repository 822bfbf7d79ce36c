"""The `ci` service: three projects' tests, one of which has a bug on purpose."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

import ci_client
from demos.row import Row

PROJECTS = {"calculator": "passed", "textkit": "passed", "flaky-orders": "failed"}


def rows(client: ci_client.CI, url: str, examples: Path) -> list[Row]:
    """A row for each project."""
    return [
        Row(service="ci", name=name, good=good, run=partial(run, client, url, examples / name))
        for name, good in PROJECTS.items()
    ]


def run(client: ci_client.CI, url: str, project: Path, row: Row) -> None:
    """Have the project's tests run, and tell of them as they end."""
    job = client.submit(project)
    row.job, row.state, row.link = job.id, "queued", f"{url}/jobs/{job.id}"
    passed = failed = 0
    for event in job.events():
        match event:
            case ci_client.StateChanged():
                row.state = event.status
            case ci_client.PhaseEntered():
                row.state = {"environment": "installing", "test": "testing"}.get(event.phase, row.state)
                row.note = "environment from the cache" if event.cached else row.note
            case ci_client.TestEnded():
                passed += event.case.outcome == "passed"
                failed += event.case.is_failing
                row.note = event.case.id
                row.result = f"{passed} passed" + (f", [red]{failed} failed[/]" if failed else "")
            case ci_client.Completed():
                tested = "passed" if event.success else "failed"
                row.state = tested if event.status == "completed" else event.reason or "failed"
                row.note = event.message or ""


def failing(console: Console, client: ci_client.CI, rows: list[Row]) -> None:
    """Name the failing tests."""
    for row in rows:
        cases = client.job(row.job).tests(failed=True) if row.state == "failed" else []
        if cases:
            console.print(f"\n[bold]ci tests --failed[/]  [dim]({row.name} has a bug on purpose)[/]")
        for case in cases:
            console.print(
                Text.assemble(("✗ ", "red"), case.id, ("  " + (case.message or ""), "dim")),
                overflow="ellipsis",
                no_wrap=True,
            )
