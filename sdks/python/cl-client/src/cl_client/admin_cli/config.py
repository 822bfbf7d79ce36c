"""`config`: guest mode of the services. Their addresses may stand before the subcommand, or after it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from cl_client.cli.options import JsonOption

from .caller import Caller, caller_of

config = typer.Typer(help="Look at and change what services allow.", no_args_is_help=True)

Service = Literal["store", "compute"]
_StoreUrl = Annotated[
    str | None, typer.Option("--store-url", metavar="URL", help="Media store; or set STORE_URL.", show_default=False)
]
_ComputeUrl = Annotated[
    str | None,
    typer.Option("--compute-url", metavar="URL", help="Compute service; or set COMPUTE_URL.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class _Addresses:
    """What `config` was told, for its subcommands."""

    caller: Caller
    store_url: str | None
    compute_url: str | None


@config.callback()
def _config(ctx: typer.Context, *, store_url: _StoreUrl = None, compute_url: _ComputeUrl = None) -> None:
    caller = caller_of(ctx)
    ctx.obj = _Addresses(caller, store_url, compute_url or caller.compute_url)


@config.command("get-guest-mode")
def get_guest_mode(
    ctx: typer.Context,
    *,
    service: Annotated[Service, typer.Option("--service", help="Which one.", show_default=False)],
    store_url: _StoreUrl = None,
    compute_url: _ComputeUrl = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a service takes guests."""
    from cl_client._wire.terminal import say, say_json

    caller, url = _where(ctx, service, store_url, compute_url)
    on = caller.anybody(compute_url=url).compute(lambda client: client.get_guest_mode())
    if as_json:
        say_json({"service": service, "guest_mode": on})
    else:
        say(f"Guest mode of {service} is {'on' if on else 'off'}.")


@config.command("set-guest-mode")
def set_guest_mode(
    ctx: typer.Context,
    *,
    service: Annotated[Service, typer.Argument(help="Which one.", show_default=False)],
    mode: Annotated[Literal["on", "off"], typer.Argument(help="Whether it takes guests.", show_default=False)],
    store_url: _StoreUrl = None,
    compute_url: _ComputeUrl = None,
    as_json: JsonOption = False,
) -> None:
    """Let guests in, or keep them out."""
    from cl_client._wire.terminal import say, say_json

    caller, url = _where(ctx, service, store_url, compute_url)
    on = mode == "on"
    caller.admin(compute_url=url).compute(lambda client: client.update_guest_mode(on))
    if as_json:
        say_json({"service": service, "guest_mode": on})
    else:
        say(f"✓ Guest mode of {service} is {mode}")


@config.command("show")
def show_config(
    ctx: typer.Context,
    *,
    store_url: _StoreUrl = None,
    compute_url: _ComputeUrl = None,
    as_json: JsonOption = False,
) -> None:
    """Show the configuration of the compute service, and who changed it last."""
    from cl_client._wire.terminal import say_json, show_facts
    from cl_client.cli.terminal import show_time

    caller, url = _where(ctx, "compute", store_url, compute_url)
    found = caller.admin(compute_url=url).get("/admin/config")
    if as_json:
        say_json(found)
        return
    changed = found.get("updated_at")
    show_facts([
        ("Guest mode", "on" if found.get("guest_mode") else "off"),
        ("Changed", show_time(changed if isinstance(changed, int) else None)),
        ("By user", str(found.get("updated_by") or "-")),
    ])  # fmt: skip


def _where(ctx: typer.Context, service: Service, store_url: str | None, compute_url: str | None) -> tuple[Caller, str]:
    """The caller, and the address of the service: given here, before `config`, or by the environment.

    Exits with 1 where there is none, as this program always did.
    """
    addresses = ctx.find_object(_Addresses) or _Addresses(Caller(), None, None)
    if service == "store":
        url = store_url or addresses.store_url or os.environ.get("STORE_URL") or os.environ.get("CL_STORE_URL")
    else:
        url = compute_url or addresses.compute_url or _known_compute(addresses.caller)
    if not url:
        typer.echo(f"Error: --{service}-url required for {service} service", err=True)
        raise typer.Exit(1)
    return addresses.caller, url


def _known_compute(caller: Caller) -> str | None:
    """The address that the environment or the profile gives; the default is not good enough to change something."""
    from cl_client.cli.connection import settings_of
    from cl_client.cli.options import Server

    chosen = settings_of(Server(caller.profile, None, caller.auth_url)).compute
    return None if chosen.source == "default" else chosen.value
