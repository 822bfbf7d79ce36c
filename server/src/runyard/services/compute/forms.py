"""Small forms, urlencoded or multipart, read whole within a limit."""

from __future__ import annotations

from typing import Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError

from runyard.web.bodies import BodyTooLarge, read_body
from runyard.web.errors import Refused
from runyard.web.multipart import BadForm, Form, FormTooLarge, boundary_of

M = TypeVar("M", bound=BaseModel)

LIMIT: Final = 64 * 1024
"""Bytes of one form."""

FIELDS: Final = 32


async def read_form(request: Request, model: type[M]) -> M:
    """The body as ``model``. An empty value counts as absent; of a repeated field the last counts.

    Raises:
        Refused: 422, something is missing or can't be used. A body that is no form lacks everything.
        BadForm: the body isn't well-formed.
        FormTooLarge: it has more than :data:`LIMIT` bytes.
    """
    fields = {name: value for name, value in await _fields(request) if value}
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise Refused(
            422,
            [
                {
                    "type": problem["type"],
                    "loc": ["body", *problem["loc"]],
                    "msg": problem["msg"],
                    # of a missing field it would be the whole form, passwords and all
                    "input": None if problem["type"] == "missing" else problem["input"],
                }
                for problem in error.errors(include_url=False)
            ],
        ) from None


def read_permissions(text: str) -> list[str]:
    """The names in ``text``: a JSON list of texts, a bracketed list, or just names with commas between them.

    >>> read_permissions('["read:jobs", "write:jobs"]') == read_permissions("[read:jobs, write:jobs]")
    True
    >>> read_permissions("read:jobs, write:jobs")
    ['read:jobs', 'write:jobs']
    """
    text = text.strip()
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        pass
    if text.startswith("[") and text.endswith("]"):
        return [name.strip("\"' ") for name in text[1:-1].split(",")]  # quotes: a list as Python prints it
    return [name.strip() for name in text.split(",")]


async def _fields(request: Request) -> list[tuple[str, str]]:
    content_type = request.headers.get("content-type", "")
    boundary = boundary_of(content_type)
    if boundary is not None:
        form = Form(request.stream(), boundary, limit=LIMIT)
        return [(part.name, await part.text(limit=LIMIT)) async for part in form.parts()]
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return []
    try:
        body = await read_body(request, limit=LIMIT)
    except BodyTooLarge:
        raise FormTooLarge(LIMIT) from None
    try:
        return parse_qsl(body.decode(), max_num_fields=FIELDS)
    except ValueError:
        raise BadForm(f"The form isn't UTF-8 text, or has more than {FIELDS} fields.") from None
