"""Models the plugins of the yard are made for, and where to get them.

The digests are those of the files as published, recorded by several independent projects that use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runyard.services.compute.models.card import Preparation


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model by the name it has on the shelf.

    Attributes:
        about: what to call it in a sentence.
        plugin: which plugin needs it.
        dim: how many numbers the plugin promises.
        url: the ONNX file.
    """

    name: str
    about: str
    plugin: str
    dim: int
    preparation: Preparation
    url: str
    sha256: str
    bytes: int | None = None
    licence: str

    @property
    def remedy(self) -> str:
        """How to get it."""
        return f"runyard models pull {self.name}, or: runyard models add {self.name} FILE"


CLIP: Final = KnownModel(
    name="clip",
    about="the image tower of CLIP ViT-B/32",
    plugin="clip_embedding",
    dim=512,
    preparation=Preparation(
        size=224,
        mean=(0.48145466, 0.4578275, 0.40821073),
        std=(0.26862954, 0.26130258, 0.27577711),
        resample="bicubic",
    ),
    url="https://huggingface.co/Qdrant/clip-ViT-B-32-vision/resolve/main/model.onnx",
    sha256="c68d3d9a200ddd2a8c8a5510b576d4c94d1ae383bf8b36dd8c084f94e1fb4d63",
    bytes=351_686_194,
    licence="MIT",
)
DINO: Final = KnownModel(
    name="dino",
    about="DINOv2 ViT-S/14",
    plugin="dino_embedding",
    dim=384,
    preparation=Preparation(size=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), resample="bilinear"),
    url="https://huggingface.co/Xenova/dinov2-small/resolve/main/onnx/model.onnx",
    sha256="83141175ec78b4ff9a2bb58a4c7c264ba0054d1c2e122e5a8114b79a8d4179ea",
    licence="Apache-2.0",
)

KNOWN: Final[Mapping[str, KnownModel]] = {model.name: model for model in (CLIP, DINO)}


def shelf_name(name: str) -> str:
    """The name on the shelf of the model that ``name`` means: plugins' names will do."""
    return next((model.name for model in KNOWN.values() if name == model.plugin), name)
