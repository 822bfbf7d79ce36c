"""What embeddings have in common: their length as vectors, and how they are written."""

from __future__ import annotations

import numpy as np

from runyard.services.compute.models.session import Floats


def normalised(vectors: Floats) -> Floats:
    """The rows at length 1. A row of zeros has no direction and stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def as_list(vector: Floats) -> list[float]:
    """The numbers with the fewest digits that still mean the same single-precision number: half the JSON."""
    return [float(str(value)) for value in vector]
