"""``make demo``: open a throwaway yard, run the examples in it with the ``ci`` client, show what happened.

Everything is real: the database, the worker, the sandbox, the environments and the tests. With ``--keep`` the yard
stays open.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

import ci_client
from runyard.testing.running import RunningYard

ROOT = Path(__file__).resolve().parent.parent
PROJECTS = ("calculator", "textkit", "flaky-orders")
SPINNER = Spinner("dots")
COLOURS = {"passed": "green", "failed": "red", "queued": "yellow"}
WIDE = 126  # columns that the table takes with its links
EXPECTED = {"calculator": True, "textkit": True, "flaky-orders": False}


@dataclass(slots=True)
class Row:
    """One line of the table."""

    service: str
    name: str
    job: str = ""
    state: str = "packing"
    note: str = ""
    started: float = 0.0
    ended: float = 0.0
    passed: int = 0
    failed: int = 0
    link: str = ""

    @property
    def seconds(self) -> float:
        """How long it has taken, as its user sees it: packing, queue, environment, tests."""
        return (self.ended or time.monotonic()) - self.started if self.started else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the yard open until Ctrl-C")
    parser.add_argument("--svg", type=Path, help="also write the table as a picture")
    options = parser.parse_args()

    console = Console(record=options.svg is not None, width=132 if options.svg else None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with opened_yard(console) as yard:
        user = yard.user("Demo")
        rows = [Row("ci", name) for name in PROJECTS]
        client = ci_client.CI(server_url=yard.url, api_key=user.api_key)
        run_all(console, client, rows, yard.url)
        console.print(table(rows, links=console.width >= WIDE))
        if console.width < WIDE:
            for row in rows:
                console.print(f"[dim]{row.name:<14}[/]{row.link}", soft_wrap=True, highlight=False)
        failing(console, client, rows)
        if options.svg is not None:
            picture = console.export_svg(title="make demo")
            options.svg.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL))  # loads nothing
        if options.keep:
            keep_open(console, yard, user.api_key, rows)
    return 0 if all((row.state == "passed") == EXPECTED[row.name] for row in rows) else 1


@contextmanager
def opened_yard(console: Console) -> Iterator[RunningYard]:
    with console.status("Opening a yard: database, API, worker ..."):
        yard = RunningYard()
        start = time.monotonic()
        yard.start()
    console.print(f"[green]The yard is open[/] at {yard.url} after {time.monotonic() - start:.1f} s.")
    try:
        yield yard
    finally:
        yard.close()
        if not yard.data_dir.exists():
            console.print("[dim]Yard closed, its folder removed.[/]", highlight=False)


def run_all(console: Console, client: ci_client.CI, rows: list[Row], url: str) -> None:
    """Submit every project, then watch all of them to their ends, each in a thread of its own."""
    live = Live(console=console, refresh_per_second=12, transient=True, get_renderable=lambda: progress(rows))
    with live, ThreadPoolExecutor(len(rows)) as pool:
        for done in [pool.submit(run_one, client, row, url) for row in rows]:
            done.result()


def run_one(client: ci_client.CI, row: Row, url: str) -> None:
    row.started = time.monotonic()
    job = client.submit(ROOT / "examples" / row.name)
    row.job, row.state, row.link = job.id, "queued", f"{url}/jobs/{job.id}"
    for event in job.events():
        match event:
            case ci_client.StateChanged():
                row.state = event.status
            case ci_client.PhaseEntered():
                row.state = {"environment": "installing", "test": "testing"}.get(event.phase, row.state)
                row.note = "environment from the cache" if event.cached else row.note
            case ci_client.TestEnded():
                row.passed += event.case.outcome == "passed"
                row.failed += event.case.is_failing
                row.note = event.case.id
            case ci_client.Completed():
                row.state = (
                    "passed" if event.success else "failed" if event.status == "completed" else event.reason or "failed"
                )
                row.note = event.message or ""
                row.ended = time.monotonic()


def progress(rows: list[Row]) -> Table:
    """What is going on, while it goes on."""
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(
            Text("✓", "green") if row.state == "passed" else Text("•", "red") if row.ended else SPINNER,
            row.name,
            Text(row.state, COLOURS.get(row.state, "cyan")),
            f"{row.seconds:.1f} s",
            Text(row.note[:60], "dim"),
        )
    return grid


def table(rows: list[Row], *, links: bool) -> Table:
    """What happened; with the links where they fit."""
    result = Table(title="What happened", title_justify="left", title_style="bold", pad_edge=False)
    for column in ("service", "job", "state", "tests", "time"):
        result.add_column(column, justify="right" if column == "time" else "left")
    if links:
        result.add_column("link", style="dim")
    for row in rows:
        counts = f"{row.passed} passed" + (f", [red]{row.failed} failed[/]" if row.failed else "")
        result.add_row(
            row.service,
            row.name,
            Text(row.state, COLOURS.get(row.state, "red")),
            counts,
            f"{row.seconds:.1f} s",
            *([row.link] if links else []),
        )
    return result


def failing(console: Console, client: ci_client.CI, rows: list[Row]) -> None:
    """Name the failing tests: one of the examples has a bug, on purpose."""
    for row in rows:
        cases = client.job(row.job).tests(failed=True) if row.failed else []
        if cases:
            console.print(f"\n[bold]ci tests --failed[/]  [dim]({row.name} has a bug on purpose)[/]")
        for case in cases:
            console.print(
                Text.assemble(("✗ ", "red"), case.id, ("  " + (case.message or ""), "dim")),
                overflow="ellipsis",
                no_wrap=True,
            )


def keep_open(console: Console, yard: RunningYard, key: str, rows: list[Row]) -> None:
    """Say how to go on by hand, and wait for Ctrl-C."""
    console.print(
        f"\nThe yard stays open. In another terminal:\n\n"
        f"  export CI_SERVER_URL={yard.url} CI_API_KEY={key} PATH={ROOT}/.venv/bin:$PATH\n"
        f"  ci list\n  ci tests {rows[-1].job} --failed\n  cd {ROOT}/examples/calculator && ci submit test\n  ci ui\n\n"
        f"[dim]Ctrl-C closes it and removes its folder.[/]",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
