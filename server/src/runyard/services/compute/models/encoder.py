"""A model that makes a vector of a picture: how it is tried out, loaded and run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from runyard.services.compute.models.card import ModelCard, Preparation
from runyard.services.compute.models.errors import ModelError
from runyard.services.compute.models.session import Floats, Network
from runyard.services.compute.models.shelf import Shelf

RESAMPLING: Final = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded model with what is known of it."""

    card: ModelCard
    network: Network

    def encode(self, pictures: Sequence[Floats]) -> Floats:
        """One row of `dim` numbers for each prepared picture, in as few runs as the model allows.

        Raises:
            ModelError: the model fails, or gives what are no numbers.
        """
        batch = np.stack(pictures)
        whole = self.network.shape[0] != 1
        vectors = np.concatenate(
            [_vectors(self.network, part, self.card.output) for part in ([batch] if whole else _singly(batch))]
        )
        if vectors.shape[1] != self.card.dim:
            raise ModelError(f"The model gives {vectors.shape[1]} numbers and should give {self.card.dim}.")
        if not np.isfinite(vectors).all():
            raise ModelError("The model gives values that are no numbers (NaN or infinity). Get it again.")
        return vectors


def encoder(models: Path, name: str) -> Encoder:
    """The model of this name, loaded; the same one as long as its files don't change.

    Args:
        models: the folder of the shelf.
        name: of the model.

    Raises:
        ModelError: it is not there, is not what it was when it came, or can't be loaded.
    """
    shelf = Shelf(models)
    shelf.card(name)  # says what is missing, where the next line would only fail
    stamps = tuple((stat.st_mtime_ns, stat.st_size) for stat in (path.stat() for path in shelf.files(name)))
    return _loaded(shelf, name, stamps)


@lru_cache(maxsize=4)
def _loaded(shelf: Shelf, name: str, _stamps: tuple[tuple[int, int], ...]) -> Encoder:
    return Encoder(shelf.checked(name), Network.load(shelf.model(name)))


def prepared(image: Image.Image, want: Preparation) -> Floats:
    """An RGB picture as the model wants it, shape (3, size, size)."""
    square, resampling = (want.size, want.size), RESAMPLING[want.resample]
    if want.fit == "crop":
        fitted = ImageOps.fit(image, square, resampling)
    else:
        fitted = image.resize(square, resampling, reducing_gap=3.0)
    mean, std = np.array(want.mean, np.float32), np.array(want.std, np.float32)
    values = np.asarray(fitted, np.float32) / np.float32(255)
    return np.ascontiguousarray(((values - mean) / std).transpose(2, 0, 1))


def tried_out(path: Path, size: int, *, output: str | None = None, dim: int | None = None) -> tuple[str, int]:
    """Which output of an ONNX file is a vector of a picture, and how long it is, found by running it.

    Args:
        path: the ONNX file.
        size: side of the square to show it.
        output: which output to look at; by default the first that can be one.
        dim: how long it has to be.

    Raises:
        ModelError: it can't be loaded or run on such a picture, or none of its outputs will do.
    """
    network = Network.load(path)
    count, channels, *sides = network.shape
    if channels == size or network.shape[3] == 3:
        raise ModelError(f"The model wants its colours last, {network.shape}. Export it with them first: N, 3, H, W.")
    if isinstance(count, int) and count != 1:
        raise ModelError(f"The model wants exactly {count} pictures at once. Export it with a free first axis, or 1.")
    if any(isinstance(side, int) and side != size for side in sides):
        raise ModelError(f"The model looks at pictures of {sides[0]} x {sides[1]} pixels, not {size} x {size}.")
    if output is not None and output not in network.outputs:
        raise ModelError(f"The model has no output {output!r}; it has {', '.join(map(repr, network.outputs))}.")
    black = np.zeros((1 if count == 1 else 2, 3, size, size), np.float32)  # two: some only say they take any number
    found = {name: _length(network, black, name) for name in ([output] if output else network.outputs)}
    for name, length in found.items():
        if length is not None and dim in (None, length):
            return name, length
    told = ", ".join(f"{name!r} of {length or 'another shape'}" for name, length in found.items())
    raise ModelError(f"The model gives {told}; needed is a vector{'' if dim is None else f' of {dim} numbers'}.")


def _length(network: Network, pictures: Floats, output: str) -> int | None:
    (found,) = network.run(pictures, [output])
    return int(found.shape[-1]) if found.ndim in (2, 3) and len(found) == len(pictures) else None


def _vectors(network: Network, batch: Floats, output: str) -> Floats:
    """Of a sequence (N, tokens, dim) the first token, which stands for the picture."""
    (found,) = network.run(batch, [output])
    if found.ndim not in (2, 3) or len(found) != len(batch):
        raise ModelError(f"The model gives {found.shape} for {len(batch)} pictures; needed are vectors.")
    return found if found.ndim == 2 else found[:, 0]


def _singly(batch: Floats) -> Iterator[Floats]:
    return (batch[one : one + 1] for one in range(len(batch)))
