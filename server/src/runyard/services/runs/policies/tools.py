"""How much trust a tool takes, by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from runyard.services.runs.engine.tiers import Tier


class Risk(StrEnum):
    """What a tool could do."""

    READ_ONLY = "ReadOnly"
    MUTATION = "Mutation"
    DANGEROUS = "Dangerous"
    UNKNOWN = "Unknown"

    @property
    def tier(self) -> Tier:
        """The tier that a tool of this risk takes at least."""
        return _TIERS[self]


_TIERS: Final[Mapping[Risk, Tier]] = MappingProxyType(
    {
        Risk.READ_ONLY: Tier.AUTO,
        Risk.MUTATION: Tier.HUMAN_APPROVE,
        Risk.UNKNOWN: Tier.HUMAN_APPROVE,
        Risk.DANGEROUS: Tier.MANUAL_ONLY,
    }
)

_DANGEROUS: Final = frozenset({"shell", "terminal", "bash", "exec", "subprocess", "powershell", "eval", "sudo"})
_DANGEROUS_PAIRS: Final = frozenset(
    {("browser", "automation"), ("package", "install"), ("pip", "install"), ("npm", "install"), ("apt", "install")}
)
_MUTATION: Final = frozenset(
    {
        "write", "create", "update", "delete", "remove", "send", "deploy", "refund", "post", "put", "patch", "upload",
        "insert", "upsert", "pay", "transfer", "cancel", "approve", "publish", "set", "add", "move", "rename", "merge",
        "revoke", "grant", "invite", "charge", "execute", "run", "start", "stop", "restart", "edit", "modify", "drop",
    }
)  # fmt: skip
_READ_ONLY: Final = frozenset(
    {
        "read", "get", "list", "search", "classify", "find", "fetch", "query", "view", "show", "describe", "count",
        "summarize", "analyze", "lookup", "check", "extract", "compare", "inspect", "preview", "validate",
    }
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def risk(tool: str) -> Risk:
    """The risk of a tool with this name; the worst of what its words say."""
    words = [word.lower() for word in _WORD.findall(tool)]
    if _DANGEROUS & set(words) or _DANGEROUS_PAIRS & set(pairwise(words)):
        return Risk.DANGEROUS
    if _MUTATION & set(words):
        return Risk.MUTATION
    return Risk.READ_ONLY if _READ_ONLY & set(words) else Risk.UNKNOWN
