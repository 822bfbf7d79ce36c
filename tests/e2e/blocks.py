"""Code blocks of a document, run as they stand: whole programs, and fragments where their words mean something."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SEED = Path(__file__).with_name("seed")
DEADLINE = 120
_BLOCK = re.compile(
    r"^## (?P<name>[^\n]+)\n\n```(?P<language>python|bash)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks_of(document: str) -> dict[str, str]:
    """Code by heading."""
    return {found["name"]: found["code"] for found in _BLOCK.finditer((SEED / document).read_text(encoding="utf-8"))}


async def run_fragment(code: str, **names: object) -> dict[str, Any]:
    """Run lines that may await, as an interactive shell would.

    Args:
        code: the lines.
        names: what their words mean.

    Returns:
        The same, and what the lines have named.
    """
    compiled = compile(code, "<document>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    outcome = eval(compiled, names)
    if compiled.co_flags & inspect.CO_COROUTINE:
        await outcome
    return names


def run_program(*command: object, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def unconfigured(home: Path) -> dict[str, str]:
    """Environment of somebody who has configured nothing, with an empty home and our programs on the path."""
    names = ("AUTH_", "COMPUTE_", "STORE_", "MQTT_", "CL_", "CI_", "RUNYARD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return {**kept, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120"}
