"""Topics and filters: which are well formed, and who has subscribed to what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

LONGEST = 512
"""Characters of a topic or filter; the yard's own have less than 200."""


def valid_topic(topic: str) -> bool:
    """Whether messages can be published to it: it names one topic, not many."""
    return 0 < len(topic) <= LONGEST and not topic.startswith("$") and "+" not in topic and "#" not in topic


def valid_filter(text: str) -> bool:
    """Whether it can be subscribed to: wildcards fill whole levels, and ``#`` comes last."""
    if not 0 < len(text) <= LONGEST:
        return False
    *levels, last = text.split("/")
    return all(level == "+" or not {"+", "#"} & set(level) for level in levels) and (
        last in {"+", "#"} or not {"+", "#"} & set(last)
    )


@dataclass(slots=True)
class _Level(Generic[T]):
    below: dict[str, _Level[T]] = field(default_factory=dict)
    here: list[T] = field(default_factory=list)


class FilterTree(Generic[T]):
    """Values by filter. To find those that match takes a few steps per level of the topic, however many there are."""

    def __init__(self) -> None:
        self._root: _Level[T] = _Level()

    def add(self, filter_: str, value: T) -> None:
        """Keep ``value`` under ``filter_``."""
        level = self._root
        for name in filter_.split("/"):
            level = level.below.setdefault(name, _Level())
        level.here.append(value)

    def remove(self, filter_: str, value: T) -> None:
        """Forget ``value``, and the branches that nothing is left on."""
        path = [self._root]
        names = filter_.split("/")
        for name in names:
            path.append(path[-1].below[name])
        path[-1].here.remove(value)
        for name, level, parent in zip(reversed(names), reversed(path), reversed(path[:-1]), strict=False):
            if level.here or level.below:
                return
            del parent.below[name]

    def matching(self, topic: str) -> Iterator[T]:
        """The values whose filters match ``topic``."""
        levels = [self._root]
        for name in topic.split("/"):
            reached: list[_Level[T]] = []
            for level in levels:
                if (rest := level.below.get("#")) is not None:
                    yield from rest.here
                reached += [found for key in (name, "+") if (found := level.below.get(key)) is not None]
            levels = reached
        for level in levels:
            yield from level.here
            if (rest := level.below.get("#")) is not None:  # "a/#" is about "a" too
                yield from rest.here

    def __bool__(self) -> bool:
        return bool(self._root.below)
