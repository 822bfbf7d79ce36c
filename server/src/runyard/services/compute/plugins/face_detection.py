"""The plugin `face_detection`: where the faces of a picture are, with landmarks and an aligned cut-out of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from runyard.services.compute.faces.shapes import DIGITS, BoundingBox, Landmarks
from runyard.services.compute.faces.weights import detection_missing
from runyard.services.compute.plugin import Parameters, Result, Task, plugin

if TYPE_CHECKING:
    from PIL import Image

    from runyard.services.compute.faces.detector import Face

OUTPUT: Final = "output/face_detection.json"

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class FaceDetection(Parameters):
    """How sure to be."""

    confidence_threshold: Annotated[Share, Field(description="How sure it has to be that something is a face.")] = 0.7
    nms_threshold: Annotated[Share, Field(description="Share of overlap above which two boxes are one face.")] = 0.4


class DetectedFace(Result):
    """One face. ``file_path`` is its aligned cut-out, or null if it lies in a way that can't be aligned."""

    bbox: BoundingBox
    confidence: float
    landmarks: Landmarks
    file_path: str | None


class DetectedFaces(Result):
    """All faces, surest first; positions are shares of the picture's width and height."""

    faces: list[DetectedFace]
    num_faces: int
    image_width: int
    image_height: int


@plugin("face_detection", output=OUTPUT, missing=detection_missing)
def face_detection(task: Task[FaceDetection]) -> DetectedFaces:
    """Find faces, their eyes, nose and mouth, and cut each out upright."""
    from runyard.services.compute.faces.detector import find_faces  # noqa: PLC0415  (this and the next: heavy)
    from runyard.services.compute.media.colour import rgb, to_srgb  # noqa: PLC0415
    from runyard.services.compute.media.image import open_image  # noqa: PLC0415

    params = task.params
    with open_image(task) as image:
        picture = rgb(to_srgb(image))
    task.progress(20, "looking for faces")
    found = find_faces(picture, confidence=params.confidence_threshold, overlap=params.nms_threshold)
    task.progress(80, "cutting faces out")
    faces = [
        DetectedFace(
            bbox=BoundingBox.of(face.box, picture.size),
            confidence=round(face.confidence, DIGITS),
            landmarks=Landmarks.of(face.landmarks, picture.size),
            file_path=_cut_out(task, picture, face, f"faces/face_{number}.png"),
        )
        for number, face in enumerate(found)
    ]
    result = DetectedFaces(faces=faces, num_faces=len(faces), image_width=picture.width, image_height=picture.height)
    task.output(OUTPUT).write_text(result.model_dump_json(indent=2))
    return result


def _cut_out(task: Task[FaceDetection], picture: Image.Image, face: Face, path: str) -> str | None:
    from runyard.services.compute.faces.align import CannotAlign, aligned  # noqa: PLC0415

    try:
        cut = aligned(picture, face.landmarks)
    except CannotAlign:
        return None
    cut.save(task.output(path))
    return path
