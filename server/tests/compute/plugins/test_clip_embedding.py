"""`clip_embedding`: one vector a picture, many pictures a run, and clear words when the model is not right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runyard.services.compute.models.card import ModelCard
from runyard.services.compute.models.digest import digest_of
from runyard.services.compute.models.errors import ModelError
from runyard.services.compute.models.session import Network
from runyard.services.compute.models.shelf import Shelf
from runyard.services.compute.plugin import MediaError
from runyard.services.compute.plugins.clip_embedding import clip_embedding

from .media import encoded, photo, turned
from .networks import SIDE, clip_like, install, run_all, weights

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])
PHOTO = encoded(photo(), "PNG")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A shelf with a tiny CLIP."""
    folder = tmp_path / "models"
    install(folder, "clip", clip_like(tmp_path / "clip.onnx"))
    return folder


def by_hand(image: Image.Image) -> np.ndarray:
    """What the tiny model makes of a picture that is prepared as CLIP wants it."""
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), float) / 255
    planes = ((small - MEAN) / STD).transpose(2, 0, 1)
    fields = planes.reshape(3, 7, 32, 7, 32).mean(axis=(2, 4))
    return fields.reshape(-1) @ weights(147, 512)


def test_a_picture_becomes_512_numbers_of_length_1(models: Path, tmp_path: Path) -> None:
    (result,) = run_all(clip_embedding, tmp_path, models, PHOTO)
    found, expected = np.array(result.embedding), by_hand(photo())
    assert (result.embedding_dim, result.normalized, found.shape) == (512, True, (512,))
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    assert found == pytest.approx(expected / np.linalg.norm(expected), abs=1e-4)


def test_the_file_has_the_same_numbers_in_single_precision(models: Path, tmp_path: Path) -> None:
    (result,) = run_all(clip_embedding, tmp_path, models, PHOTO)
    stored = np.load(tmp_path / "0" / "output" / "clip_embedding.npy")
    assert (stored.dtype, stored.shape) == (np.float32, (512,))
    assert np.array_equal(stored, np.array(result.embedding, np.float32))


def test_without_normalising_the_numbers_are_the_models_own(models: Path, tmp_path: Path) -> None:
    (result,) = run_all(clip_embedding, tmp_path, models, PHOTO, normalize="false")
    assert result.normalized is False
    assert result.embedding == pytest.approx(by_hand(photo()), rel=1e-2, abs=1e-2)


def test_the_result_says_which_model_made_it(models: Path, tmp_path: Path) -> None:
    (result,) = run_all(clip_embedding, tmp_path, models, PHOTO)
    assert (result.model.name, result.model.sha256) == ("clip", digest_of(models / "clip" / "model.onnx"))


def test_a_vector_of_zeros_stays_one(tmp_path: Path) -> None:
    models = tmp_path / "models"
    install(models, "clip", clip_like(tmp_path / "clip.onnx", scale=0))
    (result,) = run_all(clip_embedding, tmp_path, models, PHOTO)
    assert result.embedding == [0.0] * 512


def test_a_bad_picture_fails_alone(models: Path, tmp_path: Path) -> None:
    first, text, cut, last = run_all(clip_embedding, tmp_path, models, PHOTO, b"no picture", PHOTO[:300], PHOTO)
    assert isinstance(text, MediaError)
    assert isinstance(cut, MediaError)
    assert (text.reason, cut.reason) == ("unsupported_media", "bad_media")
    assert first.embedding == last.embedding


def test_pictures_that_wait_together_are_one_run(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    run = Network.run

    def counted(self: Network, pictures: np.ndarray, *rest: object) -> object:
        runs.append(len(pictures))
        return run(self, pictures, *rest)

    monkeypatch.setattr(Network, "run", counted)
    run_all(clip_embedding, tmp_path, models, *[PHOTO] * clip_embedding.batch)
    assert runs == [16]


def test_a_model_for_one_picture_at_a_time_gives_the_same(models: Path, tmp_path: Path) -> None:
    other = encoded(photo(200, 200).rotate(90), "PNG")
    together = run_all(clip_embedding, tmp_path, models, PHOTO, other)
    install(models, "clip", clip_like(tmp_path / "single.onnx", count=1))
    singly = run_all(clip_embedding, tmp_path, models, PHOTO, other)
    for one, same in zip(together, singly, strict=True):
        assert one.embedding == pytest.approx(same.embedding, abs=1e-6)
        assert one.model != same.model


def test_a_model_that_is_replaced_is_used_from_then_on(models: Path, tmp_path: Path) -> None:
    (before,) = run_all(clip_embedding, tmp_path, models, PHOTO, normalize="no")
    install(models, "clip", clip_like(tmp_path / "double.onnx", scale=2))
    (after,) = run_all(clip_embedding, tmp_path, models, PHOTO, normalize="no")
    assert np.array(after.embedding) == pytest.approx(2 * np.array(before.embedding), rel=1e-4)


def test_how_a_camera_lay_makes_no_difference(models: Path, tmp_path: Path) -> None:
    upright, lying = run_all(clip_embedding, tmp_path, models, turned(1), turned(6))
    assert np.dot(upright.embedding, lying.embedding) > 0.999


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_pictures_of_any_mode_are_seen(models: Path, tmp_path: Path, mode: str) -> None:
    image = photo().convert("L").convert("I;16") if mode == "I;16" else photo().convert(mode)
    (result,) = run_all(clip_embedding, tmp_path, models, encoded(image, "TIFF"))
    assert len(result.embedding) == 512


def test_nothing_is_missing_when_the_model_is_there(models: Path) -> None:
    assert clip_embedding.missing(models) is None


def test_a_missing_model_comes_with_the_way_to_get_it(tmp_path: Path) -> None:
    missing = clip_embedding.missing(tmp_path / "none")
    assert missing == "The model 'clip' is not installed: runyard models pull clip, or: runyard models add clip FILE"
    with pytest.raises(ModelError, match="is not installed"):
        run_all(clip_embedding, tmp_path, tmp_path / "none", PHOTO)


def test_a_model_of_another_length_is_not_loaded(models: Path, tmp_path: Path) -> None:
    card = Shelf(models).card("clip")
    (models / "clip" / "model.json").write_text(card.model_copy(update={"dim": 768}).model_dump_json())
    assert "gives 768 numbers; clip_embedding needs" in (clip_embedding.missing(models) or "")
    with pytest.raises(ModelError, match="which gives 512: runyard models pull clip"):
        run_all(clip_embedding, tmp_path, models, PHOTO)


def test_a_model_whose_card_lies_about_its_length_is_found_out(models: Path, tmp_path: Path) -> None:
    file = clip_like(models / "clip" / "model.onnx", dim=100)
    described(models, file)
    with pytest.raises(ModelError, match="gives 100 numbers and should give 512"):
        run_all(clip_embedding, tmp_path, models, PHOTO)


def test_a_damaged_model_is_found_by_its_digest(models: Path, tmp_path: Path) -> None:
    file = models / "clip" / "model.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert clip_embedding.missing(models) is None  # a quick look can't tell
    with pytest.raises(ModelError, match="SHA-256 .* was damaged or exchanged. Get it again: runyard models pull"):
        run_all(clip_embedding, tmp_path, models, PHOTO)


def test_a_model_that_is_cut_off_is_found_by_its_size(models: Path, tmp_path: Path) -> None:
    file = models / "clip" / "model.onnx"
    file.write_bytes(file.read_bytes()[:1000])
    assert "has 1000 bytes and should have" in (clip_embedding.missing(models) or "")
    with pytest.raises(ModelError, match="it is cut off or was changed"):
        run_all(clip_embedding, tmp_path, models, PHOTO)


def test_a_model_that_is_no_onnx_file_says_so(models: Path, tmp_path: Path) -> None:
    file = models / "clip" / "model.onnx"
    file.write_bytes(file.read_bytes()[:1000])
    described(models, file)
    with pytest.raises(ModelError, match=r"'model\.onnx' can't be loaded"):
        run_all(clip_embedding, tmp_path, models, PHOTO)


def test_a_model_without_its_card_says_how_to_make_one(models: Path) -> None:
    (models / "clip" / "model.json").unlink()
    missing = clip_embedding.missing(models) or ""
    assert "has no model.json beside its model.onnx" in missing
    assert f"runyard models add clip {models}/clip/model.onnx" in missing


@pytest.mark.parametrize(
    ("change", "said"),
    [({"std": [1, 0, 1]}, "std.1: Input should be greater than 0"), ({"size": None}, "size: "), (None, "Invalid JSON")],
)
def test_a_card_that_can_not_be_used_names_the_field(models: Path, change: dict[str, object] | None, said: str) -> None:
    path = models / "clip" / "model.json"
    path.write_text("{" if change is None else json.dumps(json.loads(path.read_text()) | change))
    assert said in (clip_embedding.missing(models) or "")


def described(models: Path, file: Path) -> None:
    """Makes the card fit the file, as if it had come like that."""
    card = json.loads((models / "clip" / "model.json").read_text())
    card |= {"sha256": digest_of(file), "bytes": file.stat().st_size}
    (models / "clip" / "model.json").write_text(ModelCard.model_validate(card).model_dump_json())
