"""The nine plugin clients: their names, their fields, their options."""

import re
from pathlib import Path
from unittest.mock import AsyncMock, MagicMock

import pytest

from cl_client.models import JobResponse
from cl_client.plugins import BasePluginClient

CALLS = [
    ("clip_embedding", "embed_image", {"image": b"x", "normalize": False}, {"normalize": "false"}),
    ("dino_embedding", "embed_image", {"image": b"x"}, {}),
    ("exif", "extract", {"image": b"x", "tags": ["Make", "Model"]}, {"tags": "Make,Model"}),
    ("face_detection", "detect", {"image": b"x", "confidence_threshold": 0.5}, {"confidence_threshold": "0.5"}),
    ("face_embedding", "embed_faces", {"image": b"x", "normalize": True}, {"normalize": "true"}),
    ("hash", "compute", {"image": b"x", "algorithm": "md5"}, {"algorithm": "md5"}),
    (
        "hls_streaming",
        "generate_manifest",
        {"video": b"x", "variants": [{"resolution": 480, "bitrate": 900}], "include_original": True},
        {"variants": '[{"resolution": 480, "bitrate": 900}]', "include_original": "true"},
    ),
    ("hls_streaming", "generate_manifest", {"input_absolute_path": "/v.mp4"}, {"input_absolute_path": "/v.mp4"}),
    ("image_conversion", "convert", {"image": b"x", "output_format": "jpg"}, {"format": "jpg"}),
    (
        "image_conversion",
        "convert",
        {"image": b"x", "output_format": "webp", "quality": 90, "target_size": 9000},
        {"format": "webp", "quality": "90", "target_size": "9000"},
    ),
    (
        "media_thumbnail",
        "generate",
        {"media": b"x", "width": 256, "height": 128, "fit": "cover", "maintain_aspect_ratio": True},
        {"width": "256", "height": "128", "fit": "cover", "maintain_aspect_ratio": "true"},
    ),
]


@pytest.mark.parametrize(("name", "method", "arguments", "fields"), CALLS)
async def test_a_call_sends_its_fields_and_no_others(yard, connect, name, method, arguments, fields):
    client = connect(yard)
    plugin = getattr(client, name)
    assert plugin is getattr(client, name)
    job = await getattr(plugin, method)(**arguments, priority=7)
    assert job.task_type == name
    form = yard.bodies[0].decode()
    sent = dict(re.findall(r'name="(\w+)"\r\n\r\n(.*)\r\n', form))
    assert sent == {**fields, "priority": "7"}


async def test_a_ladder_needs_one_video(yard, connect):
    with pytest.raises(ValueError, match="input_absolute_path"):
        await connect(yard).hls_streaming.generate_manifest()


async def test_any_plugin_can_be_asked_without_a_file(yard, connect):
    job = await BasePluginClient(connect(yard), "count words").submit_job({"text": "a b"})
    assert job.task_type == "count words"


@pytest.fixture
def server():
    """A client that only knows the original methods."""
    job = JobResponse(job_id="j", task_type="hash", status="queued", created_at=1)
    server = MagicMock()
    server.http_submit_job = AsyncMock(return_value="j")
    server.get_job = AsyncMock(return_value=job)
    server.wait_for_job = AsyncMock(return_value=job.model_copy(update={"status": "completed"}))
    server.mqtt_subscribe_job_updates.return_value = "s"
    return server


async def test_the_original_steps_of_a_submission(server, photo):
    plugin = BasePluginClient(server, "hash")
    assert (plugin.task_type, plugin.endpoint) == ("hash", "/jobs/hash")
    assert repr(plugin) == "BasePluginClient('hash')"
    on_complete = print
    job = await plugin.submit_with_files(files={"file": photo}, wait=True, timeout=30.0, on_complete=on_complete)
    assert job.status == "completed"
    assert server.http_submit_job.call_args.args == ("/jobs/hash",)
    server.wait_for_job.assert_called_once_with(job_id="j", timeout=30.0)
    server.mqtt_subscribe_job_updates.assert_called_once_with(
        job_id="j", on_progress=None, on_complete=on_complete, task_type="hash"
    )


async def test_a_missing_file_is_found_before_anything_is_sent(server):
    with pytest.raises(FileNotFoundError):
        await BasePluginClient(server, "hash").submit_with_files(files={"file": Path("/no/such/file")})
    server.http_submit_job.assert_not_called()
