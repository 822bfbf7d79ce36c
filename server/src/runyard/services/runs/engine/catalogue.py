"""What workflows can ask for: the offers of the yard's services, persons, and machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from runyard.jobs import Offer
from runyard.services.runs.engine.spec import MACHINE, PERSON


class PersonInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a person is asked to do.

    Attributes:
        assignee_id: a member of the workforce; nobody in particular by default.
        group_id: a queue of the workforce.
    """

    description: Annotated[str, Meta(min_length=1, max_length=10_000)]
    title: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    assignee_id: str | None = None
    group_id: str | None = None
    required_capabilities: Annotated[list[str], Meta(max_length=20)] = []
    details: dict[str, object] = {}


class PersonOutput(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a person has done."""

    completed_by_id: str
    completion_note: str = ""


class MachineInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a machine is told to do."""

    machine_id: str
    action: Annotated[str, Meta(min_length=1, max_length=200)]
    input: dict[str, object] = {}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Operations by name."""

    offers: Mapping[str, Offer] = field(default_factory=dict)

    @classmethod
    def of(cls, offers: Iterable[Offer]) -> Catalogue:
        """A catalogue of these.

        Raises:
            ValueError: two of them have one name.
        """
        found: dict[str, Offer] = {}
        for offer in offers:
            if offer.operation in found:
                raise ValueError(f"Two services offer {offer.operation!r}.")
            found[offer.operation] = offer
        return cls(found)

    def input_of(self, operation: str) -> type[msgspec.Struct] | None:
        """What an operation takes; None if only the machine that does it knows."""
        if operation in _BUILT_IN:
            return _BUILT_IN[operation][0]
        offer = self.offers.get(operation)
        return None if offer is None else offer.input

    def output_of(self, operation: str) -> type[msgspec.Struct] | None:
        """What an operation gives; None if only the machine that does it knows."""
        if operation in _BUILT_IN:
            return _BUILT_IN[operation][1]
        offer = self.offers.get(operation)
        return None if offer is None else offer.output

    def needs_adapter(self, operation: str) -> bool:
        """Whether it is done by the machine of an adapter."""
        return operation not in self.offers and operation not in _BUILT_IN


_BUILT_IN: Final[Mapping[str, tuple[type[msgspec.Struct], type[msgspec.Struct] | None]]] = {
    PERSON: (PersonInput, PersonOutput),
    MACHINE: (MachineInput, None),
}
