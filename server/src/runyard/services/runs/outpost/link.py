"""The link to the yard: what a machine says over HTTP, with tokens that are renewed and tries that are repeated."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Collection, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from runyard.services.runs.models.machines import ClaimAnswer, EnrolledMachine, MachineHeartbeat
from runyard.services.runs.outpost.account import Account

PATIENCE: Final = 15.0
"""Seconds for an answer, beside those that the yard was asked to wait."""

RENEWED: Final = 60.0
"""Seconds before its end at which a token is renewed."""

LONGEST_PAUSE: Final = 20.0

M = TypeVar("M", bound=BaseModel)


class _Token(BaseModel):
    """What of a token's answer matters here."""

    access_token: str
    expires_in: float


log = structlog.get_logger(__name__)


class LinkRefused(Exception):
    """The yard says no, and will say so again."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class LinkDown(Exception):
    """The yard can't be reached, or can't answer now."""


async def enrol(url: str, token: str, *, operations: Collection[str], os_image: str) -> Account:
    """Turn an enrolment token into an account.

    Raises:
        LinkRefused: it isn't good.
        LinkDown: the yard can't be reached.
    """
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise LinkRefused(422, "This is no enrolment token. It looks like workspace.machine-….ry_client_…")
    workspace, machine, _ = parts
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        path = f"/v1/workspaces/{workspace}/machines/{machine}/enrol"
        asked = {"token": token.strip(), "operations": sorted(operations), "osImage": os_image}
        made = _read(EnrolledMachine, await _answer(client.post(path, json=asked)))
    return Account(
        url=url, workspace=workspace, machine=machine, client_id=made.client_id, client_secret=made.client_secret
    )


class Link:
    """Speaks for one machine."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._client = httpx.AsyncClient(base_url=account.url, timeout=PATIENCE)
        self._base = f"/v1/workspaces/{account.workspace}/machines/{account.machine}"
        self._token, self._until = "", 0.0
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def claim(
        self, *, holding: Collection[str], free: int, wait: float, operations: Collection[str]
    ) -> ClaimAnswer:
        """Ask for work, and wait for it a while."""
        asked = {"holding": sorted(holding), "free": free, "waitSeconds": wait, "operations": sorted(operations)}
        return _read(ClaimAnswer, await self._post("/invocations:claim", asked, patience=PATIENCE + wait))

    async def report(self, invocation: str, asked: Mapping[str, object]) -> None:
        """Say how an invocation goes on, again and again until it is heard.

        Raises:
            LinkRefused: it isn't the machine's any more.
        """
        pauses = Pauses()
        while True:
            try:
                await self._post(f"/invocations/{invocation}/report", asked)
            except LinkDown as error:
                log.warning("yard_unreachable", error=str(error))
                await pauses.pause()
            else:
                return

    async def heartbeat(self, asked: Mapping[str, object]) -> float:
        """Say that the machine lives; after how many seconds to say so again."""
        heard = _read(MachineHeartbeat, await self._post("/heartbeat", asked))
        return float(heard.next_heartbeat_seconds)

    async def _post(self, path: str, asked: Mapping[str, object], *, patience: float = PATIENCE) -> bytes:
        token = await self._bearer()
        try:
            return await self._send(path, asked, token, patience)
        except LinkRefused as refused:
            if refused.status != 401:
                raise
        with suppress(LinkRefused):  # it may have ended early; if the account has, the next answer says so
            token = await self._bearer(instead_of=token)
        return await self._send(path, asked, token, patience)

    async def _send(self, path: str, asked: Mapping[str, object], token: str, patience: float) -> bytes:
        headers = {"Authorization": f"Bearer {token}"}
        return await _answer(self._client.post(self._base + path, json=asked, headers=headers, timeout=patience))

    async def _bearer(self, *, instead_of: str | None = None) -> str:
        now = asyncio.get_running_loop().time()
        async with self._renewing:
            if self._token and self._token != instead_of and now < self._until:
                return self._token
            asked = {
                "grant_type": "client_credentials", "workspaceId": self._account.workspace,
                "client_id": self._account.client_id, "client_secret": self._account.client_secret,
            }  # fmt: skip
            known = _read(_Token, await _answer(self._client.post("/v1/auth/token", json=asked)))
            self._token = known.access_token
            self._until = now + max(known.expires_in - RENEWED, known.expires_in / 2)
            return self._token


class Pauses:
    """Pauses between tries: longer each time, and never the same for two machines."""

    def __init__(self) -> None:
        self._next = 0.5

    async def pause(self, *, unless: asyncio.Event | None = None) -> None:
        """Wait before the next try, or until something has happened."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._next * random.uniform(0.5, 1.0)):  # noqa: S311
                await (unless or asyncio.Event()).wait()
        self._next = min(self._next * 2, LONGEST_PAUSE)


async def _answer(asking: Awaitable[httpx.Response]) -> bytes:
    try:
        answer = await asking
    except httpx.HTTPError as error:
        raise LinkDown(f"{type(error).__name__}: {error}") from error
    if answer.is_success:
        return answer.content
    detail = f"HTTP {answer.status_code}"
    with suppress(ValueError, TypeError):
        detail = str(answer.json()["detail"])
    if answer.status_code >= 500 or answer.status_code in {408, 429}:
        raise LinkDown(detail)
    raise LinkRefused(answer.status_code, detail)


def _read(model: type[M], content: bytes) -> M:
    try:
        return model.model_validate_json(content)
    except ValidationError:
        raise LinkDown("What answers there doesn't speak as a yard does.") from None
