"""The plugin `clip_embedding`: a picture as a vector of 512 numbers, made by the image tower of CLIP ViT-B/32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from runyard.services.compute.models.embedding import BATCH, Embedded, Embedding, embed, lacking
from runyard.services.compute.models.known import CLIP
from runyard.services.compute.plugin import MediaError, Task, batch_plugin

OUTPUT: Final = "output/clip_embedding.npy"


@batch_plugin("clip_embedding", output=OUTPUT, batch=BATCH, missing=lacking(CLIP))
def clip_embedding(tasks: Sequence[Task[Embedding]]) -> Sequence[Embedded | MediaError]:
    """Describe a picture with 512 numbers, near each other for pictures that show similar things."""
    return embed(tasks, CLIP, output=OUTPUT)
