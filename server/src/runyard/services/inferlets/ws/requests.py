"""What clients may ask for, read from the bytes of one frame. Pure."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias, cast

import msgspec

CHUNK: Final = 262_144
"""Bytes of a chunk of a program or blob; the last one has what is left."""

LARGE: Final = 1024 * 1024
"""Bytes of a frame that carries neither a chunk nor a message: small items become large objects when they are read."""

U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class Unreadable(Exception):
    """A frame that isn't MessagePack, or no map."""


class BadRequest(Exception):
    """A message that can't be taken. The text says why.

    Args:
        code: stable word for programs.
        corr_id: of the request, if it could be made out.
    """

    def __init__(self, text: str, *, code: str, corr_id: int | None) -> None:
        super().__init__(text)
        self.code = code
        self.corr_id = corr_id


class _Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Fields are those of the protocol. Those with a default are Runyard's own, or may be left out."""


class Identification(_Request, frozen=True, kw_only=True, tag="identification"):  # noqa: D101
    corr_id: U32
    username: str
    runyard: int = 0


class Signature(_Request, frozen=True, kw_only=True, tag="signature"):  # noqa: D101
    corr_id: U32
    signature: str


class InternalAuthenticate(_Request, frozen=True, kw_only=True, tag="internal_authenticate"):  # noqa: D101
    corr_id: U32
    token: str
    runyard: int = 0


class Query(_Request, frozen=True, kw_only=True, tag="query"):  # noqa: D101
    corr_id: U32
    subject: str
    record: str


class UploadProgram(_Request, frozen=True, kw_only=True, tag="upload_program"):  # noqa: D101
    corr_id: U32
    program_hash: str
    manifest: str
    chunk_index: Count
    total_chunks: Count
    chunk_data: bytes


class UploadBlob(_Request, frozen=True, kw_only=True, tag="upload_blob"):  # noqa: D101
    corr_id: U32
    instance_id: str
    blob_hash: str
    chunk_index: Count
    total_chunks: Count
    chunk_data: bytes


class RemoveProgram(_Request, frozen=True, kw_only=True, tag="remove_program"):  # noqa: D101
    corr_id: U32
    inferlet: str


class LaunchInstance(_Request, frozen=True, kw_only=True, tag="launch_instance"):  # noqa: D101
    corr_id: U32
    inferlet: str
    arguments: list[str]
    detached: bool
    limits: dict[str, int | float | str | bool | None] | None = None
    idempotency_key: str | None = None


class LaunchInstanceFromRegistry(LaunchInstance, frozen=True, kw_only=True, tag="launch_instance_from_registry"):  # noqa: D101
    pass


class LaunchServerInstance(_Request, frozen=True, kw_only=True, tag="launch_server_instance"):  # noqa: D101
    corr_id: U32


class AttachRemoteService(_Request, frozen=True, kw_only=True, tag="attach_remote_service"):  # noqa: D101
    corr_id: U32


class AttachInstance(_Request, frozen=True, kw_only=True, tag="attach_instance"):  # noqa: D101
    corr_id: U32
    instance_id: str
    after: Count | None = None


class DetachInstance(_Request, frozen=True, kw_only=True, tag="detach_instance"):  # noqa: D101
    corr_id: U32
    instance_id: str


class DeleteInstance(_Request, frozen=True, kw_only=True, tag="delete_instance"):  # noqa: D101
    corr_id: U32
    instance_id: str


class SignalInstance(_Request, frozen=True, kw_only=True, tag="signal_instance"):  # noqa: D101
    instance_id: str
    message: str
    corr_id: U32 | None = None


class TerminateInstance(_Request, frozen=True, kw_only=True, tag="terminate_instance"):  # noqa: D101
    corr_id: U32
    instance_id: str
    grace_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None


class ListInstances(_Request, frozen=True, kw_only=True, tag="list_instances"):  # noqa: D101
    corr_id: U32
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] | None = None
    cursor: str | None = None


class Ping(_Request, frozen=True, kw_only=True, tag="ping"):  # noqa: D101
    corr_id: U32


Request: TypeAlias = (
    Identification
    | Signature
    | InternalAuthenticate
    | Query
    | UploadProgram
    | UploadBlob
    | RemoveProgram
    | LaunchInstance
    | LaunchInstanceFromRegistry
    | LaunchServerInstance
    | AttachRemoteService
    | AttachInstance
    | DetachInstance
    | DeleteInstance
    | SignalInstance
    | TerminateInstance
    | ListInstances
    | Ping
)

Chunk: TypeAlias = UploadProgram | UploadBlob


class _Envelope(msgspec.Struct, frozen=True):
    """What can be made out of a message without reading the rest of it."""

    type: msgspec.Raw = msgspec.Raw()
    corr_id: msgspec.Raw = msgspec.Raw()


_decoder = msgspec.msgpack.Decoder(Request)
_envelopes = msgspec.msgpack.Decoder(_Envelope)
_TAGS: Final = frozenset(kind.__struct_config__.tag for kind in Request.__args__)
_MAY_BE_LARGE: Final = frozenset({"upload_program", "upload_blob", "signal_instance"})


def read_frame(frame: bytes) -> Request:
    """The request in a frame.

    Raises:
        Unreadable: there is none.
        BadRequest: there is one, of an unknown type or with wrong fields.
    """
    if len(frame) > LARGE:
        kind, corr_id = _open(frame)
        if kind not in _MAY_BE_LARGE:
            text = f"A message of type {kind!r:.80} has {LARGE} bytes at most, not {len(frame)}."
            raise BadRequest(text, code="too_large", corr_id=corr_id)
    try:
        return cast("Request", _decoder.decode(frame))
    except msgspec.ValidationError as error:
        raise _explain(frame, str(error)) from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise _unreadable(frame, error) from error


def _explain(frame: bytes, problem: str) -> BadRequest:
    """What is wrong with a frame that could be read, but not as a request."""
    kind, corr_id = _open(frame)
    if not isinstance(kind, str) or kind not in _TAGS:
        return BadRequest(f"There is no message of type {kind!r:.80}.", code="unknown_type", corr_id=corr_id)
    return BadRequest(f"{kind!r} can't be taken: {problem}.", code="bad_message", corr_id=corr_id)


def _open(frame: bytes) -> tuple[object, int | None]:
    """The type and the number of a message, whatever else is in it.

    Raises:
        Unreadable: it is none.
    """
    try:
        envelope = _envelopes.decode(frame)
        kind, found = _small(envelope.type), _small(envelope.corr_id)
    except msgspec.ValidationError as error:
        raise Unreadable("A message is a map with the key 'type'.") from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise _unreadable(frame, error) from error
    return kind, found if type(found) is int and 0 <= found < 2**32 else None


def _small(raw: msgspec.Raw) -> object:
    """A value that may be a type or a number; None for a longer one."""
    content = memoryview(raw)
    return msgspec.msgpack.decode(content) if 0 < len(content) <= 200 else None


def _unreadable(frame: bytes, error: Exception) -> Unreadable:
    return Unreadable(f"A frame of {len(frame)} bytes can't be read as MessagePack: {error}")
