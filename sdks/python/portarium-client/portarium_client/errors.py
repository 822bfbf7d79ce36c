"""What can go wrong, as one tree.

PortariumError
├── UnexpectedStatus       an answer that the contract doesn't know: not one of ours, or of a proxy
├── PaginationError        a list that doesn't end
├── RunNotFinished         also a TimeoutError: the run goes on, the wait is over
└── ApiError               the server says no, as a problem (RFC 9457)
    ├── BadRequest             400
    ├── Unauthorized           401
    ├── Forbidden              403
    ├── NotFound               404
    ├── Conflict               409
    ├── PreconditionFailed     412
    ├── PayloadTooLarge        413
    ├── UnsupportedMediaType   415
    ├── ValidationFailed       422, ``errors`` by field
    ├── RateLimited            429, ``retry_after``
    └── ServerError            500 and above
        └── ServiceUnavailable     503, ``retry_after``

A connection that can't be made or breaks is an ``httpx.TransportError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from .models.problem_details import ProblemDetails
from .types import Response, Unset


class PortariumError(Exception):
    """Anything this library raises by itself."""


class UnexpectedStatus(PortariumError):
    """An answer that the contract doesn't know."""

    def __init__(self, status_code: int, content: bytes) -> None:
        self.status_code = status_code
        self.content = content
        super().__init__(
            f"Unexpected status code: {status_code}\n\nResponse content:\n{content[:2000].decode(errors='replace')}"
        )

    def __reduce__(self) -> tuple[Callable[..., UnexpectedStatus], tuple[int, bytes]]:
        return type(self), (self.status_code, self.content)


class PaginationError(PortariumError):
    """The server gave a cursor for the second time: following it would never end."""


class RunNotFinished(PortariumError, TimeoutError):
    """The run hasn't ended within the time that was given to it. It goes on."""


class ApiError(PortariumError):
    """The server says no.

    Attributes:
        status_code: the status of the answer.
        problem: what the server says about it; further members are in ``problem.additional_properties``.
        correlation_id: name of the request, which the server's log has as well.
    """

    def __init__(self, status_code: int, problem: ProblemDetails, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.problem = problem
        self.correlation_id: str | None = headers.get("x-correlation-id")
        self.retry_after: float | None = _seconds(headers.get("retry-after"))
        text = f"{status_code} {problem.title}"
        if problem.detail:
            text += f": {problem.detail}"
        for field, wrong in self.errors.items():
            text += f"\n  {field}: {'; '.join(wrong)}"
        if self.correlation_id is not None:
            text += f" (correlation id {self.correlation_id})"
        super().__init__(text)

    def __reduce__(self) -> tuple[Callable[..., ApiError], tuple[Any, ...]]:
        return _again, (type(self), self.status_code, self.problem.to_dict(), self.correlation_id, self.retry_after)

    @property
    def errors(self) -> Mapping[str, list[str]]:
        """What is wrong with which field."""
        return {} if isinstance(self.problem.errors, Unset) else self.problem.errors.additional_properties


class BadRequest(ApiError):
    """The request can't be read."""


class Unauthorized(ApiError):
    """There is no token, or it isn't good any more."""


class Forbidden(ApiError):
    """The caller may not do this."""


class NotFound(ApiError):
    """It doesn't exist, or isn't the caller's to see."""


class Conflict(ApiError):
    """It is not in a state for this, or somebody was faster."""


class PreconditionFailed(ApiError):
    """It has changed since it was read."""


class PayloadTooLarge(ApiError):
    """The request is too large."""


class UnsupportedMediaType(ApiError):
    """The request's body is of another type than the server reads."""


class ValidationFailed(ApiError):
    """Something in the request can't be; ``errors`` says what, by field."""


class RateLimited(ApiError):
    """Too many requests; ``retry_after`` seconds later there may be more."""


class ServerError(ApiError):
    """The server has failed."""


class ServiceUnavailable(ServerError):
    """The server can't do this now."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    422: ValidationFailed,
    429: RateLimited,
    503: ServiceUnavailable,
}


def of(status_code: int, problem: ProblemDetails, headers: Mapping[str, str]) -> ApiError:
    """The error that this problem is."""
    kind = _BY_STATUS.get(status_code, ServerError if status_code >= 500 else ApiError)
    return kind(status_code, problem, headers)


def _again(
    kind: type[ApiError], status: int, said: dict[str, Any], correlation: str | None, wait: float | None
) -> ApiError:
    """The error that went through a pickle."""
    found = {"x-correlation-id": correlation, "retry-after": None if wait is None else f"{wait:.0f}"}
    headers = {name: text for name, text in found.items() if text is not None}
    return kind(status, ProblemDetails.from_dict(said), headers)


def success(response: Response[Any], *, return_problems: bool) -> Any:
    """What an answer says, unless that is no.

    Raises:
        ApiError: it is, and problems are not wanted as values.
    """
    if isinstance(response.parsed, ProblemDetails) and not return_problems:
        raise of(int(response.status_code), response.parsed, response.headers)
    return response.parsed


def problem(response: httpx.Response) -> ProblemDetails:
    """The problem that an answer is.

    Raises:
        UnexpectedStatus: it is none.
    """
    try:
        HTTPStatus(response.status_code)
        return ProblemDetails.from_dict(response.json())
    except (ValueError, KeyError, TypeError):
        raise UnexpectedStatus(response.status_code, response.content) from None


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdecimal() else None


__all__ = [
    "ApiError",
    "BadRequest",
    "Conflict",
    "Forbidden",
    "NotFound",
    "PaginationError",
    "PayloadTooLarge",
    "PortariumError",
    "PreconditionFailed",
    "RateLimited",
    "RunNotFinished",
    "ServerError",
    "ServiceUnavailable",
    "Unauthorized",
    "UnexpectedStatus",
    "UnsupportedMediaType",
    "ValidationFailed",
]
