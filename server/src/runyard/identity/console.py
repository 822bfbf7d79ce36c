"""What operators' command lines share: settings, work on the store, one way to say errors and answers, options."""

from __future__ import annotations

import asyncio
import getpass
import json
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeAlias, TypeVar

import typer

from runyard.identity.errors import IdentityError

if TYPE_CHECKING:
    from runyard.identity.store import IdentityStore
    from runyard.settings import Settings

T = TypeVar("T")
Store = TypeVar("Store")
OpenStore: TypeAlias = "Callable[[], AbstractAsyncContextManager[IdentityStore]]"

AGE: Final = re.compile(r"(\d{1,9})([smhdw])")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def load(**flags: object) -> Settings:
    """The settings of the environment, overridden by flags that were given; a wrong one ends the program."""
    # a command line that only prints its help loads none of these
    from pydantic import ValidationError  # noqa: PLC0415

    from runyard.settings import Settings  # noqa: PLC0415

    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper().removeprefix("RUNYARD_")
        fail(f"RUNYARD_{name} is {first['input']!r}: {first['msg']}.")


def work(open_store: Callable[[], AbstractAsyncContextManager[Store]], task: Callable[[Store], Awaitable[T]]) -> T:
    """Run ``task`` on the yard's store and return its result; a refusal ends the program with exit 1."""

    async def inside() -> T:
        async with open_store() as store:
            return await task(store)

    try:
        return asyncio.run(inside())
    except IdentityError as error:
        fail(str(error))
    except Exception as error:
        explanation = _explain(error)
        if explanation is None:
            raise
        fail(explanation)


def fail(message: str) -> NoReturn:
    """Say ``message`` on stderr and exit 1."""
    typer.secho(f"Error: {message}", fg="red", err=True)
    raise typer.Exit(1)


def note(message: str) -> None:
    """Say ``message`` on stderr, so that stdout stays what a program can use."""
    typer.echo(message, err=True)


def answer(value: object, text: str, *, as_json: bool) -> None:
    """Print ``value`` as JSON, with times as ISO 8601 and ids as text, or ``text``, which says the same."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) if as_json else text)


def secret(what: str, *, longest: int) -> str:
    """What comes from standard input, up to so many characters; asked for, unseen, at a terminal."""
    return getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.read(longest)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Left-aligned columns, two blanks apart, each as wide as its widest text."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def moment(at: datetime | None, *, missing: str) -> str:
    """A time for people, in UTC."""
    return missing if at is None else f"{at:%Y-%m-%d %H:%M}"


def age(text: str) -> timedelta:
    """The length of time that ``text`` means, such as ``90d``, ``12h`` or ``2w``.

    Raises:
        typer.BadParameter: it means none.
    """
    found = AGE.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a length of time. Write a number and s, m, h, d or w: 90d.")
    try:
        return timedelta(**{UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is longer than time itself. Write something like 90d.") from None


def _explain(error: Exception) -> str | None:
    """What is wrong with the machine, or None if the program is at fault."""
    from asyncpg import PostgresError  # noqa: PLC0415

    from runyard.database import DatabaseError  # noqa: PLC0415

    return str(error) if isinstance(error, DatabaseError | PostgresError | OSError) else None


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Expires: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(parser=age, metavar="AGE", help="How long it works, such as 90d; for ever by default."),
]
NewExpires: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(parser=age, metavar="AGE", help="How long the new one works; as the old by default."),
]
Overlap: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(parser=age, metavar="AGE", help="How long the old one works on; 7d by default."),
]
