"""Files that name dependencies: which they are, and one reader for each format."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Final

from runyard.services.sessions.analyst.facts import Ecosystem, Licence, Manifest
from runyard.services.sessions.analyst.manifests import node, other, python
from runyard.services.sessions.analyst.manifests.reading import Found, Unreadable
from runyard.services.sessions.analyst.names import line
from runyard.services.sessions.analyst.source_file import SourceFile

Reader = Callable[[str], Found]

_READERS: Final[tuple[tuple[str, Ecosystem, Reader], ...]] = (
    ("pyproject.toml", "PyPI", python.pyproject),
    ("setup.cfg", "PyPI", python.setup_cfg),
    ("setup.py", "PyPI", python.setup_py),
    ("requirements*.txt", "PyPI", python.requirements),
    ("*-requirements.txt", "PyPI", python.requirements),
    ("*_requirements.txt", "PyPI", python.requirements),
    ("requirements*.in", "PyPI", python.requirements),
    ("Pipfile", "PyPI", python.pipfile),
    ("package.json", "npm", node.package_json),
    ("go.mod", "Go", other.go_mod),
    ("Cargo.toml", "Cargo", other.cargo_toml),
    ("pom.xml", "Maven", other.pom_xml),
    ("Gemfile", "RubyGems", other.gemfile),
)
_LOCKS: Final[dict[Ecosystem, tuple[str, ...]]] = {
    "PyPI": ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.lock", "pylock.toml"),
    "npm": ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
    "Go": ("go.sum",),
    "Cargo": ("Cargo.lock",),
    "RubyGems": ("Gemfile.lock",),
}  # fmt: skip
_DEPENDENCIES: Final = 2_000
"""Of one manifest and scope."""
_ALL_LOCKS: Final = frozenset(name for names in _LOCKS.values() for name in names)
_DEVELOPERS: Final = ("dev", "test", "lint", "doc", "ci", "build", "type")


class ManifestCollector:
    """Reads manifests as they come; lockfiles are found to them at the end."""

    def __init__(self, *, size: int, listed: int) -> None:
        self._size = size
        self._listed = listed
        self._found: list[tuple[str, Ecosystem, Found | str]] = []
        self._locks: set[str] = set()
        self.left_out = 0
        """Manifests beyond the greatest number."""

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        if file.nature in {"text", "generated", "binary", "large"} and file.name in _ALL_LOCKS:
            self._locks.add(file.path)
        if not file.own:
            return
        for pattern, ecosystem, reader in _READERS:
            if fnmatch.fnmatchcase(file.name, pattern):
                self._read(file, ecosystem, reader)
                return

    def _read(self, file: SourceFile, ecosystem: Ecosystem, reader: Reader) -> None:
        if len(self._found) >= self._listed:
            self.left_out += 1
        elif len(file.text) > self._size:
            self._found.append((file.path, ecosystem, f"longer than {self._size:,} characters"))
        else:
            try:
                found = reader(file.text)
            except Unreadable as error:
                self._found.append((file.path, ecosystem, line(str(error))))
                return
            if _for_developers(file.name):
                found = found.for_developers()
            self._found.append((file.path, ecosystem, found))

    def facts(self) -> tuple[Manifest, ...]:
        """Those nearest to the root first, without files that name nothing, like a `pyproject.toml` of tools only."""
        manifests = [
            self._manifest(path, ecosystem, found)
            for path, ecosystem, found in self._found
            if isinstance(found, str) or found.counts
        ]
        return tuple(sorted(manifests, key=lambda each: (each.path.count("/"), each.path)))

    def licences(self) -> list[Licence]:
        """What manifests declare."""
        return [
            Licence(spdx=found.licence, path=path, declared=True)
            for path, _, found in sorted(self._found, key=lambda each: (each[0].count("/"), each[0]))
            if not isinstance(found, str) and found.licence
        ]

    def _manifest(self, path: str, ecosystem: Ecosystem, found: Found | str) -> Manifest:
        lock = self._lock(path, ecosystem)
        if isinstance(found, str):
            return Manifest(path=path, ecosystem=ecosystem, problem=found, lockfile=lock)
        return Manifest(
            path=path,
            ecosystem=ecosystem,
            name=found.name,
            runtime=tuple(found.runtime[:_DEPENDENCIES]),
            development=tuple(found.development[:_DEPENDENCIES]),
            optional=tuple(found.optional[:_DEPENDENCIES]),
            lockfile=lock,
            problem=found.problem or found.too_many(_DEPENDENCIES),
        )

    def _lock(self, path: str, ecosystem: Ecosystem) -> str:
        """The nearest lockfile of its kind, in the manifest's folder or above: workspaces have one at their root."""
        folder = path.rpartition("/")[0]
        while True:
            for name in _LOCKS.get(ecosystem, ()):
                candidate = f"{folder}/{name}" if folder else name
                if candidate in self._locks:
                    return candidate
            if not folder:
                return ""
            folder = folder.rpartition("/")[0]


def _for_developers(name: str) -> bool:
    """`requirements-dev.txt` and its kin."""
    stem = name.lower().removesuffix(".txt").removesuffix(".in").replace("requirements", "").strip("-_.")
    return name.lower() != stem and stem.startswith(_DEVELOPERS)
