"""The ``Idempotency-Key`` of a request that may be sent again."""

from __future__ import annotations

from typing import Final

from fastapi import Request

HEADER: Final = "idempotency-key"
LONGEST: Final = 255


class BadKey(ValueError):
    """The header can't be such a key."""

    def __init__(self, key: str, longest: int) -> None:
        super().__init__(f"An Idempotency-Key has 1 to {longest} printable ASCII characters")
        self.key = key


def idempotency_key(request: Request, *, longest: int = LONGEST) -> str | None:
    """The request's key; None for one that is meant as often as it comes.

    Raises:
        BadKey: it can't be one.
    """
    key = request.headers.get(HEADER)
    if key is not None and not (1 <= len(key) <= longest and key.isascii() and key.isprintable()):
        raise BadKey(key, longest)
    return key
