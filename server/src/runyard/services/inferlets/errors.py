"""What this service refuses, in the protocol's words."""

from __future__ import annotations


class Denied(Exception):
    """A request that isn't granted. The text says why and what to do.

    Args:
        code: stable word for programs.
    """

    def __init__(self, text: str, *, code: str) -> None:
        super().__init__(text)
        self.code = code
