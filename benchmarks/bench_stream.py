"""How long a line takes from a test's print to a client, and how fast a long log is replayed.

Baseline of the latency: the same lines through a bare pipe between two processes. Baseline of the replay: reading the
same bytes from a bare uvicorn route.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests

import ci_client
from runyard.testing.running import RunningYard, TestUser

LINES = 200
INTERVAL = 0.02
REPLAY = 50_000

PROJECT = {
    "requirements.txt": "pytest\n",
    "pytest.ini": "[pytest]\naddopts = -s\n",
    "test_print.py": f"""\
import os, time

def test_print():
    for _ in range(int(os.environ.get("LINES", {LINES}))):
        print("T", time.time_ns(), flush=True)
        time.sleep(float(os.environ.get("INTERVAL", {INTERVAL})))

def test_long():
    print("\\n".join(f"line {{n:06d}} of a long log that somebody wants to read again" for n in
    range(int(os.environ.get("LONG", 0)))))
""",
}


def project(folder: Path) -> Path:
    for name, text in PROJECT.items():
        (folder / name).write_text(text)
    return folder


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def watch(user: TestUser, job: str, delays: list[float]) -> None:
    """Read the stream as bytes, so that a hundred watchers in one process do not measure themselves."""
    answer = requests.get(
        f"{user.server_url}/jobs/{job}/stream", params={"from_beginning": "true"},
        headers={"Authorization": f"Bearer {user.api_key}"}, stream=True, timeout=60,
    )  # fmt: skip
    text = ""
    for line in answer.iter_lines(chunk_size=None):
        now = time.time_ns()
        if line.startswith(b'data: {"type": "log"'):
            text += json.loads(line[6:])["data"]
            *whole, text = text.split("\n")
            delays += [(now - int(one.split()[-1])) / 1e6 for one in whole if one.split()[-2:-1] == ["T"]]


def latency(user: TestUser, folder: Path, watchers: int) -> None:
    client = ci_client.CI(user.server_url, api_key=user.api_key)
    job = client.submit(folder, env={"LINES": str(LINES), "LONG": "0"})
    delays: list[float] = []
    threads = [threading.Thread(target=watch, args=(user, job.id, delays)) for _ in range(watchers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(delays) == LINES * watchers, f"{len(delays)} lines of {LINES * watchers}"
    base = pipe_latency()
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    print(
        f"line printed -> line at the client, {watchers} watcher(s): p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        f" (a bare pipe: p50 {base:.2f} ms; ratio {p50 / base:.0f})"
    )


def pipe_latency() -> float:
    code = "import time\nfor _ in range(100):\n print(time.time_ns(), flush=True); time.sleep(0.01)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return percentile([(time.time_ns() - int(line)) / 1e6 for line in process.stdout], 0.5)


def replay(user: TestUser, folder: Path) -> None:
    client = ci_client.CI(user.server_url, api_key=user.api_key)
    job = client.submit(folder, env={"LINES": "1", "LONG": str(REPLAY)})
    job.result(timeout=120)
    best, lines = 9e9, 0
    for _ in range(3):
        start = time.perf_counter()
        lines = sum(isinstance(event, ci_client.Log) for event in job.events())
        best = min(best, time.perf_counter() - start)
    start = time.perf_counter()
    answer = requests.get(
        f"{user.server_url}/jobs/{job.id}/stream", params={"from_beginning": "true"},
        headers={"Authorization": f"Bearer {user.api_key}"}, timeout=60,
    )  # fmt: skip
    raw = time.perf_counter() - start
    print(
        f"replay of a {lines}-line log to one client: {best:.2f} s"
        f" (the same {len(answer.content) / 1e6:.1f} MB read without decoding: {raw:.2f} s; ratio {best / raw:.1f})"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name, RunningYard() as yard:
        user = yard.user()
        folder = project(Path(name))
        ci_client.CI(yard.url, api_key=user.api_key).submit(folder, env={"LINES": "1"}).result(timeout=120)
        latency(user, folder, 1)
        latency(user, folder, 100)
        replay(user, folder)


if __name__ == "__main__":
    main()
