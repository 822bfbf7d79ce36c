"""One file as every collector gets it: read once, told apart from what isn't the repository's own work."""

from __future__ import annotations

import codecs
import fnmatch
import re
from dataclasses import dataclass, replace
from typing import Final, Protocol

from runyard.services.sessions.analyst.facts import Nature
from runyard.services.sessions.analyst.languages import Language, language_of
from runyard.services.sessions.analyst.limits import Limits
from runyard.services.sessions.analyst.python.source import PythonSource, parse
from runyard.services.sessions.analyst.syntax import without_comments
from runyard.services.sessions.analyst.tree import Found

_SNIFFED: Final = 8 * 1024
"""Where git looks for a NUL, too."""
_HEAD: Final = 2_000
_LONG_LINE: Final = 300
"""Mean length of a line in a script or style sheet that no person wrote."""

VENDORED: Final = frozenset({
    "vendor", "vendored", "_vendor", "third_party", "third-party", "thirdparty", "node_modules", "bower_components",
    "jspm_packages", "Pods", "Carthage", "site-packages", ".yarn", "Godeps", "external_libs", "extern",
})  # fmt: skip
_GENERATED_NAMES: Final = frozenset({
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "poetry.lock", "uv.lock",
    "Pipfile.lock", "pdm.lock", "requirements.lock", "Cargo.lock", "go.sum", "go.work.sum", "Gemfile.lock",
    "composer.lock", "mix.lock", "flake.lock", "Package.resolved", "Podfile.lock", "gradle.lockfile", "pubspec.lock",
    ".terraform.lock.hcl", "deno.lock", "packages.lock.json",
})  # fmt: skip
_GENERATED_ENDINGS: Final = (
    "_pb2.py", "_pb2.pyi", "_pb2_grpc.py", ".pb.go", ".pb.cc", ".pb.h", ".pb.gw.go", "_grpc.pb.go", ".g.dart",
    ".freezed.dart", ".designer.cs", ".Designer.cs", ".g.cs", ".js.map", ".css.map", ".mjs.map", ".snap",
    ".generated.ts", ".generated.go", "_generated.go", ".gen.go", "_gen.go",
)  # fmt: skip
_COMMENT: Final = r"""^[ \t]*(?:\#|//|/?\*|--|;|%|<!--|\"{3}|'{3})[^\n]{0,200}?"""
_GENERATED: Final = re.compile(
    rf"{_COMMENT}(?:@generated\b|\bauto(?:matically)?[- ]?generated\b|\bgenerated automatically\b"
    r"|\bcode generated [^\n]{0,200}do not edit"
    r"|\W(?:this (?:file|code|class|module) (?:was|is|has been) )?generated (?:by|from|with)\b"
    r"[^\n]{0,200}(?:\n[^\n]{0,200}){0,3}?do not (?:edit|modify|change))",
    re.MULTILINE,
)
"""What generators write into a comment at the top, in lower case."""
_DENSE: Final = frozenset({"JavaScript", "CSS", "TypeScript"})
_TEXT_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class SourceFile:
    r"""A file. `text` is empty unless its nature is `text` or `generated`; its lines end with `\\n`."""

    path: str
    name: str
    folder: str
    size: int
    nature: Nature
    language: Language | None = None
    text: str = ""
    python: PythonSource | None = None
    executable: bool = False
    target: str = ""

    def code(self) -> str:
        """Its text without comments, line by line."""
        return self.text if self.language is None else without_comments(self.text, self.language.syntax)

    @property
    def own(self) -> bool:
        """Whether people of this repository wrote it."""
        return self.nature == "text"


class Collector(Protocol):
    """Somebody who looks at every file once and keeps only what it needs."""

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""


class Attributes:
    """What the root's `.gitattributes` says of vendored and generated files."""

    def __init__(self, text: str) -> None:
        self._rules: list[tuple[re.Pattern[str], Nature, bool]] = []
        for rule in text.splitlines()[:1_000]:
            pattern, *settings = rule.split()[:20] or [""]
            if pattern and not pattern.startswith(("#", '"')) and len(pattern) < 200 and pattern.count("*") < 8:
                self._add(pattern, settings)

    def _add(self, pattern: str, settings: list[str]) -> None:
        anchored = "/" in pattern.rstrip("/")
        glob = fnmatch.translate(pattern.strip("/").replace("**", "*"))
        compiled = re.compile(glob if anchored else rf"(?:.*/)?{glob}")
        natures: dict[str, Nature] = {"linguist-vendored": "vendored", "linguist-generated": "generated"}
        for setting in settings:
            name, _, value = setting.lstrip("-").partition("=")
            if name in natures:
                said = not setting.startswith("-") and value != "false"
                self._rules.append((compiled, natures[name], said))

    def nature(self, path: str, nature: Nature) -> bool | None:
        """Whether a file is of a nature, or None where nothing is said."""
        said = [value for pattern, about, value in self._rules if about == nature and pattern.match(path)]
        return said[-1] if said else None


def source_file(  # noqa: PLR0911 -- one per nature
    found: Found, limits: Limits, attributes: Attributes
) -> SourceFile:
    """Reads a file, once, and says what it is."""
    folder, _, name = found.path.rpartition("/")
    file = SourceFile(found.path, name, folder, found.size, "special", executable=found.executable)
    if found.kind != "file":
        return file if found.kind == "special" else replace(file, nature="link", target=found.target)
    vendored = attributes.nature(found.path, "vendored")
    if vendored or (vendored is None and not VENDORED.isdisjoint(folder.split("/"))):
        return replace(file, nature="vendored")
    try:
        content = found.read(_SNIFFED if found.size > limits.text else limits.text + 1)
    except OSError:
        return replace(file, nature="unreadable")
    encoding = _encoding(content)
    if encoding is None:
        return replace(file, nature="binary")
    if found.size > limits.text or len(content) > limits.text:
        return replace(file, nature="large", language=language_of(name, ""))
    text = _decoded(content, encoding)
    language = language_of(name, text[:_HEAD])
    nature = _nature(found.path, name, text, language, attributes)
    if nature == "minified":
        return replace(file, nature=nature, language=language)
    python = None
    if nature == "text" and language is not None and language.name == "Python" and not name.endswith((".pyx", ".bzl")):
        python = parse(text, limit=limits.python)
    return replace(file, nature=nature, language=language, text=text, python=python)


def _encoding(content: bytes) -> str | None:
    """How to read a file as text; None for a binary one."""
    for mark, encoding in _TEXT_MARKS:
        if content.startswith(mark):
            return encoding
    return None if b"\0" in content[:_SNIFFED] else "utf-8"


def _decoded(content: bytes, encoding: str) -> str:
    text = content.decode(encoding, "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _nature(path: str, name: str, text: str, language: Language | None, attributes: Attributes) -> Nature:
    said = attributes.nature(path, "generated")
    if said is not None:
        return "generated" if said else "text"
    if name in _GENERATED_NAMES or name.endswith(_GENERATED_ENDINGS):
        return "generated"
    dense = language is not None and language.name in _DENSE
    if dense and (".min." in name or len(text) > _LONG_LINE * (text.count("\n") + 1)):
        return "minified"
    if language is not None and language.kind == "programming":
        head = text[:_HEAD].lower()
        if "generated" in head and _GENERATED.search(head):
            return "generated"
    return "text"
