"""`ComputeClient`: the compute service, its nine plugins, its jobs and their files."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import Final, Literal, overload
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from ._fields import FieldValue, form_fields
from ._job_calls import JobCalls
from ._map import in_order
from ._telemetry import span
from ._track import Track
from ._version import USER_AGENT
from ._waiting import asked_end, told_end
from ._wire.httpx_shell import Caller, header
from ._wire.retry import RetryPolicy
from .auth import AuthProvider, get_default_auth
from .config import ComputeClientConfig
from .http_utils import ONE_SHOT, TokenAuth, answer_of, body_of, connection_limits, tls
from .job import Job
from .models import JobResponse, OnJobResponseCallback
from .mqtt_monitor import MQTTJobMonitor
from .plugins import (
    BasePluginClient,
    ClipEmbeddingClient,
    DinoEmbeddingClient,
    ExifClient,
    FaceDetectionClient,
    FaceEmbeddingClient,
    HashClient,
    HlsStreamingClient,
    ImageConversionClient,
    MediaThumbnailClient,
)
from .server_config import ServerConfig, broker_address
from .uploads import FilePart, FormBody, Source, Upload, open_part

_CHANNEL: Final = "Runyard-Channel"


class _Submitted(BaseModel):
    job_id: str


class ComputeClient(JobCalls):
    """The compute service. Close it, or use it in an `async with` block. Making one connects to nothing yet.

    What isn't given is taken from `server_config`, and that from the environment unless it is given.

    Args:
        base_url: address of the service.
        timeout: seconds for each phase of a request, 30 by default.
        mqtt_broker, mqtt_port: the broker. An empty `mqtt_broker` does without: the server is asked instead.
        auth_provider: who you are; a guest by default.
        server_config: where the services are.
        server_pref, mqtt_url: newer names for `server_config`, and for broker and port in one.
        retry: how often and how long failed calls are repeated.
        transport: instead of the network; for proxies and tests.
    """

    def __init__(
        self,
        base_url: str | None = None,
        timeout: float | None = None,
        mqtt_broker: str | None = None,
        mqtt_port: int | None = None,
        auth_provider: AuthProvider | None = None,
        server_config: ServerConfig | None = None,
        *,
        server_pref: ServerConfig | None = None,
        mqtt_url: str | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        config = server_config or server_pref or ServerConfig.from_env()
        broker, port = broker_address(mqtt_url) if mqtt_url else (config.mqtt_broker, config.mqtt_port)
        self.base_url = (base_url or config.compute_url).rstrip("/")
        self.timeout = ComputeClientConfig.DEFAULT_TIMEOUT if timeout is None else timeout
        self.auth = auth_provider or get_default_auth()
        self._caller = Caller(policy=retry or RetryPolicy())
        self._session = httpx.AsyncClient(
            base_url=self.base_url,
            timeout=self.timeout,
            headers={"User-Agent": USER_AGENT},
            auth=TokenAuth(self.auth),
            limits=connection_limits(),
            transport=transport,
            verify=tls(),
        )
        self._mqtt = MQTTJobMonitor(
            broker=broker if mqtt_broker is None else mqtt_broker,
            port=port if mqtt_port is None else mqtt_port,
            auth=self.auth,
            records=self,
            ask_workers=self.get_capabilities,
        )

    def __repr__(self) -> str:
        return f"ComputeClient({self.base_url!r}, {self.auth!r})"

    async def __aenter__(self) -> ComputeClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Jobs go on; nobody is called back any more."""
        await asyncio.to_thread(self._mqtt.close)
        await self._session.aclose()

    @cached_property
    def clip_embedding(self) -> ClipEmbeddingClient:
        """Pictures as CLIP vectors."""
        return ClipEmbeddingClient(self)

    @cached_property
    def dino_embedding(self) -> DinoEmbeddingClient:
        """Pictures as DINO vectors."""
        return DinoEmbeddingClient(self)

    @cached_property
    def exif(self) -> ExifClient:
        """What pictures say about themselves."""
        return ExifClient(self)

    @cached_property
    def face_detection(self) -> FaceDetectionClient:
        """Faces in pictures."""
        return FaceDetectionClient(self)

    @cached_property
    def face_embedding(self) -> FaceEmbeddingClient:
        """Faces as vectors."""
        return FaceEmbeddingClient(self)

    @cached_property
    def hash(self) -> HashClient:
        """Digests, exact and perceptual."""
        return HashClient(self)

    @cached_property
    def hls_streaming(self) -> HlsStreamingClient:
        """Videos as HLS ladders."""
        return HlsStreamingClient(self)

    @cached_property
    def image_conversion(self) -> ImageConversionClient:
        """Pictures in other formats."""
        return ImageConversionClient(self)

    @cached_property
    def media_thumbnail(self) -> MediaThumbnailClient:
        """Small pictures of pictures and videos."""
        return MediaThumbnailClient(self)

    async def submit(
        self,
        plugin: str,
        source: Source,
        *,
        priority: int = 5,
        filename: str | None = None,
        idempotency_key: str | None = None,
        on_upload: Upload | None = None,
        **params: FieldValue,
    ) -> Job:
        """Submit a job to any plugin of the server, and get a handle on it.

        Args:
            plugin: its name, such as `hash`.
            source: a path, bytes, a binary file or an async iterator of bytes.
            priority: 0 to 10; larger is sooner.
            filename: what the server is told that the file is called.
            idempotency_key: makes repeating the call, even from another process, give the same job.
            on_upload: called with bytes sent, and in all.
            params: the plugin's parameters.

        Raises:
            FileNotFoundError: the file isn't there; nothing was sent.
            StatusError: the server refused the job.
        """
        job_id = await BasePluginClient(self, plugin).send(
            {"file": source},
            params,
            priority=priority,
            filename=filename,
            idempotency_key=idempotency_key,
            on_upload=on_upload,
            watch=True,
        )
        return Job(self, job_id)

    @overload
    def map(
        self,
        plugin: str,
        images: Iterable[Source] | AsyncIterable[Source],
        *,
        concurrency: int = 8,
        return_exceptions: Literal[False] = False,
        **params: FieldValue,
    ) -> AsyncGenerator[JobResponse, None]: ...

    @overload
    def map(
        self,
        plugin: str,
        images: Iterable[Source] | AsyncIterable[Source],
        *,
        concurrency: int = 8,
        return_exceptions: Literal[True],
        **params: FieldValue,
    ) -> AsyncGenerator[JobResponse | Exception, None]: ...

    async def map(
        self,
        plugin: str,
        images: Iterable[Source] | AsyncIterable[Source],
        *,
        concurrency: int = 8,
        return_exceptions: bool = False,
        **params: FieldValue,
    ) -> AsyncGenerator[JobResponse | Exception, None]:
        """Run a plugin over many files; results come in the order of the files.

        Args:
            plugin: its name.
            images: the files, taken as they are needed.
            concurrency: how many jobs may be under way.
            return_exceptions: give an exception in its job's place rather than raise the first one.
            params: the plugin's parameters.
        """

        async def run(source: Source) -> JobResponse:
            job_id = await BasePluginClient(self, plugin).send({"file": source}, params, watch=True)
            return await Job(self, job_id).result()

        async for outcome in in_order(run, images, concurrency=concurrency):
            if isinstance(outcome, Exception) and not return_exceptions:
                raise outcome
            yield outcome

    def job(self, job_id: str) -> Job:
        """A handle on a job. Nothing is asked of the server yet."""
        return Job(self, job_id)

    async def retry_job(self, job_id: str) -> Job:
        """The same file and parameters again, as a new job."""
        endpoint = f"/jobs/{quote(job_id, safe='')}/retry"
        body = await self._json(lambda: self._session.post(endpoint), replayable=False, job_id=job_id)
        return Job(self, _Submitted.model_validate(body).job_id)

    async def http_submit_job(
        self,
        endpoint: str,
        data: Mapping[str, FieldValue] | None = None,
        files: Mapping[str, Source | FilePart] | None = None,
        *,
        watch: bool = False,
        idempotency_key: str | None = None,
        on_upload: Upload | None = None,
    ) -> str:
        """Submit a job, whatever the plugin.

        Args:
            endpoint: its path, such as `/jobs/hash`.
            data: form fields.
            files: form fields with files.
            watch: be ready for the job's events before it is submitted.
            idempotency_key: makes repeating the call give the same job; by default each call makes one job, however
                often the network makes it repeat itself.
            on_upload: called with bytes sent, and in all.

        Returns:
            The job's id.
        """
        with ExitStack() as opened:
            parts: dict[str, FilePart] = {}
            for name, source in (files or {}).items():
                parts[name] = part = await open_part(source)
                if part is not source:
                    opened.callback(part.close)
            body = FormBody(form_fields(data or {}), parts.items(), on_upload=on_upload)
            return await self._post(endpoint, body, watch=watch, key=idempotency_key or str(uuid.uuid4()))

    async def _post(self, endpoint: str, body: FormBody, *, watch: bool, key: str) -> str:
        with span("submit", endpoint=endpoint) as trace:
            headers = {**trace, **body.headers, "Idempotency-Key": key}
            channel = await self._mqtt.open_channel() if watch else None
            if channel is not None:
                headers[_CHANNEL] = channel
            extensions = {} if body.replayable else {ONE_SHOT: True}
            response = await answer_of(
                self._caller,
                lambda: self._session.post(endpoint, content=body, headers=headers, extensions=extensions),
                replayable=body.replayable,
            )
            job_id = _Submitted.model_validate(body_of(response)).job_id
            if channel is not None:
                # Servers that know channels say so by naming it.
                self._mqtt.expect(job_id, on_channel=header(response, _CHANNEL) == channel)
            return job_id

    def subscribe_job_updates(
        self,
        job_id: str,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        task_type: str = "unknown",
        *,
        on_error: Callable[[Exception], object] | None = None,
    ) -> str:
        """Be called back about a job, whoever submitted it.

        Args:
            job_id: the job.
            on_progress: called with each new state, the last one too; progress never goes back.
            on_complete: called once, at the end, with the whole record.
            task_type: what records say that are made from bare events.
            on_error: called when the job can't be followed any further, for instance because it was deleted.

        Returns:
            An id for `unsubscribe`.
        """
        return self._mqtt.subscribe_job_updates(
            job_id=job_id, on_progress=on_progress, on_complete=on_complete, task_type=task_type, on_error=on_error
        )

    def mqtt_subscribe_job_updates(
        self,
        job_id: str,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        task_type: str = "unknown",
    ) -> str:
        """Another name of `subscribe_job_updates`."""
        return self._mqtt.subscribe_job_updates(
            job_id=job_id, on_progress=on_progress, on_complete=on_complete, task_type=task_type
        )

    def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription."""
        self._mqtt.unsubscribe(subscription_id)

    async def wait_for_job(
        self, job_id: str, poll_interval: float | None = None, timeout: float | None = None
    ) -> JobResponse:
        """Wait for a job's end, good or bad.

        Args:
            job_id: the job.
            poll_interval: ask so often, in seconds, and ever more rarely, rather than wait to be told.
            timeout: seconds to wait at most; None and 0 wait as long as it takes.

        Raises:
            TimeoutError: it did not end in time. It goes on.
            JobNotFoundError: it is gone.
        """
        with span("wait", job_id=job_id):
            track = self._mqtt.expected(job_id) if poll_interval is None else None
            if isinstance(track, Track):
                return await told_end(self._mqtt, track, limit=timeout or None)
            return await asked_end(self, job_id, interval=poll_interval, limit=timeout or None)

    async def wait_for_workers(
        self, required_capabilities: list[str] | None = None, timeout: float | None = None
    ) -> bool:
        """Wait until there is an idle worker for each of the tasks.

        Args:
            required_capabilities: the tasks.
            timeout: seconds to wait at most, 30 by default.

        Raises:
            WorkerUnavailableError: there wasn't one in time.
        """
        limit = ComputeClientConfig.WORKER_WAIT_TIMEOUT if timeout is None else timeout
        await asyncio.gather(*(self._mqtt.wait_for_capability(name, limit) for name in required_capabilities or ()))
        return True
