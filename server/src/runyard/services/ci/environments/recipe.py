"""Decides from a project's files how its environment is made. Reads only below the project's root. Blocks."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runyard.services.ci.environments.errors import NoProject

Kind = Literal["requirements", "lock", "pyproject"]

_TEST_NAMES = ("test", "tests", "testing", "dev")
_NESTED = re.compile(r"^(?:-r|--requirement|-c|--constraint)(?:\s*=\s*|\s*)(?P<path>.+)$")
_PATH_OPTION = re.compile(r"^(?:-e|--editable|-f|--find-links)(?:\s*=\s*|\s*)(?P<path>.+)$")
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to make the environment of the project at `project`."""

    project: Path
    kind: Kind
    digest: str
    """Of all files that have a say in what is installed."""
    python: str | None
    """A version ("3.12") or specifier (">=3.11"); None when any will do."""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    local: bool = False
    """The environment itself holds packages from the project's folder."""
    installable: bool = False
    """The project is a package to be installed beside the environment, for each run."""
    import_paths: tuple[str, ...] = (".",)
    """Where its modules are, below its root, when it is not installed."""


def recipe(project: Path, python: str | None = None) -> Recipe:
    """The recipe for the project at this path; `python` overrides what the project says. Raises NoProject."""
    pyproject = _toml(project / "pyproject.toml")
    metadata = _table(pyproject.get("project"))
    wanted = python or _text(metadata.get("requires-python"))
    paths = (".", "src") if (project / "src").is_dir() else (".",)
    if (project / "requirements.txt").is_file():
        files, local = _requirements(project)
        digest = _tree_digest(project) if local else _digest("requirements", project, files)
        return Recipe(
            project=project,
            kind="requirements",
            digest=digest,
            python=wanted,
            local=local,
            import_paths=paths,
        )
    if not (project / "pyproject.toml").is_file():
        raise NoProject
    lock = project / "uv.lock"
    kind: Kind = "lock" if lock.is_file() else "pyproject"
    local = kind == "lock" and _has_local_packages(_toml(lock))
    # Dependencies that the build backend works out may come from any file.
    whole = local or bool(metadata.get("dynamic")) or not metadata
    files = {path for path in (project / "pyproject.toml", lock) if path.is_file()}
    return Recipe(
        project=project,
        kind=kind,
        digest=_tree_digest(project) if whole else _digest(kind, project, files),
        python=wanted,
        extras=_chosen(metadata.get("optional-dependencies")),
        groups=_chosen(pyproject.get("dependency-groups")),
        local=local,
        installable="build-system" in pyproject,
        import_paths=paths,
    )


def _requirements(project: Path) -> tuple[set[Path], bool]:
    """All requirement files that the root one leads to, and whether any names a path in the project."""
    root = project.resolve()
    to_read, seen, local = [root / "requirements.txt"], set[Path](), False
    while to_read:
        path = to_read.pop()
        if path in seen or not path.is_file() or not path.is_relative_to(root):
            continue
        seen.add(path)
        for line in _lines(path):
            nested = _NESTED.match(line)
            if nested is not None:
                to_read.append((path.parent / _unquoted(nested["path"])).resolve())
            elif _is_local(line, project):
                local = True
    return seen, local


def _lines(path: Path) -> Iterator[str]:
    text = re.sub(r"\\\r?\n", "", path.read_text(errors="replace"))
    for line in text.splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        if bare:
            yield bare


def _is_local(line: str, project: Path) -> bool:
    option = _PATH_OPTION.match(line)
    if option is not None:
        value = _unquoted(option["path"])
        return value.startswith("file:") or not _URL.match(value)
    if line.startswith("-"):
        return False
    target = _unquoted(line.split(";", maxsplit=1)[0].rsplit(" @ ", maxsplit=1)[-1])
    if target.startswith("file:"):
        return True
    path = target.split("[")[0]
    return path.startswith(".") or ("/" in path and not _URL.match(path) and (project / path).exists())


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'")


def _has_local_packages(lock: dict[str, object]) -> bool:
    """Whether a uv.lock names packages in folders of the project other than the project itself."""
    packages = lock.get("package")
    for package in packages if isinstance(packages, list) else ():
        source = _table(_table(package).get("source"))
        if any(source.get(key, ".") != "." for key in ("editable", "virtual", "directory", "path")):
            return True
    return False


def _chosen(table: object) -> tuple[str, ...]:
    return tuple(name for name in _TEST_NAMES if name in _table(table))


def _digest(kind: Kind, project: Path, files: set[Path]) -> str:
    digest = hashlib.sha256(kind.encode())
    root = project.resolve()
    for path in sorted(path.resolve() for path in files):
        _feed(digest, str(path.relative_to(root)), path)
    return digest.hexdigest()


def _tree_digest(project: Path) -> str:
    digest = hashlib.sha256(b"tree")
    for path in sorted(project.rglob("*")):
        if path.is_file() and not path.is_symlink():
            _feed(digest, str(path.relative_to(project)), path)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, name: str, path: Path) -> None:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    digest.update(f"\0{name}\0{content}".encode(errors="surrogateescape"))


def _toml(path: Path) -> dict[str, object]:
    """Empty when there is none, or when it cannot be read: the installer will say so, with the line."""
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
