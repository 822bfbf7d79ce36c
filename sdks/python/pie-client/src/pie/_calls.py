"""Every call, written once for both shells: what is sent, what is waited for, and what the answer means.

A call is a generator of steps. A shell performs each one, in its own manner, and throws into the generator what fails.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias, TypeVar, cast

from ._chunks import Content, Progress, Source
from ._mailbox import Mailbox
from ._messages import Answer, Plain, encode
from ._program import Manifest, Wasm, canonical_id, checked_arguments, existence_record, manifest_text
from ._protocol import Call, Protocol
from .errors import AlreadyAttached, AuthenticationError, ProtocolError, RequestRefused, UsageError, refusal
from .events import InstanceInfo, Limits
from .keys import SigningKey

T = TypeVar("T")

_OURS: Final = 1
_AUTH_OFF: Final = "Authenticated (Engine disabled authentication)"
_ALREADY: Final = "Already authenticated"
_CHALLENGE_BYTES: Final = range(32, 65)
_PAGE: Final = 200
_PAGES: Final = 10_000
_CHUNKS_AT_ONCE: Final = 16
_ATTACH_ATTEMPTS: Final = 40


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
class Pause:
    """Let so many seconds pass."""

    seconds: float


Step: TypeAlias = "Send | Wait | Work | Pause"
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


# Who is there.


def identify(core: Protocol, username: str) -> Flow[tuple[bool, str]]:
    """Say who one is, and no more."""
    answer = yield from ask(core, "identification", {"username": username, "runyard": _OURS})
    return answer.successful, answer.result


def authenticate(core: Protocol, username: str, key: SigningKey | None) -> Flow[None]:
    """Say who one is, and prove it where the server wants that."""
    successful, result = yield from identify(core, username)
    if not successful:
        raise AuthenticationError(f"Username {username!r} rejected: {result}", text=result)
    if result in {_AUTH_OFF, _ALREADY}:
        return
    if key is None:
        raise AuthenticationError(f"The server wants a private key of {username!r}; give one to: authenticate")
    challenge = _challenge(result)
    signature = yield from work(lambda: key.sign(challenge))
    answer = yield from ask(core, "signature", {"signature": base64.b64encode(signature).decode()})
    if not answer.successful:
        raise AuthenticationError(
            f"The server doesn't take this key for {username!r}: {answer.result}", code=answer.code, text=answer.result
        )


def authenticate_by_token(core: Protocol, token: str) -> Flow[None]:
    """Prove with a token that one belongs to the server."""
    answer = yield from ask(core, "internal_authenticate", {"token": token, "runyard": _OURS})
    if not answer.successful:
        raise AuthenticationError(f"Token rejected: {answer.result}", code=answer.code, text=answer.result)


def restore(core: Protocol, login: Flow[None]) -> Flow[None]:
    """On a new connection: sign in, and attach again what was attached."""
    yield from login
    if not core.ours:
        for box in list(core.mailboxes.values()):
            core.fail(box, ProtocolError("The server behind the new connection can't send again what was missed"))
    for box in core.to_restore():
        try:
            yield from _attach(core, box, patient=True)
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


def upload_program(core: Protocol, wasm: Wasm, manifest: Manifest | None, on_progress: Progress | None) -> Flow[str]:
    """Send a program; gives its hash."""
    text = yield from work(lambda: manifest_text(wasm, manifest))
    source = Source(wasm)

    def fields(index: int) -> dict[str, Plain]:
        # The manifest counts from the first chunk; an original server wants it in each.
        return {"program_hash": source.digest, "manifest": text if index == 0 or not core.ours else ""}

    answer = yield from _upload(core, "upload_program", source, fields, on_progress)
    return _granted(answer, "Upload Program").result


def upload_blob(core: Protocol, instance_id: str, blob: Content, on_progress: Progress | None) -> Flow[None]:
    """Send a blob to an instance."""
    source = Source(blob)

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
    call = core.call(kind)
    call.opens = None if detached else "launched"
    instance_id = _granted((yield from _asked(core, call, fields)), "Launch Instance").result
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


def _asked(core: Protocol, call: Call, fields: Mapping[str, Plain]) -> Flow[Answer]:
    try:
        yield Send(core.frame(call, dict(fields)), call)
        yield Wait(call)
        return call.outcome()
    finally:
        core.forget(call)


def _upload(
    core: Protocol, kind: str, source: Source, fields: Callable[[int], dict[str, Plain]], on_progress: Progress | None
) -> Flow[Answer]:
    yield from work(source.measure)
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


def _attach(core: Protocol, box: Mailbox, *, patient: bool = False) -> Flow[None]:
    """Attach. Right after a lost connection the server may still hold on to it for a moment: be patient then."""
    fields: dict[str, Plain] = {"instance_id": box.instance_id}
    if box.seq is not None:
        fields["after"] = box.seq
    for attempt in range(_ATTACH_ATTEMPTS):
        box.state = "resuming"
        answer = yield from ask(core, "attach_instance", fields, opens=box)
        if answer.successful:
            return
        refused = refusal("Attach Instance", answer.result, answer.code)
        if not patient or not isinstance(refused, AlreadyAttached) or attempt + 1 == _ATTACH_ATTEMPTS:
            raise refused
        yield Pause(min(0.05 * (attempt + 1), 0.5))


def _granted(answer: Answer, what: str) -> Answer:
    if not answer.successful:
        raise refusal(what, answer.result, answer.code)
    return answer


def _challenge(text: str) -> bytes:
    """The bytes to be signed. Anything but a short random text could be a trap: a key signs other things, too."""
    try:
        challenge = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ProtocolError(f"The server's challenge is no base64: {text!r:.80}") from error
    if len(challenge) not in _CHALLENGE_BYTES:
        raise ProtocolError(f"The server's challenge has {len(challenge)} bytes; a key signs 32 to 64 at most")
    return challenge


def _only_ours(core: Protocol, what: str) -> None:
    if not core.ours:
        raise UsageError(f"This server can't {what}")
