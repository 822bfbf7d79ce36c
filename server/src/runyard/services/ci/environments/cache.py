"""The environments of all tenants below one folder: made when first needed, shared, pruned when too many."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

from uv import find_uv_bin

from runyard.sandbox import Limits, Mount, Sandbox
from runyard.sandbox.scratch import remove
from runyard.services.ci.environments.folder import Folder
from runyard.services.ci.environments.indexes import indexes
from runyard.services.ci.environments.installer import Installer, Log, interpreter_mounts
from runyard.services.ci.environments.interpreters import Interpreter, Interpreters
from runyard.services.ci.environments.recipe import Recipe

INSTALL_LIMITS = Limits(wall=1800.0, silence=600.0, memory=8 << 30, processes=2048, file_size=8 << 30, disk=32 << 30)
_EMPTYING_DEADLINE = 30.0
_FORMAT = 1
"""Raised when environments are made in another way, so that old ones are not taken for new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A ready environment, to be used while the context that gave it is open."""

    key: str
    python: Path
    version: str
    """Python's: "3.12.1"."""
    mounts: tuple[Mount, ...]
    """Read-only, at their own places."""
    cached: bool
    recipe: Recipe
    installer: Installer

    def variables(self, workspace: str, *, installed: str | None = None) -> dict[str, str]:
        """For a command in `workspace`, the project's place; `installed` is where it was installed."""
        paths = [installed] if installed else [os.path.normpath(f"{workspace}/{p}") for p in self.recipe.import_paths]
        return {
            "PATH": f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join(paths),
            "VIRTUAL_ENV": str(self.python.parent.parent),
        }

    async def install_project(self, target: Path) -> None:
        """Installs the project itself to `target`, so that its metadata and entry points are there.

        For recipes that are `installable`. Raises InstallFailed.
        """
        await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
        await self.installer.install_project(self.recipe.project, target)


class Environments:
    """Makes environments in the sandbox and keeps them.

    Args:
        root: The folder for all of them. They stay where they are made.
        sandbox: Where the installer runs.
        size: Bytes that all environments together may take; those longest unused go first. A tenant's cache of
            downloads is emptied when it takes a quarter of that.
        limits: For one run of the installer; `disk` is what it may add.
        environ: The operator's environment, whose index settings the installer gets.
    """

    def __init__(
        self,
        root: Path,
        sandbox: Sandbox,
        *,
        size: int = 20 << 30,
        limits: Limits = INSTALL_LIMITS,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._root = root
        self._sandbox = sandbox
        self._size = size
        self._limits = limits
        self._environ = os.environ if environ is None else environ
        self._uv = Path(find_uv_bin()).resolve()
        self._interpreters = Interpreters(self._uv)
        self._making: WeakValueDictionary[Folder, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def use(self, recipe: Recipe, *, tenant: str, log: Log) -> AsyncIterator[Environment]:
        """The recipe's environment, made now if it is not there; nobody removes it while the context is open.

        Raises:
            PythonUnavailable: The Python asked for is not here; the error lists those that are.
            InstallFailed: The installer failed; what it printed went to `log`, line by line.
        """
        installer, folder = await asyncio.to_thread(self._prepare, recipe, tenant, log)
        # One run of this worker makes it and the others wait here; other workers wait for the file's lock.
        making = self._making.setdefault(folder, asyncio.Lock())
        async with folder.lock() as lock:
            cached = True
            async with making:
                await lock.share()
                while not folder.is_ready():
                    if not lock.try_own():
                        await log("Waiting for another run, which is making the same environment.\n")
                        await lock.own()
                    if not folder.is_ready():
                        await self._make(folder, recipe, installer)
                        cached = False
                    await lock.share()  # not in one step: somebody may remove it in between
            folder.touch()
            if not cached:
                await asyncio.to_thread(self._prune)
                await asyncio.to_thread(self._empty_caches)
            yield Environment(
                key=folder.name,
                python=installer.python,
                version=installer.interpreter.version,
                mounts=(
                    Mount(source=folder.path, target=str(folder.path)),
                    *interpreter_mounts(installer.interpreter),
                ),
                cached=cached,
                recipe=recipe,
                installer=installer,
            )

    def _prepare(self, recipe: Recipe, tenant: str, log: Log) -> tuple[Installer, Folder]:
        interpreter = self._interpreters.find(recipe.python)
        settings = indexes(self._environ, Path.home())
        home = self._root / hashlib.sha256(tenant.encode()).hexdigest()[:24]
        key = self._key(recipe, interpreter, settings.digest)
        folder = Folder(home / "environments", key)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)  # may hold copies of projects
        cache = home / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        installer = Installer(
            sandbox=self._sandbox,
            uv=self._uv,
            indexes=settings,
            limits=self._limits,
            cache=cache,
            interpreter=interpreter,
            venv=folder.venv,
            log=log,
        )
        return installer, folder

    def _key(self, recipe: Recipe, interpreter: Interpreter, indexes_digest: str) -> str:
        uv = subprocess.run([self._uv, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        made_of = [
            *(_FORMAT, recipe.kind, recipe.digest, recipe.extras, recipe.groups),
            *(str(interpreter.path), interpreter.version, interpreter.tag, uv.strip(), indexes_digest),
        ]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]

    async def _make(self, folder: Folder, recipe: Recipe, installer: Installer) -> None:
        await asyncio.to_thread(folder.begin)
        try:
            project = recipe.project
            if recipe.local:  # the environment will point into the project's folder, so it gets its own
                project = folder.project
                await asyncio.to_thread(shutil.copytree, recipe.project, project, symlinks=True)
            await (await asyncio.to_thread(_with_room, installer)).install(recipe, project)
            await asyncio.to_thread(lambda: folder.finish(_size(folder.path)))
        except BaseException:
            await asyncio.shield(asyncio.to_thread(remove, folder.path))
            raise

    def _prune(self) -> None:
        """Removes the environments longest unused until the rest fits; one that is in use stays."""
        folders = [Folder(path.parent, path.name) for path in self._root.glob("*/environments/*") if path.is_dir()]
        by_use = sorted((folder.last_use(), folder) for folder in folders if folder.is_ready())
        total = sum(size for (_, size), _ in by_use)
        for (_, size), folder in by_use:
            if total <= self._size:
                return
            if folder.discard():
                total -= size

    def _empty_caches(self) -> None:
        """Empties what uv has kept of downloads where that is too much; a cache in use stays until another time."""
        for cache in self._root.glob("*/cache"):
            if _size(cache) > self._size // 4:
                with suppress(subprocess.TimeoutExpired):
                    subprocess.run(
                        [self._uv, "cache", "clean", "--quiet", "--cache-dir", cache],
                        stdin=subprocess.DEVNULL, capture_output=True, timeout=_EMPTYING_DEADLINE, check=False,
                    )  # fmt: skip


def _with_room(installer: Installer) -> Installer:
    """The installer with its disk limit raised by what is in its cache already."""
    limits = installer.limits
    if limits.disk is None:
        return installer
    return replace(installer, limits=replace(limits, disk=limits.disk + _size(installer.cache)))


def _size(path: Path) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += Path(folder, name).lstat().st_blocks * 512
    return total
