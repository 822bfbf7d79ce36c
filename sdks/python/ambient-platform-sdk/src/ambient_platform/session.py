"""`Session` and `AsyncSession`: one session, to hold on to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ._downloads import Progress
from ._follow import Position
from .exceptions import SessionFailed
from .streams import AsyncEventStream, EventStream
from .types import Artifact, Message, SessionResponse, StatusFailed

if TYPE_CHECKING:
    from .async_client import AsyncAmbientClient
    from .client import AmbientClient


class Session:
    """A session. `AmbientClient.start_session` and `session` give one; the calls are the client's."""

    def __init__(self, client: AmbientClient, session_id: str) -> None:
        self.client = client
        self.id = session_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    def get(self) -> SessionResponse:
        """How it is."""
        return self.client.get_session(self.id)

    def events(self, *, after: Position | None = None) -> EventStream:
        """What it tells, up to its end."""
        return self.client.stream_events(self.id, after=after)

    def wait(self, poll_interval: float = 5.0, timeout: float | None = None) -> SessionResponse:
        """Wait until it has ended."""
        return self.client.wait_for_completion(self.id, poll_interval, timeout)

    def result(self, timeout: float | None = None) -> str:
        """Wait until it has ended, and get its answer.

        Raises:
            SessionFailed: it ended badly.
            SessionTimeout: it has not ended in time.
        """
        return result_of(self.wait(timeout=timeout))

    def send(self, content: str, *, idempotency_key: str | None = None) -> int:
        """Tell the agent something."""
        return self.client.send_message(self.id, content, idempotency_key=idempotency_key)

    def interrupt(self, *, idempotency_key: str | None = None) -> SessionResponse:
        """End the agent's turn, and keep the session."""
        return self.client.interrupt(self.id, idempotency_key=idempotency_key)

    def cancel(self) -> SessionResponse:
        """End it."""
        return self.client.cancel(self.id)

    def finish(self) -> SessionResponse:
        """End it while it waits for a message, or when its turn ends."""
        return self.client.finish(self.id)

    def approve(self, call: str, *, approved: bool = True, comment: str | None = None) -> None:
        """Let a tool's call happen, or not."""
        self.client.approve(self.id, call, approved=approved, comment=comment)

    def delete(self) -> None:
        """Forget it."""
        self.client.delete(self.id)

    def messages(self) -> list[Message]:
        """The transcript."""
        return self.client.messages(self.id)

    def artifacts(self) -> list[Artifact]:
        """The files that it has made."""
        return self.client.artifacts(self.id)

    def download(self, artifact: Artifact | str, path: str | Path, *, on_progress: Progress | None = None) -> Path:
        """Write an artifact to a file, or into a folder."""
        return self.client.download_artifact(self.id, artifact, path, on_progress=on_progress)

    def patch(self, *, repo: str | None = None) -> bytes:
        """What changed in the repositories."""
        return self.client.patch(self.id, repo=repo)

    def logs(self, *, tail: int | None = None) -> str:
        """What tools and the agent have printed."""
        return self.client.logs(self.id, tail=tail)

    def metrics(self) -> Mapping[str, object]:
        """Times, turns, tokens and tool calls."""
        return self.client.metrics(self.id)


class AsyncSession:
    """A session. `AsyncAmbientClient.start_session` and `session` give one; the calls are the client's."""

    def __init__(self, client: AsyncAmbientClient, session_id: str) -> None:
        self.client = client
        self.id = session_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    async def get(self) -> SessionResponse:
        """How it is."""
        return await self.client.get_session(self.id)

    def events(self, *, after: Position | None = None) -> AsyncEventStream:
        """What it tells, up to its end."""
        return self.client.stream_events(self.id, after=after)

    async def wait(self, poll_interval: float = 5.0, timeout: float | None = None) -> SessionResponse:
        """Wait until it has ended."""
        return await self.client.wait_for_completion(self.id, poll_interval, timeout)

    async def result(self, timeout: float | None = None) -> str:
        """Wait until it has ended, and get its answer.

        Raises:
            SessionFailed: it ended badly.
            SessionTimeout: it has not ended in time.
        """
        return result_of(await self.wait(timeout=timeout))

    async def send(self, content: str, *, idempotency_key: str | None = None) -> int:
        """Tell the agent something."""
        return await self.client.send_message(self.id, content, idempotency_key=idempotency_key)

    async def interrupt(self, *, idempotency_key: str | None = None) -> SessionResponse:
        """End the agent's turn, and keep the session."""
        return await self.client.interrupt(self.id, idempotency_key=idempotency_key)

    async def cancel(self) -> SessionResponse:
        """End it."""
        return await self.client.cancel(self.id)

    async def finish(self) -> SessionResponse:
        """End it while it waits for a message, or when its turn ends."""
        return await self.client.finish(self.id)

    async def approve(self, call: str, *, approved: bool = True, comment: str | None = None) -> None:
        """Let a tool's call happen, or not."""
        await self.client.approve(self.id, call, approved=approved, comment=comment)

    async def delete(self) -> None:
        """Forget it."""
        await self.client.delete(self.id)

    async def messages(self) -> list[Message]:
        """The transcript."""
        return await self.client.messages(self.id)

    async def artifacts(self) -> list[Artifact]:
        """The files that it has made."""
        return await self.client.artifacts(self.id)

    async def download(
        self, artifact: Artifact | str, path: str | Path, *, on_progress: Progress | None = None
    ) -> Path:
        """Write an artifact to a file, or into a folder."""
        return await self.client.download_artifact(self.id, artifact, path, on_progress=on_progress)

    async def patch(self, *, repo: str | None = None) -> bytes:
        """What changed in the repositories."""
        return await self.client.patch(self.id, repo=repo)

    async def logs(self, *, tail: int | None = None) -> str:
        """What tools and the agent have printed."""
        return await self.client.logs(self.id, tail=tail)

    async def metrics(self) -> Mapping[str, object]:
        """Times, turns, tokens and tool calls."""
        return await self.client.metrics(self.id)


def result_of(session: SessionResponse) -> str:
    """The answer of a session that has ended.

    Raises:
        SessionFailed: there is none.
    """
    if session.status == StatusFailed:
        raise SessionFailed(session)
    return session.result or ""
