"""A command-line agent: one run of a program in the workspace per turn. What it prints is the log."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from runyard.sandbox import Mount, SandboxError
from runyard.services.sessions.agents.agent import AgentFailed
from runyard.services.sessions.agents.models import CommandEntry
from runyard.services.sessions.agents.tools import RUN
from runyard.services.sessions.agents.turn import Request, Turn
from runyard.services.sessions.commands import ToolResult, readable
from runyard.services.sessions.hand.tools import WriteFile
from runyard.services.sessions.words import Reason
from runyard.settings import secret_variable

TASK: Final = "task.md"
"""File in the outermost folder of the workspace with what is to be done."""

ANSWER: Final = "answer.md"
"""File beside it that is the answer, if the program writes one."""

ANSWER_LINES: Final = 200
ANSWER_LENGTH: Final = 16_000
"""Characters of the output's end that are the answer otherwise."""

LAST_WORDS: Final = 500

_ON_STDIN: Final = ("/bin/sh", "-c", 'exec "$@" < "$0"')
_READ_DEADLINE: Final = 30.0


class CommandAgent:
    """See :class:`~runyard.services.sessions.agents.agent.Agent`. The program remembers nothing between two turns."""

    def __init__(self, entry: CommandEntry) -> None:
        self._entry = entry

    async def run(self, turn: Turn) -> str:
        """Run the program once."""
        asked = turn.asked()
        turn.check_budget()
        ends = _End()
        arguments = {"command": shlex.join(self._entry.command)}
        result = await turn.call(Request(key=RUN, name=RUN, arguments=arguments), lambda: self._run(turn, asked, ends))
        await turn.count(input_tokens=0, output_tokens=0)
        answer = ends.text
        if not result.ok:
            raise AgentFailed(Reason.AGENT_FAILED, f"{result.content} {answer[-LAST_WORDS:]}".strip())
        return await _written(turn) or answer or "The agent's program has ended without a word."

    def break_off(self, state: bytes, _said: str) -> bytes:
        """There is nothing to remember."""
        return state

    async def _run(self, turn: Turn, asked: str, ends: _End) -> ToolResult:
        entry, workspace = self._entry, turn.workspace
        task, answer = f"{workspace.root}/{TASK}", f"{workspace.root}/{ANSWER}"
        written = await workspace.use(WriteFile(path=task, content=_conversation(turn, asked)))
        if not written.ok:
            return written
        argv = [word.replace("{task}", asked).replace("{answer}", answer) for word in entry.command]
        if not any("{task}" in word for word in entry.command):
            argv = [*_ON_STDIN, task, *argv]
        env = {"RUNYARD_TASK": task, "RUNYARD_ANSWER": answer, **entry.env}
        env |= {name: value.get_secret_value() for name in entry.env_from if (value := secret_variable(name))}
        folders = [Mount(source=Path(folder), target=folder) for folder in entry.folders]
        try:
            async with workspace.start(argv, env=env, network=entry.network, folders=folders) as process:
                async for chunk in process.output():
                    ends.add(chunk)
                    await turn.log(chunk)
                exit_ = await process.wait()
        except (SandboxError, ValueError) as error:
            return ToolResult(ok=False, content=f"The agent's program can't be run: {error}.")
        if exit_.limit is not None:
            return ToolResult(ok=False, content=f"The agent's program was ended. {exit_.message}")
        return ToolResult(ok=exit_.code == 0, content=f"The agent's program has ended with exit code {exit_.code}.")


class _End:
    """The end of an output."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, chunk: bytes) -> None:
        self._kept = (self._kept + chunk)[-4 * ANSWER_LENGTH :]

    @property
    def text(self) -> str:
        """Its last lines, as they are meant to be read."""
        lines = readable(self._kept.decode(errors="replace").replace("\r\n", "\n")).strip().split("\n")
        return "\n".join(lines[-ANSWER_LINES:])[-ANSWER_LENGTH:]


def _conversation(turn: Turn, asked: str) -> str:
    """What the program gets to read: what is asked now, after what was said before."""
    before = list(turn.conversation)
    while before and before[-1].role == "user":
        before.pop()
    if not before:
        return asked
    said = "\n\n".join(f"## {'User' if one.role == 'user' else 'You'}\n\n{one.content}" for one in before)
    return f"# Earlier in this conversation\n\n{said}\n\n# Now\n\n{asked}"


async def _written(turn: Turn) -> str:
    """The answer in the file for it, if there is one. It is taken away, as the next turn has one of its own."""
    answer = f"{turn.workspace.root}/{ANSWER}"
    argv = ("/bin/sh", "-c", f'[ -f "$0" ] && [ ! -L "$0" ] && head -c {4 * ANSWER_LENGTH} "$0" && rm "$0"', answer)
    found = b""
    async with turn.workspace.start(argv, env={}, seconds=_READ_DEADLINE) as process:
        async for chunk in process.output():
            found += chunk
        exit_ = await process.wait()
    return readable(found.decode(errors="replace")).strip() if exit_.code == 0 else ""
