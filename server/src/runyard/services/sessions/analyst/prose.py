"""An opening in prose by a small language model, and the check that keeps it true.

The model sees facts as short sentences. Of what it writes, only sentences stay that say nothing else: every figure
belongs to the thing it counts in the facts, every name is one of theirs, and so is every word that carries meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from runyard.services.sessions.analyst.facts import Analysis
from runyard.services.sessions.analyst.questions import ALL, answers
from runyard.services.sessions.analyst.sentences import sentences
from runyard.services.sessions.analyst.vocabulary import GLUE, NUMBERS, THINGS, WELL_KNOWN

_PROMPT: Final = 700
"""Characters of facts. A processor reads some hundred tokens a second, and people wait."""
_NOTE: Final = 180
"""Longer ones it loses its way in."""
_EXAMPLE: Final = """\
Notes:
- There are 31 files in 7 folders.
- There are 2,048 lines of code; the main language is Go.
- go test finds 19 tests in 5 test files.
Paragraph: The repository has 31 files in 7 folders and 2,048 lines of code, and its main language is Go. \
There are 19 tests in 5 test files.

Notes:
{notes}
Paragraph:"""
_SENTENCES: Final = 3
_LONGEST: Final = 400
_READ: Final = 8_000

Claim = tuple[str, str, str]
"""A number, what narrows the thing down (`runtime`), the thing it counts."""

_ONLY_BEFORE_A_THING: Final = frozenset({"one", "single", "no", "once", "twice"})
_QUALIFIERS: Final = frozenset({"runtime", "development", "test", "public", "merge"})
_NOTHING: Final = re.compile(
    r"\b(?:lacks?|lacking|without|missing|(?:not|n't|never) (?:have|contain|include|provide|use|define)s?)\b"
    r"(?: (?:any|a|an))?",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[,;:]\s|\band\b|\bwhile\b|\bwith\b")
_TOKEN: Final = re.compile(r"\d[\d,]*(?:[.:-]\d+)*|[A-Za-z]+(?:'[a-z]+)?|[^\w\s]")
_SPLIT: Final = re.compile(r"(?<=[.!?])\s+(?=[\"'`(]?[A-Z0-9])|\n+")
_MARKUP: Final = re.compile(r"^[ \t]*(?:[-*+>]|#{1,6}|\d{1,2}[.)])\s+")
_CHAT: Final = re.compile(
    r"\b(?:I|I'm|I'll|me|my|you|your|please|sure|assistant|AI language)\b|\?$|^here (?:is|are)\b", re.IGNORECASE
)
_NAME: Final = re.compile(
    r"`[^`]+`|\"[^\"]+\"|[\w-]*[A-Za-z]\w*(?:[./\\:_-]\w+)+|\w*[a-z]\w*[A-Z]\w*|\b[A-Za-z]+\d\w*|\b[A-Z][\w+#-]*"
)
_WORD: Final = re.compile(r"[a-z0-9+#]+")


def brief(analysis: Analysis, task: str) -> str:
    """What a small language model is asked: a few facts the task is about, to be put into a short paragraph.

    An example says more to so small a model than any instruction; the task itself would only lead it astray. Ask for
    some 120 tokens at temperature 0. What it copies of the example is not in the facts, and so doesn't pass `checked`.
    """
    room = _PROMPT // max(1, len(analysis.repositories))
    notes = []
    for facts in analysis.repositories:
        left = room
        found = [answer.sentences for answer in answers(facts, task) if answer.topic != "purpose"]
        for words in _in_turn(found or [tuple(sentences(facts, "languages"))]):
            if len(words) <= min(left, _NOTE):
                left -= len(words)
                notes.append(f"- {words}")
    return _EXAMPLE.format(notes="\n".join(notes))


def checked(prose: str, analysis: Analysis) -> str:
    """The sentences of a text that say nothing the facts don't; empty when none is left."""
    known = _known(analysis)
    kept: list[str] = []
    for each in _SPLIT.split(prose[:_READ]):
        sentence = _MARKUP.sub("", each).replace("**", "").strip()
        if sentence not in kept and _holds(sentence, known):
            kept.append(sentence)
        if len(kept) == _SENTENCES:
            break
    return " ".join(kept)


@dataclass(frozen=True, slots=True)
class _Known:
    """What may be said."""

    claims: tuple[frozenset[Claim], ...]
    """Of each fact, because figures of two facts make a third one that nobody counted."""
    words: frozenset[str]
    """Of names: every word of all facts."""
    said: frozenset[str]
    """Every word of the sentences, in the singular and plural."""


def _holds(sentence: str, known: _Known) -> bool:
    if not 12 < len(sentence) <= _LONGEST or sentence[-1] not in ".!" or " " not in sentence:
        return False
    if _CHAT.search(sentence):
        return False
    for part in _CLAUSE.split(sentence):
        claims = set(_claims(part))
        if claims and not any(claims <= together for together in known.claims):
            return False
    meaning = all(
        word in known.said or word in GLUE for word in _WORD.findall(sentence.lower()) if not word[0].isdigit()
    )
    return meaning and all(_is_known(name, known) for name in _names(sentence))


def _in_turn(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first of each row, then the second of each, and so on."""
    for at in range(max(map(len, rows), default=0)):
        yield from (row[at] for row in rows if at < len(row))


# --- Figures ---


def _claims(text: str) -> Iterator[Claim]:
    """Every figure in a text with the thing it counts; that is empty where it can't be told."""
    for match in _NOTHING.finditer(text):
        qualifier, thing = _thing(_TOKEN.findall(text[match.end() : match.end() + 60]))
        if thing:
            yield "0", qualifier, thing
    tokens = _TOKEN.findall(text)
    for at, token in enumerate(tokens):
        word = token.lower()
        number = token.replace(",", "") if token[0].isdigit() else "0" if word == "no" else NUMBERS.get(word, "")
        if not number:
            continue
        qualifier, thing = _thing(tokens[at + 1 : at + 6])
        if thing or word not in _ONLY_BEFORE_A_THING:
            yield number, qualifier, thing


def _thing(tokens: list[str]) -> tuple[str, str]:
    """The noun behind a figure: of nouns in a row, the last one."""
    qualifier = thing = ""
    for at, token in enumerate(tokens):
        lemma = THINGS.get(_singular(token.lower()), "")
        following = THINGS.get(_singular(tokens[at + 1].lower()), "") if at + 1 < len(tokens) else ""
        if token.lower() in _QUALIFIERS and (not lemma or following):
            qualifier = token.lower()
        elif lemma:
            thing = lemma
            if not following:
                break
        elif (
            thing
            or not token.isalpha()
            or token.lower() in {"and", "or", "in", "by", "with", "of", "to", "on", "is", "are"}
        ):
            break
    return (qualifier, thing) if thing else ("", "")


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "ches")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


# --- Names ---


def _names(sentence: str) -> Iterator[str]:
    """What looks like a name, and well-known ones whatever they look like."""
    for match in _NAME.finditer(sentence):
        name = match.group().strip('`"')
        if match.start() == 0 and name.lower() in GLUE:
            continue
        yield name
    for word in _WORD.findall(sentence.lower()):
        if word in WELL_KNOWN:
            yield word


def _is_known(name: str, known: _Known) -> bool:
    words = [word for word in _WORD.findall(name.lower()) if not word.isdigit()]
    return all(word in known.words or word in GLUE for word in words)


def _known(analysis: Analysis) -> _Known:
    claims: list[frozenset[Claim]] = []
    said: set[str] = set()
    for facts in analysis.repositories:
        said.update(_WORD.findall(facts.name.lower()))
        for topic in ALL:
            for sentence in sentences(facts, topic):
                said.update(_WORD.findall(sentence.lower()))
                if topic != "purpose":  # what a README claims was not counted
                    found = set(_claims(sentence))
                    claims.append(frozenset(found | {(number, "", thing) for number, _, thing in found}))
    words = {word for leaf in _leaves(msgspec.to_builtins(analysis)) for word in _WORD.findall(leaf.lower())}
    both = {form for word in said for form in (word, _singular(word), f"{word}s")}
    return _Known(tuple(claims), frozenset(words | said), frozenset(both))


def _leaves(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            pending.extend(each.values())
        elif isinstance(each, list | tuple):
            pending.extend(each)
