"""A workspace among its job's files: saved after each step, so that the session can go on from there elsewhere.

Files that git ignores and commits of the agent's own are not kept as such: what has changed is.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runyard.artifacts import ArtifactMissing, DigestMismatch
from runyard.jobs import JobContext
from runyard.services.sessions.errors import WorkspaceFailed
from runyard.services.sessions.hand.frames import Diff, Refused
from runyard.services.sessions.hand.keeper import HandKeeper
from runyard.services.sessions.hand.process import HandDied
from runyard.services.sessions.plain_files import open_plain, plain_pieces
from runyard.services.sessions.repositories.facts import Kept, KeptClone
from runyard.services.sessions.repositories.fetch import PACKED
from runyard.services.sessions.space import Space
from runyard.services.sessions.words import CLONE, OUTPUT, PATCH, Tells
from runyard.services.sessions.workspace.outputs import Output, outputs
from runyard.settings import Settings
from runyard.sizes import MIB

PATCH_SECONDS: Final = 300.0

_DIFF: Final = "text/x-diff"
_PACKED: Final = "application/x-tar"


class Keeping:
    """What of a workspace is among its job's files. ``kept`` is the last word on it."""

    def __init__(self, ctx: JobContext, space: Space, settings: Settings, kept: Kept) -> None:
        self.kept = kept
        self._ctx = ctx
        self._space = space
        self._settings = settings
        self._told: set[str] = set()
        self._saving = asyncio.Lock()

    def clone(self, name: str) -> KeptClone:
        """A repository by its folder's name."""
        return next(clone for clone in self.kept.repositories if clone.name == name)

    def add(self, clone: KeptClone) -> None:
        """A repository has been kept."""
        self.kept = Kept(repositories=(*self.kept.repositories, clone), outputs=self.kept.outputs)

    def sort(self, names: Sequence[str]) -> None:
        """Have the repositories in this sequence."""
        self.kept = Kept(repositories=tuple(map(self.clone, names)), outputs=self.kept.outputs)

    async def save(self, keeper: HandKeeper) -> Kept:
        """Keep what has changed since the last time.

        Raises:
            WorkspaceFailed: it can't be kept.
        """
        async with self._saving:
            repositories = tuple([await self._patch(clone, keeper) for clone in self.kept.repositories])
            self.kept = Kept(repositories=repositories, outputs=await self._outputs())
            return self.kept

    async def keep_clone(self, name: str, folder: Path) -> str:
        """Keep a repository as it was fetched; returns its digest."""
        pieces = plain_pieces(folder, PACKED)
        limit = 4 * self._settings.session_repository_size
        blob = await self._ctx.artifact(CLONE.format(name=name), pieces, content_type=_PACKED, limit=limit)
        return blob.digest

    async def fetch_clone(self, clone: KeptClone, target: Path) -> None:
        """Get it back, and the patch that belongs to it.

        Raises:
            WorkspaceFailed: it is gone.
        """
        await self._fetch(CLONE.format(name=clone.name), target, clone.clone)
        if clone.patch is not None:
            await self._fetch(PATCH.format(name=clone.name), self._space.patch(clone.name), clone.patch)

    async def fetch_outputs(self) -> None:
        """Get back what was made for the user.

        Raises:
            WorkspaceFailed: it is gone.
        """
        for name, digest in self.kept.outputs.items():
            path = self._space.outputs / name
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            await self._fetch(f"{OUTPUT}{name}", path, digest)

    async def _fetch(self, name: str, target: Path, digest: str) -> None:
        try:
            await self._ctx.fetch(name, target, digest=digest)
        except (ArtifactMissing, DigestMismatch, OSError) as error:
            raise WorkspaceFailed(f"What was kept of the session can't be read: {error}") from error

    async def _patch(self, clone: KeptClone, keeper: HandKeeper) -> KeptClone:
        limit = self._settings.session_patch_size
        try:
            answer = await keeper.ask(
                lambda number: Diff(number=number, seconds=PATCH_SECONDS, name=clone.name, limit=limit)
            )
        except HandDied as error:
            raise WorkspaceFailed(f"The changes in {clone.name!r} can't be told: {error}") from error
        if isinstance(answer, Refused):
            raise WorkspaceFailed(f"The changes in {clone.name!r} can't be kept: {answer.text}.")
        if not answer.size and clone.patch is None:
            return clone
        file = self._space.new_patch(clone.name)
        try:
            digest = await asyncio.to_thread(_digest, file)
            if digest != clone.patch:
                pieces = plain_pieces(file.parent, file.name)
                await self._ctx.artifact(PATCH.format(name=clone.name), pieces, content_type=_DIFF, limit=limit)
        except OSError as error:
            raise WorkspaceFailed(f"The changes in {clone.name!r} can't be kept: {error}.") from error
        return KeptClone(name=clone.name, fetched=clone.fetched, clone=clone.clone, patch=digest)

    async def _outputs(self) -> dict[str, str]:
        limit = self._settings.session_artifact_limit
        found: dict[str, str] = {}
        for output in await asyncio.to_thread(outputs, self._space.outputs, limit=limit):
            if output.problem is not None:
                await self._explain(output)
                continue
            if self.kept.outputs.get(output.name) != output.digest:
                pieces = plain_pieces(self._space.outputs, output.name)
                await self._ctx.artifact(
                    f"{OUTPUT}{output.name}", pieces, content_type=output.content_type, limit=output.size
                )
            found[output.name] = output.digest
        return found

    async def _explain(self, output: Output) -> None:
        """Say why a file isn't kept, once."""
        text = f"The file {output.name!r} is not kept: {output.problem}."
        if text not in self._told:
            self._told.add(text)
            await self._ctx.emit(Tells.NOTE, {"content": text})


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with os.fdopen(open_plain(file.parent, file.name), "rb", buffering=0) as content:
        while piece := content.read(MIB):
            digest.update(piece)
    return digest.hexdigest()
