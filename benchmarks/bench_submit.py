"""``ci submit test`` on an example with a warm environment, against the same pytest by hand in the same environment."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runyard.testing.running import RunningYard

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "calculator"
ROUNDS = 7


def timed(command: list[str], **options: object) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    return time.perf_counter() - start


def main() -> None:
    ci = str(Path(sys.executable).parent / "ci")
    with RunningYard() as yard, tempfile.TemporaryDirectory() as folder:
        user = yard.user()
        subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", folder], check=True)
        python = f"{folder}/bin/python"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "uv",
                "pip",
                "install",
                "--quiet",
                "--python",
                python,
                "-r",
                EXAMPLE / "requirements.txt",
            ],
            check=True,
        )
        timed([ci, "submit", "test"], cwd=EXAMPLE, env=user.environment)
        ours, hand = [], []
        for _ in range(ROUNDS):
            ours.append(timed([ci, "submit", "test"], cwd=EXAMPLE, env=user.environment))
            hand.append(
                timed(
                    [python, "-m", "pytest", "-v", "-p", "no:cacheprovider"],
                    cwd=EXAMPLE,
                    env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                )
            )
    more = statistics.median(ours) - statistics.median(hand)
    print(
        f"ci submit test, warm: {statistics.median(ours):.2f} s; pytest by hand: {statistics.median(hand):.2f} s;"
        f" {more:.2f} s more, ratio {statistics.median(ours) / statistics.median(hand):.2f}"
    )


if __name__ == "__main__":
    main()
