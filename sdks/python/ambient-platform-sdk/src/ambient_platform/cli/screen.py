"""A session as it happens, for people: the agent's words as they come, its tools, what it waits for."""

from __future__ import annotations

import json

from rich.text import Text

from ambient_platform._wire.terminal import console, printable, show_size
from ambient_platform.events import (
    ApprovalEvent,
    ArtifactEvent,
    DeltaEvent,
    Event,
    LogEvent,
    MessageEvent,
    NoteEvent,
    RepoEvent,
    StatusEvent,
    ToolCallEvent,
    ToolResultEvent,
    UsageEvent,
)
from ambient_platform.types import SessionUsage, StatusCompleted, StatusFailed

from .terminal import shortened

_ARGUMENTS = 160  # characters of a call's arguments
_LINES = 6  # of what a tool gave


class Screen:
    """Shows events, one after the other."""

    def __init__(self, session_id: str) -> None:
        self._id = session_id
        self._console = console()
        self._words = ""  # of the message that is coming
        self._unfinished = False  # whether the cursor is within a line
        self._tools: dict[str, str] = {}
        self._usage: SessionUsage | None = None

    def show(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, DeltaEvent):
            self._words += event.content
            self._write(event.content)
        elif isinstance(event, MessageEvent):
            self._message(event)
        elif isinstance(event, ToolCallEvent):
            self._tools[event.call] = event.name
            self._line("→ ", f"{event.name} {_arguments(event.arguments)}".rstrip(), "cyan")
        elif isinstance(event, ToolResultEvent):
            self._result(event)
        elif isinstance(event, ApprovalEvent):
            self._approval(event)
        elif isinstance(event, StatusEvent):
            self._status(event)
        elif isinstance(event, UsageEvent):
            self._usage = event.usage
        else:
            self._rest(event)

    def close(self) -> None:
        """Leave the terminal at the beginning of a line."""
        if self._unfinished:
            self._console.print()
            self._unfinished = False

    def _message(self, event: MessageEvent) -> None:
        if event.role != "assistant":
            self._line("> ", event.content, "bold")
            return
        said, self._words = self._words, ""
        if event.content.startswith(said):
            self._write(event.content[len(said) :])
        else:  # the pieces were another message's, or some are missing
            self.close()
            self._write(event.content)
        self.close()

    def _result(self, event: ToolResultEvent) -> None:
        self._tools.pop(event.call, None)
        lines = event.content.splitlines()
        more = len(lines) - _LINES
        shown = [shortened(line, 200) for line in lines[:_LINES]]
        if more > 0 or event.truncated:
            shown.append(f"… {more} lines more" if more > 0 and not event.truncated else "… and more")
        self._line("← " if event.ok else "✗ ", "\n".join(shown) or "done", "dim" if event.ok else "red")

    def _approval(self, event: ApprovalEvent) -> None:
        tool = self._tools.get(event.call, "a tool")
        if event.state == "needed":
            how = f"ambient approve {self._id} {event.call} (or with --refuse)"
            self._line("? ", f"{tool} waits for approval: {how}", "bold yellow")
        else:
            by = f" by {event.by}" if event.by else ""
            comment = f": {event.comment}" if event.comment else ""
            self._line("? ", f"{tool} {event.state}{by}{comment}", "yellow")

    def _status(self, event: StatusEvent) -> None:
        if event.waiting == "message":
            self._line("… ", f"waits for a message: ambient send {self._id} TEXT", "bold yellow")
        elif event.status == StatusFailed:
            reason = f" ({event.reason})" if event.reason else ""
            self._line("✗ ", f"failed{reason}{f': {event.error}' if event.error else ''}", "bold red")
        elif event.status == StatusCompleted:
            self._line("✓ ", f"completed{_used(self._usage)}", "bold green")
        elif event.waiting is None:
            self._line("● ", event.status, "dim")

    def _rest(self, event: Event) -> None:
        if isinstance(event, RepoEvent):
            at = " @ ".join(part for part in (event.branch, (event.commit or "")[:8]) if part)
            text = " ".join(part for part in (event.name, at, event.state, event.error) if part)
            self._line("▸ ", text, "red" if event.state == "failed" else "dim")
        elif isinstance(event, ArtifactEvent):
            self._line("+ ", f"{event.name} ({show_size(event.size)})", "magenta")
        elif isinstance(event, NoteEvent):
            self._line("! ", event.content, "yellow")
        elif isinstance(event, LogEvent):
            self._line("  ", event.content.rstrip("\n"), "dim")

    def _write(self, words: str) -> None:
        """Words without an end of line."""
        if words:
            self._console.print(Text(printable(words, lines=True)), end="", soft_wrap=True)
            self._unfinished = not words.endswith("\n")

    def _line(self, mark: str, text: str, style: str) -> None:
        self.close()
        for index, line in enumerate(text.splitlines() or [""]):
            shown = f"{mark if index == 0 else ' ' * len(mark)}{printable(line)}"
            self._console.print(Text(shown, style=style), soft_wrap=True)


def _arguments(arguments: object) -> str:
    if not arguments:
        return ""
    return shortened(json.dumps(arguments, ensure_ascii=False), _ARGUMENTS)


def _used(usage: SessionUsage | None) -> str:
    if usage is None:
        return ""
    tokens = f"{usage.input_tokens} tokens in, {usage.output_tokens} out"
    return f" ({_counted(usage.turns, 'turn')}, {tokens}, {_counted(usage.tool_calls, 'tool call')})"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
