"""What each plugin finds out, as typed values. Fields that a server adds are kept as they are."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue


class PluginResult(BaseModel):
    """The `task_output` of a job."""

    model_config = ConfigDict(extra="allow")


class UsedModel(PluginResult):
    """Which model made a vector; vectors of different models can't be compared."""

    name: str
    sha256: str


class EmbeddingResult(PluginResult):
    """`clip_embedding` and `dino_embedding`: a picture as a vector. Original servers leave it in the file alone."""

    embedding_dim: int
    normalized: bool
    embedding: list[float] | None = None
    model: UsedModel | None = None


class GPSPosition(PluginResult):
    """Where a picture was taken: degrees, south and west negative; metres; UTC."""

    latitude: float
    longitude: float
    altitude: float | None = None
    timestamp: str | None = None


class ExifResult(PluginResult):
    """`exif`: what a picture says about itself; None for what it doesn't say."""

    make: str | None = None
    model: str | None = None
    date_time_original: str | None = None
    create_date: str | None = None
    image_width: int | None = None
    image_height: int | None = None
    orientation: int | None = None
    iso: int | None = None
    f_number: float | None = None
    exposure_time: str | None = None
    focal_length: float | None = None
    gps_latitude: float | None = None
    gps_longitude: float | None = None
    gps_altitude: float | None = None
    software: str | None = None
    raw_metadata: dict[str, JsonValue] = {}
    lens_model: str | None = None
    gps_timestamp: str | None = None
    media_type: str | None = None
    Make: str | None = None
    Model: str | None = None
    DateTime: str | None = None
    GPS: GPSPosition | None = None


class BoundingBox(PluginResult):
    """A box, as shares of the picture's width and height from its upper left corner."""

    x1: float
    y1: float
    x2: float
    y2: float


class Landmarks(PluginResult):
    """Points of a face, as shares of width and height. Left and right are the person's."""

    right_eye: tuple[float, float]
    left_eye: tuple[float, float]
    nose_tip: tuple[float, float]
    mouth_right: tuple[float, float]
    mouth_left: tuple[float, float]


class Face(PluginResult):
    """A face. `file_path` is its cut-out, for `download_job_file`."""

    bbox: BoundingBox
    confidence: float
    landmarks: Landmarks | None = None
    file_path: str | None = None


class FaceDetectionResult(PluginResult):
    """`face_detection`: all faces."""

    faces: list[Face]
    num_faces: int
    image_width: int
    image_height: int


class EmbeddedFace(PluginResult):
    """Whose embedding stands at the same place; `confidence` is None where the whole picture was taken for a face."""

    bbox: BoundingBox
    confidence: float | None = None


class FaceEmbeddingResult(PluginResult):
    """`face_embedding`: a vector for each face; `embedding` is that of the largest."""

    embedding_dim: int
    normalized: bool
    quality_score: float | None = None
    embeddings: list[list[float]] = []
    embedding: list[float] | None = None
    faces: list[EmbeddedFace] = []
    num_faces: int | None = None


class HashResult(PluginResult):
    """`hash`: digests, and hashes that are close for pictures that look alike."""

    media_type: str
    hash_value: str | None = None
    algorithm: str | None = None
    sha256: str | None = None
    md5: str | None = None
    phash: str | None = None
    dhash: str | None = None
    ahash: str | None = None
    whash: str | None = None
    colorhash: str | None = None
    frames: list[str] = []


class Rendition(PluginResult):
    """One step of an HLS ladder. `bitrate` is in kbit/s, None for the original."""

    resolution: int
    width: int
    height: int
    bitrate: int | None
    playlist: str
    segments: int


class HlsStreamingResult(PluginResult):
    """`hls_streaming`: the ladder; `manifest_path` is for `download_job_file`, `duration` in seconds."""

    master_playlist: str
    variants_generated: int
    total_segments: int
    include_original: bool
    manifest_path: str | None = None
    variants: list[Rendition] = []
    duration: float | None = None


class ImageConversionResult(PluginResult):
    """`image_conversion`: the new picture; `size` is in bytes."""

    output_path: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    size: int | None = None
    quality: int | None = None
    frames: int | None = None


class MediaThumbnailResult(PluginResult):
    """`media_thumbnail`: the thumbnail."""

    media_type: str
    thumbnail_path: str | None = None
    output_path: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None


RESULTS: dict[str, type[PluginResult]] = {
    "clip_embedding": EmbeddingResult,
    "dino_embedding": EmbeddingResult,
    "exif": ExifResult,
    "face_detection": FaceDetectionResult,
    "face_embedding": FaceEmbeddingResult,
    "hash": HashResult,
    "hls_streaming": HlsStreamingResult,
    "image_conversion": ImageConversionResult,
    "media_thumbnail": MediaThumbnailResult,
}
"""The type of each plugin's results. Other plugins give a plain `PluginResult`."""


def result_of(task_type: str, task_output: Mapping[str, JsonValue] | None) -> PluginResult | None:
    """The output as its plugin's type; None without an output."""
    if task_output is None:
        return None
    return RESULTS.get(task_type, PluginResult).model_validate(task_output)
