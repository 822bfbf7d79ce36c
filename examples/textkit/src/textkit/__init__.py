"""Small things to do with text: count its words, make a slug of it, wrap it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

__all__ = ["slugify", "word_counts", "wrap"]

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # letters, with apostrophes inside
SPECIAL_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "þ": "th"})


def word_counts(text: str) -> Counter[str]:
    """How often each word occurs, whatever its case."""
    return Counter(word.replace("’", "'").casefold() for word in WORD.findall(text))


def slugify(text: str, *, longest: int = 60) -> str:
    """Lower-case ASCII words joined by hyphens, cut between words to at most `longest` characters.

    A first word that is longer than that is cut inside.
    """
    if longest < 1:
        raise ValueError(f"longest={longest!r}: a slug has at least 1 character")
    plain = unicodedata.normalize("NFKD", text.lower().translate(SPECIAL_LETTERS))
    plain = plain.replace("'", "").replace("’", "")
    words = re.findall(r"[a-z0-9]+", "".join(letter for letter in plain if not unicodedata.combining(letter)))
    slug = words[0][:longest] if words else ""
    for word in words[1:]:
        if len(slug) + 1 + len(word) > longest:
            break
        slug += f"-{word}"
    return slug


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, broken between words; a longer word has a line of its own."""
    if width < 1:
        raise ValueError(f"width={width!r}: a line has at least 1 character")
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
