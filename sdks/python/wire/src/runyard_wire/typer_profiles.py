"""The commands about named servers that are the same in every program made with typer: `use` and `remove`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from .errors import UsageError
from .profiles import ConfigFile
from .terminal import say

NameArgument = Annotated[str, typer.Argument(help="The profile's name.", show_default=False)]


def add_profile_commands(profiles: typer.Typer, config_file: Callable[[], ConfigFile]) -> None:
    """Give the commands about profiles those two."""

    @profiles.command("use")
    def use_profile(
        *,
        name: Annotated[str | None, typer.Argument(help="The profile's name.", show_default=False)] = None,
        none: Annotated[bool, typer.Option("--none", help="Go back to using none.")] = False,
    ) -> None:
        """Use a profile from now on."""
        if (name is None) is not none:
            raise UsageError("Give the name of a profile, or --none")
        config_file().use(name)
        say(f"Profile {name} is in use." if name else "No profile is in use.")

    @profiles.command("remove")
    def remove_profile(*, name: NameArgument) -> None:
        """Forget a profile, and its token."""
        config_file().remove(name)
        say(f"Profile {name} is removed.")
