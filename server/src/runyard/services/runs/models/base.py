"""What all requests and answers have in common: camelCase, absent instead of null, times to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")

NOT_BLANK: Final = r"[^\s\u0085\uFEFF]"
"""A character that can be seen. The two are blanks to some readers of patterns and not to others."""

_RFC_3339: Final = r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$"


def iso(at: datetime) -> str:
    """A time as the protocol writes it: ``2026-02-16T00:00:00.000Z``."""
    at = at.astimezone(UTC)
    return f"{at.year:04d}-{at:%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


class _Moment:
    """A time as RFC 3339 has it, with its offset: no number, no date by itself. In Python, a time."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=_RFC_3339, strict=True)
        told = core_schema.chain_schema([text, core_schema.datetime_schema(tz_constraint="aware", strict=False)])
        known = core_schema.datetime_schema(tz_constraint="aware", strict=True)
        either = core_schema.custom_error_schema(
            core_schema.json_or_python_schema(
                json_schema=told, python_schema=core_schema.union_schema([known, told], mode="left_to_right")
            ),
            custom_error_type="moment",
            custom_error_message="Input should be a time with an offset, such as 2026-02-16T00:00:00.000Z",
        )
        return core_schema.no_info_after_validator_function(_in_utc, either)


def _in_utc(at: datetime) -> datetime:
    """A time of the years that can be written down: at the ends of the calendar an offset may lead out of it."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is before the year 1 or after the year 9999") from None


Iso: TypeAlias = Annotated[
    datetime,
    _Moment(),
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
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=10_000, pattern=NOT_BLANK)]
"""Something people read; not blank."""


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE: Final = BeforeValidator(_whole)
"""For an integer, after its limits: 1.0 is one, as JSON Schema has it. Some languages write theirs so."""

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
