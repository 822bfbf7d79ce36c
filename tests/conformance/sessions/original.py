"""A program of the original generation in miniature: what it sends, what it reads, and what it never looks at."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx


class OriginalError(Exception):
    """Whatever the server refuses, in the original's words."""


@dataclass
class OriginalSession:
    """The fields it knows. A body without one of the first three is a fault, a further one is passed over."""

    id: str
    status: str
    task: str
    model: str | None = None
    created_at: str | None = None
    completed_at: str | None = None
    result: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            data["id"], data["status"], data["task"], data.get("model"), data.get("createdAt"),
            data.get("completedAt"), data.get("result"), data.get("error"),
        )  # fmt: skip


class OriginalClient:
    """Sends a content type with every request, asks again and again for the end, and knows four words."""

    def __init__(self, url: str, token: str, project: str) -> None:
        self.http = httpx.Client(
            base_url=url,
            timeout=30.0,
            headers={
                "Authorization": f"Bearer {token}",
                "X-Ambient-Project": project,
                "Content-Type": "application/json",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def create(self, **request: object) -> str:
        return str(self._json("POST", "/v1/sessions", json=request)["id"])

    def get(self, session: str) -> OriginalSession:
        return OriginalSession.of(self._json("GET", f"/v1/sessions/{session}"))

    def list(self) -> list[OriginalSession]:
        body = self._json("GET", "/v1/sessions")
        assert body["total"] == len(body["items"])
        return [OriginalSession.of(one) for one in body["items"]]

    def wait(self, session: str, *, polls: int = 600) -> OriginalSession:
        """Until one of the two words that end a session."""
        for _ in range(polls):
            found = self.get(session)
            assert found.status in {"pending", "running", "completed", "failed"}
            if found.status in {"completed", "failed"}:
                return found
            threading.Event().wait(0.1)
        raise TimeoutError

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.http.request(method, path, **options)
        body = answer.json()
        if answer.is_error:
            raise OriginalError(f"API error ({answer.status_code}): {body['error']}")
        return dict(body)
