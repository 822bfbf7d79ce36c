"""Every failure as ``application/problem+json``: the one place where errors of the lower floors become answers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec
import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from runyard.database import DatabaseUnavailable
from runyard.identity import (
    AlreadyExists,
    CredentialError,
    Forbidden,
    InactiveUser,
    InvalidValue,
    IssuerFailed,
    LastAdmin,
    NotFound,
    TooManyAttempts,
)
from runyard.jobs import JobEnded, JobNotFound
from runyard.services.runs.evidence.entry import PrivateEvidence
from runyard.services.runs.refused import PROBLEMS, Refused, Slug, invalid
from runyard.web.auth import CHALLENGE, NoCredential
from runyard.web.bodies import BodyTooLarge
from runyard.web.idempotency import BadKey
from runyard.web.pace import TooFast
from runyard.web.patience import SILENCE, BodyTooSlow

TYPES: Final = "https://portarium.dev/problems/"
MEDIA: Final = "application/problem+json"
MOST_ERRORS: Final = 50

_ODD: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9._~!$&'()*+,;=:@/%-]")
"""What no path of a URI has."""

log = structlog.get_logger(__name__)


class Door(APIRoute):
    """A route whose failures are problems. It answers 200 unless it says otherwise."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["status_code"] = options.get("status_code") or 200
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, with a floor under it."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                _refuse_nul(request)
                return await handle(request)
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001  (every failure is a problem)
                return problem(request, refusal(error))

        return answer


def _refuse_nul(request: Request) -> None:
    """Return unless the path holds a character that no text in the database can have, so that nothing is called so.

    Raises:
        Refused: it does.
    """
    if "\0" in request.scope["path"]:
        raise Refused("not-found", "Nothing has the character U+0000 in its id.")


def problem(request: Request, refused: Refused) -> Response:
    """The answer to a request that isn't granted."""
    status, title = PROBLEMS[refused.slug]
    content: dict[str, object] = {
        **refused.extra,
        "type": TYPES + refused.slug,
        "title": title,
        "status": status,
        "detail": refused.detail,
        "instance": _reference(request),
    }
    if refused.errors:
        content["errors"] = refused.errors
    return Response(msgspec.json.encode(content), status, headers=refused.headers, media_type=MEDIA)


def _reference(request: Request) -> str:
    """The path as it came, with what a reference can't hold in hexadecimal."""
    return _ODD.sub(lambda found: b"%%%02X" % found[0][0], request.scope["raw_path"]).decode()


async def unknown_route(request: Request, error: Exception) -> Response:
    """The answer to what isn't part of this interface."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = dict(error.headers or {})
        return problem(request, Refused("method-not-allowed", f"{request.method} can't be done here.", headers=allowed))
    return problem(request, Refused("not-found", "Route not found."))


def refusal(error: Exception) -> Refused:
    """What an error is in this protocol."""
    if isinstance(error, Refused):
        return error
    for kind, told in _REFUSALS.items():
        if isinstance(error, kind):
            return told(error)
    log.error("request_failed", exc_info=error)  # the answer has the id under which the log has the rest
    return Refused("internal", "The yard failed. Its log has the reason, under this answer's X-Request-Id.")


def validation(error: ValidationError | RequestValidationError) -> Refused:
    """Which fields are wrong, and why."""
    errors: dict[str, list[str]] = {}
    for each in error.errors()[:MOST_ERRORS]:
        place = [str(part) for part in each["loc"] if part not in {"query", "path", "header", "body"}]
        errors.setdefault(".".join(place) or "body", []).append(str(each["msg"]))
    field, texts = next(iter(errors.items()))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Refused("validation-failed", f"{field}: {texts[0]}{more}", errors=errors)


def _too_fast(error: TooFast) -> Refused:
    seconds = max(1, math.ceil(error.seconds))
    headers = {"Retry-After": str(seconds), **error.standing.headers}
    return Refused("rate-limit-exceeded", str(error), headers=headers, extra={"retryAfterSeconds": seconds})


def _later(slug: Slug, seconds: int, detail: str) -> Refused:
    return Refused(slug, detail, headers={"Retry-After": str(seconds)}, extra={"retryAfterSeconds": seconds})


_REFUSALS: Final[Mapping[type[Exception], Callable[[Any], Refused]]] = {
    TooFast: _too_fast,
    NoCredential: lambda _: Refused("unauthorized", "Send Authorization: Bearer and a token.", headers=CHALLENGE),
    InactiveUser: lambda _: Refused("unauthorized", "The token's user was deactivated.", headers=CHALLENGE),
    CredentialError: lambda _: Refused("unauthorized", "The token is invalid, revoked or expired.", headers=CHALLENGE),
    TooManyAttempts: lambda error: _later("rate-limit-exceeded", error.retry_after, str(error)),
    Forbidden: lambda error: Refused("forbidden", str(error)),
    NotFound: lambda error: Refused("not-found", str(error)),
    AlreadyExists: lambda error: Refused("conflict", str(error)),
    LastAdmin: lambda error: Refused("conflict", str(error)),
    IssuerFailed: lambda error: Refused("dependency-failure", str(error)),
    BadKey: lambda error: invalid("Idempotency-Key", str(error)),
    BodyTooLarge: lambda error: Refused("payload-too-large", str(error), headers={"Connection": "close"}),
    InvalidValue: lambda error: Refused("validation-failed", str(error)),
    PrivateEvidence: lambda error: Refused("validation-failed", str(error)),
    ValidationError: validation,
    RequestValidationError: validation,
    JobNotFound: lambda _: Refused("not-found", "The run's job is past its retention and has been removed."),
    JobEnded: lambda _: Refused("conflict", "The run has ended."),
    BodyTooSlow: lambda _: Refused(
        "request-timeout", f"The rest of the request didn't come within {SILENCE:g} s.", headers={"Connection": "close"}
    ),
    DatabaseUnavailable: lambda _: _later(
        "service-unavailable", 1, "The yard's database does not answer. Try again in a moment."
    ),
}
