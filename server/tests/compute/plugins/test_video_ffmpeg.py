"""Running FFmpeg: progress, complaints, and nothing left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.services.compute.media.ffmpeg import FFmpegFailed, run_ffmpeg

ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "null", "-")
PARENT = """
import os, sys
from pathlib import Path
from runyard.services.compute.media.ffmpeg import run_ffmpeg
run_ffmpeg(sys.argv[2:], Path(sys.argv[1]), progress=lambda _: print("working", flush=True))
"""


def running_in(folder: Path) -> list[int]:
    """Processes whose working folder it is."""
    found = []
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and os.readlink(f"{entry.path}/cwd") == str(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def ended(pid: int) -> bool:
    """Whether the process ends within the deadline."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 20)[0])
    finally:
        os.close(handle)


def test_progress_is_told_in_seconds_up_to_the_end(tmp_path: Path) -> None:
    told: list[float] = []
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=4")
    written = run_ffmpeg([*source, "a.mkv"], tmp_path, progress=told.append)
    assert written == told[-1] == pytest.approx(4, abs=0.1)
    assert told == sorted(told)
    assert (tmp_path / "a.mkv").stat().st_size > 0


def test_a_failure_says_what_ffmpeg_said(tmp_path: Path) -> None:
    with pytest.raises(FFmpegFailed, match="No such file or directory") as caught:
        run_ffmpeg(["-i", "missing.mp4", "a.mkv"], tmp_path, progress=lambda _: None)
    assert caught.value.code > 0
    assert not any(" @ 0x" in line for line in caught.value.complaints)


def test_names_that_look_like_patterns_or_options_are_harmless_in_the_folder(tmp_path: Path) -> None:
    odd = tmp_path / "-100%03d [ü]"
    odd.mkdir()
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1")
    run_ffmpeg([*source, "-f", "hls", "a.m3u8"], odd, progress=lambda _: None)
    assert sorted(path.name for path in odd.iterdir()) == ["a.m3u8", "a0.ts"]


def test_whoever_stops_listening_ends_it(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(_: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        run_ffmpeg(ENDLESS, tmp_path, progress=stop)
    assert running_in(tmp_path) == []


@pytest.mark.kill
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path), *ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/") as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"working\n"
        (child,) = running_in(tmp_path)
        parent.send_signal(signal.SIGKILL)
        assert ended(child)
