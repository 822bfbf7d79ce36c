"""What the plugins that describe a picture with a vector have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from runyard.services.compute.models.card import ModelCard
from runyard.services.compute.models.errors import ModelError
from runyard.services.compute.models.known import KnownModel
from runyard.services.compute.models.shelf import Shelf
from runyard.services.compute.packages import absent
from runyard.services.compute.plugin import MediaError, Parameters, Result, Task

if TYPE_CHECKING:
    from runyard.services.compute.models.card import Preparation
    from runyard.services.compute.models.session import Floats

BATCH = 16


class Embedding(Parameters):
    """What to make of the vector."""

    normalize: Annotated[bool, Field(description="Scale the embedding to length 1.")] = True


class UsedModel(Result):
    """Which model made it: vectors of different models can't be compared."""

    name: str
    sha256: str


class Embedded(Result):
    """A picture as a vector; the same numbers are in the ``.npy`` file."""

    embedding: list[float]
    embedding_dim: int
    normalized: bool
    model: UsedModel


def lacking(known: KnownModel) -> Callable[[Path], str | None]:
    """What a plugin lacks on this machine that needs this model."""

    def missing(models: Path) -> str | None:
        packages = absent("PIL", "numpy", "onnxruntime", extra="media")
        if packages:
            return packages
        try:
            _fitting(Shelf(models), known)
        except ModelError as error:
            return str(error)
        return None

    return missing


def embed(tasks: Sequence[Task[Embedding]], known: KnownModel, *, output: str) -> Sequence[Embedded | MediaError]:
    """A vector for each picture, or why there is none, with one run of the model for all of them.

    Raises:
        ModelError: the model can't be used.
    """
    from runyard.services.compute.models.encoder import encoder  # noqa: PLC0415  (loads onnxruntime)

    models = tasks[0].models
    _fitting(Shelf(models), known)
    loaded = encoder(models, known.name)
    seen = [_seen(task, loaded.card) for task in tasks]
    pictures = [each for each in seen if not isinstance(each, MediaError)]
    vectors = iter(loaded.encode(pictures) if pictures else ())
    used = UsedModel(name=known.name, sha256=loaded.card.sha256)
    return [
        each if isinstance(each, MediaError) else _written(task, next(vectors), used, output)
        for task, each in zip(tasks, seen, strict=True)
    ]


def _fitting(shelf: Shelf, known: KnownModel) -> ModelCard:
    """The card of a model that gives as many numbers as its plugin promises."""
    card = shelf.card(known.name)
    if card.dim != known.dim:
        raise ModelError(
            f"The model {known.name!r} gives {card.dim} numbers; {known.plugin} needs {known.about}, which gives "
            f"{known.dim}: {known.remedy}"
        )
    return card


def _seen(task: Task[Embedding], want: Preparation) -> Floats | MediaError:
    """The task's picture as the model wants it, or why it can't be opened: that is no matter of the others'."""
    from runyard.services.compute.media.colour import rgb, to_srgb  # noqa: PLC0415  (with the next two: heavy)
    from runyard.services.compute.media.image import open_header  # noqa: PLC0415
    from runyard.services.compute.models.encoder import prepared  # noqa: PLC0415

    try:
        with open_header(task) as header:
            image = rgb(to_srgb(header.decode(at_least=(2 * want.size, 2 * want.size))))
    except MediaError as error:
        return error
    task.progress(50, "looking at it")
    return prepared(image, want)


def _written(task: Task[Embedding], vector: Floats, model: UsedModel, output: str) -> Embedded:
    import numpy as np  # noqa: PLC0415

    from runyard.services.compute.models.vectors import as_list, normalised  # noqa: PLC0415

    if task.params.normalize:
        vector = normalised(vector)
    np.save(task.output(output), vector)
    return Embedded(embedding=as_list(vector), embedding_dim=len(vector), normalized=task.params.normalize, model=model)
