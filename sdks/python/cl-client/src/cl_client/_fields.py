"""A plugin's parameters as the fields of a form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

FieldValue: TypeAlias = "str | int | float | bool | Sequence[FieldValue] | Mapping[str, FieldValue] | None"
"""What a parameter may be. None leaves it to the server."""


def form_fields(params: Mapping[str, FieldValue]) -> dict[str, str]:
    """Texts for a form: a list of texts as a comma list, anything else that is nested as JSON."""
    return {name: _text(value) for name, value in params.items() if value is not None}


def _text(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Sequence) and value and all(isinstance(item, str) for item in value):
        return ",".join(str(item) for item in value)
    return json.dumps(value)
