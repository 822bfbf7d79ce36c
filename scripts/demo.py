"""``make demo``: open a throwaway yard, have every service do some of its work, show what happened.

Everything is real: the database, the worker, the sandbox, the environments, the tests, the media, the language model.
With ``--keep`` the yard stays open.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from demos import ci, compute, inferlets, runs, sessions
from demos.row import Row
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

import ci_client
from cl_client.server_config import ServerConfig
from runyard.testing.running import RunningYard

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SPINNER = Spinner("dots")
GOOD = {"passed", "completed", inferlets.TOLD, runs.SUCCEEDED}
COLOURS = {"queued": "yellow", "failed": "red", **dict.fromkeys(GOOD, "green")}
WIDE = 160  # columns that the table takes with its links


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the yard open until Ctrl-C")
    parser.add_argument("--svg", type=Path, help="also write the table as a picture")
    options = parser.parse_args()

    console = Console()
    if options.svg is not None:
        console = Console(record=True, width=120, force_terminal=True, color_system="truecolor")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with sessions.git_host(EXAMPLES) as git, opened_yard(console, {"session_hosts": git.netloc}) as yard:
        user = yard.user("Demo")
        client = ci_client.CI(server_url=yard.url, api_key=user.api_key)
        config = ServerConfig(
            auth_url=yard.url, compute_url=yard.compute_url, mqtt_broker="127.0.0.1", mqtt_port=yard.mqtt_port
        )
        tests = ci.rows(client, yard.url, EXAMPLES)
        media = compute.rows(config, EXAMPLES / "media")
        visitor = inferlets.visitor(yard, user)
        programs = inferlets.rows(visitor, EXAMPLES / "inferlets")
        member = sessions.member(yard, user)
        agents = sessions.rows(member, git)
        workspace = runs.place(yard)
        governed = runs.rows(workspace, EXAMPLES)
        rows = tests + media + programs + agents + governed
        run_all(Console() if options.svg else console, rows)  # what moves is not part of a picture
        console.print(table(rows, links=console.width >= WIDE))
        ci.failing(console, client, tests)
        inferlets.story(console, programs)
        sessions.summary(console, member, agents)
        runs.story(console, workspace, governed)
        if console.color_system is not None:
            compute.picture(console, config, EXAMPLES / "media", media)
        if options.svg is not None:
            picture = console.export_svg(title="make demo")
            options.svg.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL))  # loads nothing
        if options.keep:
            keep_open(console, yard, rows, visitor=visitor, member=member, workspace=workspace)
    return 0 if all(row.as_expected for row in rows) else 1


@contextmanager
def opened_yard(console: Console, settings: Mapping[str, str]) -> Iterator[RunningYard]:
    with Console().status("Opening a yard: database, API, worker ..."):
        yard = RunningYard(settings=settings)
        start = time.monotonic()
        yard.start()
    console.print(f"[green]The yard is open[/] at {yard.url} after {time.monotonic() - start:.1f} s.")
    try:
        yield yard
    finally:
        yard.close()
        if not yard.data_dir.exists():
            console.print("[dim]Yard closed, its folder removed.[/]", highlight=False)


def run_all(console: Console, rows: list[Row]) -> None:
    """Submit everything, then watch all of it to its end, each job in a thread of its own."""
    live = Live(console=console, refresh_per_second=12, transient=True, get_renderable=lambda: progress(rows))
    with live, ThreadPoolExecutor(len(rows)) as pool:
        for done in [pool.submit(run_one, row) for row in rows]:
            done.result()


def run_one(row: Row) -> None:
    row.started = time.monotonic()
    row.run(row)
    row.ended = time.monotonic()


def progress(rows: list[Row]) -> Table:
    """What is going on, while it goes on."""
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(
            Text("✓", "green") if row.state in GOOD else Text("•", "red") if row.ended else SPINNER,
            row.name,
            Text(row.state, COLOURS.get(row.state, "cyan")),
            f"{row.seconds:.1f} s",
            Text(row.note[:60], "dim"),
        )
    return grid


def table(rows: list[Row], *, links: bool) -> Table:
    """What happened; with the links where they fit."""
    result = Table(title="What happened", title_justify="left", title_style="bold", pad_edge=False)
    for column in ("service", "job", "state", "result", "time"):
        result.add_column(column, justify="right" if column == "time" else "left")
    if links:
        result.add_column("link", style="dim")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.service != row.service:
            result.add_section()
        result.add_row(
            row.service,
            row.name,
            Text(row.state, COLOURS.get(row.state, "red")),
            row.result if row.as_expected else row.note,
            f"{row.seconds:.1f} s",
            *([row.link] if links else []),
        )
    return result


def keep_open(
    console: Console,
    yard: RunningYard,
    rows: list[Row],
    *,
    visitor: inferlets.Visitor,
    member: sessions.Member,
    workspace: runs.Place,
) -> None:
    """Say how to go on by hand, and wait for Ctrl-C."""
    failed = next(row for row in rows if row.state == "failed")
    (session,) = (row.job for row in rows if row.service == "sessions")
    console.print(
        f"\nThe yard stays open. In another terminal:\n\n"
        f"  export CI_SERVER_URL={yard.url} CI_API_KEY={member.token} PATH={ROOT}/.venv/bin:$PATH\n"
        f"  export COMPUTE_URL={yard.compute_url} AUTH_URL={yard.url} MQTT_BROKER_PORT={yard.mqtt_port}\n"
        f"  export PIE_URL={visitor.url} PIE_USERNAME={visitor.name} PIE_PRIVATE_KEY={visitor.key_path}\n"
        f"  export AMBIENT_API_URL={member.url} AMBIENT_PROJECT={member.project} AMBIENT_TOKEN={member.token}\n"
        f"  export PORTARIUM_URL={yard.url} PORTARIUM_WORKSPACE={runs.WORKSPACE} "
        f"PORTARIUM_CLIENT_ID={workspace.client_id} PORTARIUM_CLIENT_SECRET={workspace.client_secret}\n"
        f"  export RUNYARD_DATA_DIR={yard.data_dir} RUNYARD_DATABASE_SCHEMA={yard.settings.database_schema}\n"
        f"  ci list\n  ci tests {failed.job} --failed\n  cd {ROOT}/examples/calculator && ci submit test\n  ci ui\n"
        f"  cl_client face-detection detect {ROOT}/examples/media/astronaut.jpg --draw faces.jpg\n"
        f"  pie list\n  pie run {ROOT}/examples/inferlets/echo.wat  # answers what you type, until: bye\n"
        f"  ambient list\n  ambient watch {session}\n"
        f"  python {ROOT}/examples/runs/start.py {ROOT}/examples/runs/preview.json project=@{ROOT}/examples/textkit "
        f"film=@{ROOT}/examples/media/clip.mp4 &\n"
        f"  PORTARIUM_TOKEN={workspace.person} python {ROOT}/examples/runs/approve.py\n"
        f"  runyard evidence export {runs.WORKSPACE} && runyard evidence verify {runs.WORKSPACE}-evidence.zip\n\n"
        f"[dim]Ctrl-C closes it and removes its folder.[/]",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
