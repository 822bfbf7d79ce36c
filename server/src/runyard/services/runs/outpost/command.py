"""One invocation as one process: the input goes in as JSON, what it prints is the output, what it complains is the log.

It runs with the rights of the machine's owner, who wrote the table. Nothing of an invocation is read by a shell.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
from asyncio import StreamReader, StreamReaderProtocol
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from tempfile import TemporaryFile
from typing import Final

import msgspec

from runyard.services.runs.models.machines import Delivery, InvocationError
from runyard.services.runs.outpost.keeper import Keeper
from runyard.services.runs.outpost.table import Operation
from runyard.sizes import KIB

LARGEST: Final = 512 * KIB
"""Bytes of an output."""

PIECE: Final = 16 * KIB
GRACE: Final = 5.0
"""Seconds between the request to end and the end."""

LAST: Final = 5
"""Lines of the log that are told as the reason when a command fails."""

HIDDEN: Final = frozenset({"RUNYARD_MACHINE_TOKEN"})

Say = Callable[[str], Awaitable[None]]
Outcome = dict[str, object] | InvocationError


async def carry_out(operation: Operation, delivery: Delivery, say: Say, keeper: Keeper) -> Outcome:
    """Run the command of an invocation to its end. Cancelling ends it, with all that it has started.

    Args:
        say: is given its log as it comes.
        keeper: ends it should this process be killed.

    Returns:
        its output, or why there is none.
    """
    async with AsyncExitStack() as stack:
        given = stack.enter_context(TemporaryFile())  # noqa: SIM115  (the stack closes it)
        given.write(msgspec.json.encode(delivery.input))
        given.seek(0)
        # Pipes of our own: those of asyncio keep it from seeing an end while a child of the command holds them open.
        printed, out = await _pipe(stack)
        complained, err = await _pipe(stack)
        try:
            process = await asyncio.create_subprocess_exec(
                *operation.command, cwd=operation.folder, env=_environment(operation, delivery),
                stdin=given, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return InvocationError(code="not-started", message=f"{operation.command[0]!r}: {error.strerror}.")
        finally:
            os.close(out)
            os.close(err)
        with keeper.keeping(process.pid):
            return await _followed(process, operation, printed, complained, say)


async def _followed(
    process: Process, operation: Operation, printed: StreamReader, complained: StreamReader, say: Say
) -> Outcome:
    last: deque[str] = deque(maxlen=LAST)
    output = asyncio.create_task(_output(printed), name="output of a command")
    log = asyncio.create_task(_log(complained, say, last), name="log of a command")
    try:
        try:
            async with asyncio.timeout(operation.seconds):
                code = await process.wait()
        finally:
            await _end(process)
        await asyncio.wait({output, log}, timeout=GRACE)  # they end with the last process that holds the pipes
    except TimeoutError:
        return InvocationError(code="timed-out", message=f"It took longer than {operation.seconds:g} s.")
    finally:
        for task in (output, log):
            task.cancel()
        await asyncio.gather(output, log, return_exceptions=True)
    if code != 0:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        return InvocationError(code="command-failed", message="\n".join([f"It ended with {how}.", *last])[:10_000])
    if output.cancelled():
        return InvocationError(code="bad-output", message="Something that it started goes on printing.")
    return _read(output.result())


def _read(printed: bytes | None) -> Outcome:
    if printed is None:
        return InvocationError(code="output-too-large", message=f"It printed more than {LARGEST} bytes.")
    try:
        output = msgspec.json.decode(printed) if printed.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return InvocationError(code="bad-output", message=f"What it printed is no JSON: {error}.")
    if not isinstance(output, dict):
        return InvocationError(code="bad-output", message="What it printed is JSON, and no object.")
    return output


async def _pipe(stack: AsyncExitStack) -> tuple[StreamReader, int]:
    """A pipe: what comes out of it, and the end that is written to, which the caller closes."""
    read, write = os.pipe()
    reader = StreamReader(limit=PIECE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: StreamReaderProtocol(reader), os.fdopen(read, "rb")
    )
    stack.callback(transport.close)
    return reader, write


async def _output(printed: StreamReader) -> bytes | None:
    """What it prints; None if that is too much."""
    output = bytearray()
    while piece := await printed.read(PIECE):
        if len(output) <= LARGEST:
            output += piece
    return bytes(output) if len(output) <= LARGEST else None


async def _log(complained: StreamReader, say: Say, last: deque[str]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while piece := await complained.read(PIECE):
        text = decoder.decode(piece).replace("\0", "\N{REPLACEMENT CHARACTER}")
        last.extend(line for line in text.splitlines() if line.strip())
        if text:
            await say(text)


async def _end(process: Process) -> None:
    """End the process and all that it has started."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE)
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _environment(operation: Operation, delivery: Delivery) -> dict[str, str]:
    credentials = [one.model_dump(by_alias=True) for one in delivery.credentials or ()]
    told = {
        "RUNYARD_INVOCATION_ID": delivery.invocation_id,
        "RUNYARD_OPERATION": delivery.action,
        "RUNYARD_RUN_ID": delivery.run_id or "",
        "RUNYARD_ACTION_ID": delivery.action_id or "",
        "RUNYARD_CREDENTIALS": msgspec.json.encode(credentials).decode(),
    }
    own = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**own, **operation.environment, **told}
