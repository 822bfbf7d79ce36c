"""The worker's side of what an agent works in: repositories and files in the sandbox, and tools to touch them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from runyard.sandbox import Mount, Process, Sandbox
from runyard.services.sessions.analyst.facts import Analysis
from runyard.services.sessions.commands import Print, ToolResult, readable, run, shell, workspace_command
from runyard.services.sessions.hand.frames import FileTool, Refused, Use
from runyard.services.sessions.hand.keeper import HandKeeper
from runyard.services.sessions.hand.process import HandDied
from runyard.services.sessions.hand.tools import BadArguments, RunCommand, ShowChanges, Tool, UnknownTool, read_call
from runyard.services.sessions.repositories.facts import Clone, Kept
from runyard.services.sessions.space import OUTPUTS, Space
from runyard.services.sessions.survey import survey
from runyard.services.sessions.workspace.keeping import PATCH_SECONDS, Keeping
from runyard.settings import Settings

TOOL_SECONDS: Final = 60.0


class Workspace:
    """What one session works in. Made by :class:`~runyard.services.sessions.workspace.Workspaces`.

    Attributes:
        clones: its repositories, in the order's sequence.
        root: its outermost folder, as processes see it.
        folder: where relative paths and commands start: the repository or its part that the task is about where there
            is only one, the root where there are several, and that of files for the user where there is none.
    """

    def __init__(
        self,
        space: Space,
        sandbox: Sandbox,
        settings: Settings,
        *,
        keeper: HandKeeper,
        keeping: Keeping,
        clones: Sequence[Clone],
    ) -> None:
        self.clones = clones
        self.root = space.inside(space.workspace)
        self.folder = self.root if clones else self.outputs  # without a repository: the one place that is kept
        if len(clones) == 1:
            self.folder = clones[0].folder
        self._space = space
        self._sandbox = sandbox
        self._settings = settings
        self._keeper = keeper
        self._keeping = keeping

    @property
    def outputs(self) -> str:
        """The folder for files that are made for the user, as processes see it."""
        return f"{self.root}/{OUTPUTS}"

    @property
    def kept(self) -> Kept:
        """What was saved last, or as it was opened."""
        return self._keeping.kept

    async def save(self) -> Kept:
        """Keep all that has changed among the job's files, and return what a later attempt opens it with.

        Raises:
            WorkspaceFailed: it can't be kept; the changes are too large, for one.
        """
        return await self._keeping.save(self._keeper)

    async def call(self, name: str, arguments: Mapping[str, object], *, tell: Print | None = None) -> ToolResult:
        """Use a tool as a model asks for it: one that isn't there, or is called wrongly, is a result like others."""
        try:
            tool = read_call(name, arguments)
        except (UnknownTool, BadArguments) as error:
            return ToolResult(ok=False, content=str(error))
        return await self.use(tool, tell=tell)

    async def use(self, tool: Tool, *, tell: Print | None = None) -> ToolResult:
        """Use a tool. Cancelling this ends a command at once, and waits for no other tool.

        Args:
            tell: is given what a command prints, as it comes.
        """
        try:
            result = await (self._run(tool, tell) if isinstance(tool, RunCommand) else self._touch(tool))
        except UnicodeEncodeError:
            return ToolResult(ok=False, content="The arguments hold characters that are no text.")
        return replace(result, content=readable(result.content))

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        network: bool = False,
        folders: Sequence[Mount] = (),
        seconds: float | None = None,
    ) -> AbstractAsyncContextManager[Process]:
        """Run a program over the workspace; leaving the context ends all that it started.

        Args:
            folders: what else it may see.
        """
        command = workspace_command(
            self._space, self._settings, argv, folder=self.folder, env=env, network=network, seconds=seconds
        )
        return self._sandbox.start(replace(command, mounts=[*command.mounts, *folders]))

    async def analyse(self) -> Analysis:
        """What the analyst finds out about all repositories as they are now.

        Raises:
            SurveyFailed: it came to nothing; the text is for people.
        """
        return await survey(self._space, self._sandbox, {clone.name: self._tree(clone) for clone in self.clones})

    def inside(self, path: str) -> str:
        """A path as processes see it, whatever folder they start in."""
        return str(PurePosixPath(self.folder, path))

    def _tree(self, clone: Clone) -> str:
        return f"{self.root}/{clone.name}"

    async def _run(self, tool: RunCommand, tell: Print | None) -> ToolResult:
        most = self._settings.session_command_timeout
        try:
            command = workspace_command(
                self._space, self._settings, shell(tool.command), folder=self.folder, env={}, network=False,
                seconds=min(most, tool.timeout or most),
            )  # fmt: skip
        except ValueError as error:
            return ToolResult(ok=False, content=f"The command can't be run: {error}")
        return await run(self._sandbox, command, tell)

    async def _touch(self, tool: FileTool) -> ToolResult:
        seconds = PATCH_SECONDS if isinstance(tool, ShowChanges) else TOOL_SECONDS
        try:
            answer = await self._keeper.ask(
                lambda number: Use(number=number, seconds=seconds, folder=self.folder, tool=tool)
            )
        except HandDied as error:
            return ToolResult(ok=False, content=str(error))
        if isinstance(answer, Refused):
            return ToolResult(ok=False, content=answer.text)
        return ToolResult(ok=True, content=answer.text, truncated=answer.truncated)
