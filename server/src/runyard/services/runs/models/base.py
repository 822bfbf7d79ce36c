"""What all requests and answers have in common: camelCase, absent instead of null, times to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


def iso(at: datetime) -> str:
    """A time as the protocol writes it: ``2026-02-16T00:00:00.000Z``."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


Iso: TypeAlias = Annotated[
    AwareDatetime,
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment. Callers may write any offset; we write UTC."""


class _Omitted:
    """A field that may be left out, but isn't null on the wire. In Python, None means that it is absent."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        present = schema["schema"] if schema["type"] == "nullable" else schema
        return core_schema.json_or_python_schema(
            json_schema=present, python_schema=core_schema.nullable_schema(present)
        )


Maybe: TypeAlias = Annotated[T | None, _Omitted()]
"""A field that may be absent: ``due_at_iso: Maybe[Iso] = None``."""

Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]
"""Something people read; not blank."""

Free: TypeAlias = dict[str, Any]
"""An object that the protocol doesn't look into."""


class Answer(BaseModel):
    """What we say. Absent fields are left out, never null."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True,
        extra="ignore", frozen=True, ser_json_inf_nan="null",
    )  # fmt: skip

    def encoded(self) -> bytes:
        """The body."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)


class Listing(Answer):
    """A page of a list; each list adds its ``items``. Both names of the cursor say the same: where the next begins."""

    next_cursor: Maybe[Annotated[str, Field(min_length=1)]] = None
    cursor: Maybe[Annotated[str, Field(min_length=1)]] = None


class Ask(BaseModel):
    """What callers say: in camelCase, or with the names that the Python client gives the fields. Nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True,
        extra="forbid", frozen=True, strict=True,
    )  # fmt: skip


class ProblemDetails(Answer):
    """An RFC 9457 problem. Some kinds have further members."""

    type: Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
    title: str
    status: Annotated[int, Field(ge=100, le=599)]
    detail: Maybe[str] = None
    instance: Maybe[Annotated[str, WithJsonSchema({"type": "string", "format": "uri-reference"})]] = None
    errors: Maybe[dict[str, list[str]]] = None


Version: TypeAlias = Literal[1]
"""``schemaVersion``, which every versioned schema has as its first field."""
