"""What ends a session below its agent."""

from __future__ import annotations

from runyard.services.sessions.words import Reason


class WorkspaceFailed(Exception):
    """The workspace can't be had, or can't be kept. The text is for people.

    Args:
        reason: the session's.
    """

    def __init__(self, text: str, *, reason: Reason = Reason.AGENT_FAILED) -> None:
        super().__init__(text)
        self.reason = reason
