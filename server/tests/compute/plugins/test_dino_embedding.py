"""`dino_embedding`: the first token of a sequence stands for the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runyard.services.compute.models.errors import ModelError
from runyard.services.compute.models.shelf import Shelf
from runyard.services.compute.plugins.dino_embedding import dino_embedding

from .media import encoded, photo
from .networks import SIDE, dino_like, install, run_all, weights

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    install(folder, "dino", dino_like(tmp_path / "dino.onnx"))
    return folder


def test_a_picture_becomes_the_384_numbers_of_the_first_token(models: Path, tmp_path: Path) -> None:
    (result,) = run_all(dino_embedding, tmp_path, models, encoded(photo(), "PNG"), normalize="0")
    small = np.asarray(photo().resize((SIDE, SIDE), Image.Resampling.BILINEAR), float) / 255
    expected = ((small - MEAN) / STD).mean(axis=(0, 1)) @ weights(3, 384)
    assert result.embedding_dim == len(result.embedding) == 384
    assert result.embedding == pytest.approx(expected, rel=1e-2, abs=1e-2)
    assert np.load(tmp_path / "0" / "output" / "dino_embedding.npy").shape == (384,)


def test_it_is_normalised_unless_told_not_to(models: Path, tmp_path: Path) -> None:
    (result,) = run_all(dino_embedding, tmp_path, models, encoded(photo(), "PNG"))
    assert result.normalized
    assert np.linalg.norm(result.embedding) == pytest.approx(1, abs=1e-6)


def test_the_card_says_which_output_and_how_to_prepare(models: Path) -> None:
    card = Shelf(models).card("dino")
    assert (card.output, card.dim, card.size, card.resample) == ("last_hidden_state", 384, 224, "bilinear")


def test_a_model_of_another_length_is_not_taken(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'last_hidden_state' of 768; needed is a vector of 384 numbers"):
        install(models, "dino", dino_like(tmp_path / "base.onnx", dim=768))
    assert dino_embedding.missing(models) is None  # the one that was there still is
