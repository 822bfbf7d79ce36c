"""Which files of a project are sent. Knows file names and ignore rules, nothing of archives.

In a git work tree git itself lists the files (tracked or new, not ignored); elsewhere `.gitignore` files are
read here. Then hidden names and `__pycache__` go, and `.ciignore` (gitignore syntax, at the project's root)
has the last word: a pattern leaves files out, a `!` pattern brings hidden ones in.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from .errors import PackageError

_NEVER = frozenset({".git", ".hg", ".svn"})
_GIT_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file to send: its path in the project with `/`, where its bytes are, their number, and its mode.

    `path` is text: building thousands of `Path`s takes longer than reading the files.
    """

    name: str
    path: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The files in order of their names, and what was left out although one might expect it: name and why."""

    files: tuple[ProjectFile, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def select_files(project: Path, *, ignore_files: bool = True) -> Selection:
    """Choose the files of the project.

    Args:
        project: its root folder.
        ignore_files: heed git and `.ciignore`. Without, only hidden names and `__pycache__` are left out.

    Raises:
        PackageError: the folder is missing or cannot be read.
    """
    if not project.is_dir():
        what = "is not a folder" if project.exists() else "does not exist"
        raise PackageError(f"The project folder {str(project)!r} {what}")
    rules = _ciignore(project) if ignore_files else None
    if not ignore_files:
        names = _walk(project, hidden=False, gitignore=False)
    elif (listed := _git_files(project)) is not None:
        names = iter(listed)
    else:
        names = _walk(project, hidden=rules is not None, gitignore=True)
    return _examine(project, sorted(name for name in names if _is_wanted(name, rules)))


def _is_wanted(name: str, rules: GitIgnoreSpec | None) -> bool:
    parts = name.split("/")
    if _NEVER.intersection(parts):
        return False
    if rules is not None:
        verdict = rules.check_file(name).include
        if verdict is not None:
            return not verdict
    return not any(part.startswith(".") or part == "__pycache__" for part in parts)


def _examine(project: Path, names: list[str]) -> Selection:
    root = project.resolve()
    files = []
    left_out = []
    for name in names:
        path = f"{project}/{name}"
        if not _is_text(name):
            raise PackageError(f"{name!r} is not UTF-8, which names in a package have to be; rename it")
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                if why := _refusal(Path(path), root):
                    left_out.append((name, why))
                    continue
                status = os.stat(path)  # noqa: PTH116 - as above
        except FileNotFoundError:
            continue  # git still lists a file that was deleted
        except OSError as error:
            raise PackageError(f"{name!r} cannot be read: {error.strerror or error}") from error
        if stat.S_ISREG(status.st_mode):
            files.append(ProjectFile(name, path, status.st_size, stat.S_IMODE(status.st_mode)))
        elif stat.S_ISDIR(status.st_mode):
            left_out.append((name, "a link to a folder"))
        else:
            left_out.append((name, "not a regular file"))
    return Selection(tuple(files), tuple(left_out))


def _refusal(link: Path, root: Path) -> str | None:
    """Why a link is not followed; None when it is."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError is how Pythons before 3.13 report a loop
        return "a broken link"
    return None if target.is_relative_to(root) else "a link that leaves the project"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ciignore(project: Path) -> GitIgnoreSpec | None:
    try:
        text = (project / ".ciignore").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PackageError(f"'.ciignore' cannot be read: {error.strerror or error}") from error
    return GitIgnoreSpec.from_lines(text.splitlines())


def _git_files(project: Path) -> list[str] | None:
    """What git lists below the folder, nested repositories too; None outside a work tree or without git."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z"],
            cwd=project,
            capture_output=True,
            timeout=_GIT_DEADLINE,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    names = []
    for entry in os.fsdecode(done.stdout).split("\0"):
        name = entry.rstrip("/")
        path = f"{project}/{name}"
        # A submodule, or a repository in this one.
        if name and os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - see ProjectFile
            names += [f"{name}/{inner}" for inner in _git_files(Path(path)) or ()]
        elif name:
            names.append(name)
    return names


def _walk(project: Path, *, hidden: bool, gitignore: bool) -> Iterator[str]:
    """All files below the folder; with `hidden` also those in hidden folders, for a `!` rule to bring in."""
    waiting: list[tuple[str, tuple[tuple[str, GitIgnoreSpec], ...]]] = [("", ())]
    while waiting:
        prefix, specs = waiting.pop()
        folder = project / prefix
        if gitignore and (spec := _gitignore(folder)) is not None:
            specs = (*specs, (prefix, spec))
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            where = prefix or str(project)
            raise PackageError(f"The folder {where!r} cannot be read: {error.strerror or error}") from error
        for entry in entries:
            name = prefix + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if _is_ignored(f"{name}/" if is_folder else name, specs):
                continue
            if not is_folder:
                yield name
            elif entry.name not in _NEVER and (hidden or not _is_never_wanted(entry.name)):
                waiting.append((f"{name}/", specs))


def _is_never_wanted(folder_name: str) -> bool:
    return folder_name.startswith(".") or folder_name == "__pycache__"


def _gitignore(folder: Path) -> GitIgnoreSpec | None:
    try:
        text = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return GitIgnoreSpec.from_lines(text.splitlines())


def _is_ignored(name: str, specs: tuple[tuple[str, GitIgnoreSpec], ...]) -> bool:
    """The innermost `.gitignore` with an opinion decides, as in git."""
    for prefix, spec in reversed(specs):
        verdict = spec.check_file(name.removeprefix(prefix)).include
        if verdict is not None:
            return verdict
    return False
