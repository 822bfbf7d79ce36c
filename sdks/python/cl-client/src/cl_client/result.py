"""`Result`: what an operation came to, for callers who would rather ask than catch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from .exceptions import ComputeClientError

T = TypeVar("T")


@dataclass(frozen=True)  # slots and generics don't go together before Python 3.12
class Result(Generic[T]):
    """Either `data`, or an `error` for people and the exception it came from."""

    success: bool
    error: str | None = None
    data: T | None = None
    cause: Exception | None = None

    @property
    def is_success(self) -> bool:
        """Whether it went well."""
        return self.success

    @property
    def is_error(self) -> bool:
        """Whether it didn't."""
        return not self.success

    def value_or_throw(self) -> T:
        """The data.

        Raises:
            Exception: what the operation failed with.
        """
        if self.cause is not None:
            raise self.cause
        if not self.success or self.data is None:
            raise ComputeClientError(self.error or "the operation gave nothing")
        return self.data
