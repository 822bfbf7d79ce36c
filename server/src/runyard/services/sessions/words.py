"""The service's own words: for its jobs, what they tell, how they stand and why they failed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, TypeAlias

from runyard.jobs import State

KIND: Final = "session.agent"

Status: TypeAlias = Literal["pending", "running", "completed", "failed"]

STATUS: Final[dict[State, Status]] = {
    State.QUEUED: "pending",
    State.RUNNING: "running",
    State.WAITING: "running",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}
"""The protocol knows four words, and its clients wait for the last two only."""


class Tells(StrEnum):
    """Types of the events of a session's job, beside those of every job. Bodies are those of the reference."""

    REPO = "repo"
    SAID = "said"
    """``{"role", "content"}``: a message that belongs to the conversation."""

    DELTA = "delta"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    APPROVAL = "approval"
    USAGE = "usage"
    NOTE = "note"
    WAITS = "waits"
    """``{"for": "message" | "approval" | null}``: whom the session waits for."""


class Reason(StrEnum):
    """Why a session failed; the codes of failed jobs."""

    STOPPED = "stopped"
    TIMEOUT = "timeout"
    BUDGET = "budget"
    CLONE_FAILED = "clone_failed"
    REPOSITORY_TOO_LARGE = "repository_too_large"
    PROVIDER_FAILED = "provider_failed"
    AGENT_FAILED = "agent_failed"
    INTERRUPTED = "interrupted"


Role: TypeAlias = Literal["user", "assistant"]

# Messages to the job: bodies of its `message` events.
USER_SAYS: Final = "say"
"""``{"type": "say", "content"}``"""

INTERRUPT: Final = "interrupt"
"""``{"type": "interrupt"}``: end the turn, keep the session."""

FINISH: Final = "finish"
"""``{"type": "finish"}``: the session is done."""

DECISION: Final = "decision"
"""``{"type": "decision", "call", "approved", "by", "comment"}``: about a tool that waits for a person."""

# Files of the job.
CLONE: Final = "repositories/{name}.tar"
"""A repository as git fetched it."""

PATCH: Final = "patches/{name}.diff"
HISTORY: Final = "history.json"
"""What the agent remembers of the conversation."""

OUTPUT: Final = "artifacts/"
"""Where files are among the job's that the agent made for the user."""
