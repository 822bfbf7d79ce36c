"""What each request does, for one client that has been let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Final, Protocol
from uuid import UUID

from runyard.identity import Action, Principal, allowed
from runyard.jobs import IdempotencyReused, JobEnded, JobNotFound
from runyard.services.inferlets import instances
from runyard.services.inferlets.errors import Denied
from runyard.services.inferlets.limits import BadLimits, asked
from runyard.services.inferlets.programs import ProgramError, read_manifest, read_reference
from runyard.services.inferlets.runtime.guest import LONGEST_BLOB, LONGEST_TEXT
from runyard.services.inferlets.ws import requests as ask
from runyard.services.inferlets.ws.answers import Extra, ResultKind, live_instances, response, result
from runyard.services.inferlets.ws.callers import tenants
from runyard.services.inferlets.ws.listing import list_for_originals, list_page
from runyard.services.inferlets.ws.queries import answer_query
from runyard.services.inferlets.ws.room import Room
from runyard.services.inferlets.ws.uploads import AT_ONCE, Upload
from runyard.sizes import MIB

ARGUMENTS: Final = 1000
ARGUMENT_BYTES: Final = MIB
LONGEST_KEY: Final = 200

_RESULTS: Final[Mapping[type[ask.Request], ResultKind]] = {
    ask.LaunchInstance: "instance_launch_result",
    ask.LaunchInstanceFromRegistry: "instance_launch_result",
    ask.AttachInstance: "instance_attach_result",
}


class Client(Protocol):
    """The connection, as far as requests have to do with it."""

    ours: bool

    async def send(self, frame: bytes) -> None:
        """Send a frame; waits while the client is behind."""

    def watch(self, instance: UUID, after: int, *, launched: bool = False) -> None:
        """Tell what the instance says from now on; one just launched as soon as the client can know of it."""

    async def unwatch(self, instance: UUID) -> None:
        """Tell no more of it."""

    def watches(self, instance: UUID) -> bool:
        """Whether this connection is attached to it."""

    def ending(self, instance: UUID) -> AbstractContextManager[None]:
        """Hold back the end of the instance until the block is left."""


class Desk:
    """Takes the requests of one client."""

    def __init__(self, room: Room, principal: Principal, client: Client) -> None:
        self._room = room
        self._yard = room.yard
        self._principal = principal
        self._client = client
        self._uploads: dict[tuple[type[ask.Chunk], str], Upload] = {}
        self._does: Mapping[type[ask.Request], Callable[..., Awaitable[None]]] = {
            ask.Identification: self._know,
            ask.Signature: self._know,
            ask.InternalAuthenticate: self._know,
            ask.Query: self._query,
            ask.RemoveProgram: self._remove,
            ask.LaunchInstance: self._launch,
            ask.LaunchInstanceFromRegistry: self._launch,
            ask.LaunchServerInstance: self._serve,
            ask.AttachRemoteService: self._retired,
            ask.AttachInstance: self._attach,
            ask.DetachInstance: self._detach,
            ask.DeleteInstance: self._delete,
            ask.SignalInstance: self._signal,
            ask.TerminateInstance: self._terminate,
            ask.ListInstances: self._list,
            ask.Ping: self._ping,
        }

    async def close(self) -> None:
        """The client has gone: what it was sending is dropped."""
        uploads, self._uploads = self._uploads, {}
        for upload in uploads.values():
            await upload.drop()

    async def take(self, request: ask.Request) -> None:
        """Do what a request asks for, and answer it."""
        await self._answering(request, self._does[type(request)](request))

    async def take_chunk(self, chunk: ask.Chunk) -> Callable[[], Awaitable[None]] | None:
        """Take a piece of an upload. With the last one comes what is to be done with the whole."""
        key = type(chunk), chunk.program_hash if isinstance(chunk, ask.UploadProgram) else chunk.blob_hash
        last = False

        async def add() -> None:
            nonlocal last
            last = await self._add(key, chunk)

        if not await self._answering(chunk, add()):
            if (broken := self._uploads.pop(key, None)) is not None:
                await broken.drop()
            return None
        if not last:
            return None
        upload = self._uploads.pop(key)
        return lambda: self._finish(chunk, upload)

    async def _answering(self, request: ask.Request, work: Awaitable[None]) -> bool:
        """Do it; False after a refusal, which is answered."""
        try:
            await work
        except (Denied, ProgramError) as error:
            await self.refuse(request, str(error), error.code)
        except BadLimits as error:
            await self.refuse(request, str(error), "bad_limits")
        except JobNotFound as error:
            await self.refuse(request, str(error), "not_found")
        except JobEnded as error:
            await self.refuse(request, str(error), "ended")
        except IdempotencyReused as error:
            await self.refuse(request, str(error), "idempotency_reused")
        else:
            return True
        return False

    async def refuse(self, request: ask.Request, text: str, code: str) -> None:
        """Answer that something can't be had; not to requests that ask for no answer."""
        if request.corr_id is None:
            return
        extra: Extra = {"code": code} if self._client.ours else {}
        kind = _RESULTS.get(type(request))
        if kind is None:
            await self._client.send(response(request.corr_id, text, successful=False, extra=extra))
        else:
            await self._client.send(result(kind, request.corr_id, text, successful=False, extra=extra))

    async def _ping(self, request: ask.Ping) -> None:
        await self._say(request.corr_id, "Pong")

    async def _query(self, request: ask.Query) -> None:
        await self._say(
            request.corr_id, await answer_query(self._room, self._principal, request.subject, request.record)
        )

    async def _know(self, request: ask.Identification | ask.Signature | ask.InternalAuthenticate) -> None:
        await self._say(request.corr_id, "Already authenticated")

    async def _retired(self, _request: ask.AttachRemoteService) -> None:
        raise Denied("Services are no longer attached by clients.", code="unsupported")

    async def _serve(self, _request: ask.LaunchServerInstance) -> None:
        raise Denied(
            "Programs of this yard open no ports; launch it as an instance and talk to that.", code="unsupported"
        )

    # ---------------------------------------------------------------- instances

    async def _launch(self, request: ask.LaunchInstance) -> None:
        self._require_work()
        size = sum(len(argument.encode("utf-8", "replace")) for argument in request.arguments)
        if len(request.arguments) > ARGUMENTS or size > ARGUMENT_BYTES:
            raise Denied(
                f"A launch has {ARGUMENTS} arguments of {ARGUMENT_BYTES} bytes together at most, not "
                f"{len(request.arguments)} of {size}.",
                code="too_large",
            )
        if any("\0" in argument for argument in request.arguments):
            raise Denied("An argument can't have a NUL character.", code="bad_message")
        if request.idempotency_key is not None and not 0 < len(request.idempotency_key) <= LONGEST_KEY:
            raise Denied(f"An idempotency_key has 1 to {LONGEST_KEY} characters.", code="bad_message")
        limits = asked(request.limits, self._yard.settings)
        reach = tenants(self._principal)
        program = await self._room.programs.find(read_reference(request.inferlet), tenants=reach)
        await self._room.programs.resolve(program, tenants=reach)
        job = await instances.launch(
            self._yard, program, owner=self._principal.user_id, tenant=self._principal.tenant,
            user=self._principal.name, arguments=request.arguments, limits=limits,
            idempotency_key=request.idempotency_key,
        )  # fmt: skip
        await self._client.send(result("instance_launch_result", request.corr_id, str(job.id)))
        if not request.detached and not self._client.watches(job.id):
            self._client.watch(job.id, 0, launched=True)

    def _require_work(self) -> None:
        if not allowed(self._principal, Action.SUBMIT, tenant=self._principal.tenant):
            raise Denied("You may look on in this project; its members add programs and launch them.", code="not_yours")

    async def _attach(self, request: ask.AttachInstance) -> None:
        job = await self._room.instance(self._principal, request.instance_id, Action.READ)
        if self._client.watches(job.id) or (not self._client.ours and job.id in self._room.watched):
            # Clients of ours may be many: each has its own place in the log.
            raise Denied(f"Instance {job.id} is already attached.", code="already_attached")
        after = await self._room.cursors.find(job.id) if request.after is None else request.after
        if after > job.last_seq:
            job = await self._yard.jobs.get(job.id)
        if after > job.last_seq:
            raise Denied(f"Instance {job.id} has {job.last_seq} events, none after {after}.", code="bad_message")
        extra: Extra = {"seq": after} if self._client.ours else {}
        await self._client.send(result("instance_attach_result", request.corr_id, "Instance attached", extra=extra))
        self._client.watch(job.id, after)

    async def _detach(self, request: ask.DetachInstance) -> None:
        job = await self._room.instance(self._principal, request.instance_id, Action.READ)
        await self._client.unwatch(job.id)
        await self._say(request.corr_id, "Instance detached")

    async def _signal(self, request: ask.SignalInstance) -> None:
        if len(request.message) > LONGEST_TEXT:
            raise Denied(
                f"A message has {LONGEST_TEXT} characters at most, not {len(request.message)}. Send a blob.",
                code="too_large",
            )
        instance = self._attached(request.instance_id)
        if instance is None:
            instance = (await self._room.instance(self._principal, request.instance_id, Action.CANCEL)).id
        await instances.send_text(self._yard, instance, request.message)
        if request.corr_id is not None:
            await self._say(request.corr_id, "Message sent")

    def _attached(self, text: str) -> UUID | None:
        """The instance, if this client is attached to it: then nobody need ask again whether it may talk to it."""
        try:
            instance = UUID(text)
        except ValueError:
            return None
        return instance if self._client.watches(instance) else None

    async def _terminate(self, request: ask.TerminateInstance) -> None:
        job = await self._room.instance(self._principal, request.instance_id, Action.CANCEL)
        with self._client.ending(job.id):
            try:
                await instances.terminate(self._yard, job.id, grace=request.grace_seconds)
            except JobEnded:
                # To terminate what has ended is to have done with it.
                await self._room.cursors.save(job.id, 0, over=True)
            await self._say(request.corr_id, "Instance terminated")

    async def _delete(self, request: ask.DeleteInstance) -> None:
        job = await self._room.instance(self._principal, request.instance_id, Action.CANCEL)
        if not job.state.ended:
            raise Denied(f"Instance {job.id} is running; terminate it first.", code="running")
        await self._yard.jobs.delete(job.id)
        await self._say(request.corr_id, "Instance deleted")

    async def _list(self, request: ask.ListInstances) -> None:
        if not self._client.ours:
            await self._client.send(
                live_instances(request.corr_id, await list_for_originals(self._room, self._principal))
            )
            return
        page, cursor = await list_page(self._room, self._principal, limit=request.limit or 50, cursor=request.cursor)
        await self._client.send(live_instances(request.corr_id, page, extra={"cursor": cursor}))

    # ---------------------------------------------------------------- programs

    async def _remove(self, request: ask.RemoveProgram) -> None:
        program = await self._room.programs.find(read_reference(request.inferlet), tenants=tenants(self._principal))
        if not allowed(self._principal, Action.CANCEL, owner=program.owner, tenant=program.tenant):
            raise Denied(f"Program {program} is the yard's, for all; its operator can remove it.", code="not_yours")
        await self._room.programs.remove(program)
        await self._say(request.corr_id, str(program))

    async def _add(self, key: tuple[type[ask.Chunk], str], chunk: ask.Chunk) -> bool:
        upload = self._uploads.get(key)
        if upload is None:
            if chunk.chunk_index != 0:
                raise Denied(f"An upload begins with chunk 0, not {chunk.chunk_index}.", code="bad_chunk")
            upload = self._uploads[key] = await self._begin(key[1], chunk)
        return await upload.add(chunk.chunk_index, chunk.total_chunks, chunk.chunk_data, digest=key[1])

    async def _begin(self, digest: str, chunk: ask.Chunk) -> Upload:
        if len(self._uploads) >= AT_ONCE:
            raise Denied(f"{AT_ONCE} uploads are under way on this connection; finish one first.", code="queue_full")
        artifacts, total = self._yard.artifacts, chunk.total_chunks
        if not isinstance(chunk, ask.UploadProgram):
            await self._room.instance(self._principal, chunk.instance_id, Action.CANCEL)
            return Upload(artifacts, digest=digest, total=total, limit=LONGEST_BLOB)
        self._require_work()
        programs = self._room.programs
        programs.expect()
        if chunk.manifest.strip():
            read_manifest(chunk.manifest)  # before the rest is sent for nothing
        return Upload(
            artifacts, digest=digest, total=total, limit=self._yard.settings.inferlet_program,
            manifest=chunk.manifest, survey=partial(programs.survey, digest),
        )  # fmt: skip

    async def _finish(self, chunk: ask.Chunk, upload: Upload) -> None:
        await self._answering(chunk, self._use(chunk, upload))

    async def _use(self, chunk: ask.Chunk, upload: Upload) -> None:
        whole = await upload.whole()
        if isinstance(chunk, ask.UploadProgram):
            await self._room.programs.add(
                tenant=self._principal.tenant, owner=self._principal.user_id, blob=whole.blob, digest=whole.digest,
                manifest=upload.manifest, surveyed=upload.surveyed,
            )  # fmt: skip
            await self._say(chunk.corr_id, whole.digest)
        else:
            job = await self._room.instance(self._principal, chunk.instance_id, Action.CANCEL)
            await instances.send_blob(self._yard, job.id, whole.blob, whole.digest)
            await self._say(chunk.corr_id, "Blob sent")

    async def _say(self, corr_id: int, text: str) -> None:
        await self._client.send(response(corr_id, text))
