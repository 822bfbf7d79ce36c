"""`hls_streaming` as a job: FFmpeg works in the sandbox, and its files become the job's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runyard.jobs import State

from .videos import film


async def test_a_video_becomes_playlists_and_segments(bench: Any, tmp_path: Path) -> None:
    content = film(tmp_path / "a.mp4", sound=True).read_bytes()
    variants = [{"resolution": 90, "bitrate": 200}]
    job, events = await bench.story(await bench.submit("hls_streaming", content, name="a.mp4", variants=variants))
    assert job.state is State.SUCCEEDED, job.error
    assert job.result is not None
    master = (await bench.read(job, "output/adaptive.m3u8")).decode()
    playlist = (await bench.read(job, "output/adaptive-90p-200.m3u8")).decode()
    assert "adaptive-90p-200.m3u8" in master
    assert "adaptive-90p-200-000.ts" in playlist
    assert (await bench.read(job, "output/adaptive-90p-200-000.ts"))[:1] == b"G"
    assert [event for event in events if event.type == "progress"]
