"""What each folder is for, by its name, by what lies in it, by the names above it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from runyard.services.sessions.analyst.facts import Folder, Nature, Role, RoleCount
from runyard.services.sessions.analyst.source_file import VENDORED, SourceFile
from runyard.services.sessions.analyst.syntax import Lines

_DEPTH: Final = 3
_LANGUAGES: Final = 3
_MOST: Final = 20_000
"""Folders that are remembered, however many there are."""

_NAMES: Final[dict[Role, str]] = {
    "tests": "test tests testing spec specs __tests__ e2e integration-tests unittests t it",
    "documentation": "doc docs documentation wiki man manual website adr rfcs",
    "examples": "example examples demo demos sample samples tutorials cookbook",
    "benchmarks": "bench benches benchmark benchmarks perf",
    "automation": ".github .gitlab .circleci .ci ci .buildkite .azure-pipelines .woodpecker .tekton workflows",
    "infrastructure": "infra infrastructure terraform deploy deployment deployments k8s kubernetes helm charts ansible "
    "docker manifests kustomize ops overlays",
    "scripts": "script scripts bin tools tool hack utils-dev codegen",
    "configuration": "config configs conf etc settings .vscode .idea .devcontainer",
    "assets": "assets static public images img icons fonts media styles css locales i18n",
    "data": "data dataset datasets fixtures testdata __fixtures__ snapshots",
    "migrations": "migrations migration alembic",
    "source": "src lib app apps pkg cmd internal source sources core server client backend frontend api web packages "
    "crates components services sdk sdks cli",
    "generated": "generated gen __generated__",
}  # fmt: skip
_BY_NAME: Final[dict[str, Role]] = {name: role for role, names in _NAMES.items() for name in names.split()}
_INHERITED: Final[frozenset[Role]] = frozenset({
    "tests", "documentation", "examples", "benchmarks", "automation", "infrastructure", "vendored", "generated",
    "assets",
})  # fmt: skip


@lru_cache(maxsize=10_000)
def role_of(path: str) -> Role | None:
    """What a folder is for, as far as its name and those above it tell."""
    inherited: Role | None = None
    for part in path.split("/"):
        role = "vendored" if part in VENDORED else _BY_NAME.get(part.lower())
        if inherited is None or (inherited == "tests" and role == "data"):
            last = role
            inherited = role if role in _INHERITED else None
        else:
            last = inherited
    return last


@dataclass(slots=True)
class _Sums:
    files: int = 0
    code: int = 0
    natures: Counter[Nature] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


class StructureCollector:
    """Sums up each folder down to a depth of three."""

    def __init__(self) -> None:
        self._folders: dict[str, _Sums] = {}
        self._roles: dict[Role, list[int]] = {}

    def see(self, file: SourceFile, lines: Lines | None) -> None:
        """Take note of a file and its lines."""
        if file.own:
            sums = self._roles.setdefault(role_of(file.folder) or "source", [0, 0])
            sums[0] += 1
            sums[1] += (
                lines.code
                if lines is not None and file.language is not None and file.language.kind == "programming"
                else 0
            )
        parts = file.folder.split("/") if file.folder else []
        for depth in range(1, min(len(parts), _DEPTH) + 1):
            path = "/".join(parts[:depth])
            if path in self._folders or len(self._folders) < _MOST:
                self._add(self._folders.setdefault(path, _Sums()), file, lines)

    def roles(self) -> tuple[RoleCount, ...]:
        """Those with the most code first. What no folder's name tells is source."""
        found = [RoleCount(role=role, files=files, code=code) for role, (files, code) in self._roles.items()]
        return tuple(sorted(found, key=lambda each: (-each.code, -each.files, each.role)))

    @staticmethod
    def _add(sums: _Sums, file: SourceFile, lines: Lines | None) -> None:
        sums.files += 1
        sums.natures[file.nature] += 1
        if file.language is not None and lines is not None:
            sums.kinds[file.language.kind] += 1
            if file.language.kind == "programming":
                sums.code += lines.code
                sums.languages[file.language.name] += lines.code

    def facts(self, *, listed: int) -> tuple[Folder, ...]:
        """Folders in the order of a tree; where there are too many, the deepest and smallest go first."""
        found = [
            Folder(
                path=path,
                role=_role(path, sums),
                files=sums.files,
                code=sums.code,
                languages=tuple(name for name, _ in sums.languages.most_common(_LANGUAGES)),
            )
            for path, sums in self._folders.items()
        ]
        found.sort(key=lambda each: (each.path.count("/"), -each.files, each.path))
        return tuple(sorted(found[:listed], key=lambda each: each.path.split("/")))


def _role(path: str, sums: _Sums) -> Role:
    named = role_of(path)
    if named is not None:
        return named
    most = sums.natures.most_common(1)[0][0]
    if most == "vendored":
        return "vendored"
    if most == "generated":
        return "generated"
    if sums.code:
        return "source"
    kinds = sums.kinds.most_common(1)
    if not kinds:
        return "assets" if most == "binary" else "other"
    by_kind: dict[str, Role] = {"prose": "documentation", "data": "configuration", "markup": "assets"}
    return by_kind.get(kinds[0][0], "source")
