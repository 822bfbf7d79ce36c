"""`run`, `submit`, `attach`, `install` and `uninstall`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JsonOption, PrefixArgument, Server, with_server

if TYPE_CHECKING:
    from pie import Limits, PieClient

_Program = Annotated[
    str, typer.Argument(metavar="PROGRAM", help="A .wasm or .wat file, a name, or a hash.", show_default=False)
]
_Inferlet = Annotated[str | None, typer.Argument(help="The name of an installed program.", show_default=False)]
_Arguments = Annotated[
    list[str] | None, typer.Argument(metavar="ARGS", help="Its arguments, after --.", show_default=False)
]
_Path = Annotated[
    Path | None, typer.Option("--path", "-p", help="The program's .wasm or .wat file.", show_default=False)
]
_Manifest = Annotated[Path | None, typer.Option("--manifest", "-m", help="Its Pie.toml.", show_default=False)]
_Blobs = Annotated[
    Path | None, typer.Option("--blobs", metavar="FOLDER", help="Where to put its blobs.", show_default=False)
]
_Fuel = Annotated[int | None, typer.Option("--fuel", help="Fuel it may use.", show_default=False)]
_Memory = Annotated[int | None, typer.Option("--memory", help="Bytes of memory it may use.", show_default=False)]
_Wall = Annotated[float | None, typer.Option("--wall", help="Seconds it may run.", show_default=False)]


def add_program_commands(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command(rich_help_panel="Programs")(with_server(run))
    app.command(rich_help_panel="Programs")(with_server(submit))
    app.command(rich_help_panel="Programs")(with_server(attach))
    app.command(rich_help_panel="Programs")(with_server(install))
    app.command(rich_help_panel="Programs")(with_server(uninstall))


def run(
    *,
    server: Server,
    program: _Program,
    arguments: _Arguments = None,
    manifest: _Manifest = None,
    fuel: _Fuel = None,
    memory: _Memory = None,
    wall: _Wall = None,
    blobs: _Blobs = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Leave stdin alone.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a program as if it were here: its output, your input, its exit status.

    A file, binary or WebAssembly text, is uploaded if the server hasn't got it. Lines of stdin are messages for the
    program; at a terminal, Ctrl-D leaves it running and Ctrl-C ends it.
    """
    from pie import Limits
    from pie._wire.interrupt import run_interruptibly

    from .talking import Manners, connected, talk

    manners = Manners(
        as_json=as_json, takes_input=not no_input, detaches=not no_input and sys.stdin.isatty(), blobs=blobs
    )
    limits = Limits(fuel=fuel, memory=memory, wall_seconds=wall)
    wasm = Path(program) if Path(program).is_file() else None

    async def running() -> int:
        async with connected(server) as client:
            name = program if wasm is None else await _installed(client, wasm, manifest)
            instance = await client.launch_instance(name, arguments, limits=_or_none(limits))
            return await talk(instance, manners)

    raise typer.Exit(run_interruptibly(running()))


def submit(
    *,
    server: Server,
    inferlet: _Inferlet = None,
    arguments: _Arguments = None,
    path: _Path = None,
    manifest: _Manifest = None,
    detached: Annotated[bool, typer.Option("--detached", "-d", help="Don't wait for it.")] = False,
    blobs: _Blobs = None,
    as_json: JsonOption = False,
) -> None:
    """Launch a program, by its name or from its file, and follow it; Ctrl-D leaves it running."""
    from pie._wire.interrupt import run_interruptibly
    from pie._wire.terminal import say, say_json
    from pie.errors import UsageError

    from .talking import Manners, connected, talk

    if path is not None and manifest is None:
        raise UsageError("A --path needs a --manifest; without one, use: pie run")
    if path is None and inferlet is None:
        raise UsageError("Give the name of a program, or a --path and a --manifest")
    given = [*([inferlet] if path is not None and inferlet is not None else []), *(arguments or [])]
    manners = Manners(
        prefix=not as_json, as_json=as_json, takes_input=sys.stdin.isatty(), detaches=sys.stdin.isatty(), blobs=blobs
    )

    async def submitting() -> int:
        async with connected(server) as client:
            if path is not None:
                name = await _installed(client, path, manifest)
                instance = await client.launch_instance(name, given, detached)
            else:
                instance = await client.launch_instance_from_registry(inferlet or "", given, detached)
            if not detached:
                return await talk(instance, manners)
            if as_json:
                say_json({"id": instance.id})
            else:
                say(instance.id)
            return 0

    raise typer.Exit(run_interruptibly(submitting()))


def attach(
    *,
    server: Server,
    prefix: PrefixArgument,
    after: Annotated[
        int | None, typer.Option("--after", metavar="SEQ", help="Again from after this event.", show_default=False)
    ] = None,
    blobs: _Blobs = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a running program, and what it said while nobody listened; Ctrl-D leaves it running."""
    from pie._wire.interrupt import run_interruptibly

    from .instances import find
    from .talking import Manners, connected, talk

    manners = Manners(
        prefix=not as_json, as_json=as_json, takes_input=sys.stdin.isatty(), detaches=sys.stdin.isatty(), blobs=blobs
    )

    async def attaching() -> int:
        async with connected(server) as client:
            info = await find(client, prefix)
            return await talk(await client.attach_instance(info.id, after=after), manners)

    raise typer.Exit(run_interruptibly(attaching()))


def install(
    *,
    server: Server,
    program: Annotated[Path | None, typer.Argument(help="The .wasm file.", show_default=False)] = None,
    path: _Path = None,
    manifest: _Manifest = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Also if the server has it already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Upload a program without launching it; with a manifest it gets a name."""
    from pie._wire.interrupt import run_interruptibly
    from pie._wire.terminal import say, say_json
    from pie.errors import UsageError

    from .talking import connected

    wasm = program or path
    if wasm is None:
        raise UsageError("Give the program's .wasm file")

    async def installing() -> str:
        async with connected(server) as client:
            return await _installed(client, wasm, manifest, force=force)

    name = run_interruptibly(installing())
    if as_json:
        say_json({"program": name})
    else:
        say(name)


def uninstall(
    *,
    server: Server,
    program: Annotated[str, typer.Argument(help="Its name, with a version or the newest is meant, or its hash.")],
    as_json: JsonOption = False,
) -> None:
    """Remove a program from the server. Instances of it go on."""
    from pie._wire.interrupt import run_interruptibly
    from pie._wire.terminal import say, say_json

    from .talking import connected

    async def removing() -> str:
        async with connected(server) as client:
            return await client.remove_program(program)

    name = run_interruptibly(removing())
    if as_json:
        say_json({"program": name})
    else:
        say(name)


async def _installed(client: PieClient, wasm: Path, manifest: Path | None, *, force: bool = False) -> str:
    """Upload unless the server has it; gives the name to launch it by."""
    import asyncio

    from pie._program import manifest_name, manifest_text
    from pie.errors import UsageError

    if manifest is None:
        return await client.upload_program(wasm, force=force)
    name = manifest_name(await asyncio.to_thread(manifest_text, wasm, manifest))
    if name is None:
        raise UsageError(f"{str(manifest)!r} lacks a name or a version in its [package]")
    await client.upload_program(wasm, manifest, force=force)
    return name


def _or_none(limits: Limits) -> Limits | None:
    return limits if limits.wire() else None
