"""How a model comes onto the shelf: tried out first, and described by what that showed."""

from __future__ import annotations

from pathlib import Path

from runyard.services.compute.models.card import ModelCard, Preparation
from runyard.services.compute.models.digest import digest_of
from runyard.services.compute.models.shelf import Shelf


def add(
    shelf: Shelf,
    name: str,
    file: Path,
    *,
    preparation: Preparation,
    dim: int | None = None,
    output: str | None = None,
    licence: str = "unknown",
    source: str = "unknown",
) -> ModelCard:
    """Put a copy of an ONNX file on the shelf after it has made a vector of a picture.

    Args:
        shelf: where to.
        name: what it is called there; what had the name before is replaced.
        file: the ONNX file, all of it in one.
        preparation: what it wants done to pictures.
        dim: how many numbers it has to give.
        output: which of its outputs to use; by default the first that will do.
        licence: under what terms it may be used.
        source: where it came from.

    Raises:
        ModelError: it can't be used, and why. The shelf is as it was.
    """
    from runyard.services.compute.models.encoder import tried_out  # noqa: PLC0415  (loads onnxruntime)

    def describe(model: Path) -> ModelCard:
        chosen, length = tried_out(model, preparation.size, output=output, dim=dim)
        return ModelCard(
            **preparation.model_dump(), dim=length, output=chosen, sha256=digest_of(model),
            bytes=model.stat().st_size, licence=licence, source=source,
        )  # fmt: skip

    return shelf.put(name, file, describe)
