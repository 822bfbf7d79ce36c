"""The tree of `pie`'s commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from pie._version import VERSION
from pie._wire.typer_completion import add_completion
from pie._wire.typer_program import Verbose, Version, begin, new_program, run_typer

from .config import config
from .failures import EXIT_CODES, tell
from .instances import add_instance_commands
from .keys import keys
from .options import Server, with_server
from .programs import add_program_commands

NAME = "pie"

app = new_program(NAME, "WebAssembly programs on a server: run them, talk with them.", epilog=EXIT_CODES)


@app.callback(invoke_without_command=True)
def _root(*, verbose: Verbose = False, version: Version = False) -> None:
    begin(NAME, "pie", VERSION, verbose=verbose, only_version=version)


def mcp(
    *,
    server: Server,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds that a program may take.")] = 300.0,
) -> None:
    """Offer the installed programs as tools to an AI agent: MCP over stdin and stdout."""
    from pie._wire.interrupt import run_interruptibly

    from .talking import connected

    try:
        from pie.mcp import serve_stdio
    except ModuleNotFoundError as missing:
        from pie.errors import UsageError

        raise UsageError(f"{missing.name!r} is missing; install it with: pip install 'pie-client[mcp]'") from None

    async def serving() -> None:
        async with connected(server) as client:
            await serve_stdio(client, timeout=timeout)

    run_interruptibly(serving())


add_program_commands(app)
add_instance_commands(app)
app.command(rich_help_panel="Programs")(with_server(mcp))
app.add_typer(keys, name="keys", rich_help_panel="Settings")
app.add_typer(config, name="config", rich_help_panel="Settings")
add_completion(app, NAME, panel="Settings")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run_typer(app, NAME, argv, tell)
