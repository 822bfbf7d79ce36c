"""What a request has changed, as evidence and as an event: both at once, so that they say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runyard.services.runs.api.edge import Visit
from runyard.services.runs.evidence.entry import Category
from runyard.services.runs.ledger import Book
from runyard.services.runs.refused import forbidden


def tell(
    visit: Visit,
    book: Book,
    name: str,
    summary: str,
    *,
    subject: str,
    data: Mapping[str, object],
    category: Category = "System",
) -> None:
    """Record what the caller has done.

    Args:
        name: of the event, such as ``MachineRegistered``.
        summary: a sentence for the evidence.
        subject: what it was done to: ``machines/<id>``.
        data: what the event says.
    """
    caller = visit.caller
    book.record(category, summary, actor=caller.actor, correlation_id=caller.correlation_id)
    book.tell(
        _AGGREGATES[subject.partition("/")[0]], name, subject=subject, data=data, correlation_id=caller.correlation_id
    )


_AGGREGATES: Final = {
    "machines": "machine",
    "agents": "agent",
    "adapters": "adapter",
    "credential-grants": "credential",
    "policies": "policy",
    "workspaces": "workspace",
    "users": "user",
    "service-accounts": "serviceaccount",
    "map-layers": "maplayer",
    "workforce": "workforce",
}
"""What the protocol's events call each noun."""


def check_workspace(visit: Visit, named: str | None) -> None:
    """Return if a body that names a workspace names the one of the path.

    Raises:
        Refused: it doesn't.
    """
    if named is not None and named != visit.caller.workspace:
        raise forbidden(f"The body names the workspace {named[:100]!r}, the path {visit.caller.workspace!r}.")
