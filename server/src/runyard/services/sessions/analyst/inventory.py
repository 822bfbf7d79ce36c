"""All files by their nature, the largest of them, and lines by language."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Final, get_args

from runyard.services.sessions.analyst.facts import FileSize, Inventory, LanguageCount, Nature, NatureCount
from runyard.services.sessions.analyst.languages import BY_NAME, Kind
from runyard.services.sessions.analyst.source_file import SourceFile
from runyard.services.sessions.analyst.syntax import Lines, count

_LARGEST: Final = 10
_ORDER: Final[dict[Kind, int]] = {"programming": 0, "markup": 1, "data": 2, "prose": 3}


class InventoryCollector:
    """Counts everything there is."""

    def __init__(self) -> None:
        self._files: Counter[Nature] = Counter()
        self._sizes: Counter[Nature] = Counter()
        self._largest: list[tuple[int, str]] = []

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        self._files[file.nature] += 1
        self._sizes[file.nature] += file.size
        heapq.heappush(self._largest, (file.size, file.path))
        if len(self._largest) > _LARGEST:
            heapq.heappop(self._largest)

    def facts(self, *, folders: int, submodules: int, untracked: int | None) -> Inventory:
        """All of them together."""
        files = self._files + Counter[Nature]({"submodule": submodules} if submodules else {})
        return Inventory(
            files=sum(self._files.values()),
            size=sum(self._sizes.values()),
            folders=folders,
            natures=tuple(
                NatureCount(nature=nature, files=files[nature], size=self._sizes[nature])
                for nature in get_args(Nature)
                if files[nature]
            ),
            largest=tuple(
                FileSize(path=path, size=size)
                for size, path in sorted(self._largest, key=lambda each: (-each[0], each[1]))
            ),
            untracked=untracked,
        )


class LanguageCollector:
    """Counts the lines of the repository's own files."""

    def __init__(self) -> None:
        self._files: Counter[str] = Counter()
        self._lines: dict[str, list[int]] = {}

    def see(self, file: SourceFile) -> Lines | None:
        """Count a file; None for one that has no lines of its own."""
        if not file.own or file.language is None:
            return None
        lines = count(file.text, file.language.syntax)
        documented = file.python.docstring_lines if file.python is not None else 0
        lines = Lines(lines.code - documented, lines.comment + documented, lines.blank)
        self._files[file.language.name] += 1
        sums = self._lines.setdefault(file.language.name, [0, 0, 0])
        for at, value in enumerate((lines.code, lines.comment, lines.blank)):
            sums[at] += value
        return lines

    def facts(self) -> tuple[LanguageCount, ...]:
        """Programming languages first, those with the most code first."""
        found = [
            LanguageCount(
                name=name, kind=BY_NAME[name].kind, files=self._files[name], code=code, comment=comment, blank=blank
            )
            for name, (code, comment, blank) in self._lines.items()
        ]
        return tuple(sorted(found, key=lambda each: (_ORDER[each.kind], -each.code, each.name)))
