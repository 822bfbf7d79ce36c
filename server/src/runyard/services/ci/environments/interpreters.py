"""The Pythons of this machine."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from runyard.services.ci.environments.errors import PythonUnavailable

_DEADLINE = 60.0
_REQUEST = re.compile(r"^[A-Za-z0-9<>=!~][A-Za-z0-9<>=!~.,*@+ -]*$")
_INSPECT = """
import json, platform, sys, sysconfig
tag = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
print(json.dumps([platform.python_version(), tag, sys.base_prefix]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One Python; `prefix` is the folder it needs to work."""

    path: Path
    version: str
    tag: str
    prefix: Path


class Interpreters:
    """Finds interpreters with uv, and never fetches one."""

    def __init__(self, uv: Path) -> None:
        self._uv = uv

    def find(self, wanted: str | None) -> Interpreter:
        """The yard's own Python if it will do, else what uv finds. Blocks. Raises PythonUnavailable."""
        own = _inspect(Path(getattr(sys, "_base_executable", sys.executable)))
        if wanted is None or _satisfies(own.version, wanted):
            return own
        if not _REQUEST.match(wanted):
            raise PythonUnavailable(wanted, self.available())
        result = self._run("find", "--system", wanted)
        if result.returncode != 0:
            raise PythonUnavailable(wanted, self.available())
        return _inspect(Path(result.stdout.strip()))

    def available(self) -> tuple[str, ...]:
        """The versions on this machine, newest first. Blocks."""
        result = self._run("list", "--only-installed", "--output-format", "json")
        found = json.loads(result.stdout) if result.returncode == 0 else []
        named = {
            entry["version"]
            if entry["implementation"] == "cpython"
            else f"{entry['implementation']} {entry['version']}"
            for entry in found
        }
        return tuple(sorted(named, key=lambda name: [int(n) for n in re.findall(r"\d+", name)], reverse=True))

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(self._uv),
            "python",
            arguments[0],
            "--no-config",
            "--no-python-downloads",
            *arguments[1:],
        ]
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_pyenv_folders()])
        return subprocess.run(
            command,
            cwd="/",
            env={"PATH": path, "HOME": str(Path.home())},
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )


def _pyenv_folders() -> list[str]:
    """Pythons that pyenv has built; its shims on PATH only answer for the one that is switched on."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [str(folder) for folder in sorted(root.glob("versions/*/bin"), reverse=True)]


def _satisfies(version: str, wanted: str) -> bool:
    specifier = f"=={wanted}.*" if re.fullmatch(r"\d+(\.\d+){0,2}", wanted) else wanted
    if wanted == version:
        return True
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False


@functools.cache
def _inspect(path: Path) -> Interpreter:
    result = subprocess.run(
        [str(path), "-I", "-c", _INSPECT], capture_output=True, text=True, timeout=_DEADLINE, check=True
    )
    version, tag, prefix = json.loads(result.stdout)
    return Interpreter(path=path, version=version, tag=tag, prefix=Path(prefix))
