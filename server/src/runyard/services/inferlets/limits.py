"""What one instance may use, and what the yard allows at most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:  # processes that run programs start faster without it
    from runyard.settings import Settings


class BadLimits(ValueError):
    """A launch asks for limits that don't exist, make no sense or are above the yard's."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one instance. Reaching one ends it with ``OutOfResources`` and the field's name."""

    fuel: int | None = None
    """Instructions, as the engine counts them; None only counts."""

    memory: int
    """Bytes of all the program's memories together."""

    wall_seconds: float | None = None
    """Seconds from start to end; None for no limit."""

    output_bytes: int
    """Bytes of everything it says: output, messages and blobs."""

    idle_seconds: float | None = None
    """Seconds in which it neither says nor gets anything; None for no limit."""


LEAST: Final[Mapping[str, float]] = {
    "fuel": 1, "memory": 64 * 1024, "wall_seconds": 0.001, "output_bytes": 0, "idle_seconds": 0.001,
}  # fmt: skip


def most(settings: Settings) -> Limits:
    """The yard's own limits: the default of every launch, and the most one may ask for."""
    return Limits(
        fuel=settings.inferlet_fuel,
        memory=settings.inferlet_memory,
        wall_seconds=settings.inferlet_wall_seconds,
        output_bytes=settings.inferlet_output,
        idle_seconds=settings.inferlet_idle_seconds,
    )


def asked(given: Mapping[str, object] | None, settings: Settings) -> Limits:
    """The limits of a launch that asks for ``given``.

    Raises:
        BadLimits: what is given is none of them, no positive number, or above what the yard allows.
    """
    allowed = most(settings)
    if not given:
        return allowed
    for name, value in given.items():
        if name not in Limits.__struct_fields__:
            raise BadLimits(f"There is no limit {name!r}; there are: {', '.join(Limits.__struct_fields__)}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST[name] <= value < float("inf"):
            raise BadLimits(f"The limit {name!r} is a number from {LEAST[name]:g}, not {value!r}.")
        ceiling = getattr(allowed, name)
        if ceiling is not None and value > ceiling:
            raise BadLimits(f"The limit {name!r} may be {ceiling:g} at most here, not {value!r}.")
    try:
        return msgspec.convert({**msgspec.to_builtins(allowed), **given}, Limits)
    except msgspec.ValidationError as error:
        raise BadLimits(f"The limits can't be read: {error}.") from error
