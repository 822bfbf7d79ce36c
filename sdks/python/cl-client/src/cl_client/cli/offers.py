"""What `workers` and `plugins` show."""

from __future__ import annotations

from collections.abc import Mapping

from cl_client._wire.terminal import say, say_json, show_table
from cl_client.models import PluginInfo

from .connection import ask
from .options import Server

_OFFERED = {True: "yes", False: "no", None: "?"}


def show_workers(server: Server, *, as_json: bool) -> None:
    """Print how many workers there are, and how many are idle for each plugin."""
    found = ask(server, lambda client: client.get_capabilities())
    if as_json:
        say_json(found.model_dump(mode="json"))
        return
    say(f"{found.num_workers} worker{'' if found.num_workers == 1 else 's'}")
    if found.capabilities:
        show_table(["Plugin", "Idle workers"], [[name, str(idle)] for name, idle in sorted(found.capabilities.items())])
    else:
        say("None offers anything now; jobs wait until one comes.")


def show_plugins(server: Server, *, as_json: bool) -> None:
    """Print the plugins, their parameters, and what is missing."""
    plugins = ask(server, lambda client: client.get_plugins())
    if as_json:
        say_json([plugin.model_dump(mode="json") for plugin in plugins])
        return
    rows = [
        [plugin.name, _OFFERED[plugin.offered], ", ".join(_parameters(plugin)) or "-", _about(plugin)]
        for plugin in sorted(plugins, key=lambda plugin: plugin.name)
    ]
    show_table(["Plugin", "Offered", "Parameters", "About"], rows)


def _parameters(plugin: PluginInfo) -> list[str]:
    properties = plugin.parameters.get("properties")
    return list(properties) if isinstance(properties, Mapping) else []


def _about(plugin: PluginInfo) -> str:
    return plugin.missing if plugin.missing and not plugin.offered else plugin.about
