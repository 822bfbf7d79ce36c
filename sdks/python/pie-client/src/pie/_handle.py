"""What both kinds of `Instance` are: a name for a running program, and where its events arrive."""

from __future__ import annotations

from ._mailbox import Item, Mailbox
from .errors import InstanceFailed
from .events import Event, Exit


class Handle:
    """An instance as seen from here."""

    def __init__(self, box: Mailbox) -> None:
        self._box = box

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    @property
    def id(self) -> str:
        """The instance's id."""
        return self._box.instance_id

    @property
    def instance_id(self) -> str:
        """The same."""
        return self._box.instance_id

    @property
    def attached(self) -> bool:
        """Whether its events come here."""
        return self._box.state != "detached"

    @property
    def seq(self) -> int | None:
        """The number of the last event received; `attach_instance(id, after=seq)` goes on from there."""
        return self._box.taken

    @property
    def exit(self) -> Exit | None:
        """How it ended, once that has arrived and if the server told."""
        return self._box.exit


def outcome_of(instance_id: str, item: Item) -> str:
    """The return value that a terminal event brings.

    Raises:
        InstanceFailed: it didn't complete.
    """
    text = item.content if isinstance(item.content, str) else ""
    if item.event is not Event.Completed:
        raise InstanceFailed(instance_id, item.event, text, item.exit)
    return text
