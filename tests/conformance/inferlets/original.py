"""A client of the original generation in miniature, with its habits and its blind spots.

It knows the wire as it was: numbers from 1 for its requests, one task that sorts what comes, a waiter for an upload only when all of
it is sent, events of instances it doesn't know yet kept aside while their output is dropped, no deadline, no second connection.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Self, TypeAlias

import msgpack  # type: ignore[import-untyped]
from blake3 import blake3
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .signing import PrivateKey, sign
from .wire import OPEN_DOOR, Message, chunks


class Event(Enum):
    """What an instance can tell; the last three travel in messages of their own."""

    Message = 0
    Completed = 1
    Aborted = 2
    Exception = 3
    ServerError = 4
    OutOfResources = 5
    Blob = 6
    Stdout = 7
    Stderr = 8


Told: TypeAlias = tuple[int, str | bytes]


class Failed(Exception):
    """Every failure; the original had a bare ``Exception``."""


class Instance:
    """A running program, and its queue."""

    def __init__(self, client: Original, instance_id: str) -> None:
        self.client = client
        self.instance_id = instance_id
        self.event_queue = client.inst_event_queues[instance_id]

    async def send(self, message: str) -> None:
        await self.client.signal_instance(self.instance_id, message)

    async def upload_blob(self, content: bytes) -> None:
        await self.client.upload_blob(self.instance_id, content)

    async def recv(self) -> tuple[Event, str | bytes]:
        event, content = await self.event_queue.get()
        return Event(event), content

    async def terminate(self) -> None:
        await self.client.terminate_instance(self.instance_id)


class Original:
    """The client."""

    def __init__(self, server_uri: str) -> None:
        self.server_uri = server_uri
        self.corr_id_counter = 0
        self.pending_requests: dict[int, asyncio.Future[Message]] = {}
        self.inst_event_queues: dict[str, asyncio.Queue[Told]] = {}
        self.orphan_events: defaultdict[str, list[Told]] = defaultdict(list)
        self.pending_downloads: dict[str, list[bytes]] = {}
        self.ws: ClientConnection

    async def __aenter__(self) -> Self:
        self.ws = await connect(self.server_uri)  # with the library's limit of 1 MiB a message
        self.listener_task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.close()
        self.listener_task.cancel()
        with suppress(asyncio.CancelledError):
            await self.listener_task

    async def authenticate(self, username: str, key: PrivateKey | None = None) -> None:
        successful, result = await self._response("identification", username=username)
        if not successful:
            raise Failed(f"Username {username!r} rejected: {result}")
        if result == OPEN_DOOR:
            return
        if key is None:
            raise Failed("The server wants a key")
        successful, result = await self._response("signature", signature=sign(key, result))
        if not successful:
            raise Failed(f"Signature refused: {result}")

    async def internal_authenticate(self, token: str) -> None:
        await self._insist("Internal authentication", "internal_authenticate", token=token)

    async def query(self, subject: str, record: str) -> tuple[bool, str]:
        return await self._response("query", subject=subject, record=record)

    async def ping(self) -> None:
        await self._insist("Ping", "ping")

    async def program_exists(self, inferlet: str, wasm: Path | None = None, manifest: Path | None = None) -> bool:
        record = inferlet
        if wasm is not None and manifest is not None:
            record += f"#{digest(wasm.read_bytes())}+{digest(manifest.read_text().encode())}"
        return await self._insist("Query", "query", subject="program_exists", record=record) == "true"

    async def upload_program(self, wasm: Path, manifest: Path) -> None:
        content, text = wasm.read_bytes(), manifest.read_text()
        number = self._number()
        for chunk in chunks(content):
            fields = {"program_hash": digest(content), "manifest": text, **chunk}
            await self._send({"type": "upload_program", "corr_id": number, **fields})
        await self._answered("Upload Program", number)

    async def upload_blob(self, instance_id: str, content: bytes) -> None:
        number = self._number()
        for chunk in chunks(content):
            fields = {"instance_id": instance_id, "blob_hash": digest(content), **chunk}
            await self._send({"type": "upload_blob", "corr_id": number, **fields})
        await self._answered("Upload Blob", number)

    async def launch_instance(
        self,
        inferlet: str,
        arguments: list[str] | None = None,
        detached: bool = False,
        *,
        kind: str = "launch_instance",
    ) -> Instance:
        fields = {"inferlet": inferlet, "arguments": arguments or [], "detached": detached}
        instance_id = (await self._request(kind, **fields))["message"]
        queue = self.inst_event_queues[instance_id] = asyncio.Queue()
        for told in self.orphan_events.pop(instance_id, []):
            queue.put_nowait(told)
        return Instance(self, instance_id)

    async def attach_instance(self, instance_id: str) -> Instance:
        self.inst_event_queues[instance_id] = asyncio.Queue()
        await self._request("attach_instance", instance_id=instance_id)
        return Instance(self, instance_id)

    async def list_instances(self) -> list[Message]:
        found: list[Message] = (await self._request("list_instances"))["instances"]
        return found

    async def terminate_instance(self, instance_id: str) -> None:
        await self._insist("Terminate", "terminate_instance", instance_id=instance_id)

    async def signal_instance(self, instance_id: str, message: str) -> None:
        await self._send({"type": "signal_instance", "instance_id": instance_id, "message": message})

    # ---------------------------------------------------------------- requests and answers

    def _number(self) -> int:
        self.corr_id_counter += 1
        return self.corr_id_counter

    async def _send(self, message: Message) -> None:
        await self.ws.send(msgpack.packb(message, use_bin_type=True))

    async def _request(self, kind: str, **fields: object) -> Message:
        number = self._number()
        waiter = self._waiter(number)
        await self._send({"type": kind, "corr_id": number, **fields})
        answer = await waiter
        if not answer.get("successful", True):
            raise Failed(answer.get("message", answer.get("result")))
        return answer

    async def _response(self, kind: str, **fields: object) -> tuple[bool, str]:
        number = self._number()
        waiter = self._waiter(number)
        await self._send({"type": kind, "corr_id": number, **fields})
        answer = await waiter
        return answer["successful"], answer["result"]

    def _waiter(self, number: int) -> asyncio.Future[Message]:
        waiter: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.pending_requests[number] = waiter
        return waiter

    async def _insist(self, what: str, kind: str, **fields: object) -> str:
        successful, result = await self._response(kind, **fields)
        if not successful:
            raise Failed(f"{what} failed: {result}")
        return result

    async def _answered(self, what: str, number: int) -> None:
        answer = await self._waiter(number)  # only now: an answer that came before is missed
        if not answer["successful"]:
            raise Failed(f"{what} failed: {answer['result']}")

    # ---------------------------------------------------------------- what comes

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):  # what waits, waits for ever
            async for frame in self.ws:
                if isinstance(frame, bytes):
                    self._take(msgpack.unpackb(frame, raw=False))

    def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"response", "instance_launch_result", "instance_attach_result", "live_instances", "challenge"}:
            waiter = self.pending_requests.pop(message["corr_id"], None)
            if waiter is not None:
                waiter.set_result(message)
        elif kind == "instance_event":
            self._tell(message["instance_id"], (message["event"], message["message"]))
        elif kind == "streaming_output":
            ((stream, text),) = message["output"].items()
            queue = self.inst_event_queues.get(message["instance_id"])
            if queue is not None:
                queue.put_nowait((Event[stream].value, text))
        elif kind == "download_blob":
            self._take_chunk(message)

    def _tell(self, instance_id: str, told: Told) -> None:
        queue = self.inst_event_queues.get(instance_id)
        if queue is None:
            self.orphan_events[instance_id].append(told)
        else:
            queue.put_nowait(told)

    def _take_chunk(self, message: Message) -> None:
        """As it was meant: the original lost every blob by counting from 0 to the total."""
        pieces = self.pending_downloads.setdefault(message["blob_hash"], [])
        pieces.append(message["chunk_data"])
        if message["chunk_index"] + 1 == message["total_chunks"]:
            content = b"".join(self.pending_downloads.pop(message["blob_hash"]))
            if digest(content) == message["blob_hash"]:
                self._tell(message["instance_id"], (Event.Blob.value, content))


def digest(content: bytes) -> str:
    """BLAKE3, as the wire has it."""
    return str(blake3(content).hexdigest())
