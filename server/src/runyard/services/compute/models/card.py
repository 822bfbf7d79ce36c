"""What is known of a model: the file ``model.json`` beside ``model.onnx``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints

Channels = tuple[float, float, float]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[float, Field(gt=0)]


class Preparation(BaseModel):
    """What a model wants done to a picture before it looks at it.

    Attributes:
        size: side of the square it looks at, in pixels.
        mean: taken from red, green and blue, which are 0 to 1 before.
        std: what the rest is divided by.
        resample: how the picture is brought to that size.
        fit: whether all of it is stretched to the square, or the sides are cut off what is too long.
    """

    model_config = ConfigDict(frozen=True)

    size: Annotated[int, Field(ge=8, le=2048)]
    mean: Channels
    std: tuple[Positive, Positive, Positive]
    resample: Literal["bilinear", "bicubic", "lanczos"] = "bicubic"
    fit: Literal["stretch", "crop"] = "stretch"


class ModelCard(Preparation):
    """All of ``model.json``.

    Attributes:
        dim: how many numbers it makes of a picture.
        output: which of its outputs these are. Of a sequence they are the first row.
        sha256: digest of ``model.onnx``, checked before it is loaded.
        bytes: size of ``model.onnx``.
        licence: under what terms it may be used.
        source: where it came from.
    """

    dim: PositiveInt
    output: str
    sha256: Digest
    bytes: PositiveInt
    licence: str = "unknown"
    source: str = "unknown"
