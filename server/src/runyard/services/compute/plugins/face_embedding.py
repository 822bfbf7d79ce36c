"""The plugin `face_embedding`: 128 numbers for each face of a picture, near each other for one person."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from runyard.services.compute.faces.shapes import DIGITS, BoundingBox
from runyard.services.compute.faces.weights import identity_missing
from runyard.services.compute.plugin import Parameters, Result, Task, plugin

OUTPUT: Final = "output/face_embedding.npy"


class FaceEmbedding(Parameters):
    """What to make of the faces."""

    normalize: Annotated[bool, Field(description="Scale each embedding to length 1.")] = True
    confidence_threshold: Annotated[
        float, Field(ge=0.0, le=1.0, description="How sure it has to be that something is a face.")
    ] = 0.7


class EmbeddedFace(Result):
    """Whose embedding stands at the same place of the list.

    ``confidence`` is null where no face was found and the picture, being as small as a cut-out face, was taken for one.
    """

    bbox: BoundingBox
    confidence: float | None


class EmbeddedFaces(Result):
    """An embedding for each face, surest first.

    ``embedding`` is that of the largest face. ``quality_score``, 0 (blurred) to 1 (sharp), is of that face too.
    """

    embeddings: list[list[float]]
    embedding: list[float] | None
    faces: list[EmbeddedFace]
    num_faces: int
    embedding_dim: int
    normalized: bool
    quality_score: float | None


@plugin("face_embedding", output=OUTPUT, missing=identity_missing)
def face_embedding(task: Task[FaceEmbedding]) -> EmbeddedFaces:
    """Find faces and describe each with 128 numbers that tell people apart."""
    import numpy as np  # noqa: PLC0415  (this and the next: heavy)

    from runyard.services.compute.faces.descriptor import LENGTH, descriptors  # noqa: PLC0415
    from runyard.services.compute.faces.portraits import portraits, sharpness  # noqa: PLC0415
    from runyard.services.compute.media.colour import rgb, to_srgb  # noqa: PLC0415
    from runyard.services.compute.media.image import open_image  # noqa: PLC0415
    from runyard.services.compute.models.vectors import as_list, normalised  # noqa: PLC0415

    params = task.params
    with open_image(task) as image:
        picture = rgb(to_srgb(image))
    task.progress(20, "looking for faces")
    found = portraits(picture, confidence=params.confidence_threshold)
    task.progress(50, "describing faces")
    vectors = descriptors(picture, [portrait.box for portrait in found])
    if params.normalize:
        vectors = normalised(vectors)
    np.save(task.output(OUTPUT), vectors)
    embeddings = [as_list(vector) for vector in vectors]
    largest = max(range(len(found)), key=lambda one: found[one].area, default=None)
    return EmbeddedFaces(
        embeddings=embeddings,
        embedding=None if largest is None else embeddings[largest],
        faces=[
            EmbeddedFace(
                bbox=BoundingBox.of(portrait.box, picture.size),
                confidence=None if portrait.confidence is None else round(portrait.confidence, DIGITS),
            )
            for portrait in found
        ],
        num_faces=len(found),
        embedding_dim=LENGTH,
        normalized=params.normalize,
        quality_score=None if largest is None else round(sharpness(picture, found[largest].box), 4),
    )
