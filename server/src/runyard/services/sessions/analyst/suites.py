"""Tests: which framework finds them, in how many files, how many functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from runyard.services.sessions.analyst.facts import TestSuite
from runyard.services.sessions.analyst.source_file import SourceFile

_FOLDERS: Final = 20

_PYTEST_FILE: Final = re.compile(r"test_.*\.py|.*_test\.py")
_UNITTEST_FILE: Final = re.compile(r"test.*\.py|.*_test\.py")
_SCRIPT_FILE: Final = re.compile(r".*[._-](?:test|spec|cy)\.[cm]?[jt]sx?")
_SCRIPT_TEST: Final = re.compile(
    r"^[ \t]*(?:it|test)(?:\.(?:each|only|skip|todo|concurrent|fails|failing))*(?:`|\(|<)", re.MULTILINE
)
_SCRIPT_FRAMEWORKS: Final = (
    ("Playwright", "@playwright/test"), ("Cypress", "cypress"), ("Vitest", "vitest"), ("Jest", "jest"),
    ("Mocha", "mocha"), ("AVA", "ava"), ("Jasmine", "jasmine"), ("node:test", "node:test"), ("Bun", "bun:test"),
)  # fmt: skip
_FINDERS: Final[tuple[tuple[str, str, str, str], ...]] = (
    # Languages, names of files, framework, a test.
    ("Go", r".*_test\.go", "go test", r"^func (?:Test|Fuzz|Example)(?![a-z])\w*\("),
    ("Rust", r".*", "cargo test", r"^[ \t]*#\[(?:\w+::)*(?:test|rstest|test_case)\b[^\]\n]*\]"),
    ("Java Kotlin Groovy Scala", r".*", "JUnit", r"^[ \t]*@(?:Test|ParameterizedTest|RepeatedTest)\b"),
    ("C#", r".*", ".NET tests", r"^[ \t]*\[(?:Fact|Theory|Test|TestCase|TestMethod)\b"),
    ("Ruby", r".*_spec\.rb", "RSpec", r"^[ \t]*(?:it|specify|scenario)[\s(]"),
    ("Ruby", r".*_test\.rb|test_.*\.rb", "Minitest", r"^[ \t]*(?:def test_|test\s+[\"'])"),
    ("PHP", r".*Test\.php", "PHPUnit", r"^[ \t]*public function test\w*\("),
    (
        "C C++ CUDA",
        r"(?i:.*test.*)",
        "C++ tests",
        r"^[ \t]*(?:(?:TYPED_)?TEST(?:_F|_P|_CASE)?|BOOST_AUTO_TEST_CASE)\s*\(",
    ),
    ("Elixir", r".*_test\.exs", "ExUnit", r"^[ \t]*(?:test|property) \""),
    ("Swift", r".*Test.*", "XCTest", r"^[ \t]*(?:func test\w*\(|@Test\b)"),
)
_BY_LANGUAGE: Final = {
    language: [
        (re.compile(names), framework, re.compile(test, re.MULTILINE))
        for languages, names, framework, test in _FINDERS
        if language in languages.split()
    ]
    for each, *_ in _FINDERS
    for language in each.split()
}


@dataclass(slots=True)
class _Suite:
    files: int = 0
    functions: int = 0
    folders: set[str] = field(default_factory=set)


class SuiteCollector:
    """Counts test functions as the frameworks would find them without settings of their own."""

    def __init__(self) -> None:
        self._suites: dict[str, _Suite] = {}
        self._scripts: list[tuple[str, int]] = []
        self._packages: set[str] = set()

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        if not file.own or file.language is None:
            return
        if file.python is not None:
            self._python(file)
        elif file.name == "package.json":
            self._packages |= {name for name, package in _SCRIPT_FRAMEWORKS if f'"{package}"' in file.text}
        elif file.language.name in {"JavaScript", "TypeScript"}:
            self._script(file)
        else:
            for names, framework, test in _BY_LANGUAGE.get(file.language.name, ()):
                if names.fullmatch(file.name) and (functions := len(test.findall(file.code()))):
                    self._add(framework, file.folder, functions)

    def facts(self) -> tuple[TestSuite, ...]:
        """Those with the most tests first."""
        for folder, functions in self._scripts:
            self._add(self._script_framework(), folder, functions)
        self._scripts = []
        found = [
            TestSuite(
                framework=framework,
                files=suite.files,
                functions=suite.functions,
                folders=tuple(sorted(suite.folders)[:_FOLDERS]),
            )
            for framework, suite in self._suites.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.functions, each.framework)))

    def _add(self, framework: str, folder: str, functions: int) -> None:
        suite = self._suites.setdefault(framework, _Suite())
        suite.files += 1
        suite.functions += functions
        parts = folder.split("/")
        ends = [at for at, part in enumerate(parts, 1) if part.lower() in {"test", "tests", "spec", "__tests__", "e2e"}]
        suite.folders.add("/".join(parts[: ends[0]] if ends else parts) or ".")

    def _python(self, file: SourceFile) -> None:
        python = file.python
        assert python is not None
        asked = {each.module.split(".")[0] for each in python.imports}
        if _PYTEST_FILE.fullmatch(file.name) and (python.tests or python.unittest_tests):
            plain = python.unittest_tests and not python.tests and "pytest" not in asked
            self._add("unittest" if plain else "pytest", file.folder, python.tests + python.unittest_tests)
        elif _UNITTEST_FILE.fullmatch(file.name) and python.unittest_tests:
            self._add("unittest", file.folder, python.unittest_tests)

    def _script(self, file: SourceFile) -> None:
        if not (_SCRIPT_FILE.fullmatch(file.name) or "__tests__" in file.folder.split("/")):
            return
        functions = len(_SCRIPT_TEST.findall(file.code()))
        if not functions:
            return
        for name, package in _SCRIPT_FRAMEWORKS:
            if re.search(rf"""["']{re.escape(package)}["']""", file.text):
                self._add(name, file.folder, functions)
                return
        self._scripts.append((file.folder, functions))

    def _script_framework(self) -> str:
        """Of files that import none: the one the repository depends on."""
        return next((name for name, _ in _SCRIPT_FRAMEWORKS if name in self._packages), "JavaScript tests")
