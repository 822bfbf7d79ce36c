"""The client's constants: addresses, topics, endpoints, times."""

from __future__ import annotations

from typing import ClassVar


class ComputeClientConfig:
    """Defaults. Times are in seconds."""

    DEFAULT_HOST: ClassVar[str] = "localhost"
    DEFAULT_PORT: ClassVar[int] = 8002
    DEFAULT_BASE_URL: ClassVar[str] = "http://localhost:8002"
    DEFAULT_TIMEOUT: ClassVar[float] = 30.0

    MQTT_BROKER_HOST: ClassVar[str] = "localhost"
    MQTT_BROKER_PORT: ClassVar[int] = 1883
    MQTT_URL: ClassVar[str] = "mqtt://localhost:1883"
    MQTT_CAPABILITY_TOPIC_PREFIX: ClassVar[str] = "inference/workers"
    MQTT_JOB_EVENTS_TOPIC: ClassVar[str] = "inference/events"
    MQTT_USER_TOPIC_PREFIX: ClassVar[str] = "runyard/users"

    ENDPOINT_GET_JOB: ClassVar[str] = "/jobs/{job_id}"
    ENDPOINT_DELETE_JOB: ClassVar[str] = "/jobs/{job_id}"
    ENDPOINT_GET_JOB_FILE: ClassVar[str] = "/jobs/{job_id}/files/{file_path}"
    ENDPOINT_CAPABILITIES: ClassVar[str] = "/capabilities"
    PLUGIN_ENDPOINTS: ClassVar[dict[str, str]] = {
        "clip_embedding": "/jobs/clip_embedding",
        "dino_embedding": "/jobs/dino_embedding",
        "exif": "/jobs/exif",
        "face_detection": "/jobs/face_detection",
        "face_embedding": "/jobs/face_embedding",
        "hash": "/jobs/hash",
        "hls_streaming": "/jobs/hls_streaming",
        "image_conversion": "/jobs/image_conversion",
        "media_thumbnail": "/jobs/media_thumbnail",
    }

    DEFAULT_POLL_INTERVAL: ClassVar[float] = 1.0
    MAX_POLL_BACKOFF: ClassVar[float] = 10.0
    POLL_BACKOFF_MULTIPLIER: ClassVar[float] = 1.5
    WORKER_WAIT_TIMEOUT: ClassVar[float] = 30.0
    WORKER_CAPABILITY_CHECK_INTERVAL: ClassVar[float] = 1.0

    @classmethod
    def get_plugin_endpoint(cls, task_type: str) -> str:
        """Where jobs of one of the nine task types are submitted.

        Raises:
            ValueError: it is none of the nine.
        """
        try:
            return cls.PLUGIN_ENDPOINTS[task_type]
        except KeyError:
            available = ", ".join(sorted(cls.PLUGIN_ENDPOINTS))
            raise ValueError(f"Unknown task type: {task_type!r}. Available: {available}") from None
