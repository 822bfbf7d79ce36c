"""The plugin `dino_embedding`: a picture as a vector of 384 numbers, made by DINOv2 ViT-S/14."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from runyard.services.compute.models.embedding import BATCH, Embedded, Embedding, embed, lacking
from runyard.services.compute.models.known import DINO
from runyard.services.compute.plugin import MediaError, Task, batch_plugin

OUTPUT: Final = "output/dino_embedding.npy"


@batch_plugin("dino_embedding", output=OUTPUT, batch=BATCH, missing=lacking(DINO))
def dino_embedding(tasks: Sequence[Task[Embedding]]) -> Sequence[Embedded | MediaError]:
    """Describe a picture with 384 numbers, near each other for pictures that look alike."""
    return embed(tasks, DINO, output=OUTPUT)
