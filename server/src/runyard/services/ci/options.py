"""What a submitter may ask for beside the package, and what of it may be shown again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from runyard.settings import Settings

LIMIT: Final = 256 * 1024
"""Bytes of the options in JSON. They become arguments and environment of a process, which has limits, too."""

MASKED: Final = "***"
RESERVED: Final = ("RUNYARD_", "LD_")
_SECRET_NAME: Final = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|KEY", re.IGNORECASE)
_SHORTEST_SECRET: Final = 4

EnvName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
EnvValue = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
TestId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-][^\x00]*$", max_length=4096)]


class BadOptions(ValueError):
    """The options can't be used; the text says which and why."""


class NetworkNotAllowed(Exception):
    """The run asks for network access, which the operator hasn't allowed."""

    def __init__(self) -> None:
        super().__init__(
            "This yard does not let test runs use the network. The operator allows it with RUNYARD_SANDBOX_NETWORK."
        )


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Options of one test run.

    Attributes:
        env: variables of the tests' environment. Kept with the job, never shown or logged.
        timeout: seconds the tests may take.
        python: version such as ``"3.12"``.
        tests: pytest node ids or paths; all tests when empty.
        network: whether the tests may use the network.
    """

    env: dict[EnvName, EnvValue] = {}
    timeout: Annotated[float, msgspec.Meta(gt=0)] | None = None
    python: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+(\.\d+)?$", max_length=20)] | None = None
    tests: tuple[TestId, ...] = ()
    network: bool = False

    def __repr__(self) -> str:
        return f"Options({self.shown()!r})"

    def stored(self) -> dict[str, object]:
        """Plain data that :func:`read_options` understands."""
        return dict(msgspec.to_builtins(self))

    def shown(self) -> dict[str, object]:
        """The options as submitted, with the values of ``env`` masked."""
        return {**self.stored(), **({"env": dict.fromkeys(self.env, MASKED)} if self.env else {})}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values whose name says that they are secret: they are masked in the log, too."""
        return tuple(
            value for name, value in self.env.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET
        )


def parse_options(text: str, settings: Settings) -> Options:
    """Options as a submitter sent them.

    Raises:
        BadOptions: they aren't what they should be.
        NetworkNotAllowed: they ask for the network and may not.
    """
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BadOptions(f"The options are not JSON: {error}.") from None
    options = read_options(raw)
    if reserved := sorted(name for name in options.env if name.startswith(RESERVED)):
        raise BadOptions(
            f"The variable {reserved[0]!r} can't be set: names that begin with RUNYARD_ or LD_ are reserved."
        )
    if options.timeout is not None and options.timeout > settings.ci_timeout:
        raise BadOptions(f"A timeout of {options.timeout:g} s is above this yard's limit of {settings.ci_timeout:g} s.")
    if options.network and not settings.sandbox_network:
        raise NetworkNotAllowed
    return options


def read_options(raw: object) -> Options:
    """Options from plain data.

    Raises:
        BadOptions: they aren't what they should be.
    """
    if not isinstance(raw, Mapping):
        raise BadOptions("The options must be a JSON object.")
    if unknown := sorted(str(name) for name in raw if name not in Options.__struct_fields__):
        raise BadOptions(f"There is no option {unknown[0]!r}; there are: {', '.join(Options.__struct_fields__)}.")
    try:
        return msgspec.convert(raw, Options)
    except msgspec.ValidationError as error:
        raise BadOptions(f"An option can't be used: {error}.") from None
