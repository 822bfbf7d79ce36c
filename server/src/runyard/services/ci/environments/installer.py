"""Runs uv in the sandbox: installing runs other people's code, and needs the network."""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runyard.sandbox import Command, Limits, Mount, Process, Sandbox
from runyard.services.ci.environments.errors import InstallFailed
from runyard.services.ci.environments.indexes import Indexes
from runyard.services.ci.environments.interpreters import Interpreter
from runyard.services.ci.environments.recipe import Recipe

Log = Callable[[str], Awaitable[None]]
"""Takes one line of text with its newline, or part of a very long one."""

_LONGEST_LINE = 64 * 1024
_SYSTEM = Path("/usr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """Makes the environment at `venv` out of a recipe."""

    sandbox: Sandbox
    uv: Path
    indexes: Indexes
    limits: Limits
    cache: Path
    """uv's own cache: that of one tenant, since whoever installs can write to it."""
    interpreter: Interpreter
    venv: Path
    log: Log

    @property
    def python(self) -> Path:
        """The environment's Python."""
        return self.venv / "bin/python"

    async def install(self, recipe: Recipe, project: Path) -> None:
        """Fills the environment; `project` is the folder to install from. Raises InstallFailed."""
        await self._uv(["venv", "--allow-existing", "--no-project", self._python_option(), str(self.venv)], project)
        # Building a local package writes beside its sources; the project is then a copy for this environment alone.
        await self._uv(self._arguments(recipe), project, writable=(project,) if recipe.local else ())
        if not any(self.venv.glob("lib/python*/site-packages/pytest/__init__.py")):
            await self.log("pytest is not among the project's requirements; adding it.\n")
            await self._uv([*self._pip(), "pytest"], project)

    async def install_project(self, project: Path, target: Path) -> None:
        """Installs the project itself, without what it needs, to the run's folder. Raises InstallFailed."""
        arguments = [*self._pip(), "--no-deps", "--target", str(target), str(project)]
        # The build writes to the project's folder (egg-info and the like), and to the target.
        await self._uv(arguments, project, writable=(project, target), venv_writable=False)

    def _arguments(self, recipe: Recipe) -> list[str]:
        extras = [f"--extra={name}" for name in recipe.extras]
        if recipe.kind == "requirements":
            return [*self._pip(), "-r", "requirements.txt"]
        if recipe.kind == "lock":
            groups = [f"--group={name}" for name in recipe.groups]
            options = ["--frozen", "--no-install-project", "--no-editable", *self.indexes.options]
            return ["sync", *options, self._python_option(), *extras, *groups]
        groups = [f"--group=pyproject.toml:{name}" for name in recipe.groups]
        return [*self._pip(), "-r", "pyproject.toml", *extras, *groups]

    def _pip(self) -> list[str]:
        return ["pip", "install", f"--python={self.python}", *self.indexes.options]

    def _python_option(self) -> str:
        return f"--python={self.interpreter.path}"

    async def _uv(
        self,
        arguments: Sequence[str],
        project: Path,
        *,
        writable: Sequence[Path] = (),
        venv_writable: bool = True,
    ) -> None:
        mounts = [
            *self.indexes.mounts,
            *interpreter_mounts(self.interpreter),
            _at_its_place(self.uv),
            _at_its_place(project, writable=project in writable),
            *(_at_its_place(path, writable=True) for path in writable if path != project),
            _at_its_place(self.venv, writable=venv_writable),
            _at_its_place(self.cache, writable=True),
        ]
        command = Command(
            argv=(str(self.uv), *arguments),
            cwd=str(project),
            env={
                **self.indexes.variables,
                "NO_COLOR": "1",
                "UV_CACHE_DIR": str(self.cache),
                "UV_COMPILE_BYTECODE": "1",
                "UV_LINK_MODE": "copy",  # a link would let one environment's build change another
                "UV_NO_PROGRESS": "1",
                "UV_PROJECT_ENVIRONMENT": str(self.venv),
                "UV_PYTHON_DOWNLOADS": "never",
            },
            mounts=[mount for mount in mounts if mount is not None],
            network=True,
            limits=self.limits,
        )
        async with self.sandbox.start(command) as process:
            await self._copy_log(process)
            exit_ = await process.wait()
        if exit_.code != 0:
            raise InstallFailed(exit_.code, exit_.message and f"The environment could not be made. {exit_.message}")

    async def _copy_log(self, process: Process) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pending = ""
        async for chunk in process.output():
            *lines, pending = (pending + decoder.decode(chunk)).split("\n")
            for line in lines:
                await self.log(f"{line}\n")
            if len(pending) > _LONGEST_LINE:
                await self.log(pending)
                pending = ""
        pending += decoder.decode(b"", final=True)
        if pending:
            await self.log(f"{pending}\n")


def interpreter_mounts(interpreter: Interpreter) -> tuple[Mount, ...]:
    """What an environment needs of the Python it was made from, at its place: a venv only points there."""
    prefixes = {interpreter.prefix, interpreter.prefix.resolve()}
    return tuple(mount for prefix in prefixes if (mount := _at_its_place(prefix)) is not None)


def _at_its_place(path: Path, *, writable: bool = False) -> Mount | None:
    """None for what every sandbox has anyway."""
    return None if path.is_relative_to(_SYSTEM) else Mount(source=path, target=str(path), writable=writable)
