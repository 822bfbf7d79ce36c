"""Work that a governed run can ask for: each service says what it offers, what that takes and what it gives.

A run knows offers by their operation only. The composition root collects them; no service knows another's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from runyard.jobs.model import Job, NewJob


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file, as an input or an output names it.

    Attributes:
        sha256: its content's digest.
        name: what people call it.
    """

    sha256: str
    name: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one action of a run asks for.

    Attributes:
        input: checked already.
        owner: the user on whose behalf the run works.
        tenant: where the work belongs.
        key: the same for every try of the action, so that systems outside can tell a repetition.
    """

    input: object
    owner: UUID
    tenant: str
    key: str


class Unservable(Exception):
    """The work can't be done as it was asked for. The text says why; asking again won't help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A piece of work that a workflow can ask for.

    Attributes:
        operation: ``entity:verb``, what workflows call it.
        input: what it takes; :class:`File` fields are files.
        output: what later actions may refer to.
        request: the job that does it. Raises :class:`Unservable`.
        result: an ended job's result as ``output``.
    """

    operation: str
    title: str
    input: type[msgspec.Struct]
    output: type[msgspec.Struct]
    request: Callable[[Asked], Awaitable[NewJob]]
    result: Callable[[Job], Mapping[str, object]] = field(default=lambda job: job.result or {})
