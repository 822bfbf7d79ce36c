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
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_simple(inner) for key, inner in value.items())  # type: ignore[attr-defined]
    if kind is list:
        return all(map(_is_simple, value))  # type: ignore[call-overload]
    return kind is int and -LARGEST <= value <= LARGEST  # type: ignore[operator]
