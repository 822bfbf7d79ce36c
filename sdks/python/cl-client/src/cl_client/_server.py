"""What a client asks of the server as a whole: workers, plugins, guest mode, storage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
from pydantic import TypeAdapter

from ._wire.httpx_shell import Caller
from .config import ComputeClientConfig
from .http_utils import answer_of, body_of
from .models import Cleanup, PluginInfo, ServerInfo, StorageSize, WorkerCapabilitiesResponse

_PLUGINS = TypeAdapter(list[PluginInfo])


class ServerCalls:
    """The session, and the calls that are about no job."""

    _session: httpx.AsyncClient
    _caller: Caller

    async def get_capabilities(self) -> WorkerCapabilitiesResponse:
        """The workers, and what they offer now."""
        body = await self._json(lambda: self._session.get(ComputeClientConfig.ENDPOINT_CAPABILITIES))
        return WorkerCapabilitiesResponse.model_validate(body)

    async def get_plugins(self) -> list[PluginInfo]:
        """The server's plugins with their parameters, and what is missing where no worker offers one."""
        return _PLUGINS.validate_python(await self._json(lambda: self._session.get("/plugins")))

    async def get_server_info(self) -> ServerInfo:
        """What the server tells about itself. It needs no token."""
        return ServerInfo.model_validate(await self._json(lambda: self._session.get("/")))

    async def get_guest_mode(self) -> bool:
        """Whether guests may submit jobs."""
        return (await self.get_server_info()).guest_mode

    async def update_guest_mode(self, guest_mode: bool) -> bool:
        """Let guests in, or keep them out. For admins.

        Returns:
            True: it is done.

        Raises:
            StatusError: 409, the server lets in no guests on this address.
        """
        form = {"guest_mode": "true" if guest_mode else "false"}
        await answer_of(self._caller, lambda: self._session.put("/admin/config/guest-mode", data=form))
        return True

    async def get_storage_size(self) -> StorageSize:
        """What all jobs' files take. For admins."""
        return StorageSize.model_validate(await self._json(lambda: self._session.get("/admin/jobs/storage/size")))

    async def cleanup_jobs(self, days: int = 7) -> Cleanup:
        """Remove jobs that ended more than so many days ago. For admins."""
        body = await self._json(
            lambda: self._session.delete("/admin/jobs/cleanup", params={"days": days}), replayable=False
        )
        return Cleanup.model_validate(body)

    async def _json(
        self,
        attempt: Callable[[], Awaitable[httpx.Response]],
        *,
        replayable: bool = True,
        job_id: str | None = None,
    ) -> object:
        return body_of(await answer_of(self._caller, attempt, replayable=replayable, job_id=job_id))
