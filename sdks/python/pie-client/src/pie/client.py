"""`PieClient`: a server of WebAssembly programs, over one WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from types import TracebackType

from . import _calls as calls
from . import _login as login
from ._base import ClientBase
from ._chunks import Content, Progress
from ._link import Link
from ._program import Manifest, Wasm
from .events import InstanceInfo, Limits
from .instance import Instance
from .keys import SigningKey


class PieClient(ClientBase):
    """A client of one server, for asyncio."""

    async def __aenter__(self) -> PieClient:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @cached_property
    def link(self) -> Link:
        """The connection."""
        return Link(self.server_uri, self._settings, self._core)

    async def connect(self) -> None:
        """Connect.

        Raises:
            ConnectionFailed: nobody answers there, or not in time.
        """
        await self.link.open()

    async def close(self) -> None:
        """Disconnect. Instances go on; what still waits here gets a `ConnectionLost`."""
        await self.link.close()

    # Who is there.

    async def authenticate(
        self, username: str, private_key: SigningKey | None = None, *, timeout: float | None = None
    ) -> None:
        """Say who one is, and prove it with a key where the server wants that.

        Raises:
            AuthenticationError: the name or the key is not known, or a key is needed.
        """
        await self.link.run(login.authenticate(self._core, username, private_key), timeout)
        self.link.login = lambda: login.authenticate(self._core, username, private_key)

    async def internal_authenticate(self, token: str, *, timeout: float | None = None) -> None:
        """Prove with a token that one belongs to the server.

        Raises:
            AuthenticationError: it is the wrong one.
        """
        await self.link.run(login.authenticate_by_token(self._core, token), timeout)
        self.link.login = lambda: login.authenticate_by_token(self._core, token)

    async def identify(self, username: str, *, timeout: float | None = None) -> tuple[bool, str]:
        """The first half of `authenticate`, raw: whether the server knows the name, and its challenge."""
        return await self.link.run(login.identify(self._core, username), timeout)

    async def ping(self, *, timeout: float | None = None) -> None:
        """Have the server answer."""
        await self.link.run(calls.ping(self._core), timeout)

    async def query(self, subject: str, record: str = "", *, timeout: float | None = None) -> tuple[bool, str]:
        """Ask the server about a subject: whether it could answer, and what."""
        return await self.link.run(calls.query(self._core, subject, record), timeout)

    # Programs.

    async def program_exists(
        self,
        inferlet: str,
        wasm_path: Wasm | None = None,
        manifest_path: Manifest | None = None,
        *,
        timeout: float | None = None,
    ) -> bool:
        """Whether the server has a program.

        Args:
            inferlet: its name (`ns/name@version`) or its hash.
            wasm_path, manifest_path: its files, to ask for the very same one.
            timeout: see above.

        Raises:
            UsageError: one of the two files is missing.
        """
        return await self.link.run(calls.program_exists(self._core, inferlet, wasm_path, manifest_path), timeout)

    async def upload_program(
        self,
        wasm_path: Wasm,
        manifest_path: Manifest | None = None,
        *,
        force: bool = False,
        on_progress: Progress | None = None,
        timeout: float | None = None,
    ) -> str:
        """Upload a program, unless the server has it already.

        Args:
            wasm_path: its file, or its bytes.
            manifest_path: its manifest's file; the manifest's text beside bytes. Without one, the program is known
                by its hash alone.
            force: upload it in any case.
            on_progress: told the bytes sent and the bytes in all.
            timeout: see above.

        Returns:
            The program's hash.

        Raises:
            ProgramRefused: it is no program, or its manifest is wrong.
            OSError: a file can't be read.
        """
        async with self._uploading:  # an original server takes one at a time
            flow = calls.upload_program(self._core, wasm_path, manifest_path, on_progress, force=force)
            return await self.link.run(flow, timeout)

    @cached_property
    def _uploading(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def remove_program(self, inferlet: str, *, timeout: float | None = None) -> str:
        """Have the server forget a program; gives its full name. Instances of it go on. Runyard servers only.

        Args:
            inferlet: its name, whose newest version is meant unless it says one, or its hash.
            timeout: see above.

        Raises:
            NotFound: there is no such program.
            NotYours: it is somebody else's.
        """
        return await self.link.run(calls.remove_program(self._core, inferlet), timeout)

    async def programs(self, *, timeout: float | None = None) -> object:
        """What the server says of its programs, as JSON gives it. Runyard servers only."""
        return await self.link.run(calls.query_json(self._core, "programs", ""), timeout)

    async def program(self, inferlet: str, *, timeout: float | None = None) -> object:
        """A program's manifest and exports, as JSON gives them. Runyard servers only."""
        return await self.link.run(calls.query_json(self._core, "program", inferlet), timeout)

    # Instances.

    async def launch_instance(
        self,
        inferlet: str,
        arguments: Sequence[str] | None = None,
        detached: bool = False,
        *,
        limits: Limits | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Instance:
        """Start a program.

        Args:
            inferlet: its name (`ns/name@version`) or its hash.
            arguments: texts for the program.
            detached: keep its events on the server until somebody attaches.
            limits: what it may use. Runyard servers only.
            idempotency_key: a second launch with the same key gives the same instance, so that the client launches
                again by itself when the connection is lost meanwhile. Runyard servers only.
            timeout: see above.

        Raises:
            NotFound: there is no such program.
            ProgramRefused: it can't be launched.
        """
        box = await self.link.run(
            calls.launch(
                self._core,
                "launch_instance",
                inferlet,
                arguments,
                detached=detached,
                limits=limits,
                idempotency_key=idempotency_key,
            ),
            timeout,
        )
        return Instance(self, box.instance_id, box)

    async def launch_instance_from_registry(
        self,
        inferlet: str,
        arguments: Sequence[str] | None = None,
        detached: bool = False,
        *,
        timeout: float | None = None,
    ) -> Instance:
        """Start a program of the server's registry, even where one of that name was uploaded."""
        kind = "launch_instance_from_registry"
        box = await self.link.run(calls.launch(self._core, kind, inferlet, arguments, detached=detached), timeout)
        return Instance(self, box.instance_id, box)

    async def launch_server_instance(
        self, inferlet: str, port: int, arguments: Sequence[str] | None = None, *, timeout: float | None = None
    ) -> None:
        """Start a program that serves HTTP on a port of the server's machine."""
        await self.link.run(calls.launch_server_instance(self._core, inferlet, port, arguments), timeout)

    async def attach_instance(
        self, instance_id: str, *, after: int | None = None, timeout: float | None = None
    ) -> Instance:
        """Have the events of a running or an ended instance come here.

        Args:
            instance_id: which.
            after: the `seq` of an event; those after it come again. Without it, what nobody received yet.
            timeout: see above.

        Raises:
            NotFound: there is no such instance.
            AlreadyAttached: it is attached to this client; from an original server, to another one.
        """
        box = await self.link.run(calls.attach(self._core, instance_id, after), timeout)
        return Instance(self, box.instance_id, box)

    async def detach_instance(self, instance_id: str, *, timeout: float | None = None) -> None:
        """Have an instance's events stay on the server. Runyard servers only."""
        await self.link.run(calls.detach(self._core, instance_id), timeout)

    async def list_instances(self, *, timeout: float | None = None) -> list[InstanceInfo]:
        """One's instances, the newest first. An original server tells of 50 at most."""
        return await self.link.run(calls.list_instances(self._core), timeout)

    async def instance_metrics(self, instance_id: str, *, timeout: float | None = None) -> object:
        """What an instance uses, as JSON gives it. Runyard servers only."""
        return await self.link.run(calls.query_json(self._core, "instance", instance_id), timeout)

    async def terminate_instance(
        self, instance_id: str, *, grace_seconds: float | None = None, timeout: float | None = None
    ) -> None:
        """End an instance. With `grace_seconds` it is told first, and has that long. Runyard servers only."""
        await self.link.run(calls.terminate(self._core, instance_id, grace_seconds), timeout)

    async def delete_instance(self, instance_id: str, *, timeout: float | None = None) -> None:
        """Have the server forget an instance that has ended. Runyard servers only."""
        await self.link.run(calls.delete(self._core, instance_id), timeout)

    async def signal_instance(self, instance_id: str, message: str, *, timeout: float | None = None) -> None:
        """Send a text to an instance. One that has ended is no error; original servers tell nothing at all.

        Raises:
            NotFound: there is no such instance.
            QueueFull: it has too many messages waiting.
        """
        await self.link.run(calls.signal(self._core, instance_id, message), timeout)

    async def upload_blob(
        self,
        instance_id: str,
        blob_bytes: Content,
        *,
        on_progress: Progress | None = None,
        timeout: float | None = None,
    ) -> None:
        """Send bytes, or a file, to an instance.

        Args:
            instance_id: which.
            blob_bytes: bytes, or a file's path.
            on_progress: told the bytes sent and the bytes in all.
            timeout: see above.
        """
        await self.link.run(calls.upload_blob(self._core, instance_id, blob_bytes, on_progress), timeout)
