"""``runyard machine``: on the yard, to let a machine in; on the machine, to work."""

from __future__ import annotations

import asyncio
import json
import logging
import platform
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
import typer

from runyard.clock import utc_now
from runyard.identity.console import answer, fail, note, work
from runyard.services.runs.refused import Refused
from runyard.services.runs.verbs import Desk, Id, open_desk

if TYPE_CHECKING:
    from runyard.database import Connection
    from runyard.services.runs.outpost.account import Account
    from runyard.services.runs.outpost.table import Table
    from runyard.settings import Settings

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TablePath: TypeAlias = Annotated[
    Path, typer.Option("--table", metavar="FILE", help="What this machine can do, see docs/guides/machines.md.")
]
State: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where this machine's account is kept.", show_default=False)
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(envvar="RUNYARD_MACHINE_TOKEN", metavar="TOKEN", help="Enrol with this token first, if need be."),
]


def machine_verbs(load: Callable[[], Settings]) -> typer.Typer:
    """``machine add`` on the yard, ``machine run`` on the machine."""
    app = typer.Typer(help="Machines that do work of runs.", no_args_is_help=True)

    @app.command()
    def add(
        workspace: Id,
        hostname: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
        *,
        operation: Annotated[
            list[str] | None,
            typer.Option(
                parser=_operation,
                metavar="ENTITY:VERB",
                help="All it may ever be asked to do, by default what it offers. May be repeated.",
            ),
        ] = None,
        slots: Annotated[int, typer.Option(min=1, max=1000, help="How much it does at once.")] = 1,
        as_json: AsJson = False,
    ) -> None:
        """Register a machine and print a token with which it can enrol, once, within a day."""

        async def make(desk: Desk) -> tuple[str, str]:
            async def task(connection: Connection) -> tuple[str, str]:
                from runyard.services.runs.machines import enrolment, store  # noqa: PLC0415

                await desk.identity.workspaces.get(workspace, connection)
                machine = await store.add(
                    connection, workspace, hostname=hostname, os_image=None, capabilities=None, operations=operation,
                    slots=slots, at=utc_now(),
                )  # fmt: skip
                ticket, _ = await enrolment.allow(connection, machine, at=utc_now())
                return machine.id, ticket.reveal()

            return await desk.change(workspace, f"registered the machine {hostname!r}", task)

        try:
            machine, token = work(lambda: open_desk(load()), make)
        except Refused as error:
            fail(f"{error} Choose another name, or deregister that one: DELETE /v1/workspaces/{workspace}/machines/ID")
        answer({"machineId": machine, "token": token}, token, as_json=as_json)
        note(f"On the machine: runyard machine run --url URL --token TOKEN --table machine.toml   ({machine})")

    @app.command("run")
    def run_(
        *,
        table: TablePath = Path("machine.toml"),
        url: Annotated[
            str | None,
            typer.Option(
                help="Where the yard is; by default the one that is open on this machine.", show_default=False
            ),
        ] = None,
        token: Token = None,
        state: State = None,
    ) -> None:
        """Work as a machine: fetch what it is asked to do, do it, report. Ctrl-C ends it when that is done."""
        from runyard.logs import configure_logs  # noqa: PLC0415
        from runyard.services.runs.outpost.account import AccountUnusable  # noqa: PLC0415  (with what it needs)
        from runyard.services.runs.outpost.link import LinkDown, LinkRefused  # noqa: PLC0415
        from runyard.services.runs.outpost.table import TableUnusable, read_table  # noqa: PLC0415

        configure_logs(load())
        logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each word with the yard is too many
        try:
            asyncio.run(_run(read_table(table), url, _near(load()), token=token, state=state))
        except (AccountUnusable, LinkDown, LinkRefused, TableUnusable) as error:
            fail(str(error))

    return app


def _operation(text: str) -> str:
    from runyard.services.runs.outpost.table import OPERATION  # noqa: PLC0415

    if OPERATION.fullmatch(text) is None:
        raise typer.BadParameter(f"{text!r} is no operation. Write entity:verb, such as invoice:create.")
    return text


def _near(settings: Settings) -> str:
    """Where the yard of this machine's data folder answers, as it has noted itself."""
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads((settings.data_dir / "serve.json").read_text())["url"])
    return f"http://{settings.host}:{settings.port}"


async def _run(table: Table, url: str | None, near: str, *, token: str | None, state: Path | None) -> None:
    from runyard.services.runs.outpost.keeper import open_keeper  # noqa: PLC0415
    from runyard.services.runs.outpost.link import Link  # noqa: PLC0415
    from runyard.services.runs.outpost.station import Station  # noqa: PLC0415

    account = await _account(table, url or near, token=token, state=state)
    if url is not None:  # the yard may have moved since
        account = msgspec.structs.replace(account, url=url)
    async with Link(account) as link, open_keeper() as keeper:
        station, loop = Station(link, table, keeper), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, station.drain)
        offers = ", ".join(sorted(table.operations))
        await station.run(ready=lambda: note(f"{account.machine} works for {account.workspace}: {offers}."))


async def _account(table: Table, url: str, *, token: str | None, state: Path | None) -> Account:
    from runyard.services.runs.outpost import account as accounts  # noqa: PLC0415
    from runyard.services.runs.outpost.link import LinkDown, enrol  # noqa: PLC0415

    path = state or accounts.default_path()
    known = accounts.read_account(path)
    if known is not None:
        return known
    if token is None:
        raise accounts.AccountUnusable(
            f"This machine has not enrolled: {path} is not there. Have a token made on the yard"
            " (runyard machine add WORKSPACE NAME) and say --token TOKEN."
        )
    accounts.check_free(path)  # a token is good once: whatever can go wrong goes wrong before
    image = f"{platform.system()} {platform.release()}"
    try:
        made = await enrol(url, token, operations=table.operations, os_image=image)
    except LinkDown as error:
        raise LinkDown(f"The yard at {url} can't be reached ({error}). --url names another.") from error
    accounts.keep_account(path, made)
    note(f"Enrolled as {made.machine} in {made.workspace}; the account is in {path}.")
    return made
