"""Licences by their own words, as SPDX names."""

# ruff: noqa: E501 -- a licence reads best on one line

from __future__ import annotations

import re
from typing import Final

from runyard.services.sessions.analyst.facts import Licence
from runyard.services.sessions.analyst.source_file import SourceFile

_NAME: Final = re.compile(r"(?:licen[cs]e|copying|unlicense|copyright)(?:[-._].*)?", re.IGNORECASE)
_READ: Final = 40_000
_MOST: Final = 20
_LEVELS: Final = 3

_GPL: Final = "gnu general public license version 3"
_PHRASES: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    # SPDX, words that are all there, words that are not. Licences that quote others come first.
    ("AGPL-3.0", ("gnu affero general public license", "version 3"), ()),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3 29 june 2007"), ()),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2 1 february 1999"), ()),
    ("GPL-3.0", (_GPL,), ()),
    ("GPL-2.0", ("gnu general public license version 2",), ()),
    ("Apache-2.0", ("apache license version 2 0",), ()),
    ("MPL-2.0", ("mozilla public license version 2 0",), ()),
    ("EPL-2.0", ("eclipse public license v 2 0",), ()),
    ("BUSL-1.1", ("business source license 1 1",), ()),
    ("CC0-1.0", ("cc0 1 0 universal",), ()),
    ("CC-BY-SA-4.0", ("creative commons attribution sharealike 4 0 international",), ()),
    ("CC-BY-4.0", ("creative commons attribution 4 0 international",), ()),
    ("BSL-1.0", ("boost software license version 1 0",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("WTFPL", ("do what the fuck you want to public license",), ()),
    ("Zlib", ("this software is provided as is without any express or implied warranty", "altered source versions must be plainly marked"), ()),
    ("PSF-2.0", ("python software foundation license",), ()),
    ("BSD-4-Clause", ("redistribution and use in source and binary forms", "all advertising materials mentioning features"), ()),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "endorse or promote products derived"), ()),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",), ("endorse or promote",)),
    ("ISC", ("permission to use copy modify and or distribute this software for any purpose", "the above copyright notice"), ()),
    ("0BSD", ("permission to use copy modify and or distribute this software for any purpose",), ("the above copyright notice",)),
    ("MIT", ("permission is hereby granted free of charge", "the above copyright notice and this permission notice shall be included"), ()),
    ("MIT-0", ("permission is hereby granted free of charge",), ("shall be included",)),
)  # fmt: skip


def spdx(text: str) -> str:
    """The licence a text is, or an empty string."""
    words = " ".join(re.findall(r"[a-z0-9]+", text[:_READ].lower()))
    return next(
        (
            name
            for name, there, absent in _PHRASES
            if all(phrase in words for phrase in there) and not any(phrase in words for phrase in absent)
        ),
        "",
    )


class LicenceCollector:
    """Looks at files that are called like a licence."""

    def __init__(self) -> None:
        self._found: list[Licence] = []
        self.unknown: list[str] = []
        """Paths of licence texts that are not among the known ones."""

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        named = _NAME.fullmatch(file.name) is not None or (file.folder == "LICENSES" and file.name.endswith(".txt"))
        if not named or not file.own or file.path.count("/") >= _LEVELS or len(self._found) >= _MOST:
            return
        if file.language is not None and file.language.kind != "prose":
            return
        name = spdx(file.text)
        if name:
            self._found.append(Licence(spdx=name, path=file.path))
        elif len(self.unknown) < _MOST:
            self.unknown.append(file.path)

    def facts(self, declared: list[Licence]) -> tuple[Licence, ...]:
        """Those of the root first, then what manifests declare."""
        texts = sorted(self._found, key=lambda each: (each.path.count("/"), each.path))
        return (*texts, *declared[:_MOST])
