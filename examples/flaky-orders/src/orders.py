"""Orders, and how they are printed: so many to a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    number: int
    cents: int

    def __post_init__(self) -> None:
        if self.cents < 0:
            raise ValueError(f"order {self.number} costs {self.cents} cents: a price is not negative")


def pages(orders: Sequence[Order], size: int) -> list[Sequence[Order]]:
    """The orders in pages of `size`; the last may be shorter."""
    if size < 1:
        raise ValueError(f"size={size!r}: a page has room for at least 1 order")
    return [orders[start : start + size] for start in range(0, len(orders) - 1, size)]


def total(orders: Sequence[Order]) -> int:
    """What the orders cost together, in cents."""
    return sum(order.cents for order in orders)


def report(orders: Sequence[Order], size: int) -> str:
    """A line for each page, with its number, its orders and their cost."""
    return "\n".join(
        f"page {number}: {len(page)} orders, {total(page) / 100:.2f}"
        for number, page in enumerate(pages(orders, size), start=1)
    )
