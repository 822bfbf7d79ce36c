"""What this service refuses, in its own words, whatever asked: a request, an executor, a machine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Slug: TypeAlias = Literal[
    "bad-request",
    "unauthorized",
    "forbidden",
    "not-found",
    "method-not-allowed",
    "request-timeout",
    "conflict",
    "gone",
    "precondition-failed",
    "payload-too-large",
    "unsupported-media-type",
    "validation-failed",
    "rate-limit-exceeded",
    "internal",
    "dependency-failure",
    "service-unavailable",
]

PROBLEMS: Final[Mapping[Slug, tuple[int, str]]] = MappingProxyType(
    {
        "bad-request": (400, "Bad Request"),
        "unauthorized": (401, "Unauthorized"),
        "forbidden": (403, "Forbidden"),
        "not-found": (404, "Not Found"),
        "method-not-allowed": (405, "Method Not Allowed"),
        "request-timeout": (408, "Request Timeout"),
        "conflict": (409, "Conflict"),
        "gone": (410, "Gone"),
        "precondition-failed": (412, "Precondition Failed"),
        "payload-too-large": (413, "Payload Too Large"),
        "unsupported-media-type": (415, "Unsupported Media Type"),
        "validation-failed": (422, "Validation Failed"),
        "rate-limit-exceeded": (429, "Too Many Requests"),
        "internal": (500, "Internal Server Error"),
        "dependency-failure": (502, "Bad Gateway"),
        "service-unavailable": (503, "Service Unavailable"),
    }
)
"""HTTP status and title of each kind of problem."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Refused(Exception):
    """What was asked isn't done, and nothing has changed.

    Args:
        slug: what kind of problem it is; its row in :data:`PROBLEMS`.
        detail: which value is wrong and what would do, for people.
        errors: problems by field, e.g. ``{"actions.0.order": ["must be 1"]}``.
        headers: further headers of an answer.
        extra: further members of the problem.
    """

    def __init__(
        self,
        slug: Slug,
        detail: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] = _NOTHING,
        extra: Mapping[str, object] = _NOTHING,
    ) -> None:
        super().__init__(detail)
        self.slug: Slug = slug
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.extra = extra

    @property
    def status(self) -> int:
        """As HTTP says it."""
        return PROBLEMS[self.slug][0]


def not_found(what: str, id: str) -> Refused:  # noqa: A002  (the field's own word)
    """There is none, or none that the caller may know of: the two are not told apart."""
    return Refused("not-found", f"{what} {id[:200]!r} not found.")


def conflict(detail: str, **extra: object) -> Refused:
    """It doesn't go together with how things stand."""
    return Refused("conflict", detail, extra=extra)


def invalid(field: str, text: str) -> Refused:
    """A field's value can't be used."""
    return Refused("validation-failed", f"{field}: {text}", errors={field: [text]})


def forbidden(detail: str) -> Refused:
    """The caller is known and may not do this."""
    return Refused("forbidden", detail)
