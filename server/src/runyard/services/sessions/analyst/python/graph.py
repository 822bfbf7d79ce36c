"""Cycles in a directed graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet


def cycles(graph: Mapping[str, AbstractSet[str]]) -> list[tuple[str, ...]]:
    """Groups in which every node is reached from every other, the largest first (Tarjan, without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[tuple[str, ...]] = []
    for root in sorted(graph):
        if root in order:
            continue
        path: list[tuple[str, Iterator[str]]] = [(root, iter(sorted(graph[root])))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while path:
            node, followers = path[-1]
            follower = next((each for each in followers if each not in order or each in on_stack), None)
            if follower is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    found.append(_pop(stack, on_stack, node))
            elif follower not in order:
                order[follower] = low[follower] = len(order)
                stack.append(follower)
                on_stack.add(follower)
                path.append((follower, iter(sorted(graph.get(follower, ())))))
            else:
                low[node] = min(low[node], order[follower])
    return sorted((group for group in found if len(group) > 1), key=lambda group: (-len(group), group))


def _pop(stack: list[str], on_stack: set[str], root: str) -> tuple[str, ...]:
    group = []
    while True:
        node = stack.pop()
        on_stack.discard(node)
        group.append(node)
        if node == root:
            return tuple(sorted(group))
