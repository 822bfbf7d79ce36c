"""The small screens over the job browser: a question, and the help."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

_HELP = """\
[b]Jobs[/b]
  up, down   choose a job; its log and failing tests follow
  /          filter by id or status; Escape ends filtering
  c          cancel the job
  r          run it again
  f          run its failing tests again
  q          quit

The list renews itself. Logs are live, and resume by themselves when the connection breaks.

Press any key to go back.
"""


class Question(ModalScreen[bool]):
    """A yes-or-no question; the answer is what the screen returns."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "Yes"),
        ("n,escape,enter", "answer(False)", "No"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """One line in a box."""
        yield Vertical(Label(f"{self._text} \\[y/N]"), classes="box")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - textual passes what the binding says
        """Close with the answer."""
        self.dismiss(answer)


class Help(ModalScreen[None]):
    """The keys."""

    def compose(self) -> ComposeResult:
        """The text in a box."""
        yield Vertical(Static(_HELP), classes="box")

    def on_key(self) -> None:
        """Any key closes it."""
        self.dismiss()
