"""``runyard models``: put models on the shelf and see what is there, and what each plugin lacks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import typer
from pydantic import ValidationError

from runyard.identity.console import AsJson, answer, fail, load, table
from runyard.services.compute.models.card import ModelCard, Preparation
from runyard.services.compute.models.errors import ModelError
from runyard.services.compute.models.fetch import Progress
from runyard.services.compute.models.known import KNOWN, KnownModel, shelf_name
from runyard.services.compute.models.shelf import Shelf
from runyard.services.compute.packages import absent
from runyard.sizes import MIB

T = TypeVar("T")

KNOWN_NAMES: Final = ", ".join(KNOWN)

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help=f"Name of the model, such as {KNOWN_NAMES}.")]
Digest: TypeAlias = Annotated[
    str | None, typer.Option("--sha256", metavar="HEX", help="SHA-256 it has to have, instead of the one we know.")
]

models = typer.Typer(help="Models that plugins load.", no_args_is_help=True)


@models.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the models that are here, and what each plugin lacks."""
    from runyard.services.compute.plugins import installed  # noqa: PLC0415  (imports every plugin)

    shelf = _shelf()
    here = [_line(shelf, name) for name in shelf.names()]
    lacks = {name: plugin.missing(shelf.folder) for name, plugin in installed().items()}
    text = "\n".join([
        f"Models in {shelf.folder}:",
        table(["NAME", "NUMBERS", "SIZE", "LICENCE", "SOURCE"], map(_row, here)) if here else "none",
        "",
        table(["PLUGIN", "LACKS"], [(name, missing or "nothing") for name, missing in lacks.items()]),
    ])  # fmt: skip
    plugins = [{"name": name, "ready": missing is None, "missing": missing} for name, missing in lacks.items()]
    answer({"folder": str(shelf.folder), "models": here, "plugins": plugins}, text, as_json=as_json)


@models.command()
def pull(
    name: Name,
    *,
    url: Annotated[str | None, typer.Option(help="Where to get it instead: a mirror.")] = None,
    sha256: Digest = None,
    as_json: AsJson = False,
) -> None:
    """Download a model we know. What was cut off goes on where it was; a file that isn't the right one is refused."""
    from runyard.services.compute.models.pull import pull  # noqa: PLC0415

    known = _known(name)
    _need_runtime()
    with _bar(known) as progress:
        card = _try(lambda: pull(_shelf(), known, url=url, sha256=sha256 and sha256.lower(), progress=progress))
    _say_added(known.name, card, as_json=as_json)


@models.command()
def add(
    name: Name,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The ONNX file; it is copied.")],
    *,
    size: Annotated[int | None, typer.Option(help="Side of the picture it looks at, in pixels.")] = None,
    mean: Annotated[str | None, typer.Option(metavar="R,G,B", help="Taken from colours, which are 0 to 1.")] = None,
    std: Annotated[str | None, typer.Option(metavar="R,G,B", help="What the rest is divided by.")] = None,
    resample: Annotated[
        Literal["bilinear", "bicubic", "lanczos"] | None, typer.Option(help="How pictures are brought to that size.")
    ] = None,
    fit: Annotated[
        Literal["stretch", "crop"], typer.Option(help="Stretch pictures to a square, or cut them to one.")
    ] = "stretch",
    output: Annotated[str | None, typer.Option(help="Which output is the vector; found out by default.")] = None,
    licence: Annotated[str, typer.Option(help="Under what terms it may be used.")] = "unknown",
    source: Annotated[str, typer.Option(help="Where it is from.")] = "unknown",
    as_json: AsJson = False,
) -> None:
    """Put an ONNX file on the shelf, after a try with one picture.

    For a model we know, only NAME and FILE are needed; for another one say --size, --mean and --std as well.
    """
    from runyard.services.compute.models.adding import add  # noqa: PLC0415

    name = shelf_name(name)
    known = KNOWN.get(name)
    given = {"size": size, "mean": mean and mean.split(","), "std": std and std.split(","), "resample": resample}
    preparation = _preparation(known, fit=fit, **{key: value for key, value in given.items() if value is not None})
    _need_runtime()
    card = _try(
        lambda: add(
            _shelf(), name, file, preparation=preparation, dim=known.dim if known else None, output=output,
            licence=licence, source=source,
        )
    )  # fmt: skip
    _say_added(name, card, as_json=as_json)


@models.command()
def remove(name: Name, *, as_json: AsJson = False) -> None:
    """Take a model off the shelf."""
    name = shelf_name(name)
    _try(lambda: _shelf().remove(name))
    answer({"name": name, "removed": True}, f"Model {name!r} removed.", as_json=as_json)


def _shelf() -> Shelf:
    return Shelf(load().models)


def _known(name: str) -> KnownModel:
    known = KNOWN.get(shelf_name(name))
    if known is None:
        fail(f"{name!r} is no model we know; there are {KNOWN_NAMES}. Of another one add the file: runyard models add")
    return known


def _need_runtime() -> None:
    """Trying a model out takes what running it takes; better said before it is downloaded."""
    missing = absent("PIL", "numpy", "onnxruntime", extra="media")
    if missing:
        fail(missing)


def _preparation(known: KnownModel | None, **given: object) -> Preparation:
    """What the model wants, by what is known of it and what was said."""
    base = known.preparation.model_dump() if known else {}
    try:
        return Preparation.model_validate(base | given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise typer.BadParameter(
            f"{first['msg']} (got {first['input']!r})"
            if first["type"] != "missing"
            else "say it for a model we don't know",
            param_hint=f"--{first['loc'][0]}",
        ) from None


def _try(task: Callable[[], T]) -> T:
    try:
        return task()
    except ModelError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'The shelf'}: {error.strerror}.")


def _say_added(name: str, card: ModelCard, *, as_json: bool) -> None:
    text = (
        f"Model {name!r} added: {card.dim} numbers, {_size(card.bytes)}, licence {card.licence}, SHA-256 {card.sha256}."
    )
    answer({"name": name, **card.model_dump(mode="json")}, text, as_json=as_json)


def _line(shelf: Shelf, name: str) -> dict[str, object]:
    """What is known of a model that has a folder, and what is wrong with it."""
    try:
        return {"name": name, **shelf.card(name).model_dump(mode="json"), "problem": None}
    except ModelError as error:
        return {"name": name, "problem": str(error)}


def _row(line: dict[str, object]) -> list[str]:
    if line["problem"] is not None:
        return [str(line["name"]), "-", "-", "-", f"can't be used: {line['problem']}"]
    return [str(line["name"]), str(line["dim"]), _size(line["bytes"]), str(line["licence"]), str(line["source"])]


def _size(count: object) -> str:
    assert isinstance(count, int)
    return f"{count / MIB:.1f} MiB"


@contextmanager
def _bar(known: KnownModel) -> Iterator[Progress]:
    """Shows how far a download is, on stderr if somebody looks there."""
    from rich import progress as rich  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    columns = rich.BarColumn(), rich.DownloadColumn(), rich.TransferSpeedColumn(), rich.TimeRemainingColumn()
    with rich.Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as shown:
        bar = shown.add_task(known.name, total=known.bytes)
        yield lambda here, of: shown.update(bar, completed=here, total=of)
