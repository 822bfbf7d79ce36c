"""What the repository says about itself: README, folders of documents, pages with a known purpose."""

from __future__ import annotations

import re
from typing import Final

from runyard.services.sessions.analyst.facts import Documentation
from runyard.services.sessions.analyst.names import line
from runyard.services.sessions.analyst.source_file import SourceFile
from runyard.services.sessions.analyst.structure import role_of

_READ: Final = 20_000
_PARAGRAPH: Final = 500
_FOLDERS: Final = 20
_CENTRAL: Final = frozenset({"", ".github", "docs"})
_README: Final = re.compile(r"readme(?:\.(?:md|markdown|rst|txt|adoc|mdx))?", re.IGNORECASE)
_PAGES: Final = re.compile(
    r"(?:changelog|changes|history|news|contributing|code_of_conduct|security|governance|maintainers|codeowners|authors"
    r"|support|roadmap|architecture|upgrading|citation|install|faq|agents|claude)(?:\.(?:md|rst|txt|adoc|cff))?",
    re.IGNORECASE,
)
_NO_PROSE: Final = re.compile(
    r"\s*(?:\[?!\[|<|\[[^\]]*\]:|```|~~~|:\w+:|\.\. |\||[-=*_~^#\"'+`:.]{3,}\s*$|[-*+] |\d+\. |>|\{|---)"
)
_MARKS: Final = re.compile(
    r"!?\[([^\]\[]{0,300})\](?:\([^)\s]{0,500}[^)]{0,100}\)|\[[^\]]{0,100}\])|[*`]{1,3}|<[^>]{0,200}>"
)
_UNDERLINE: Final = re.compile(r"([=\-~^#*\"'+])\1{2,}\s*$")
_COMMENT: Final = re.compile(r"<!--[\s\S]*?(?:-->|\Z)")
_FENCE: Final = re.compile(r"^(```|~~~)[\s\S]*?(?:^\1|\Z)", re.MULTILINE)


class DocumentationCollector:
    """Looks at documents."""

    def __init__(self) -> None:
        self._readme: SourceFile | None = None
        self._files = 0
        self._folders: dict[str, int] = {}
        self._pages: list[str] = []

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        if not file.own or file.language is None or file.language.kind != "prose":
            if _PAGES.fullmatch(file.name) and file.folder in _CENTRAL and file.own:
                self._pages.append(file.path)
            return
        self._files += 1
        folder = _documents(file.folder)
        if folder and (folder in self._folders or len(self._folders) < _FOLDERS):
            self._folders[folder] = self._folders.get(folder, 0) + 1
        if file.folder not in _CENTRAL:
            return
        if _README.fullmatch(file.name) and (self._readme is None or _rank(file) < _rank(self._readme)):
            self._readme = file
        if _PAGES.fullmatch(file.name):
            self._pages.append(file.path)

    def facts(self) -> Documentation:
        """All of it."""
        title, paragraph = opening(self._readme.text) if self._readme is not None else ("", "")
        return Documentation(
            readme=self._readme.path if self._readme is not None else "",
            title=title,
            paragraph=paragraph,
            files=self._files,
            folders=tuple(sorted(self._folders)),
            pages=tuple(sorted(self._pages)),
        )


def opening(text: str) -> tuple[str, str]:
    """Title and first paragraph of a README, without badges, pictures, links and code."""
    lines = _FENCE.sub("", _COMMENT.sub("", text[:_READ])).split("\n")
    title = _title(lines)
    paragraph: list[str] = []
    for at, each in enumerate(lines):
        words = _words(each)
        heading = each.lstrip().startswith("#") or _underlined(lines, at)
        if heading or not words or _NO_PROSE.match(each) or (not paragraph and words == title):
            if paragraph:
                break
            continue
        paragraph.append(words)
    return title, line(" ".join(paragraph), limit=_PARAGRAPH)


def _title(lines: list[str]) -> str:
    for at, each in enumerate(lines):
        if re.match(r"\s{0,3}#{1,2}\s", each) or re.match(r"\s*<h1", each, re.IGNORECASE) or _underlined(lines, at):
            found = _words(each.strip().strip("#"))
            if found:
                return line(found, limit=120)
    return ""


def _underlined(lines: list[str], at: int) -> bool:
    """Whether a line is a heading by the line below it."""
    return (
        bool(lines[at].strip())
        and at + 1 < len(lines)
        and _UNDERLINE.match(lines[at + 1]) is not None
        and not _UNDERLINE.match(lines[at])
    )


def _words(text: str) -> str:
    for _ in range(2):  # a picture may be the text of a link
        text = _MARKS.sub(lambda match: "" if match.group().startswith("!") else match.group(1) or "", text[:4_000])
    return " ".join(text.split())


def _documents(folder: str) -> str:
    """The topmost folder of documents a folder is in."""
    parts = folder.split("/")
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        if role_of(path) == "documentation":
            return path
    return ""


def _rank(file: SourceFile) -> tuple[int, int, str]:
    return ({"": 0, ".github": 1}.get(file.folder, 2), 0 if file.name.lower().endswith(".md") else 1, file.name)
