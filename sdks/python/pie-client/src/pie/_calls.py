"""Every call, written once for both shells: what is sent, what is waited for, and what the answer means.

A call is a generator of steps. A shell performs each one, in its own manner, and throws into the generator what fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias, TypeVar, cast

from ._chunks import Content, Progress, Source, digest_of
from ._mailbox import Mailbox
from ._messages import Answer, Plain, encode
from ._program import (
    Manifest,
    Wasm,
    canonical_id,
    checked_arguments,
    existence_record,
    manifest_name,
    manifest_text,
)
from ._protocol import Call, Protocol
from .errors import AlreadyAttached, ConnectionLost, ProtocolError, RequestRefused, UsageError, refusal
from .events import InstanceInfo, Limits

T = TypeVar("T")

_PAGE: Final = 200
_PAGES: Final = 10_000
_CHUNKS_AT_ONCE: Final = 16
_LAUNCHES: Final = 5


@dataclass(frozen=True, slots=True)
class Send:
    """Send a frame, on the connection that the call belongs to."""

    frame: bytes
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until the call is done."""

    call: Call


@dataclass(frozen=True, slots=True)
class Work:
    """Do something that blocks."""

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Reconnected:
    """Wait for the next connection, if one is being made."""


Step: TypeAlias = "Send | Wait | Work | Reconnected"
Flow: TypeAlias = Generator[Step, None, T]


def ask(core: Protocol, kind: str, fields: Mapping[str, Plain], *, opens: Mailbox | None = None) -> Flow[Answer]:
    """Send a request and wait for its answer, which may say no."""
    call = core.call(kind)
    call.opens = opens
    return (yield from _asked(core, call, fields))


def demand(core: Protocol, kind: str, fields: Mapping[str, Plain], what: str) -> Flow[str]:
    """The same; a no is raised.

    Raises:
        RequestRefused: the server said no.
    """
    return _granted((yield from ask(core, kind, fields)), what).result


def work(function: Callable[[], T]) -> Flow[T]:
    """Do something that blocks, and give what it gives."""
    results: list[T] = []
    yield Work(lambda: results.append(function()))
    return results[0]


# Connections.


def restore(core: Protocol, login: Flow[None]) -> Flow[None]:
    """On a new connection: sign in, and attach again what was attached."""
    yield from login
    if not core.ours:
        for box in list(core.mailboxes.values()):
            core.fail(box, ProtocolError("The server behind the new connection can't send again what was missed"))
    for box in core.to_restore():
        try:
            yield from _attach(core, box)
        except RequestRefused as error:
            core.fail(box, error)


# Programs.


def query(core: Protocol, subject: str, record: str) -> Flow[tuple[bool, str]]:
    """Ask about a subject; a no is no error."""
    answer = yield from ask(core, "query", {"subject": subject, "record": record})
    return answer.successful, answer.result


def query_json(core: Protocol, subject: str, record: str) -> Flow[object]:
    """Ask about a subject whose answer is JSON."""
    text = yield from demand(core, "query", {"subject": subject, "record": record}, f"Query {subject!r}")
    try:
        return cast("object", json.loads(text))
    except ValueError as error:
        raise ProtocolError(f"The answer to query {subject!r} is no JSON: {text!r:.80}") from error


def program_exists(core: Protocol, program: str, wasm: Wasm | None, manifest: Manifest | None) -> Flow[bool]:
    """Whether the server has the program; the very same one if files are given."""
    record = yield from work(lambda: existence_record(program, wasm, manifest))
    result = yield from demand(core, "query", {"subject": "program_exists", "record": record}, "Query")
    return result == "true"


def upload_program(
    core: Protocol, wasm: Wasm, manifest: Manifest | None, on_progress: Progress | None, *, force: bool
) -> Flow[str]:
    """Send a program, unless the server has the very same one; gives its hash."""
    text = yield from work(lambda: manifest_text(wasm, manifest))
    source = Source(wasm)
    yield from work(source.measure)
    if not force and (yield from _has(core, source, text)):
        if on_progress is not None:
            on_progress(source.size, source.size)
        return source.digest

    def fields(index: int) -> dict[str, Plain]:
        # The manifest counts from the first chunk; an original server wants it in each.
        return {"program_hash": source.digest, "manifest": text if index == 0 or not core.ours else ""}

    answer = yield from _upload(core, "upload_program", source, fields, on_progress)
    return _granted(answer, "Upload Program").result


def upload_blob(core: Protocol, instance_id: str, blob: Content, on_progress: Progress | None) -> Flow[None]:
    """Send a blob to an instance."""
    source = Source(blob)
    yield from work(source.measure)

    def fields(_: int) -> dict[str, Plain]:
        return {"instance_id": canonical_id(instance_id), "blob_hash": source.digest}

    answer = yield from _upload(core, "upload_blob", source, fields, on_progress)
    _granted(answer, "Upload Blob")


# Instances.


def launch(
    core: Protocol,
    kind: str,
    program: str,
    arguments: object,
    *,
    detached: bool,
    limits: Limits | None = None,
    idempotency_key: str | None = None,
) -> Flow[Mailbox]:
    """Start a program; gives where its events arrive."""
    fields: dict[str, Plain] = {
        "inferlet": program,
        "arguments": checked_arguments(arguments),
        "detached": detached,
    }
    if limits is not None:
        fields["limits"] = limits.wire()
    if idempotency_key is not None:
        fields["idempotency_key"] = idempotency_key
    attempts = _LAUNCHES if core.ours and idempotency_key is not None else 1
    call, answer = yield from _launched(core, kind, fields, detached=detached, attempts=attempts)
    instance_id = _granted(answer, "Launch Instance").result
    return call.opened or core.mailbox(instance_id, state="detached")


def launch_server_instance(core: Protocol, program: str, port: int, arguments: object) -> Flow[None]:
    """Start a program that serves HTTP on a port of the server's machine."""
    if not 0 < port < 65536:
        raise UsageError(f"{port!r} is no port; give 1 to 65535")
    fields: dict[str, Plain] = {"port": port, "inferlet": program, "arguments": checked_arguments(arguments)}
    yield from demand(core, "launch_server_instance", fields, "Launch Server Instance")


def attach(core: Protocol, instance_id: str, after: int | None) -> Flow[Mailbox]:
    """Have the events of an instance come here."""
    before = core.mailboxes.get(canonical_id(instance_id))
    if before is not None:
        raise AlreadyAttached(f"Instance {before.instance_id} is attached to this client already")
    box = core.mailbox(canonical_id(instance_id), state="resuming", after=after)
    yield from _attach(core, box)
    return box


def detach(core: Protocol, instance_id: str) -> Flow[None]:
    """Have the events of an instance stay on the server."""
    _only_ours(core, "detach an instance; close the client instead")
    yield from demand(core, "detach_instance", {"instance_id": canonical_id(instance_id)}, "Detach Instance")
    core.detached(canonical_id(instance_id))


def delete(core: Protocol, instance_id: str) -> Flow[None]:
    """Have the server forget an instance that has ended."""
    _only_ours(core, "delete an instance; terminate it instead")
    yield from demand(core, "delete_instance", {"instance_id": canonical_id(instance_id)}, "Delete Instance")


def remove_program(core: Protocol, inferlet: str) -> Flow[str]:
    """Have the server forget a program; gives its full name."""
    _only_ours(core, "remove a program")
    return (yield from demand(core, "remove_program", {"inferlet": inferlet}, "Remove Program"))


def terminate(core: Protocol, instance_id: str, grace_seconds: float | None) -> Flow[None]:
    """End an instance."""
    fields: dict[str, Plain] = {"instance_id": canonical_id(instance_id)}
    if grace_seconds is not None:
        fields["grace_seconds"] = grace_seconds
    yield from demand(core, "terminate_instance", fields, "Terminate Instance")


def signal(core: Protocol, instance_id: str, message: str) -> Flow[None]:
    """Send a text to an instance.

    One that has just ended is no error: whether a program still reads a message can't be known when it is sent, and
    `recv` tells of the end. Original servers don't answer, so that nothing is known of any message there.
    """
    fields: dict[str, Plain] = {"instance_id": canonical_id(instance_id), "message": message}
    if not core.ours:
        yield Send(encode("signal_instance", fields))
        return
    answer = yield from ask(core, "signal_instance", fields)
    if answer.code != "ended":
        _granted(answer, "Signal Instance")


def list_instances(core: Protocol) -> Flow[list[InstanceInfo]]:
    """All instances, page by page where the server has pages."""
    found: list[InstanceInfo] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        fields: dict[str, Plain] = {"limit": _PAGE} if core.ours else {}
        if cursor is not None:
            fields["cursor"] = cursor
        answer = _granted((yield from ask(core, "list_instances", fields)), "List Instances")
        found += answer.instances
        if answer.cursor is None or answer.cursor == cursor:
            return found
        cursor = answer.cursor
    raise ProtocolError(f"The list of instances has more than {_PAGES} pages")


def ping(core: Protocol) -> Flow[None]:
    """Have the server answer."""
    yield from demand(core, "ping", {}, "Ping")


# Parts of calls.


def _has(core: Protocol, source: Source, manifest: str) -> Flow[bool]:
    """Whether the server has this very program. What it can't be asked for is sent: it says what is wrong with it."""
    if manifest:
        name = manifest_name(manifest)
        record = name and f"{name}#{source.digest}+{digest_of(manifest.encode())}"
    else:
        record = source.digest if core.ours else None
    if record is None:
        return False
    answer = yield from ask(core, "query", {"subject": "program_exists", "record": record})
    return answer.successful and answer.result == "true"


def _asked(core: Protocol, call: Call, fields: Mapping[str, Plain]) -> Flow[Answer]:
    try:
        yield Send(core.frame(call, dict(fields)), call)
        yield Wait(call)
        return call.outcome()
    finally:
        core.forget(call)


def _launched(
    core: Protocol, kind: str, fields: Mapping[str, Plain], *, detached: bool, attempts: int
) -> Flow[tuple[Call, Answer]]:
    """Launch; once more after a lost connection, where that can't launch it twice."""
    while True:
        call = core.call(kind)
        call.opens = None if detached else "launched"
        try:
            return call, (yield from _asked(core, call, fields))
        except ConnectionLost:
            attempts -= 1
            if not attempts:
                raise
            yield Reconnected()
            if not core.ours:  # another server has taken the place, one that doesn't know of keys
                raise


def _upload(
    core: Protocol, kind: str, source: Source, fields: Callable[[int], dict[str, Plain]], on_progress: Progress | None
) -> Flow[Answer]:
    call = core.call(kind)
    try:
        sent = 0
        for first in range(0, source.total, _CHUNKS_AT_ONCE):
            if call.done:  # the server has said no already
                break
            chunks = yield from work(partial(source.chunks, first, _CHUNKS_AT_ONCE))
            for index, chunk in enumerate(chunks, first):
                place: dict[str, Plain] = {"chunk_index": index, "total_chunks": source.total, "chunk_data": chunk}
                yield Send(core.frame(call, {**fields(index), **place}), call)
                sent += len(chunk)
                if on_progress is not None:
                    on_progress(sent, source.size)
        yield Wait(call)
        return call.outcome()
    finally:
        core.forget(call)


def _attach(core: Protocol, box: Mailbox) -> Flow[None]:
    fields: dict[str, Plain] = {"instance_id": box.instance_id}
    if box.seq is not None:
        fields["after"] = box.seq
    box.state = "resuming"
    _granted((yield from ask(core, "attach_instance", fields, opens=box)), "Attach Instance")


def _granted(answer: Answer, what: str) -> Answer:
    if not answer.successful:
        raise refusal(what, answer.result, answer.code)
    return answer


def _only_ours(core: Protocol, what: str) -> None:
    if not core.ours:
        raise UsageError(f"This server can't {what}")
