"""Packaging 1,000 files with 11 MB of text, against zipfile at its default level.

And `ci --help`, against bare Python.
"""

from __future__ import annotations

import io
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from ci_client.package import build_package

ROUNDS = 5


def tree(folder: Path) -> int:
    words = [f"word{n}" for n in range(2000)]
    rng = random.Random(1)
    size = 0
    for n in range(1000):
        text = "\n".join(" ".join(rng.choices(words, k=12)) for _ in range(130))
        path = folder / f"pkg{n % 20}" / f"module_{n}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        size += len(text)
    return size


def plain(folder: Path) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return buffer.tell()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = tree(folder)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            with build_package(folder) as package:
                packed = package.size
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            reference = plain(folder)
            theirs.append(time.perf_counter() - start)
    a, b = statistics.median(ours), statistics.median(theirs)
    print(
        f"packaging 1,000 files, {size / 1e6:.1f} MB: {a:.2f} s, {packed / 1e6:.1f} MB;"
        f" zipfile's default {b:.2f} s, {reference / 1e6:.1f} MB; ratio {a / b:.2f}"
    )
    bare = startup([sys.executable, "-c", "pass"])
    ci = startup([str(Path(sys.executable).parent / "ci"), "--help"])
    print(f"ci --help: {ci * 1000:.0f} ms (python -c pass: {bare * 1000:.0f} ms; ratio {ci / bare:.1f})")


def startup(command: list[str]) -> float:
    times = []
    for _ in range(15):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
