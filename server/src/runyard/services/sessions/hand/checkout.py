"""A repository in the workspace: its files, what has changed in them, and which of them count.

What git fetched is read-only and out of the agent's reach, and so is the index that changes are measured by: whatever
is done to the ``.git`` that the agent has for itself, the patch tells the truth.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from runyard.services.sessions.hand.frames import Open, Setting
from runyard.services.sessions.hand.places import CannotDo
from runyard.services.sessions.repositories.git_settings import at_rest

EMPTY_TREES: Final = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
AUTHOR: Final = ("Runyard agent", "agent@runyard.invalid")

_DIFF: Final = (
    "diff", "--cached", "--binary", "--full-index", "--find-renames", "-l1000", "--no-color", "--no-ext-diff",
    "--no-textconv", "--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
_PIECE: Final = 256 * 1024
_SAID: Final = 500


class Checkout:
    """One repository."""

    def __init__(self, order: Open, setting: Setting) -> None:
        self.tree = Path(setting.root, order.name)
        self._order = order
        self._clone = Path(setting.clones, f"{order.name}.git")
        self._patch = Path(setting.clones, f"{order.name}.diff")
        self._state = Path(setting.state, order.name)
        self._base = order.fetched.commit or EMPTY_TREES[order.fetched.object_format]
        self._environment = {
            **os.environ,
            **at_rest(),
            "GIT_DIR": str(self._clone),
            "GIT_WORK_TREE": str(self.tree),
            "GIT_INDEX_FILE": str(self._state / "index"),
            "GIT_OBJECT_DIRECTORY": str(self._state / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self._clone / "objects"),
            "GIT_LITERAL_PATHSPECS": "1",
        }

    @property
    def is_open(self) -> bool:
        """Whether its files have been put into the workspace, be it by a hand before this one."""
        return (self._state / "index").exists()

    def open(self) -> None:
        """Put its files into the workspace.

        Raises:
            CannotDo: git refuses them.
        """
        self.tree.mkdir()
        (self._state / "objects").mkdir(parents=True)
        self._git("read-tree", *([self._base] if self._order.fetched.commit else ["--empty"]))
        if self._order.patched:
            self._git("apply", "--cached", "--whitespace=nowarn", str(self._patch))
        self._git("checkout-index", "--all", "--force", "--index", "--quiet")
        self._make_git_folder()

    def write_patch(self, target: Path, limit: int) -> int:
        """Write what has changed, new files included, and return its size in bytes.

        Raises:
            CannotDo: it is larger than the limit, or git fails.
        """
        environment = self._environment
        if self.tree.is_symlink() or not self.tree.is_dir():  # it was taken away: everything is deleted
            gone = self._state / "gone"
            gone.mkdir(exist_ok=True)
            environment = {**environment, "GIT_WORK_TREE": str(gone)}
        self._git("add", "--all", "--ignore-errors", environment=environment, accepted=(0, 1))
        with (
            subprocess.Popen(
                ["git", *_DIFF, self._base], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/"
            ) as git,
            target.open("wb") as file,
        ):
            assert git.stdout is not None
            try:
                size = _copy(git.stdout, file, limit)
            except BaseException:
                git.kill()
                raise
            if size > limit:
                git.kill()
                raise CannotDo(f"the changes in {self._order.name!r} are larger than {limit:,} bytes, the limit")
        if git.returncode != 0:
            raise CannotDo(f"git can't tell the changes in {self._order.name!r} (exit code {git.returncode})")
        return size

    def files(self, below: Path) -> Iterator[Path]:
        """Its files below a folder, but for those it ignores."""
        words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"]
        inner = os.path.relpath(below, self.tree)
        listed = self._git(*words, *([] if inner == "." else [inner]))
        for name in listed.split(b"\0"):
            if name:
                yield self.tree / os.fsdecode(name)

    def _make_git_folder(self) -> None:
        """A ``.git`` for the agent, on the objects that were fetched, with none of the settings they came with."""
        folder = self.tree / ".git"
        for inner in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (folder / inner).mkdir(parents=True)
        (folder / "objects/info/alternates").write_text(f"{self._clone / 'objects'}\n")
        for name in ("HEAD", "packed-refs", "shallow", "info/attributes"):
            if (self._clone / name).is_file():
                shutil.copyfile(self._clone / name, folder / name)
        object_format = self._order.fetched.object_format
        version = "0" if object_format == "sha1" else f"1\n[extensions]\n\tobjectformat = {object_format}\n[core]"
        name, mail = AUTHOR
        (folder / "config").write_text(
            f"[core]\n\trepositoryformatversion = {version}\n\tbare = false\n[gc]\n\tauto = 0\n"
            f'[user]\n\tname = {name}\n\temail = {mail}\n[remote "origin"]\n\turl = "{self._order.url}"\n'
            "\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
        )
        if not self._order.patched:
            shutil.copyfile(self._state / "index", folder / "index")
        elif self._order.fetched.commit:
            own = {**os.environ, **at_rest(), "GIT_DIR": str(folder), "GIT_WORK_TREE": str(self.tree)}
            self._git("read-tree", self._base, environment=own)

    def _git(self, *words: str, environment: dict[str, str] | None = None, accepted: Sequence[int] = (0,)) -> bytes:
        """What a command prints.

        Raises:
            CannotDo: it fails; the text has its own words.
        """
        done = subprocess.run(
            ["git", *words], env=environment or self._environment, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, cwd="/",
        )  # fmt: skip
        if done.returncode in accepted:
            return done.stdout
        why = " ".join(done.stderr.decode(errors="replace").split())[:_SAID]
        raise CannotDo(f"git refuses the files of {self._order.name!r}: {why or f'exit code {done.returncode}'}")


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> int:
    """Copy until the end, or until there is more than the limit."""
    size = 0
    while size <= limit and (piece := source.read(_PIECE)):
        size += len(piece)
        target.write(piece)
    return size
