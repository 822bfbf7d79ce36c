"""The folders of one attempt at a session, on this machine and as its processes see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runyard.sandbox import Mount
from runyard.sandbox.scratch import remove
from runyard.services.sessions.repositories.clone import Place

OUTPUTS: Final = "artifacts"

_INSIDE: Final = {
    "workspace": "/workspace",
    "clones": "/clones",
    "state": "/state",
    "pipes": "/pipes",
    "out": "/out",
    "home": "/home/runner",
    "temporary": "/tmp",  # noqa: S108 -- the sandbox's own
}


@dataclass(frozen=True, slots=True)
class Space:
    """Folders below ``root``, which is the yard's alone.

    Args:
        isolated: whether processes see folders where they are shown, not where they are.
    """

    root: Path
    isolated: bool

    @property
    def workspace(self) -> Path:
        """What the agent works in: a folder per repository, and one for files it makes for the user."""
        return self.root / "workspace"

    @property
    def outputs(self) -> Path:
        """Files made for the user."""
        return self.workspace / OUTPUTS

    @property
    def clones(self) -> Path:
        """What git fetched, ``NAME.git`` each, and kept patches: for reading only."""
        return self.root / "clones"

    @property
    def state(self) -> Path:
        """What the hand has for itself."""
        return self.root / "state"

    @property
    def pipes(self) -> Path:
        """By which the hand and the worker talk."""
        return self.root / "pipes"

    @property
    def out(self) -> Path:
        """What an analysis leaves."""
        return self.root / "out"

    @property
    def home(self) -> Path:
        """The home of the agent's commands."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """Their temporary folder."""
        return self.root / "temporary"

    def make(self) -> None:
        """Make all of them. Blocks."""
        self.root.chmod(0o700)
        for folder in (self.workspace, self.outputs, self.clones, self.state, self.out, self.home, self.temporary):
            _make(folder)

    def place(self, name: str) -> Place:
        """Folders for fetching a repository, made. Blocks."""
        fetching = self.root / "fetching" / name
        place = Place(clone=self.clones / f"{name}.git", out=fetching / "out", gate=fetching / "gate")
        for folder in (place.clone, place.out, place.gate):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _make(folder)
        return place

    def new_pipes(self) -> Path:
        """An empty folder for the pipes of a new hand. Blocks."""
        remove(self.pipes)
        _make(self.pipes)
        return self.pipes

    def patch(self, name: str) -> Path:
        """Where a kept patch is read from."""
        return self.clones / f"{name}.diff"

    def new_patch(self, name: str) -> Path:
        """Where the hand writes one."""
        return self.state / f"{name}.diff"

    def inside(self, folder: Path) -> str:
        """Where processes see a folder."""
        return _INSIDE[folder.name] if self.isolated else str(folder)

    def mount(self, folder: Path, *, writable: bool = False) -> Mount:
        """A folder, shown to a process."""
        return Mount(source=folder, target=self.inside(folder), writable=writable)


def _make(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)  # the sandbox has a user of its own; the root above is ours alone
