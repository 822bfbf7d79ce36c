"""What the server says about jobs, tests, artifacts and keys, as frozen values.

Unknown fields are ignored, so that a newer server can say more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from .errors import ProtocolError

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
ENDED = frozenset({"completed", "failed", "cancelled"})
FAILING_OUTCOMES = frozenset({"failed", "error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """One row of the job list; times are the server's text, `started` and `ended` the same parsed."""

    job_id: str
    status: str
    success: bool | None
    start_time: str | None
    end_time: str | None

    @property
    def started(self) -> datetime | None:
        """When the tests started, or None."""
        return parse_time(self.start_time)

    @property
    def ended(self) -> datetime | None:
        """When the job ended, or None."""
        return parse_time(self.end_time)

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, one way or another."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCounts:
    """How many tests ended how, and the seconds they took."""

    __test__ = False  # not a test class, whatever pytest thinks of the name

    passed: int
    failed: int
    errors: int
    skipped: int
    total: int
    duration: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCase:
    """One test. `id` is its pytest node id; `message` one line; `output` the traceback."""

    __test__ = False

    id: str
    outcome: str
    duration: float
    message: str | None
    output: str | None

    @property
    def is_failing(self) -> bool:
        """Whether it failed, in the test or around it."""
        return self.outcome in FAILING_OUTCOMES


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails(JobSummary):
    """Everything the server tells about one job."""

    created_at: str | None
    reason: str | None
    message: str | None
    exit_code: int | None
    options: Mapping[str, Any]
    attempt: int | None
    queue_position: int | None
    tests: TestCounts | None
    rerun_of: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file a job left behind; `sha256` is hexadecimal."""

    name: str
    size: int
    sha256: str
    content_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a key belongs to. `warning` says that it is old or about to expire."""

    user_name: str
    user_email: str | None
    key_name: str | None
    key_created_at: str | None
    key_expires_at: str | None
    key_age_days: int | None
    warning: str | None


def summary_from(body: object) -> JobSummary:
    """Read a summary."""
    fields = _object(body, "a job")
    return JobSummary(**_summary_fields(fields))


def job_id_from(body: object) -> str:
    """Read the answer to a submit."""
    job_id = _required(_object(body, "a job id"), "job_id", "an answer")
    if not isinstance(job_id, str):
        raise ProtocolError(f"the server sent {job_id!r} where a job id should be")
    return job_id


def details_from(body: object) -> JobDetails:
    """Read a job's details."""
    fields = _object(body, "a job")
    return JobDetails(
        **_summary_fields(fields),
        created_at=fields.get("created_at"),
        reason=fields.get("reason"),
        message=fields.get("message"),
        exit_code=fields.get("exit_code"),
        options=fields.get("options") or {},
        attempt=fields.get("attempt"),
        queue_position=fields.get("queue_position"),
        tests=counts_from(fields.get("tests")),
        rerun_of=fields.get("rerun_of"),
    )


def counts_from(body: object) -> TestCounts | None:
    """Read the counts of a run; None when there are none."""
    if body is None:
        return None
    fields = _object(body, "test counts")
    return TestCounts(
        passed=fields.get("passed", 0),
        failed=fields.get("failed", 0),
        errors=fields.get("errors", 0),
        skipped=fields.get("skipped", 0),
        total=fields.get("total", 0),
        duration=fields.get("duration") or 0.0,
    )


def test_case_from(body: object) -> TestCase:
    """Read one test case."""
    fields = _object(body, "a test case")
    return TestCase(
        id=_required(fields, "id", "a test case"),
        outcome=_required(fields, "outcome", "a test case"),
        duration=fields.get("duration") or 0.0,
        message=fields.get("message"),
        output=fields.get("output"),
    )


def artifact_from(body: object) -> Artifact:
    """Read one artifact's description."""
    fields = _object(body, "an artifact")
    return Artifact(
        name=_required(fields, "name", "an artifact"),
        size=_required(fields, "size", "an artifact"),
        sha256=_required(fields, "sha256", "an artifact"),
        content_type=fields.get("content_type"),
    )


def identity_from(body: object) -> Identity:
    """Read what `GET /me` says."""
    fields = _object(body, "an identity")
    user = _object(fields.get("user"), "a user")
    key = _object(fields.get("key") or {}, "a key")
    return Identity(
        user_name=_required(user, "name", "a user"),
        user_email=user.get("email"),
        key_name=key.get("name"),
        key_created_at=key.get("created_at"),
        key_expires_at=key.get("expires_at"),
        key_age_days=key.get("age_days"),
        warning=fields.get("warning"),
    )


def list_from(body: object, what: str) -> list[object]:
    """Check that the answer is an array."""
    if not isinstance(body, list):
        raise ProtocolError(f"the server sent {type(body).__name__} where a list of {what} should be")
    return body


def parse_time(text: str | None) -> datetime | None:
    """A time of the server's, in any of the forms it has ever used; None for one that is in none of them."""
    if text is None:
        return None
    # Some older servers write both an offset and a Z.
    cleaned = text.removesuffix("Z")
    try:
        time = datetime.fromisoformat(cleaned)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _summary_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "job_id": _required(fields, "job_id", "a job"),
        "status": _required(fields, "status", "a job"),
        "success": fields.get("success"),
        "start_time": fields.get("start_time"),
        "end_time": fields.get("end_time"),
    }


def _object(body: object, what: str) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ProtocolError(f"the server sent {type(body).__name__} where {what} should be")
    return body


def _required(fields: Mapping[str, Any], name: str, what: str) -> Any:
    try:
        return fields[name]
    except KeyError:
        raise ProtocolError(f"the server sent {what} without {name!r}") from None
