"""The repository analyst on a generated repository of 5,000 files with a history, in a process of its own.

Two figures to compare with: reading the same files and counting their lines, and building the syntax trees alone.
"""

from __future__ import annotations

import ast
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runyard.services.sessions.analyst import from_json

FILES = 5_000
COMMITS = 100
WORDS = ["order", "account", "ledger", "queue", "cursor", "lease", "artifact", "digest", "sandbox", "stream", "policy"]


def python(chance: random.Random, number: int) -> str:
    """A module of about 120 lines."""
    parts = [
        f'"""Part {number} of the generated application."""\n\nfrom __future__ import annotations\n\nimport json\n'
    ]
    parts.append(f"from app.package_{chance.randrange(number // 50 + 1)} import part_0\n\n")
    for each in range(10):
        name = f"{chance.choice(WORDS)}_{each}"
        parts.append(
            f"\ndef {name}(first: int, second: str = 'none') -> dict[str, int]:\n"
            f'    """What {name} does with its {chance.choice(WORDS)}."""\n'
            f"    found = {{second: first * {each} + {chance.randrange(100)}}}\n"
            f"    # {chance.choice(('TODO: ', *[''] * 49))}{chance.choice(WORDS)} before {chance.choice(WORDS)}\n"
            "    for key, value in sorted(found.items()):\n"
            "        if value > first and key:\n"
            f"            found[key] = json.loads(f'{{value}}') - {each}\n"
            "    return {**found, **{str(at): at for at in range(first)}}\n\n"
        )
    return "".join(parts)


def script(chance: random.Random, number: int) -> str:
    """A module of TypeScript of about 80 lines."""
    body = "".join(
        f"/** {chance.choice(WORDS)} {each} */\nexport function f{each}(a: number, b = `x${{a}}`): string {{\n"
        f"  // {chance.choice(WORDS)}\n  const found = [a, b].map((each) => `${{each}}`);\n"
        f"  return found.join('/') + {each};\n}}\n\n"
        for each in range(10)
    )
    return f'import {{ f0 }} from "./part{number - 1}";\n\n{body}'


def tree(folder: Path) -> None:
    chance = random.Random(5)
    (folder / "README.md").write_text("# Generated\n\nAn application for the benchmark.\n")
    (folder / "pyproject.toml").write_text('[project]\nname = "app"\ndependencies = ["httpx>=0.28"]\n')
    for number in range(FILES - 2):
        kind = number % 10
        if kind < 6:
            path, text = folder / f"src/app/package_{number // 50}/part_{number % 50}.py", python(chance, number)
        elif kind < 8:
            path, text = folder / f"web/src/area{number // 100}/part{number}.ts", script(chance, number)
        elif kind == 8:
            path = folder / f"tests/test_{number}.py"
            text = "import pytest\n\n" + "".join(f"def test_{each}():\n    assert {each} + 1\n\n" for each in range(20))
        else:
            path, text = (
                folder / f"docs/page{number}.md",
                f"# Page {number}\n\n" + "Words about the application.\n" * 30,
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.suffix == ".py" and path.parent.parent.name == "app":
            (path.parent / "__init__.py").touch()


def git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "Ada", f"GIT_{role}_EMAIL": "ada@example.com"}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)


def history(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "All of it")
    chance, files = random.Random(7), sorted(folder.glob("src/app/*/part_*.py"))
    for number in range(COMMITS - 1):
        with chance.choice(files).open("a") as file:
            file.write(f"\nVALUE_{number} = {number}\n")
        git(folder, "commit", "--quiet", "-a", "-m", f"Change {number}")


def measured(folder: Path, target: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor, and megabytes at most."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "runyard.services.sessions.analyst", str(target), f"generated={folder}"]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, status
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, usage.ru_maxrss / 1024


def by_hand(folder: Path) -> tuple[float, float]:
    start = time.process_time()
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert sum(text.count("\n") for text in texts)
    read = time.process_time() - start
    start = time.process_time()
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())
    return read, time.process_time() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, target = Path(name, "repository"), Path(name, "facts.json")
        folder.mkdir()
        tree(folder)
        history(folder)
        seconds, processor, memory = min(measured(folder, target) for _ in range(3))
        facts = from_json(target.read_bytes()).repositories[0]
        read, parsed = by_hand(folder)
    lines = sum(each.lines for each in facts.languages)
    print(
        f"{facts.inventory.files:,} files, {lines:,} lines, {facts.history.commits} commits: {seconds:.1f} s "
        f"({processor:.1f} s of processor), {memory:.0f} MB; reach 10 s and 500 MB"
    )
    print(
        f"reading and counting lines {read:.1f} s, syntax trees alone {parsed:.1f} s of processor; "
        f"ratio to the trees {processor / parsed:.1f}"
    )


if __name__ == "__main__":
    main()
