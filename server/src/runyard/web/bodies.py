"""Bodies of requests: small ones whole, forms part by part, none beyond its limit; and JSON to answer with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from fastapi import Request, Response

from runyard.web.multipart import MAX_PARTS, Form, FormTooLarge, boundary_of

JSON: Final = "application/json"


class BodyTooLarge(Exception):
    """The body is longer than this one may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit} bytes.")
        self.limit = limit


async def read_body(request: Request, *, limit: int) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: it has more than ``limit`` bytes.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise BodyTooLarge(limit)
    return bytes(body)


def form_of(request: Request, *, limit: int, parts: int = MAX_PARTS) -> Form | None:
    """The multipart form that the body is; None if it is none.

    Raises:
        FormTooLarge: it says of itself that it has more than ``limit`` bytes.
    """
    if (announced := request.headers.get("content-length", "")).isdecimal() and int(announced) > limit:
        raise FormTooLarge(limit)
    boundary = boundary_of(request.headers.get("content-type", ""))
    return None if boundary is None else Form(request.stream(), boundary, limit=limit, parts=parts)


def json_response(
    content: object, *, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = JSON
) -> Response:
    """An answer in JSON."""
    return Response(msgspec.json.encode(content), status, headers=headers, media_type=media_type)
