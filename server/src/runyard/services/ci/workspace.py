"""The folders of one attempt at a run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from runyard.sandbox.scratch import scratch_folder, unhurried


@dataclass(frozen=True, slots=True)
class Workspace:
    """Folders below ``root``; all but ``package`` and ``plugin`` are written to by the project's code."""

    root: Path

    @property
    def package(self) -> Path:
        """The zip as it was submitted."""
        return self.root / "package.zip"

    @property
    def project(self) -> Path:
        """The unpacked project, the tests' current folder."""
        return self.root / "project"

    @property
    def installed(self) -> Path:
        """Where the project is installed to when it is a package itself."""
        return self.root / "installed"

    @property
    def plugin(self) -> Path:
        """Our pytest plugin."""
        return self.root / "plugin"

    @property
    def report(self) -> Path:
        """What pytest and the plugin tell us."""
        return self.root / "report"

    @property
    def artifacts(self) -> Path:
        """Files the tests want kept."""
        return self.root / "artifacts"


@asynccontextmanager
async def open_workspace(parent: Path, name: str) -> AsyncIterator[Workspace]:
    """A workspace for as long as the context is open. It is removed at the end, whatever the end is."""
    async with scratch_folder(parent, name) as root:
        space = Workspace(root)
        await unhurried(_make, space)
        yield space


def _make(space: Workspace) -> None:
    for folder in (space.plugin, space.report, space.artifacts):
        folder.mkdir()
