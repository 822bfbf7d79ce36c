"""What a task asks about: the topics its words point to, and the facts that answer them."""

# ruff: noqa: E501 -- the words of a topic read best on one line

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from runyard.services.sessions.analyst.facts import RepositoryFacts
from runyard.services.sessions.analyst.sentences import Topic, sentences

_WORDS: Final[Mapping[Topic, str]] = {
    "purpose": "purpose|about|what (?:is|does)|explain|introduc\\w*|describe|goal",
    "structure": "structure\\w*|layout|organi[sz]\\w*|architect\\w*|folder\\w*|director\\w*|overview|tree|modules?",
    "languages": "languages?|lines of code|loc|codebase|written in|tech(?:nology)? stack",
    "entry points": "entry.?points?|entrypoints?|run|start\\w*|launch\\w*|commands?|cli|main|routes?|endpoints?|api|server|deploy\\w*",
    "dependencies": "dependenc\\w*|librar\\w*|packages?|requirements?|third.?party|versions?|upgrade\\w*|outdated|imports?",
    "tests": "tests?|testing|tested|coverage|pytest|unittest|jest|qa|quality",
    "history": "histor\\w*|commits?|authors?|contributors?|maintain\\w*|activity|hot.?spots?|churn|git|changes?|changed|who",
    "design": "design|architect\\w*|refactor\\w*|complex\\w*|cycl\\w*|circular|imports?|coupling|functions?|classes|modules?|quality"
    "|maintainab\\w*|public api|docstrings?|types?|typing|improve\\w*",
    "documentation": "document\\w*|docs?|readme|guides?|changelog|onboard\\w*",
    "automation": "ci|cd|continuous|pipelines?|workflows?|lint\\w*|format\\w*|style|tooling|automation|build",
    "security": "secur\\w*|vulnerab\\w*|secrets?|passwords?|credentials?|exploit\\w*|attack\\w*|unsafe|injection|leak\\w*|cve|audit|keys?",
    "remarks": "todos?|fixmes?|hacks?|technical debt|tech debt|debt|unfinished|left to do|improve\\w*",
    "licence": "licen[cs]\\w*|legal|copyright|open.?source|complian\\w*",
    "size": "size|large\\w*|big\\w*|biggest|bytes|binar\\w*|huge|files?",
}  # fmt: skip
_PATTERNS: Final = {topic: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for topic, words in _WORDS.items()}
_GENERAL: Final = re.compile(
    r"\b(?:summar\w*|overview|analy[sz]\w*|review|assess\w*|everything|report)\b", re.IGNORECASE
)
_SUMMARY: Final[tuple[Topic, ...]] = (
    "purpose", "languages", "structure", "entry points", "tests", "dependencies", "history", "licence",
)  # fmt: skip
_READ: Final = 4_000
ALL: Final[tuple[Topic, ...]] = get_args(Topic)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known on one topic."""

    topic: Topic
    sentences: tuple[str, ...]


def topics(task: str) -> tuple[Topic, ...]:
    """What a task asks about, the most asked first. A task that names nothing, or wants a summary, gets the usual ones."""
    words = task[:_READ]
    asked = {
        topic: len({match.group().lower() for match in pattern.finditer(words)}) for topic, pattern in _PATTERNS.items()
    }
    found = sorted((topic for topic in ALL if asked[topic]), key=lambda topic: (-asked[topic], ALL.index(topic)))
    narrow = "security" in found or "licence" in found
    if not found or (_GENERAL.search(words) and not narrow and len(found) < 3):
        found += [topic for topic in _SUMMARY if topic not in found]
    return tuple(found)


def answers(facts: RepositoryFacts, task: str) -> tuple[Answer, ...]:
    """What is known on each topic a task asks about."""
    return tuple(Answer(topic, tuple(sentences(facts, topic))) for topic in topics(task))
