"""Runs the FFmpeg program: told how far it is, and what it has to complain about."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import imageio_ffmpeg  # type: ignore[import-untyped]

_KEPT_LINES: Final = 20
_TOLD: Final = re.compile(r"(?:out_time_us=(?P<microseconds>\d+)|[a-z]\w*=.*)$")
"""A line of ``-progress``: name and value. Complaints never look like that."""
_ORIGIN: Final = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] ?")


class FFmpegFailed(Exception):
    """It ended with an error. The text is the first of its complaints: others follow from it.

    Attributes:
        code: its exit code; negative if a signal ended it.
        complaints: its last lines, without addresses in memory.
    """

    def __init__(self, code: int, complaints: Sequence[str]) -> None:
        super().__init__(complaints[0] if complaints else f"FFmpeg ended with code {code}")
        self.code = code
        self.complaints = tuple(complaints)


def run_ffmpeg(arguments: Sequence[str], folder: Path, *, progress: Callable[[float], None]) -> float:
    """Run it to its end.

    Args:
        arguments: what follows the options that are always given.
        folder: where it runs: its output goes to relative paths, since it takes ``%`` in others for a pattern.
        progress: called now and then with the seconds it has written.

    Returns:
        The seconds of output it has written.

    Raises:
        FFmpegFailed: it ended with an error.
    """
    command = [*_tied_to_us(), _program(), "-nostdin", "-hide_banner", "-loglevel", "error", "-nostats"]
    command += ["-progress", "pipe:1", "-stats_period", "0.25", "-y", *arguments]
    complaints: deque[str] = deque(maxlen=_KEPT_LINES)
    written = 0.0
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if told := _TOLD.match(line):
                    if told["microseconds"] is not None:
                        written = max(written, int(told["microseconds"]) / 1e6)
                        progress(written)
                elif text := _ORIGIN.sub("", line).strip():
                    complaints.append(text[:500])
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise FFmpegFailed(process.returncode, complaints)
    return written


@cache
def _program() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@cache
def _tied_to_us() -> tuple[str, ...]:
    """Has the kernel end it when this process dies, where util-linux is at hand. The sandbox sees to it as well."""
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")
