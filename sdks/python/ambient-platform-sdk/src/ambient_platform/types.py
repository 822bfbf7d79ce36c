"""What goes to the server and what comes from it. Times are texts, as the server writes them: RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ._checks import check_labels, check_repository, check_task
from ._fields import Fields

StatusPending: Final = "pending"
"""Session created, waiting to start."""
StatusRunning: Final = "running"
"""AI agent actively working; or waiting for a person, see `SessionResponse.waiting`."""
StatusCompleted: Final = "completed"
"""Task finished successfully."""
StatusFailed: Final = "failed"
"""Task failed with error."""


@dataclass
class RepoHTTP:
    """A git repository for the agent to work in.

    Attributes:
        url: `http://` or `https://`.
        branch: the repository's default branch if None.
        path: the folder of it that matters, or None.
        credential: the name of what the operator keeps for private repositories. Never a token.
    """

    url: str
    branch: str | None = None
    path: str | None = None
    credential: str | None = None

    def to_dict(self) -> dict[str, object]:
        """As it travels; what is empty is left out."""
        return _given(url=self.url, branch=self.branch, path=self.path, credential=self.credential)

    def validate(self) -> None:
        """Look for what can't work.

        Raises:
            ValueError: the address is none that a server can clone from.
        """
        check_repository(self.url)


@dataclass
class CreateSessionRequest:
    """A task for an agent. What follows `repos` is understood by Runyard servers only.

    Attributes:
        task: what to do, in 1 to 50,000 characters.
        model: which model does it; the server's default if None. `client.models()` lists what there is.
        repos: where to do it.
        display_name: a name for people.
        labels: names and values to find it by.
        timeout: seconds that it may take.
        max_turns, max_tokens: what it may use.
        interactive: after each turn it waits for a message, until somebody finishes it.
        approve: names of tools that wait for a person's approval.
    """

    task: str
    model: str | None = None
    repos: list[RepoHTTP] | None = None
    display_name: str | None = None
    labels: dict[str, str] | None = None
    timeout: float | None = None
    max_turns: int | None = None
    max_tokens: int | None = None
    interactive: bool = False
    approve: list[str] | None = None

    def to_dict(self) -> dict[str, object]:
        """As it travels; what is empty is left out."""
        return _given(
            task=self.task,
            model=self.model,
            repos=[repo.to_dict() for repo in self.repos or ()],
            displayName=self.display_name,
            labels=self.labels,
            timeout=self.timeout,
            maxTurns=self.max_turns,
            maxTokens=self.max_tokens,
            interactive=self.interactive,
            approve=self.approve,
        )

    def validate(self) -> None:
        """Look for what can't work.

        Raises:
            ValueError: the text says what and why.
        """
        check_task(self.task)
        for index, repo in enumerate(self.repos or ()):
            check_repository(repo.url, f"Repository {index}: ")
        check_labels(self.labels or {})
        limits = {"timeout": self.timeout, "max_turns": self.max_turns, "max_tokens": self.max_tokens}
        for name, limit in limits.items():
            if limit is not None and limit <= 0:
                raise ValueError(f"{name} has to be more than 0, not {limit!r}")


@dataclass
class CreateSessionResponse:
    """The new session's id, and a word about it."""

    id: str
    message: str

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> CreateSessionResponse:
        """As it arrives."""
        fields = Fields(data, "the new session")
        return cls(fields.text("id"), fields.text_or_none("message") or "")


@dataclass
class SessionRepo:
    """A repository of a session; `commit` is what was cloned, `name` what `patch` knows it by."""

    url: str
    branch: str | None = None
    path: str | None = None
    commit: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, fields: Fields) -> SessionRepo:
        """As it arrives."""
        return cls(
            fields.text("url"),
            fields.text_or_none("branch"),
            fields.text_or_none("path"),
            fields.text_or_none("commit"),
            fields.text_or_none("name"),
        )


@dataclass
class SessionUsage:
    """What a session has used so far."""

    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tool_calls: int = 0

    @classmethod
    def of(cls, fields: Fields) -> SessionUsage:
        """As it arrives."""
        names = ("turns", "inputTokens", "outputTokens", "toolCalls")
        return cls(*(fields.number_or_none(name) or 0 for name in names))


@dataclass
class SessionResponse:
    """A session. What follows `error` is told by Runyard servers only.

    Attributes:
        status: one of the four constants.
        result: the answer, once completed.
        error: what went wrong, once failed.
        display_name, labels: as given.
        timeout: seconds that it may take.
        interactive: whether it waits for a message after each turn.
        waiting: `message` or `approval`, while it waits for a person.
        reason: a stable word for a failure, such as `timeout`, `budget` or `stopped`.
        agent: what does the work.
        repos: with the commits that were cloned.
        notes: what one should know, such as which agent stood in for the model.
        usage: what it has used so far.
    """

    id: str
    status: str
    task: str
    model: str | None = None
    created_at: str | None = None
    completed_at: str | None = None
    result: str | None = None
    error: str | None = None
    display_name: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    started_at: str | None = None
    timeout: float | None = None
    interactive: bool = False
    waiting: str | None = None
    reason: str | None = None
    agent: str | None = None
    repos: list[SessionRepo] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    usage: SessionUsage | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in {StatusCompleted, StatusFailed}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> SessionResponse:
        """As it arrives; unknown keys are ignored."""
        fields = Fields(data, "the session")
        usage = fields.object_or_none("usage")
        return cls(
            id=fields.text("id"),
            status=fields.text("status"),
            task=fields.text_or_none("task") or "",
            model=fields.text_or_none("model"),
            created_at=fields.text_or_none("createdAt"),
            completed_at=fields.text_or_none("completedAt"),
            result=fields.text_or_none("result"),
            error=fields.text_or_none("error"),
            display_name=fields.text_or_none("displayName"),
            labels=fields.labels("labels"),
            started_at=fields.text_or_none("startedAt"),
            timeout=fields.seconds_or_none("timeout"),
            interactive=fields.flag("interactive"),
            waiting=fields.text_or_none("waiting"),
            reason=fields.text_or_none("reason"),
            agent=fields.text_or_none("agent"),
            repos=[SessionRepo.of(one) for one in fields.objects("repos")],
            notes=fields.texts("notes"),
            usage=None if usage is None else SessionUsage.of(usage),
        )


@dataclass
class SessionListResponse:
    """Sessions, newest first.

    Attributes:
        items: those of this page; all of them where no limit was asked for.
        total: how many there are on all pages.
        next_cursor: where the next page begins; None on the last one.
    """

    items: list[SessionResponse]
    total: int
    next_cursor: str | None = None

    def __iter__(self) -> Iterator[SessionResponse]:
        return iter(self.items)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> SessionListResponse:
        """As it arrives."""
        fields = Fields(data, "the list of sessions")
        items = [SessionResponse.from_dict(one.raw) for one in fields.objects("items")]
        total = fields.number_or_none("total")
        return cls(items, len(items) if total is None else total, fields.text_or_none("nextCursor"))


@dataclass
class ErrorResponse:
    """What the server says about an error."""

    error: str
    message: str | None = None
    code: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> ErrorResponse:
        """As it arrives."""
        fields = Fields(data, "the error")
        return cls(fields.text("error"), fields.text_or_none("message"), fields.text_or_none("code"))


@dataclass
class Message:
    """A part of a session's transcript; `role` is `user` or `assistant`."""

    seq: int
    at: str
    role: str
    content: str

    @classmethod
    def of(cls, fields: Fields) -> Message:
        """As it arrives."""
        return cls(fields.number("seq"), fields.text("at"), fields.text("role"), fields.text("content"))


@dataclass
class Artifact:
    """A file that a session has made. `size` is in bytes."""

    name: str
    size: int
    sha256: str
    content_type: str | None = None

    @classmethod
    def of(cls, fields: Fields) -> Artifact:
        """As it arrives."""
        return cls(
            fields.text("name"), fields.number("size"), fields.text("sha256"), fields.text_or_none("contentType")
        )


@dataclass
class Model:
    """A model that sessions may ask for, and the agent that it runs on."""

    name: str
    agent: str
    default: bool = False

    @classmethod
    def of(cls, fields: Fields) -> Model:
        """As it arrives."""
        return cls(fields.text("name"), fields.text("agent"), fields.flag("default"))


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}
