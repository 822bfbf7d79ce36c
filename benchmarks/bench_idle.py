"""What an idle yard takes (memory with database, CPU), and what an upload of 1 GB adds.

Memory is the proportional set size of all its processes: shared pages count once. Baseline of the upload: the size of
the body.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import requests

from runyard.testing.running import RunningYard

QUIET = 20.0
UPLOAD = int(os.environ.get("UPLOAD_MB", "1024")) * 1024 * 1024


def processes(yard: RunningYard) -> list[psutil.Process]:
    """The API, its worker, and the Postgres of its folder."""
    api = next(p for p in psutil.process_iter(["pid"]) if p.pid == yard.pid)
    found = [api, *api.children(recursive=True)]
    postmaster = int((yard.data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    database = psutil.Process(postmaster)
    return [*found, database, *database.children(recursive=True)]


def memory(group: list[psutil.Process]) -> float:
    return sum(p.memory_full_info().pss for p in group) / 1e6


def cpu(group: list[psutil.Process]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in group)


def body() -> Iterator[bytes]:
    """A multipart body of random bytes; not a zip, which the worker will find, not the server."""
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="project.zip"\r\n'
    yield b"Content-Type: application/zip\r\n\r\n"
    block = os.urandom(1024 * 1024)
    for _ in range(UPLOAD // len(block)):
        yield block
    yield b"\r\n--x--\r\n"


def main() -> None:
    with RunningYard() as yard:
        user = yard.user()
        yard.worker()
        time.sleep(5)
        group = processes(yard)
        for process in group:
            name = " ".join(process.cmdline())[:70] or process.name()
            print(f"  {process.memory_full_info().pss / 1e6:6.1f} MB  {name}", file=sys.stderr)
        before = cpu(group)
        time.sleep(QUIET)
        share = (cpu(group) - before) / QUIET
        idle = memory(group)
        print(f"idle yard: {idle:.0f} MB with database (reach 200; ratio {idle / 200:.2f}), {share:.2%} of a core")

        api = psutil.Process(yard.pid)
        start = peak = api.memory_info().rss
        done = threading.Event()

        def sample() -> None:
            nonlocal peak
            while not done.wait(0.02):
                peak = max(peak, api.memory_info().rss)

        sampler = threading.Thread(target=sample)
        sampler.start()
        begin = time.perf_counter()
        answer = requests.post(
            f"{yard.url}/submit-async", data=body(), timeout=600,
            headers={"Authorization": f"Bearer {user.api_key}", "Content-Type": "multipart/form-data; boundary=x"},
        )  # fmt: skip
        took = time.perf_counter() - begin
        done.set()
        sampler.join()
        answer.raise_for_status()
        growth = (peak - start) / 1e6
        print(
            f"upload of {UPLOAD / 1e6:.0f} MB: server grew {growth:.0f} MB"
            f" (ratio to the body {growth * 1e6 / UPLOAD:.3f}), {UPLOAD / 1e6 / took:.0f} MB/s"
        )


if __name__ == "__main__":
    main()
