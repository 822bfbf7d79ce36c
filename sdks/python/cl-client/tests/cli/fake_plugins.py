"""What the fake server's plugins find out: little, but of the right shape, and the pictures are real."""

import hashlib
import io
import json

from PIL import Image


def picture_of(job):
    try:
        return Image.open(io.BytesIO(job.upload)).convert("RGB")
    except OSError:
        raise ValueError(f"{job.record['params']['input_path']} is no image") from None


def as_bytes(picture, form):
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


def hash_of(job):
    digest = hashlib.sha512(job.upload).hexdigest()
    output = {
        "hash_value": digest,
        "algorithm": "sha512_image",
        "media_type": "image",
        "phash": "c3d2",
        "dhash": "0f1e",
    }
    return output, {"output/hash.json": json.dumps(output).encode()}


def embedding_of(job):
    picture_of(job)
    output = {"embedding": [0.5, -0.5, 0.5, 0.5], "embedding_dim": 4, "normalized": True}
    return output, {"output/clip_embedding.npy": b"\x93NUMPY"}


def exif_of(job):
    picture = picture_of(job)
    output = {
        "make": "Nokia\x1b[2J", "model": "N95", "date_time_original": "2007:05:04 12:00:00", "gps_latitude": 48.85837,
        "gps_longitude": -2.294481, "gps_altitude": 35.0, "f_number": 2.8, "iso": 100, "exposure_time": "1/125",
        "image_width": picture.width, "image_height": picture.height,
    }  # fmt: skip
    return output, {"output/exif_metadata.json": json.dumps(output).encode()}


def faces_of(job):
    picture = picture_of(job)
    face = {
        "bbox": {"x1": 0.25, "y1": 0.25, "x2": 0.75, "y2": 0.75}, "confidence": 0.987,
        "landmarks": {"right_eye": [0.4, 0.4], "left_eye": [0.6, 0.4]}, "file_path": "faces/face_0.png",
    }  # fmt: skip
    output = {"faces": [face], "num_faces": 1, "image_width": picture.width, "image_height": picture.height}
    return output, {"output/face_detection.json": json.dumps(output).encode(), "faces/face_0.png": b"png"}


def face_embedding_of(job):
    output = {
        "embeddings": [[0.1] * 128],
        "num_faces": 1,
        "embedding_dim": 128,
        "normalized": True,
        "quality_score": 0.5,
    }
    return output, {"output/face_embedding.npy": b"\x93NUMPY"}


def ladder_of(job):
    files = {
        "output/adaptive.m3u8": b"#EXTM3U\n", "output/adaptive-720p-3500.m3u8": b"#EXTM3U\n",
        "output/adaptive-720p-3500-000.ts": b"segment",
    }  # fmt: skip
    output = {
        "master_playlist": "output/adaptive.m3u8", "manifest_path": "output/adaptive.m3u8", "variants_generated": 1,
        "total_segments": 1, "include_original": False, "duration": 2.0,
        "variants": [{"resolution": 720, "width": 1280, "height": 720, "bitrate": 3500}],
    }  # fmt: skip
    return output, files


def converted(job):
    form = job.record["params"]["format"]
    picture = picture_of(job)
    path = f"output/converted_x.{form}"
    content = as_bytes(picture, {"jpg": "jpeg"}.get(form, form))
    size = {"width": picture.width, "height": picture.height, "size": len(content)}
    return {"output_path": path, "format": form, "quality": 85, **size}, {path: content}


def thumbnail_of(job):
    picture = picture_of(job)
    picture.thumbnail((int(job.record["params"]["width"]), int(job.record["params"]["height"])))
    output = {"media_type": "image", "thumbnail_path": "output/thumbnail.jpg", "output_path": "output/thumbnail.jpg"}
    output |= {"width": picture.width, "height": picture.height}
    return output, {"output/thumbnail.jpg": as_bytes(picture, "jpeg")}


RESULTS = {
    "hash": hash_of,
    "clip_embedding": embedding_of,
    "dino_embedding": embedding_of,
    "exif": exif_of,
    "face_detection": faces_of,
    "face_embedding": face_embedding_of,
    "hls_streaming": ladder_of,
    "image_conversion": converted,
    "media_thumbnail": thumbnail_of,
}
