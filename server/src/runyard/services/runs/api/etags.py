"""Which version of a thing an answer shows: twelve digits of its body's SHA-256."""

from __future__ import annotations

import hashlib


def etag_of(body: bytes) -> str:
    """The version that this body shows."""
    return f'"{hashlib.sha256(body).hexdigest()[:12]}"'


def matches(wanted: str, body: bytes) -> bool:
    """Whether an If-Match or If-None-Match header means what this body shows."""
    if wanted.strip() == "*":
        return True
    return etag_of(body) in {each.strip().removeprefix("W/") for each in wanted.split(",")}
