"""Texts that must fit into a line."""

from __future__ import annotations


def shortened(text: str, length: int) -> str:
    """The text, or the beginning of it."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
