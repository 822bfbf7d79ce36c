"""The outermost layer of every application: request ids, a log record per request, an answer when we fail."""

from __future__ import annotations

import re
import time
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runyard.database import DatabaseUnavailable
from runyard.web.errors import Refused

REQUEST_ID: Final = "X-Request-Id"
ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_EXTRA: Final = "runyard.headers"

log = structlog.get_logger(__name__)


def add_header(scope: Scope, name: str, value: str) -> None:
    """Have the answer to this request carry a header, whatever the answer will be."""
    scope.setdefault("state", {}).setdefault(_EXTRA, {})[name] = value


class RequestIds:
    """ASGI middleware: every request has an id, its own or the caller's ``X-Request-Id``.

    The id is in the answer and in every log record made on the way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other ASGI traffic passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = _request_id(scope)
        state[_EXTRA] = {REQUEST_ID: request_id}
        started = time.monotonic()
        status = 0

        async def mark(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in state[_EXTRA].items():
                    headers[name] = value
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, mark)
            except ClientDisconnect:
                status = status or 499
            except Exception as error:
                refused = _failure(error, request_id)
                if status:  # the answer had begun: the server cuts the connection, nobody takes it for whole
                    raise ConnectionAbortedError from error
                await refused.response()(scope, receive, mark)
            finally:
                milliseconds = round((time.monotonic() - started) * 1000, 1)
                log.info("request", method=scope["method"], path=scope["path"], status=status, ms=milliseconds)


def _failure(error: Exception, request_id: str) -> Refused:
    """What a caller is told of a fault of ours; the log has the rest, under the same id."""
    if isinstance(error, DatabaseUnavailable):
        log.error("database_unavailable", error=str(error))
        text = "The yard's database does not answer. Try again in a moment."
        return Refused(503, text, code="database_unavailable", headers={"Retry-After": "1"})
    log.error("request_failed", exc_info=error)
    return Refused(500, f"Internal Server Error (request {request_id})", code="internal")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if ACCEPTABLE.fullmatch(text):
                return str(text)
    return uuid4().hex
