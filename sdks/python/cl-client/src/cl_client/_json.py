"""JSON objects from texts that anybody may have written."""

from __future__ import annotations

from pydantic import TypeAdapter

_OBJECT = TypeAdapter(dict[str, object])


def json_object(text: str | bytes | bytearray) -> dict[str, object]:
    """The object that a text says.

    Raises:
        ValueError: it says none.
    """
    return _OBJECT.validate_json(text)
