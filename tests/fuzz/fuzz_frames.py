"""Feeds the decoder of client frames whatever a broken or hostile client could send: ``python tests/fuzz/fuzz_frames.py --seconds 60``.

It may answer with a request or with one of its own two errors, and must not hold more memory than the frame is worth.
"""

from __future__ import annotations

import argparse
import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import msgspec

from runyard.services.inferlets.ws.requests import BadRequest, Request, Unreadable, read_frame

Outcome: TypeAlias = Request | BadRequest | Unreadable

WORTH: Final = 40
"""Bytes of memory for a byte of a frame: a text of two bytes is an object of sixty."""

FIXED: Final = 32_768
"""Bytes for errors with their tracebacks."""

NUMBERS: Final = (0, 1, -1, 127, 128, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, -(2**63), 0.0, -1.5, 1e308)
LENGTHS: Final = (0, 1, 31, 32, 255, 256, 65_535, 65_536, 2**31 - 1, 2**32 - 1)
HEADS: Final = tuple(bytes([code]) for code in (*range(0xC0, 0xE0), 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xFF))


def read(frame: bytes) -> Outcome:
    """What the decoder makes of a frame.

    Raises:
        AssertionError: it needed too much memory, or gave an error without a text, or a request number that isn't one.
    """
    tracemalloc.start()
    try:
        outcome = _outcome(frame)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= WORTH * len(frame) + FIXED, f"{peak} bytes for a frame of {len(frame)}"
    if isinstance(outcome, BadRequest | Unreadable):
        assert str(outcome)
        assert len(str(outcome)) < 2_000, str(outcome)
    if isinstance(outcome, BadRequest):
        assert outcome.corr_id is None or (type(outcome.corr_id) is int and 0 <= outcome.corr_id < 2**32)
    return outcome


def _outcome(frame: bytes) -> Outcome:
    try:
        return read_frame(frame)
    except (BadRequest, Unreadable) as error:
        return error.with_traceback(None)


def good_messages() -> list[dict[str, object]]:
    """A message of every type, with everything in it."""
    chunk = {"chunk_index": 0, "total_chunks": 1, "chunk_data": b"\0asm\1\0\0\0"}
    instance: dict[str, object] = {"instance_id": "00000000-0000-4000-8000-000000000000"}
    launch = {"inferlet": "std/echo@1.0.0", "arguments": ["a", "é"], "detached": True}
    more = {"limits": {"fuel": 1, "memory": 65_536, "wall_seconds": 0.5}, "idempotency_key": "once"}
    bodies: dict[str, dict[str, object]] = {
        "identification": {"username": "ada", "runyard": 1},
        "signature": {"signature": "qVr47g=="},
        "internal_authenticate": {"token": "0" * 64},
        "query": {"subject": "program_exists", "record": "std/echo"},
        "upload_program": {"program_hash": "0" * 64, "manifest": "[package]", **chunk},
        "upload_blob": {**instance, "blob_hash": "0" * 64, **chunk},
        "remove_program": {"inferlet": "std/echo"},
        "launch_instance": {**launch, **more},
        "launch_instance_from_registry": launch,
        "launch_server_instance": {"port": 8000, "inferlet": "std/echo", "arguments": []},
        "attach_remote_service": {"endpoint": "e", "service_type": "t", "service_name": "n"},
        "attach_instance": {**instance, "after": 7},
        "detach_instance": instance,
        "delete_instance": instance,
        "signal_instance": {**instance, "message": "hello"},
        "terminate_instance": {**instance, "grace_seconds": 1.5},
        "list_instances": {"limit": 10, "cursor": "x"},
        "ping": {},
    }  # fmt: skip
    return [{"type": kind, "corr_id": number, **body} for number, (kind, body) in enumerate(bodies.items())]


class Mutator:
    """Makes frames out of good ones, always the same for the same ``seed``."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._good = [msgspec.msgpack.encode(message) for message in good_messages()]
        self._values = [value for message in good_messages() for value in message.values()]

    def frame(self) -> bytes:
        """The next frame."""
        make: Callable[[], bytes] = self._random.choice(
            (self._noise, self._wrong_fields, self._damaged, self._damaged, self._damaged)
        )
        return make()[:200_000]

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.choice((0, 1, 2, 7, 40, 1000)))

    def _wrong_fields(self) -> bytes:
        """Good MessagePack, of another shape."""
        message = dict(self._random.choice(good_messages()))
        for _ in range(self._random.randint(1, 3)):
            key = self._random.choice((*message, "type", "corr_id", "limits", "runyard", "x" * 300))
            if self._random.random() < 0.3:
                message.pop(key, None)
            else:
                message[key] = self._value(3)
        return bytes(msgspec.msgpack.encode(message if self._random.random() < 0.95 else [message]))

    def _value(self, depth: int) -> object:
        choices: Sequence[Callable[[], object]] = (
            lambda: self._random.choice(NUMBERS),
            lambda: self._random.choice(self._values),
            lambda: self._random.choice((None, True, False, "", "\0", "\U0001f600" * 50, b"", "9" * 5000)),
            lambda: [self._value(depth - 1) for _ in range(self._random.randint(0, 3))] if depth else [],
            lambda: {str(n): self._value(depth - 1) for n in range(self._random.randint(0, 3))} if depth else {},
        )
        return self._random.choice(choices)()

    def _damaged(self) -> bytes:
        """Good bytes, some of them changed."""
        frame = bytearray(self._random.choice(self._good))
        for _ in range(self._random.randint(1, 4)):
            at = self._random.randrange(len(frame) + 1)
            match self._random.randrange(6):
                case 0:
                    del frame[at:]
                case 1:
                    frame[at:at] = self._random.choice(HEADS)
                case 2:
                    frame[at : at + 1] = self._random.randbytes(1)
                case 3:
                    frame[at : at + 5] = self._random.choice(HEADS) + self._length()
                case 4:
                    frame[at:at] = self._random.choice(HEADS[-9:]) * self._random.choice((2, 1000, 3000))
                case _:
                    frame[at:at] = self._random.choice(self._good)
        return bytes(frame)

    def _length(self) -> bytes:
        size = self._random.choice((1, 2, 4))
        return int.to_bytes(min(self._random.choice(LENGTHS), 256**size - 1), size, "big")


def main() -> None:
    """Feed it for a while, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--seed", type=int, default=None, help="the same frames again")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
    mutator, end = Mutator(seed), time.monotonic() + asked.seconds
    seen: Counter[str] = Counter()
    with suppress(KeyboardInterrupt):
        while time.monotonic() < end:
            frame = mutator.frame()
            try:
                seen[type(read(frame)).__name__] += 1
            except BaseException:
                print(f"seed {seed}, frame {sum(seen.values())}: {frame.hex()}")
                raise
    print(f"seed {seed}: {sum(seen.values())} frames;", ", ".join(f"{name} {n}" for name, n in seen.most_common()))


if __name__ == "__main__":
    main()
