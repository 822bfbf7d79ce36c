"""Reads JSON objects of servers: what should be there is, with the right type, or the answer is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from .exceptions import ResponseError


class Fields:
    """The fields of one JSON object.

    Args:
        value: what should be an object.
        what: what it stands for, for the error.

    Raises:
        ResponseError: it is none.
    """

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, Mapping):
            raise ResponseError(f"The server's answer is wrong: {what} is {_kind(value)} instead of an object")
        self.raw = cast("Mapping[str, object]", value)
        self._what = what

    def text(self, name: str) -> str:
        """A text that has to be there."""
        found = self.text_or_none(name)
        if found is None:
            raise ResponseError(f"The server's answer is wrong: {self._what} has no {name!r}")
        return found

    def text_or_none(self, name: str) -> str | None:
        """A text, if it is there."""
        value = self.raw.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(name, value, "a text")

    def number(self, name: str) -> int:
        """A whole number that has to be there."""
        found = self.number_or_none(name)
        if found is None:
            raise ResponseError(f"The server's answer is wrong: {self._what} has no {name!r}")
        return found

    def number_or_none(self, name: str) -> int | None:
        """A whole number, if it is there."""
        value = self.raw.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise self._wrong(name, value, "a whole number")

    def seconds_or_none(self, name: str) -> float | None:
        """A number, if it is there."""
        value = self.raw.get(name)
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            return value
        raise self._wrong(name, value, "a number")

    def flag(self, name: str) -> bool:
        """True or false; false if it is not there."""
        value = self.raw.get(name, False)
        if isinstance(value, bool):
            return value
        raise self._wrong(name, value, "true or false")

    def object_or_none(self, name: str) -> Fields | None:
        """An object, if it is there."""
        value = self.raw.get(name)
        return None if value is None else Fields(value, f"{self._what}.{name}")

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; empty if it is not there."""
        return [Fields(one, f"{self._what}.{name}[{index}]") for index, one in enumerate(self._list(name))]

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty if it is not there."""
        found = [one for one in self._list(name) if isinstance(one, str)]
        if len(found) != len(self._list(name)):
            raise self._wrong(name, self.raw[name], "a list of texts")
        return found

    def labels(self, name: str) -> dict[str, str]:
        """A map of texts to texts; empty if it is not there."""
        inner = self.object_or_none(name)
        return {} if inner is None else {key: inner.text(key) for key in inner.raw}

    def _list(self, name: str) -> list[object]:
        value = self.raw.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return cast("list[object]", value)
        raise self._wrong(name, value, "a list")

    def _wrong(self, name: str, value: object, wanted: str) -> ResponseError:
        return ResponseError(f"The server's answer is wrong: {self._what}.{name} is {_kind(value)} instead of {wanted}")


def _kind(value: object) -> str:
    return "null" if value is None else f"{value!r:.80}"
