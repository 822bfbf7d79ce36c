"""The import module ``inferlet``: for core modules what the component interfaces are for components.

Texts and bytes go in as (address, length). What comes out is held until the program has made room: a function returns
its length, and ``take`` copies it. Negative answers: NOTHING there, or not in time; STOPPING, the program should end;
REFUSED, and the reason can be taken.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final, cast

import msgspec
from wasmtime import Linker, ValType

from runyard.services.inferlets.runtime.guest import LONGEST_LIST, HostRefusal, Told
from runyard.services.inferlets.runtime.here import here, read, read_text, write
from runyard.services.inferlets.runtime.native import CoreFunction, define_core

MODULE: Final = "inferlet"
NOTHING, STOPPING, REFUSED = -1, -2, -3

_I32, _I64 = ValType.i32, ValType.i64
_json = msgspec.json.encode


def define_plain(linker: Linker) -> None:
    """Offer the module to core modules."""
    for name, (params, result, function) in FUNCTIONS.items():
        define_core(linker, MODULE, name, params, result, function)


def take(address: int, size: int) -> int:
    """Copy up to ``size`` bytes of what is held; returns how many."""
    content = here.held[: size & 0xFFFFFFFF]
    write(address, content)
    return len(content)


def argument(index: int) -> int:
    """Hold launch argument number ``index``, from 0."""
    arguments = here.guest.launch.arguments
    return _hold(arguments[index]) if 0 <= index < len(arguments) else NOTHING


def instance_id() -> int:
    """Hold the instance's own id."""
    return _hold(here.guest.launch.id)


def set_return(address: int, size: int) -> None:
    """Set the value the instance ends with."""
    here.guest.set_return(read_text(address, size))


def send(address: int, size: int) -> None:
    """Say something to whoever listens."""
    here.guest.send(read_text(address, size))


def receive(milliseconds: int) -> int:
    """Hold the next message; waits for it as long as it may, for ever if negative."""
    return _wait_for(here.guest.take_text, milliseconds)


def send_blob(address: int, size: int) -> None:
    """Give bytes to whoever listens."""
    here.guest.send_blob(read(address, size))


def receive_blob(milliseconds: int) -> int:
    """Hold the next blob; waits like ``receive``."""
    return _wait_for(here.guest.take_blob, milliseconds)


def broadcast(topic: int, topic_size: int, address: int, size: int) -> int:
    """Tell every instance of the same tenant that has subscribed to a topic."""
    return _asked(lambda: here.guest.call("broadcast", read_text(topic, topic_size), read_text(address, size)))


def subscribe(topic: int, topic_size: int) -> int:
    """Subscribe to a topic; returns the number of the subscription."""
    try:
        return here.guest.subscribe(read_text(topic, topic_size))
    except HostRefusal as refusal:
        return _refused(refusal)


def next_broadcast(subscription: int, milliseconds: int) -> int:
    """Hold the next broadcast of a subscription; waits like ``receive``."""
    return _wait_for(lambda: here.guest.take_news(subscription), milliseconds)


def unsubscribe(subscription: int) -> None:
    """Forget a subscription."""
    here.guest.unsubscribe(subscription)


def kv_get(key: int, key_size: int) -> int:
    """Hold the value of a key."""
    return _asked(lambda: here.guest.call("kv_get", read_text(key, key_size)))


def kv_set(key: int, key_size: int, address: int, size: int) -> int:
    """Set a key; returns 0."""
    return _asked(lambda: here.guest.call("kv_set", read_text(key, key_size), read_text(address, size)) or b"")


def kv_delete(key: int, key_size: int) -> int:
    """Remove a key; returns 0."""
    return _asked(lambda: here.guest.call("kv_delete", read_text(key, key_size)) or b"")


def kv_keys() -> int:
    """Hold all keys as a JSON list."""
    return _asked(lambda: _json(here.guest.call("kv_keys")))


def generate(prompt: int, prompt_size: int, options: int, options_size: int) -> int:
    """Hold the answer to a prompt; the options are a JSON object."""
    return _asked_of_model("generate", lambda: (read_text(prompt, prompt_size), read_text(options, options_size)))


def chat(messages: int, messages_size: int, options: int, options_size: int) -> int:
    """Hold the answer to a conversation, a JSON list of ``{"role", "content"}``."""
    return _asked_of_model("chat", lambda: (read_text(messages, messages_size), read_text(options, options_size)))


def generate_start(prompt: int, prompt_size: int, options: int, options_size: int) -> int:
    """Have an answer written; returns its number."""
    asked = read_text(prompt, prompt_size), read_text(options, options_size)
    try:
        return cast("int", here.guest.call("generate_start", *asked))
    except HostRefusal as refusal:
        return _refused(refusal)


def generate_next(generation: int) -> int:
    """Hold what has been written since; waits for something, and is NOTHING at the end."""
    return _asked_of_model("generate_next", lambda: (generation,))


def generate_end(generation: int) -> None:
    """Forget an answer; the model stops writing it."""
    here.guest.cast("generate_end", generation)


def tokenize(address: int, size: int) -> int:
    """Hold the tokens of a text, little-endian numbers of four bytes."""

    def tokens() -> bytes:
        found = cast("list[int]", here.guest.call("tokenize", read_text(address, size), long=True))
        return struct.pack(f"<{len(found)}I", *found)

    return _asked(tokens)


def detokenize(address: int, size: int) -> int:
    """Hold the text of tokens."""
    return _asked_of_model("detokenize", lambda: (_tokens(address, size),))


def forward(address: int, size: int, top: int) -> int:
    """Hold the likeliest tokens to follow others: a token and its probability, a float, of four bytes each."""

    def likeliest() -> bytes:
        found = cast("list[tuple[int, float]]", here.guest.call("forward", _tokens(address, size), top, long=True))
        return b"".join(struct.pack("<If", token, probability) for token, probability in found)

    return _asked(likeliest)


def _tokens(address: int, size: int) -> list[int]:
    if size & 0xFFFFFFFF > 4 * LONGEST_LIST:
        raise HostRefusal(f"{(size & 0xFFFFFFFF) // 4} tokens are more than {LONGEST_LIST}")
    content = read(address, size & ~3)
    return list(struct.unpack(f"<{len(content) // 4}I", content))


def _asked_of_model(name: str, arguments: Callable[[], tuple[object, ...]]) -> int:
    return _asked(lambda: here.guest.call(name, *arguments(), long=True))


def _wait_for(look: Callable[[], str | bytes | None], milliseconds: int) -> int:
    guest = here.guest

    def hold() -> int | None:
        if (found := look()) is not None:
            return _hold(found)
        return STOPPING if guest.hears_end() else None

    size = guest.wait(hold, None if milliseconds < 0 else milliseconds / 1000)
    return NOTHING if size is None else size


def _asked(ask: Callable[[], object]) -> int:
    try:
        answer = ask()
    except Told:
        return STOPPING
    except HostRefusal as refusal:
        return _refused(refusal)
    if answer is None:
        return NOTHING
    return _hold(answer) if isinstance(answer, str | bytes) else 0


def _refused(refusal: HostRefusal) -> int:
    _hold(str(refusal))
    return REFUSED


def _hold(content: str | bytes) -> int:
    here.held = content.encode() if isinstance(content, str) else content
    return len(here.held)


def _numbers(count: int) -> list[ValType]:
    return [_I32() for _ in range(count)]


FUNCTIONS: Final[Mapping[str, tuple[list[ValType], ValType | None, CoreFunction]]] = {
    "take": (_numbers(2), _I32(), take),
    "argument": (_numbers(1), _I32(), argument),
    "instance_id": ([], _I32(), instance_id),
    "set_return": (_numbers(2), None, set_return),
    "send": (_numbers(2), None, send),
    "receive": ([_I64()], _I32(), receive),
    "send_blob": (_numbers(2), None, send_blob),
    "receive_blob": ([_I64()], _I32(), receive_blob),
    "broadcast": (_numbers(4), _I32(), broadcast),
    "subscribe": (_numbers(2), _I32(), subscribe),
    "next": ([_I32(), _I64()], _I32(), next_broadcast),
    "unsubscribe": (_numbers(1), None, unsubscribe),
    "kv_get": (_numbers(2), _I32(), kv_get),
    "kv_set": (_numbers(4), _I32(), kv_set),
    "kv_delete": (_numbers(2), _I32(), kv_delete),
    "kv_keys": ([], _I32(), kv_keys),
    "generate": (_numbers(4), _I32(), generate),
    "chat": (_numbers(4), _I32(), chat),
    "generate_start": (_numbers(4), _I32(), generate_start),
    "generate_next": (_numbers(1), _I32(), generate_next),
    "generate_end": (_numbers(1), None, generate_end),
    "tokenize": (_numbers(2), _I32(), tokenize),
    "detokenize": (_numbers(2), _I32(), detokenize),
    "forward": (_numbers(3), _I32(), forward),
}
