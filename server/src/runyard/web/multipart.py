"""Multipart forms as they arrive: part by part, each read as a stream, nothing held but the piece at hand."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_PARTS: Final = 32
"""Fields of an everyday form."""

MAX_HEADERS: Final = 8
MAX_HEADER: Final = 4096


class BadForm(ValueError):
    """The body isn't a form we can read, or one of its small parts isn't small."""


class FormTooLarge(Exception):
    """The body is longer than the form may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The form is larger than the limit of {limit} bytes.")
        self.limit = limit


def boundary_of(content_type: str) -> bytes | None:
    """The boundary a ``Content-Type`` names; None unless it is that of a multipart form."""
    kind, options = parse_options_header(content_type)
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form. ``filename`` is set when it is a file."""

    name: str
    filename: str | None
    _form: Form

    async def stream(self) -> AsyncIterator[bytes]:
        """The content, in pieces as they arrive."""
        while (token := await self._form.token()) is not None and isinstance(token, bytes):
            yield token

    async def text(self, *, limit: int) -> str:
        """The content as text.

        Raises:
            BadForm: it has more than ``limit`` bytes, or isn't UTF-8.
        """
        content = bytearray()
        async for piece in self.stream():
            content += piece
            if len(content) > limit:
                raise BadForm(f"The field {self.name!r} is longer than {limit} bytes.")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise BadForm(f"The field {self.name!r} is not UTF-8 text.") from None


class Form:
    """The parts of a body, in the order they come. Read a part's content before asking for the next part.

    Args:
        body: the request's body.
        boundary: from :func:`boundary_of`.
        limit: most bytes the whole body may have.
    """

    def __init__(self, body: AsyncIterator[bytes], boundary: bytes, *, limit: int, parts: int = MAX_PARTS) -> None:
        self._body = body
        self._limit = limit
        self._size = 0
        self._parts = 0
        self._most_parts = parts
        self._tokens: deque[Part | bytes | _End] = deque()
        self._finished = False
        self._header = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._data,
                    "on_part_end": lambda: self._tokens.append(_END),
                    "on_end": self._end,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER,
            )
        except FormParserError as error:
            raise BadForm(f"The form can't be read: {error}") from None

    async def parts(self) -> AsyncIterator[Part]:
        """Every part.

        Raises:
            BadForm: the body isn't well-formed, has too many parts, or ends too early.
            FormTooLarge: it is longer than the limit.
        """
        while (token := await self.token()) is not None:
            if isinstance(token, Part):
                yield token

    async def token(self) -> Part | bytes | _End | None:
        """The next beginning, piece of content or end of a part; None after the last. For :class:`Part`."""
        while not self._tokens:
            try:
                piece = await anext(self._body)
            except StopAsyncIteration:
                if not self._finished:
                    raise BadForm("The form ends in the middle; send all of it.") from None
                return None
            self._size += len(piece)
            if self._size > self._limit:
                raise FormTooLarge(self._limit)
            try:
                self._parser.write(piece)
            except FormParserError as error:
                raise BadForm(f"The form can't be read: {error}") from None
        return self._tokens.popleft()

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > self._most_parts:
            raise BadForm(f"The form has more than {self._most_parts} parts.")
        self._headers = {}

    def _header_name(self, piece: bytes, start: int, end: int) -> None:
        self._header += piece[start:end]

    def _header_value(self, piece: bytes, start: int, end: int) -> None:
        self._value += piece[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise BadForm("A part of the form has no name.")
        filename = options.get(b"filename")
        self._tokens.append(
            Part(
                options[b"name"].decode(errors="replace"),
                None if filename is None else filename.decode(errors="replace"),
                self,
            )
        )

    def _data(self, piece: bytes, start: int, end: int) -> None:
        self._tokens.append(piece[start:end])

    def _end(self) -> None:
        self._finished = True


class _End:
    """The end of a part."""


_END: Final = _End()
