"""``runyard doctor``: what this machine has for a yard, what is missing, and how to get it."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import socket
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from uv import find_uv_bin

from runyard.database import DatabaseError, open_database
from runyard.sandbox import SandboxUnavailable, probe
from runyard.services.compute.plugins import installed
from runyard.settings import Settings
from runyard.sizes import GIB
from runyard.text import REMEDY, model_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``essential``: the yard doesn't open, or doesn't run jobs, without it."""

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
    essential: bool = False

    def as_dict(self) -> dict[str, object]:
        """Plain data for ``--json``."""
        return asdict(self)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything a yard needs.

    Nothing is changed, but the embedded database is started to see that it can be.
    """
    return [
        Finding(subject="python", ok=True, detail=f"{platform.python_version()} on {platform.platform(terse=True)}"),
        _data(settings),
        await _database(settings),
        *await asyncio.to_thread(_sandboxes, settings),
        *_ports(settings),
        await _interpreters(),
        *await asyncio.to_thread(_plugins, settings),
        await asyncio.to_thread(_text, settings),
    ]


def render(findings: list[Finding]) -> None:
    """Print the findings as a table."""
    table = Table(title="runyard doctor", title_justify="left", show_lines=False)
    table.add_column("")
    table.add_column("what", style="bold")
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for finding in findings:
        mark = "[green]✓[/]" if finding.ok else "[red]✗[/]" if finding.essential else "[yellow]–[/]"
        table.add_row(mark, finding.subject, finding.detail, finding.remedy)
    Console().print(table)


def _data(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    writable = os.access(folder, os.W_OK)
    return Finding(
        subject="data",
        ok=writable and free > GIB,
        detail=f"{settings.data_dir}, {free / GIB:.1f} GiB free" + ("" if writable else ", not writable"),
        remedy="" if writable and free > GIB else "Choose another folder with --data or RUNYARD_DATA_DIR.",
        essential=True,
    )


async def _database(settings: Settings) -> Finding:
    kind = "embedded" if settings.database_url is None else "from RUNYARD_DATABASE_URL"
    try:
        async with open_database(settings, application="runyard doctor") as database:
            version = await database.fetchval("SHOW server_version")
    except (DatabaseError, OSError) as error:
        return Finding(
            subject="database", ok=False, detail=f"{kind}: {error}", essential=True,
            remedy="Follow the message, or set RUNYARD_DATABASE_URL to a Postgres of version 14 or newer.",
        )  # fmt: skip
    return Finding(subject="database", ok=True, detail=f"Postgres {version}, {kind}", essential=True)


def _sandboxes(settings: Settings) -> list[Finding]:
    findings = []
    for name, remedy in (
        ("bubblewrap", "Install it: apt install bubblewrap"),
        ("unshare", "Install util-linux, and allow user namespaces (sysctl user.max_user_namespaces)."),
    ):
        try:
            found = probe(name)  # type: ignore[arg-type]
            findings.append(Finding(subject=f"sandbox {name}", ok=True, detail=found.description))
        except SandboxUnavailable as error:
            findings.append(
                Finding(subject=f"sandbox {name}", ok=False, detail=str(error).split("\n")[0], remedy=remedy)
            )
    try:
        chosen = Finding(subject="sandbox in use", ok=True, detail=probe(settings.sandbox).description, essential=True)
    except SandboxUnavailable as error:
        chosen = Finding(
            subject="sandbox in use", ok=False, detail=str(error).split("\n")[0], essential=True,
            remedy="Test runs are refused until one works. RUNYARD_SANDBOX=none runs code you trust without.",
        )  # fmt: skip
    return [*findings, chosen]


def _ports(settings: Settings) -> list[Finding]:
    ports = [
        (settings.port, "port", "ci, accounts, health, metrics"),
        (settings.compute_port, "compute-port", "media jobs"),
        (settings.inferlets_port, "inferlets-port", "WebAssembly programs"),
    ]
    if settings.mqtt_url is None:
        ports.append((settings.mqtt_port, "mqtt-port", "events"))
    return [_port(settings.host, port, option, serves) for port, option, serves in ports]


def _port(host: str, port: int, option: str, serves: str) -> Finding:
    try:
        with socket.create_server((host, port)):
            detail, ok = "free", True
    except OSError as error:
        detail, ok = str(error.strerror), False
    setting = f"RUNYARD_{option.upper().replace('-', '_')}"
    return Finding(
        subject=f"port {port}",
        ok=ok,
        detail=f"{detail} on {host} ({serves})",
        remedy="" if ok else f"A running yard, or another program. Choose another with --{option} or {setting}.",
    )


def _plugins(settings: Settings) -> list[Finding]:
    """The media plugins, and what those that can't work lack."""
    lacking = {name: plugin.missing(settings.models) for name, plugin in installed().items()}
    ready = [name for name, lack in lacking.items() if lack is None]
    return [
        Finding(subject="plugins", ok=bool(ready), detail=", ".join(ready) or "none can work here"),
        *(
            Finding(subject=f"plugin {name}", ok=False, detail="can't work here", remedy=lack)
            for name, lack in lacking.items()
            if lack is not None
        ),
    ]


def _text(settings: Settings) -> Finding:
    """The language model of programs and agents."""
    name = model_name(settings)
    place = "packaged, run in the sandbox" if settings.text_url is None else f"at {settings.text_url}"
    return Finding(
        subject="language model",
        ok=name is not None,
        detail="none" if name is None else f"{name}, {place}",
        remedy="" if name else f"Programs that ask for text are refused. To change that: {REMEDY}.",
    )


async def _interpreters() -> Finding:
    """The Pythons that test runs can have."""
    command = [find_uv_bin(), "python", "list", "--only-installed", "--output-format", "json"]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=quiet)
    output, _ = await process.communicate()
    versions = sorted({str(one["version"]) for one in json.loads(output or b"[]")})
    return Finding(
        subject="interpreters",
        ok=bool(versions),
        detail=f"Python {', '.join(versions)}" if versions else "none",
        remedy="" if versions else "Install one: apt install python3",
        essential=True,
    )
