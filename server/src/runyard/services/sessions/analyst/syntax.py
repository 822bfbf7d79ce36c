"""Lines of code, comment and blank lines of a text, by the comment and string marks of its language.

A line counts as code when anything but a comment stands on it. Every pattern runs over a text once, whatever the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

_NESTING: Final = 4
"""Comments in comments, where a language has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """The marks that tell comments from code."""

    line: tuple[str, ...] = ()
    """Begin a comment that ends with the line."""
    word: bool = False
    """A line comment begins where a word could: `$#` in a shell is none."""
    start: tuple[str, ...] = ()
    """Patterns that make a whole line a comment."""
    block: tuple[tuple[str, str], ...] = ()
    """Opening and closing marks; one that begins with a line end must begin its line."""
    nested: bool = False
    strings: str = "\"'"
    """Quotes of strings that end with the line at the latest."""
    long: tuple[str, ...] = ()
    """Quotes of strings that go over lines, with escapes."""
    raw: tuple[str, ...] = ()
    """Quotes of strings that go over lines, without escapes."""
    extra: tuple[str, ...] = ()
    """Patterns of other strings."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a text; together they are all of its lines."""

    code: int
    comment: int
    blank: int


def count(text: str, syntax: Syntax) -> Lines:
    r"""Counts the lines of a text whose lines end with `\\n`."""
    if not text:
        return Lines(0, 0, 0)
    lines = text.count("\n") + (not text.endswith("\n"))
    filled = _filled(text)
    code = _filled(without_comments(text, syntax))
    return Lines(code, filled - code, lines - filled)


def without_comments(text: str, syntax: Syntax) -> str:
    """The text with nothing but line ends where comments were."""
    pattern = _pattern(syntax)
    return text if pattern is None else pattern.sub(_without_comment, text)


def comments(text: str, syntax: Syntax) -> list[tuple[int, str]]:
    """Every comment with the number of its first line."""
    pattern = _pattern(syntax)
    if pattern is None:
        return []
    found, line, at = [], 1, 0
    for match in pattern.finditer(text):
        if match.lastgroup == "comment":
            line += text.count("\n", at, match.start())
            at = match.start()
            found.append((line, match.group()))
    return found


def _filled(text: str) -> int:
    return sum(map(bool, map(str.strip, text.split("\n"))))


def _without_comment(match: re.Match[str]) -> str:
    found = match.group()
    return "\n" * found.count("\n") if match.lastgroup == "comment" else found


@cache
def _pattern(syntax: Syntax) -> re.Pattern[str] | None:
    """One alternation: what begins first wins, as in a real lexer. Everything unterminated ends with the text."""
    marks = [*(rf"^[^\S\n]*(?:{start})[^\n]*" for start in syntax.start)]
    marks += [_block(opening, closing, _NESTING if syntax.nested else 1) for opening, closing in syntax.block]
    before = r"(?<![^\s;&|(){}])" if syntax.word else ""
    marks += [rf"{before}{re.escape(mark)}[^\n]*" for mark in syntax.line]
    strings = [*syntax.extra]
    strings += [
        rf"{quote}(?:[^{quote[0]}\\]|\\[\s\S]|{quote[0]}(?!{quote[1:]}))*+(?:{quote}|\Z)" if len(quote) > 1
        else rf"{quote}(?:[^{quote}\\]|\\[\s\S])*+(?:{quote}|\Z)"
        for quote in syntax.long
    ]  # fmt: skip
    strings += [rf"{re.escape(quote)}[\s\S]*?(?:{re.escape(quote)}|\Z)" for quote in syntax.raw]
    strings += [rf"{quote}(?:[^{quote}\\\n]|\\[^\n])*+{quote}?" for quote in syntax.strings]
    if not marks:
        return None
    # Long quotes and comment openings first: both may begin with the character of a shorter mark.
    return re.compile("|".join([f"(?P<comment>{'|'.join(marks)})", *strings]), re.MULTILINE)


def _block(opening: str, closing: str, levels: int) -> str:
    first, last = (
        f"^{re.escape(mark[1:])}" if mark.startswith("\n") else re.escape(mark) for mark in (opening, closing)
    )
    if levels == 1:
        return rf"{first}[\s\S]*?(?:{last}|\Z)"
    inner = _block(opening, closing, levels - 1)
    return rf"{first}(?:{inner}|(?!{last})[\s\S])*+(?:{last}|\Z)"
