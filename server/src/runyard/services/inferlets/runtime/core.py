"""The interfaces of package ``inferlet:core`` for components: messages, blobs, topics, keys and values; and text."""

# ruff: noqa: D103 -- what these do is what the interfaces say

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from runyard import __version__
from runyard.services.inferlets.runtime.guest import HostRefusal
from runyard.services.inferlets.runtime.here import here
from runyard.services.inferlets.runtime.interface import Interface
from runyard.services.inferlets.runtime.resources import (
    Blob,
    Generation,
    Model,
    Pollable,
    Received,
    ResourceKind,
    Tokenizer,
)
from runyard.services.inferlets.runtime.values import (
    BOOL,
    BYTES,
    F32,
    TEXT,
    U32,
    U64,
    Failure,
    ListOf,
    Option,
    Own,
    Rep,
    Result,
    Tuple,
    Type,
)

_POLLABLE: Final = Own(ResourceKind.POLLABLE)
_ASKED: Final = Result(TEXT, TEXT)


def set_return(value: str) -> None:
    here.guest.set_return(value)


def send(message: str) -> None:
    here.guest.send(message)


def receive() -> int:
    guest = here.guest
    return here.resources.add(Received(guest.take_text, lambda: bool(guest.texts) or guest.hears_end()))


def send_blob(blob: Rep) -> None:
    here.guest.send_blob(here.resources.take(blob, Blob).content)


def receive_blob() -> int:
    guest = here.guest
    return here.resources.add(Received(guest.take_blob, lambda: bool(guest.blobs) or guest.hears_end()))


def broadcast(topic: str, message: str) -> None:
    here.guest.call("broadcast", topic, message)


def subscribe(topic: str) -> int:
    guest = here.guest
    number = guest.subscribe(topic)
    return here.resources.add(
        Received(
            lambda: guest.take_news(number),
            lambda: guest.has_news(number) or guest.hears_end(),
            end=lambda: guest.unsubscribe(number),
        )
    )


def unsubscribe(self: Rep) -> None:
    here.resources.get(self, Received).end()


def pollable(self: Rep) -> int:
    received = here.resources.get(self, Received)
    return here.resources.add(Pollable(lambda: received.found is not None or received.waiting()))


def get(self: Rep) -> str | bytes | None:
    return here.resources.get(self, Received).get()


def get_blob(self: Rep) -> int | None:
    found = here.resources.get(self, Received).get()
    return None if found is None else here.resources.add(Blob(cast("bytes", found)))


def next_broadcast(self: Rep) -> str | bytes | None:
    """Unlike a message, a subscription goes on: each call gives another one."""
    return here.resources.get(self, Received).look()


def new_blob(content: bytes) -> int:
    return here.resources.add(Blob(bytes(content)))


def read_blob(self: Rep, offset: int, count: int) -> bytes:
    """What is left of a blob from ``offset`` on; past its end that is nothing."""
    return here.resources.get(self, Blob).content[offset : offset + count]


def blob_size(self: Rep) -> int:
    return len(here.resources.get(self, Blob).content)


def asked(name: str) -> Callable[..., Any]:
    """A function that asks the yard; what it refuses ends the program."""
    return lambda *arguments: here.guest.call(name, *arguments)


def models() -> list[str]:
    return cast("list[str]", here.guest.call("models"))


def get_model(name: str) -> int | None:
    return here.resources.add(Model(name)) if name in models() else None


def model_name(self: Rep) -> str:
    return here.resources.get(self, Model).name


def get_tokenizer(model: Rep) -> int:
    here.resources.get(model, Model)
    return here.resources.add(Tokenizer())


def tokenizer_does(name: str) -> Callable[[Rep, object], object]:
    """A method of a tokenizer; what the yard refuses ends the program."""

    def ask(self: Rep, given: object) -> object:
        here.resources.get(self, Tokenizer)
        return here.guest.call(name, _listed(given), long=True)

    return ask


def start(prompt: str, options: str) -> int | Failure:
    guest = here.guest
    try:
        number = cast("int", guest.call("generate_start", prompt, options))
    except HostRefusal as refusal:
        return Failure(str(refusal))
    return here.resources.add(Generation(number, lambda: guest.cast("generate_end", number)))


def next_piece(self: Rep) -> object:
    return answered("generate_next")(here.resources.get(self, Generation).number)


def answered(name: str) -> Callable[..., Any]:
    """A function that asks the yard's model; what it refuses is an error the program gets."""

    def ask(*arguments: object) -> object:
        try:
            return here.guest.call(name, *map(_listed, arguments), long=True)
        except HostRefusal as refusal:
            return Failure(str(refusal))

    return ask


def _listed(argument: object) -> object:
    """An empty list of whatever comes as no bytes."""
    return list(argument) if isinstance(argument, bytes) else argument


def done(name: str) -> Callable[..., None]:
    """A function that asks the yard for something to be done."""

    def ask(*arguments: object) -> None:
        here.guest.call(name, *arguments)

    return ask


_INTERFACES: Final[Mapping[str, Mapping[str, tuple[Callable[..., Any], Type | None]]]] = {
    "inferlet:core/runtime": {
        "get-version": (lambda: __version__, TEXT),
        "get-instance-id": (lambda: here.guest.launch.id, TEXT),
        "get-arguments": (lambda: here.guest.launch.arguments, ListOf(TEXT)),
        "set-return": (set_return, None),
        "get-model": (get_model, Option(Own(ResourceKind.MODEL))),
        "get-all-models": (models, ListOf(TEXT)),
        "get-all-models-with-traits": (lambda _traits: models(), ListOf(TEXT)),
    },
    "inferlet:core/common": {
        "[constructor]blob": (new_blob, Own(ResourceKind.BLOB)),
        "[method]blob.read": (read_blob, BYTES),
        "[method]blob.size": (blob_size, U64),
        "[method]blob-result.pollable": (pollable, _POLLABLE),
        "[method]blob-result.get": (get_blob, Option(Own(ResourceKind.BLOB))),
        "[method]model.get-name": (model_name, TEXT),
    },
    "inferlet:core/message": {
        "send": (send, None),
        "receive": (receive, Own(ResourceKind.RECEIVE_RESULT)),
        "send-blob": (send_blob, None),
        "receive-blob": (receive_blob, Own(ResourceKind.BLOB_RESULT)),
        "broadcast": (broadcast, None),
        "subscribe": (subscribe, Own(ResourceKind.SUBSCRIPTION)),
        "[method]receive-result.pollable": (pollable, _POLLABLE),
        "[method]receive-result.get": (get, Option(TEXT)),
        "[method]subscription.pollable": (pollable, _POLLABLE),
        "[method]subscription.get": (next_broadcast, Option(TEXT)),
        "[method]subscription.unsubscribe": (unsubscribe, None),
    },
    "inferlet:core/kvs": {
        "store-get": (asked("kv_get"), Option(TEXT)),
        "store-set": (done("kv_set"), None),
        "store-delete": (done("kv_delete"), None),
        "store-exists": (lambda key: here.guest.call("kv_get", key) is not None, BOOL),
        "store-list-keys": (asked("kv_keys"), ListOf(TEXT)),
    },
    "inferlet:core/tokenize": {
        "get-tokenizer": (get_tokenizer, Own(ResourceKind.TOKENIZER)),
        "[method]tokenizer.tokenize": (tokenizer_does("tokenize"), ListOf(U32)),
        "[method]tokenizer.detokenize": (tokenizer_does("detokenize"), TEXT),
    },
    "runyard:inferlet/text": {
        "generate": (answered("generate"), _ASKED),
        "chat": (answered("chat"), _ASKED),
        "start": (start, Result(Own(ResourceKind.GENERATION), TEXT)),
        "[method]generation.next": (next_piece, Result(Option(TEXT), TEXT)),
        "tokenize": (answered("tokenize"), Result(ListOf(U32), TEXT)),
        "detokenize": (answered("detokenize"), _ASKED),
        "forward": (answered("forward"), Result(ListOf(Tuple((U32, F32))), TEXT)),
    },
}

_RESOURCES: Final = {
    "inferlet:core/runtime": {"model": ResourceKind.MODEL},
    "inferlet:core/tokenize": {"model": ResourceKind.MODEL, "tokenizer": ResourceKind.TOKENIZER},
    "runyard:inferlet/text": {"generation": ResourceKind.GENERATION},
    "inferlet:core/common": {
        "blob": ResourceKind.BLOB,
        "blob-result": ResourceKind.BLOB_RESULT,
        "model": ResourceKind.MODEL,
        "pollable": ResourceKind.POLLABLE,
    },
    "inferlet:core/message": {
        "blob": ResourceKind.BLOB,
        "blob-result": ResourceKind.BLOB_RESULT,
        "pollable": ResourceKind.POLLABLE,
        "receive-result": ResourceKind.RECEIVE_RESULT,
        "subscription": ResourceKind.SUBSCRIPTION,
    },
}

INTERFACES: Final[tuple[Interface, ...]] = tuple(
    Interface(name=name, resources=_RESOURCES.get(name, {}), functions=functions)
    for name, functions in _INTERFACES.items()
)
