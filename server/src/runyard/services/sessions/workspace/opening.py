"""Opening workspaces: repositories are fetched, or taken from the job's files, and put where the agent works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from runyard.jobs import JobContext
from runyard.sandbox import Sandbox
from runyard.sandbox.scratch import remove, scratch_folder, unhurried
from runyard.services.sessions.errors import WorkspaceFailed
from runyard.services.sessions.hand.frames import Open, Refused
from runyard.services.sessions.hand.keeper import HandKeeper
from runyard.services.sessions.hand.process import HandDied
from runyard.services.sessions.order import Order, Repository
from runyard.services.sessions.repositories.clone import CloneFailed, Fetcher
from runyard.services.sessions.repositories.facts import Clone, Kept, KeptClone
from runyard.services.sessions.space import Space
from runyard.services.sessions.words import Tells
from runyard.services.sessions.workspace.keeping import Keeping
from runyard.services.sessions.workspace.workspace import Workspace
from runyard.yard import Yard

AT_ONCE: Final = 4
"""Repositories that one worker fetches at a time."""


class Workspaces:
    """Opens the workspaces of sessions.

    Args:
        folder: theirs on this machine, the caller's alone.
    """

    def __init__(self, yard: Yard, sandbox: Sandbox, folder: Path) -> None:
        self._settings = yard.settings
        self._sandbox = sandbox
        self._folder = folder
        self._fetcher = Fetcher(yard.settings, sandbox, yard.identity.credentials)
        self._several = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def open(self, ctx: JobContext, order: Order, kept: Kept | None = None) -> AsyncIterator[Workspace]:
        """The workspace of a session with its repositories; all of it is removed at the end.

        Tells about repositories (``repo`` events), what the user should know of them, and git's output.

        Args:
            kept: what was saved last; without it the repositories are fetched.

        Raises:
            WorkspaceFailed: they can't be had.
        """
        name = f"workspace-{ctx.job.id}.{ctx.job.attempt}"
        settings = self._settings
        async with scratch_folder(self._folder, name) as root:
            space = Space(root, self._sandbox.isolated)
            await unhurried(space.make)
            async with HandKeeper.open(space, self._sandbox, settings) as keeper:
                keeping = Keeping(ctx, space, settings, kept or Kept())
                opening = _Opening(
                    ctx, space, keeper=keeper, keeping=keeping, fetcher=self._fetcher, several=self._several
                )
                clones = await (opening.fetched(order) if kept is None else opening.restored(order))
                yield Workspace(space, self._sandbox, settings, keeper=keeper, keeping=keeping, clones=clones)


class _Opening:
    """One workspace being opened."""

    def __init__(
        self,
        ctx: JobContext,
        space: Space,
        *,
        keeper: HandKeeper,
        keeping: Keeping,
        fetcher: Fetcher,
        several: asyncio.Semaphore,
    ) -> None:
        self._ctx = ctx
        self._space = space
        self._keeper = keeper
        self._keeping = keeping
        self._fetcher = fetcher
        self._several = several

    async def fetched(self, order: Order) -> list[Clone]:
        """Its repositories, from where they are."""
        await _together(self._warm(), *(self._fetch(repository) for repository in order.repositories))
        self._keeping.sort([repository.name for repository in order.repositories])
        clones = []
        for repository in order.repositories:
            try:
                clone = await self._put(repository)
            except CloneFailed as error:
                await self._tell(repository, "failed", error=str(error))
                raise
            await self._tell(repository, "ready", branch=clone.fetched.branch, commit=clone.fetched.commit)
            await self._remark(clone)
            clones.append(clone)
        return clones

    async def restored(self, order: Order) -> list[Clone]:
        """Its repositories, as they were kept."""
        kept = [clone.name for clone in self._keeping.kept.repositories]
        await _together(self._warm(), self._keeping.fetch_outputs(), *(self._restore(name) for name in kept))
        return [await self._put(repository) for repository in order.repositories]

    async def _warm(self) -> None:
        try:
            await self._keeper.warm()
        except HandDied as error:
            raise WorkspaceFailed(str(error)) from error

    async def _fetch(self, repository: Repository) -> None:
        await self._tell(repository, "cloning", branch=repository.branch)
        place = await asyncio.to_thread(self._space.place, repository.name)
        try:
            async with self._several:
                fetched = await self._fetcher.fetch(repository, place, tenant=self._ctx.job.tenant, log=self._ctx.log)
        except CloneFailed as error:
            await self._tell(repository, "failed", error=str(error))
            raise
        digest = await self._keeping.keep_clone(repository.name, place.out)
        await asyncio.to_thread(remove, place.out)
        self._keeping.add(KeptClone(name=repository.name, fetched=fetched, clone=digest))

    async def _restore(self, name: str) -> None:
        place = await asyncio.to_thread(self._space.place, name)
        async with self._several:
            await self._keeping.fetch_clone(self._keeping.clone(name), place.packed)
            await self._fetcher.unpack(name, place, log=self._ctx.log)
        await asyncio.to_thread(remove, place.out)

    async def _put(self, repository: Repository) -> Clone:
        """Put its files into the workspace."""
        kept = self._keeping.clone(repository.name)

        def order(number: int) -> Open:
            return Open(
                number=number, seconds=self._fetcher.seconds, name=kept.name, url=repository.url,
                fetched=kept.fetched, path=repository.path or "", patched=kept.patched,
            )  # fmt: skip

        try:
            answer = await self._keeper.ask(order)
        except HandDied as error:
            raise CloneFailed(f"The files of {repository.url} can't be unpacked: {error}") from error
        if isinstance(answer, Refused):
            raise CloneFailed(f"The files of {repository.url} can't be unpacked: {answer.text}.")
        folder = f"{self._space.inside(self._space.workspace)}/{repository.name}"
        return Clone(
            name=repository.name, url=repository.url, fetched=kept.fetched,
            folder=f"{folder}/{repository.path}" if repository.path else folder,
        )  # fmt: skip

    async def _tell(self, repository: Repository, state: str, **more: str | None) -> None:
        known = {name: value for name, value in more.items() if value is not None}
        body = {"name": repository.name, "url": repository.url, "state": state, **known}
        await self._ctx.emit(Tells.REPO, body)

    async def _remark(self, clone: Clone) -> None:
        count = clone.fetched.submodules
        if count:
            text = f"{clone.name} has {count} {'submodule' if count == 1 else 'submodules'}: not fetched, left empty."
            await self._ctx.emit(Tells.NOTE, {"content": text})
        if clone.fetched.commit is None:
            await self._ctx.emit(Tells.NOTE, {"content": f"{clone.name} is empty: it has no commit."})


async def _together(*work: Coroutine[object, object, None]) -> None:
    """Do it all at once; the first failure is everybody's."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
