"""`list`, `abort` and `ping`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JsonOption, PrefixArgument, Server, with_server

if TYPE_CHECKING:
    from pie import InstanceInfo, PieClient


def add_instance_commands(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("list", rich_help_panel="Instances")(with_server(list_instances))
    app.command(rich_help_panel="Instances")(with_server(abort))
    app.command(rich_help_panel="Instances")(with_server(ping))


def list_instances(
    *,
    server: Server,
    full: Annotated[bool, typer.Option("--full", help="Whole ids and hashes.")] = False,
    long: Annotated[bool, typer.Option("--long", help="Eight characters of each id.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List your instances."""
    from pie._wire.interrupt import run_interruptibly
    from pie._wire.terminal import say, say_json, show_table

    from .talking import connected

    async def asking() -> list[InstanceInfo]:
        async with connected(server) as client:
            return await client.list_instances()

    infos = run_interruptibly(asking())
    width = 36 if full else 8 if long else 4
    if as_json:
        say_json([asdict(info) for info in infos])
    elif infos:
        rows = [
            (
                info.id[:width],
                info.status,
                f"{info.elapsed_secs} s",
                _program(info.program or "-", full=full),
                _shown(info.arguments),
            )
            for info in infos
        ]
        show_table(("ID", "STATUS", "AGE", "PROGRAM", "ARGUMENTS"), rows)
    else:
        say("No instances.")


def abort(*, server: Server, prefix: PrefixArgument, as_json: JsonOption = False) -> None:
    """End a program."""
    from pie._wire.interrupt import run_interruptibly
    from pie._wire.terminal import say, say_json

    from .talking import connected

    async def aborting() -> str:
        async with connected(server) as client:
            info = await find(client, prefix)
            await client.terminate_instance(info.id)
            return info.id

    instance_id = run_interruptibly(aborting())
    if as_json:
        say_json({"id": instance_id})
    else:
        say(f"Instance {instance_id} is told to end.")


def ping(*, server: Server, as_json: JsonOption = False) -> None:
    """Measure how long the server takes to answer."""
    from pie._wire.interrupt import run_interruptibly
    from pie._wire.terminal import say, say_json

    from .talking import connected

    async def asking() -> float:
        async with connected(server) as client:
            started = time.perf_counter()
            await client.ping()
            return (time.perf_counter() - started) * 1000

    took = run_interruptibly(asking())
    if as_json:
        say_json({"milliseconds": round(took, 3)})
    else:
        say(f"Pong in {took:.2f} ms")


async def find(client: PieClient, prefix: str) -> InstanceInfo:
    """The one instance whose id begins like that.

    Raises:
        UsageError: there is none, or more than one.
    """
    from pie.errors import UsageError

    fitting = [info for info in await client.list_instances() if info.id.startswith(prefix.lower())]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UsageError(f"You have no instance {prefix!r}; see: pie list")
    raise UsageError(f"{prefix!r} begins {len(fitting)} ids: {', '.join(info.id[:8] for info in fitting[:5])}")


def _program(program: str, *, full: bool) -> str:
    from pie._program import is_digest

    return program[:12] if is_digest(program) and not full else program


def _shown(arguments: tuple[str, ...]) -> str:
    text = " ".join(repr(argument) if not argument or " " in argument else argument for argument in arguments)
    return text if len(text) <= 80 else f"{text[:79]}…"
