"""What an agent is: it is given a turn of the conversation, and gives an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runyard.services.sessions.words import Reason

if TYPE_CHECKING:
    from runyard.services.sessions.agents.turn import Turn


class AgentFailed(Exception):
    """The session can't go on. The text is for the user."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class ApprovalNeeded(Exception):
    """A call waits for a person: the turn goes on, in another attempt, when somebody has decided."""


class Agent(Protocol):
    """Works on sessions. One agent works on many at a time."""

    async def run(self, turn: Turn) -> str:
        """Do what the user asked for, and return the answer.

        A turn may be broken off anywhere (the user interrupts it, a call needs a person, the worker dies) and begun
        anew: what the agent needs to go on it keeps with ``turn.remember``.

        Raises:
            AgentFailed: it can't be done.
            ApprovalNeeded: as :meth:`Turn.call` raises it.
        """
        ...

    def break_off(self, state: bytes, said: str) -> bytes:
        """What to remember when the user has interrupted a turn.

        Args:
            state: what was remembered in it.
            said: what the user has seen of the message that was being written.
        """
        ...
