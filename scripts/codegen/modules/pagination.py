"""Lists as what they are: one item after the other, whatever the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeVar

from .errors import PaginationError
from .types import Unset

T = TypeVar("T")


class Page(Protocol[T]):
    """A page of a list."""

    @property
    def items(self) -> list[T]:
        """What is on it."""
        ...

    @property
    def next_cursor(self) -> str | Unset:
        """Where the next one begins; nothing on the last."""
        ...


def iterate(fetch: Callable[..., Page[T]], *args: Any, max_items: int | None = None, **kwargs: Any) -> Iterator[T]:
    """Every item of a list: ``for run in iterate(list_runs.sync, client=client, workspace_id="ws-acme")``.

    Args:
        fetch: the ``sync`` function of a list operation.
        args: as for ``fetch``.
        max_items: stop after so many.
        kwargs: as for ``fetch``; ``limit`` is the size of the pages, ``cursor`` where to begin.

    Raises:
        PaginationError: the server leads in a circle.
    """
    trail = _Trail(max_items)
    while True:
        page = fetch(*args, **kwargs)
        yield from trail.of(page)
        if (cursor := trail.after(page)) is None:
            return
        kwargs["cursor"] = cursor


async def aiterate(
    fetch: Callable[..., Awaitable[Page[T]]], *args: Any, max_items: int | None = None, **kwargs: Any
) -> AsyncIterator[T]:
    """Every item of a list, with the ``asyncio`` function of its operation; see :func:`iterate`."""
    trail = _Trail(max_items)
    while True:
        page = await fetch(*args, **kwargs)
        for item in trail.of(page):
            yield item
        if (cursor := trail.after(page)) is None:
            return
        kwargs["cursor"] = cursor


class _Trail:
    """How far one has come, and by which cursors."""

    def __init__(self, left: int | None) -> None:
        self._left = left
        self._seen: set[str] = set()

    def of(self, page: Page[T]) -> list[T]:
        """The items of a page that are wanted."""
        items = page.items if self._left is None else page.items[: self._left]
        if self._left is not None:
            self._left -= len(items)
        return items

    def after(self, page: Page[Any]) -> str | None:
        """The cursor of the next page; None if there is none or no more is wanted."""
        cursor = page.next_cursor
        if not cursor or self._left == 0:
            return None
        if cursor in self._seen:
            raise PaginationError(f"The server gives the cursor {cursor!r} a second time; the list would never end.")
        self._seen.add(cursor)
        return cursor
