"""What every answer carries, whatever it is: the ids that follow a request, and headers that browsers heed."""

from __future__ import annotations

import re
import secrets
from typing import Final
from uuid import uuid4

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALIAS: Final = "/api/v1/"
"""Some of the protocol's programs have this before every path."""

_TRACE: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_CORRELATION: Final = re.compile(r"[!-~]{1,200}")
_STATE: Final = re.compile(r"[ -~]{1,512}")

_SECURITY: Final = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]


class Marks:
    """ASGI middleware: reads or makes the ids of a request, and writes them on its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other ASGI traffic passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(ALIAS):
            scope["path"] = scope["path"].removeprefix("/api")
        said = {name: value for name, value in scope["headers"] if name in _IDS}
        correlation = _fitting(_CORRELATION, said.get(b"x-correlation-id")) or str(uuid4())
        trace = _fitting(_TRACE, said.get(b"traceparent", b"").lower())
        state = _fitting(_STATE, said.get(b"tracestate")) if trace else None
        scope.setdefault("state", {})["correlation_id"] = correlation
        marks = [
            (b"x-correlation-id", correlation.encode()),
            (b"traceparent", (trace or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01").encode()),
            *([(b"tracestate", state.encode())] if state else []),
            *_SECURITY,
        ]

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *marks]
            await send(message)

        await self._app(scope, receive, mark)


def correlation_of(request: Request) -> str:
    """What ties this request to what comes of it."""
    return str(request.state.correlation_id)


_IDS: Final = frozenset({b"x-correlation-id", b"traceparent", b"tracestate"})


def _fitting(shape: re.Pattern[str], value: bytes | None) -> str | None:
    text = (value or b"").decode("latin-1").strip()
    return text if shape.fullmatch(text) else None
