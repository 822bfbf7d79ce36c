"""What its authors left to do: TODO, FIXME, HACK and XXX in comments."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final, cast, get_args

from runyard.services.sessions.analyst.facts import Marker, MarkerCount, Place, Remark, Remarks
from runyard.services.sessions.analyst.names import line
from runyard.services.sessions.analyst.source_file import SourceFile
from runyard.services.sessions.analyst.syntax import comments

_MARKER: Final = re.compile(r"(?<![\w-])(TODO|FIXME|HACK|XXX)(?![\w-])(?:\([^)\n]{0,80}\))?[:\s-]*([^\n]{0,400})")
_TAIL: Final = re.compile(r"\s*(?:\*/|-->|\*\)|-\})\s*$")


class RemarkCollector:
    """Looks into the comments of programs and markup; prose that talks about TODOs doesn't count."""

    def __init__(self, *, listed: int) -> None:
        self._listed = listed
        self._counts: Counter[Marker] = Counter()
        self._first: list[Remark] = []

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        if not file.own or file.language is None or file.language.kind == "prose":
            return
        if not any(marker in file.text for marker in get_args(Marker)):
            return
        for begin, comment in comments(file.text, file.language.syntax):
            for match in _MARKER.finditer(comment):
                marker = cast("Marker", match.group(1))
                self._counts[marker] += 1
                if len(self._first) < self._listed:
                    number = begin + comment.count("\n", 0, match.start())
                    text = line(_TAIL.sub("", match.group(2)))
                    self._first.append(Remark(marker=marker, place=Place(path=file.path, line=number), text=text))

    def facts(self) -> Remarks:
        """All of them."""
        counts = tuple(
            MarkerCount(marker=marker, count=self._counts[marker])
            for marker in get_args(Marker)
            if self._counts[marker]
        )
        return Remarks(counts=counts, first=tuple(self._first))
