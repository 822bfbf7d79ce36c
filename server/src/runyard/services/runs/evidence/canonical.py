"""JSON in the one form that is hashed: RFC 8785."""

from __future__ import annotations

from typing import Final

import msgspec
import rfc8785

LARGEST: Final = 2**53 - 1
"""Largest number without a fraction that every reader of JSON takes exactly."""

_sorted: Final = msgspec.json.Encoder(order="sorted")


class NotCanonical(ValueError):
    """A value has no canonical form; the text says why."""


def canonical(value: object) -> bytes:
    """The canonical form of plain data.

    Raises:
        NotCanonical: there is none, as for a number that isn't finite or is too large.
    """
    try:
        # The fast encoder differs in two things only: how it writes fractions, and the order of exotic keys.
        return _sorted.encode(value) if _is_simple(value) else rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, TypeError, RecursionError) as error:
        raise NotCanonical(f"{value!r:.100} has no canonical form: {error}") from None


def _is_simple(value: object) -> bool:
    """Whether the fast encoder is right about this. Most of what is asked about are objects with texts in them."""
    kind = type(value)
    if kind is dict:
        for key, inner in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or not key.isascii() or (type(inner) is not str and not _is_simple(inner)):
                return False
        return True
    if kind is list:
        return all(map(_is_simple, value))  # type: ignore[call-overload]
    if kind is int:
        return -LARGEST <= value <= LARGEST  # type: ignore[operator]
    return kind is str or kind is bool or value is None
