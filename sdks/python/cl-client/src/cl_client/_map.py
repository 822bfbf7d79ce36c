"""Many calls at a time, answers in the order of the questions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


async def in_order(
    call: Callable[[Question], Awaitable[Answer]],
    questions: Iterable[Question] | AsyncIterable[Question],
    *,
    concurrency: int,
) -> AsyncIterator[Answer | Exception]:
    """Each answer, or the exception in its place, in order. Leaving early cancels what is under way.

    Args:
        call: gives an answer.
        questions: taken one by one, never more than `concurrency` ahead.
        concurrency: how many calls may be under way.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency has to be at least 1, not {concurrency!r}")
    under_way: deque[asyncio.Task[Answer]] = deque()

    async def start(question: Question) -> Answer:
        return await call(question)

    try:
        async for question in _each(questions):
            if len(under_way) >= concurrency:
                yield await _outcome(under_way[0])
                under_way.popleft()
            under_way.append(asyncio.ensure_future(start(question)))
        while under_way:
            yield await _outcome(under_way[0])
            under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _outcome(task: asyncio.Task[Answer]) -> Answer | Exception:
    try:
        return await task
    except Exception as error:  # noqa: BLE001 - the caller decides what to do with it
        return error


async def _each(items: Iterable[Question] | AsyncIterable[Question]) -> AsyncIterator[Question]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
