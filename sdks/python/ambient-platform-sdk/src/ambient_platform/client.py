"""`AmbientClient`: agent sessions for ordinary programs. Any number of threads may share one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING

import httpx

from . import _calls as calls
from ._base import SILENCE, ClientBase, needed_of_environment, url_of_environment
from ._bearer import TokenProvider
from ._downloads import Progress, download
from ._follow import Position, follow
from ._port import SyncPort, run
from ._waiting import wait_for_completion
from ._wire.retry import RetryPolicy
from .pages import SessionPage
from .session import Session
from .streams import EventStream
from .types import Artifact, CreateSessionRequest, CreateSessionResponse, Message, Model, SessionResponse

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._base import Tuning


class AmbientClient(ClientBase):
    """A client of one project on one server. Close it, or use it in `with`.

    Args:
        base_url: such as `http://localhost:8080`.
        token: a bearer token, or a function that gives one, which is asked before each request.
        project: the project; on a cluster, its namespace.
        timeout: seconds that the server may take for an answer.
        retry: how often and how long to try again.
        heartbeat_timeout: seconds without a byte after which a stream of events is taken up anew.
        ssl: for `https://` addresses, rather than the system's certificates.
        transport: `httpx`'s, rather than its own connections.

    Raises:
        ValueError: the address, the token or the project can't be one.
    """

    def __init__(
        self,
        base_url: str,
        token: str | TokenProvider,
        project: str,
        timeout: float = 30.0,
        *,
        retry: RetryPolicy | None = None,
        heartbeat_timeout: float = SILENCE,
        ssl: SSLContext | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(base_url, token, project, timeout=timeout, ssl=ssl)
        self.client = httpx.Client(**self._http_options(), transport=transport)
        self._core = self._made_core(SyncPort(self.client), retry, heartbeat_timeout)

    @classmethod
    def from_env(
        cls,
        *,
        base_url: str | None = None,
        token: str | TokenProvider | None = None,
        project: str | None = None,
        **kwargs: Unpack[Tuning],
    ) -> AmbientClient:
        """A client from `AMBIENT_API_URL`, `AMBIENT_TOKEN` and `AMBIENT_PROJECT`; what is given here wins.

        Raises:
            ValueError: the token or the project is missing.
        """
        token = token or needed_of_environment("AMBIENT_TOKEN")
        project = project or needed_of_environment("AMBIENT_PROJECT")
        return cls(base_url or url_of_environment(), token, project, **kwargs)

    def __enter__(self) -> AmbientClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Sessions go on."""
        self.client.close()

    # Sessions.

    def create_session(
        self, request: CreateSessionRequest, *, idempotency_key: str | None = None
    ) -> CreateSessionResponse:
        """Start a session.

        Args:
            request: the task.
            idempotency_key: two calls with the same key and task start one session; each call has its own if None.

        Raises:
            ValueError: the task, or a repository, can't be one.
        """
        return run(calls.create_session(self._core, request, idempotency_key))

    def start_session(self, request: CreateSessionRequest, *, idempotency_key: str | None = None) -> Session:
        """Start a session, and get it to hold on to."""
        return self.session(self.create_session(request, idempotency_key=idempotency_key).id)

    def session(self, session_id: str) -> Session:
        """A session to hold on to. Nothing is asked of the server."""
        return Session(self, session_id)

    def get_session(self, session_id: str) -> SessionResponse:
        """How a session is."""
        return run(calls.get_session(self._core, session_id))

    def list_sessions(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: str | None = None,
        labels: Mapping[str, str] | None = None,
        search: str | None = None,
    ) -> SessionPage:
        """Sessions, newest first. Iterate over the answer for those of all pages.

        Args:
            limit: how many a page has, 1 to 500; None has all of them on one.
            cursor: where to begin, a page's `next_cursor`.
            status: only those that are `pending`, `running`, `completed` or `failed`.
            labels: only those with all of these.
            search: only those whose task or name contains this.
        """
        wanted = calls.Filter(limit=limit, status=status, labels=labels, search=search)
        turn = partial(calls.list_sessions, self._core, wanted)
        return SessionPage(run(turn(cursor)), turn)

    def wait_for_completion(
        self, session_id: str, poll_interval: float = 5.0, timeout: float | None = None
    ) -> SessionResponse:
        """Wait until a session is `completed` or `failed`; which of them, the answer tells.

        Args:
            session_id: which one.
            poll_interval: seconds between two questions, on servers without events.
            timeout: seconds to wait; None waits as long as it takes.

        Raises:
            SessionTimeout: it has not ended in time; also a TimeoutError. The session goes on.
        """
        return run(wait_for_completion(self._core, session_id, poll_interval, timeout))

    def delete(self, session_id: str) -> None:
        """Forget a session; one that runs is stopped first."""
        run(calls.delete(self._core, session_id))

    # While it runs.

    def stream_events(self, session_id: str, *, after: Position | None = None) -> EventStream:
        """What a session tells, from its beginning to its end, each event once, whatever connections do.

        Args:
            session_id: which one.
            after: the number of the last event that is known. None begins with the first event; `last` with what comes
                once somebody iterates, which is when the server is asked.
        """
        return EventStream(follow(self._core, session_id, after=after), after if isinstance(after, int) else None)

    def send_message(self, session_id: str, content: str, *, idempotency_key: str | None = None) -> int:
        """Tell the agent something; gives the message's number.

        Args:
            session_id: which session.
            content: what to tell.
            idempotency_key: two calls with the same key and content are one message; each call has its own if None.

        Raises:
            ConflictError: the session is over.
        """
        return run(calls.send_message(self._core, session_id, content, idempotency_key))

    def interrupt(self, session_id: str, *, idempotency_key: str | None = None) -> SessionResponse:
        """End the agent's turn, and keep the session.

        Args:
            session_id: which session.
            idempotency_key: two calls with the same key end one turn; each call has its own if None.
        """
        return run(calls.interrupt(self._core, session_id, idempotency_key))

    def cancel(self, session_id: str) -> SessionResponse:
        """End a session. It is `failed` then, for the reason `stopped`."""
        return run(calls.end(self._core, session_id, "stop"))

    def finish(self, session_id: str) -> SessionResponse:
        """End a session that waits for a message, or will: an interactive or interrupted one. It is `completed` then.

        Raises:
            ConflictError: the session is over, or ends by itself.
        """
        return run(calls.end(self._core, session_id, "finish"))

    def approve(self, session_id: str, call: str, *, approved: bool = True, comment: str | None = None) -> None:
        """Let a tool's call happen, or not.

        Args:
            session_id: which session.
            call: the call's id, as its event tells.
            approved: False refuses it.
            comment: what the agent is told about it.

        Raises:
            ConflictError: somebody has decided already.
        """
        run(calls.approve(self._core, session_id, call, approved=approved, comment=comment))

    # What came of it.

    def messages(self, session_id: str) -> list[Message]:
        """The transcript."""
        return run(calls.messages(self._core, session_id))

    def artifacts(self, session_id: str) -> list[Artifact]:
        """The files that a session has made."""
        return run(calls.artifacts(self._core, session_id))

    def download_artifact(
        self, session_id: str, artifact: Artifact | str, path: str | Path, *, on_progress: Progress | None = None
    ) -> Path:
        """Write an artifact to a file, whole and verified, or not at all.

        Args:
            session_id: whose.
            artifact: which one, or its name.
            path: the file to write, or a folder.
            on_progress: called with the bytes fetched and in all.

        Returns:
            The file.

        Raises:
            SessionNotFoundError: there is none of that name.
            DownloadError: the bytes are not what the server announced.
        """
        return run(download(self._core, session_id, artifact, Path(path), on_progress))

    def patch(self, session_id: str, *, repo: str | None = None) -> bytes:
        """What changed in the repositories, or in one of them, as `git apply` takes it."""
        return run(calls.patch(self._core, session_id, repo))

    def logs(self, session_id: str, *, tail: int | None = None) -> str:
        """What tools and the agent have printed; the last `tail` lines of it."""
        return run(calls.logs(self._core, session_id, tail))

    def metrics(self, session_id: str) -> Mapping[str, object]:
        """Times, turns, tokens and tool calls."""
        return run(calls.metrics(self._core, session_id))

    def models(self) -> list[Model]:
        """What sessions may ask for."""
        return run(calls.models(self._core))
