"""Execution tiers: how much of a run needs people."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Tier(StrEnum):
    """From "the yard does it" to "people do it"."""

    AUTO = "Auto"
    ASSISTED = "Assisted"
    HUMAN_APPROVE = "HumanApprove"
    MANUAL_ONLY = "ManualOnly"

    @property
    def rank(self) -> int:
        """How strict it is; 0 is not at all."""
        return _RANKS[self]

    @property
    def needs_approval(self) -> bool:
        """Whether somebody else has to agree first."""
        return self.rank >= Tier.HUMAN_APPROVE.rank

    @property
    def by_people(self) -> bool:
        """Whether a person does the work, not the yard."""
        return self is Tier.MANUAL_ONLY


_RANKS: Final = {tier: rank for rank, tier in enumerate(Tier)}


def strictest(tiers: Iterable[Tier]) -> Tier:
    """The strictest of some tiers."""
    return max(tiers, key=lambda tier: tier.rank, default=Tier.AUTO)
