"""What is known about repositories: plain facts, each with the place it is from. Names in them are safe to print."""

from __future__ import annotations

from typing import Literal

import msgspec

Nature = Literal[
    "text", "generated", "vendored", "minified", "binary", "large", "link", "special", "submodule", "unreadable"
]
"""What a file is: only `text` counts as the repository's own; `large` is above the limit for reading."""

Role = Literal[
    "source", "tests", "documentation", "examples", "benchmarks", "automation", "infrastructure", "scripts",
    "configuration", "assets", "data", "migrations", "vendored", "generated", "other",
]  # fmt: skip
Ecosystem = Literal["PyPI", "npm", "Go", "Cargo", "Maven", "RubyGems"]
EntryKind = Literal[
    "command", "module", "script", "container", "service", "npm script", "make target", "just recipe", "process",
    "program", "web application",
]  # fmt: skip
Marker = Literal["TODO", "FIXME", "HACK", "XXX"]


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all facts."""


class Place(Fact, frozen=True, kw_only=True):
    """A line of a file; line 0 is the whole file."""

    path: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


# --- Files ---


class NatureCount(Fact, frozen=True, kw_only=True):
    """Files of one nature."""

    nature: Nature
    files: int
    size: int


class FileSize(Fact, frozen=True, kw_only=True):
    """A file among the largest."""

    path: str
    size: int


class Inventory(Fact, frozen=True, kw_only=True):
    """All files, whatever they are. Sizes in bytes."""

    files: int
    size: int
    folders: int
    natures: tuple[NatureCount, ...] = ()
    largest: tuple[FileSize, ...] = ()
    untracked: int | None = None
    """Files and whole folders that lie there without belonging to the repository; nothing of them is counted.
    None when git did not say what belongs to it."""

    def count(self, nature: Nature) -> int:
        """Files of one nature."""
        return next((each.files for each in self.natures if each.nature == nature), 0)


class LanguageCount(Fact, frozen=True, kw_only=True):
    """The repository's own lines in one language. Docstrings of Python are comments."""

    name: str
    kind: Literal["programming", "markup", "data", "prose"]
    files: int
    code: int
    comment: int
    blank: int

    @property
    def lines(self) -> int:
        """All of them."""
        return self.code + self.comment + self.blank


class RoleCount(Fact, frozen=True, kw_only=True):
    """Own files and lines of code in folders of one role, at any depth."""

    role: Role
    files: int
    code: int


class Folder(Fact, frozen=True, kw_only=True):
    """A folder with what lies below it."""

    path: str
    role: Role
    files: int
    code: int
    languages: tuple[str, ...] = ()


# --- Purpose ---


class EntryPoint(Fact, frozen=True, kw_only=True):
    """Where the program begins, or a verb its developers use."""

    kind: EntryKind
    name: str
    target: str
    place: Place


class Routes(Fact, frozen=True, kw_only=True):
    """Routes of a web framework, counted where they are declared."""

    framework: str
    routes: int
    files: int


class Dependency(Fact, frozen=True, kw_only=True):
    """A direct one, with the versions that the manifest allows, as written there."""

    name: str
    version: str = ""
    group: str = ""
    """Extra or group it belongs to."""


class Manifest(Fact, frozen=True, kw_only=True):
    """A file that names dependencies."""

    path: str
    ecosystem: Ecosystem
    name: str = ""
    runtime: tuple[Dependency, ...] = ()
    development: tuple[Dependency, ...] = ()
    optional: tuple[Dependency, ...] = ()
    lockfile: str = ""
    problem: str = ""

    @property
    def count(self) -> int:
        """Direct dependencies, each once."""
        return len({each.name for each in (*self.runtime, *self.development, *self.optional)})


class TestSuite(Fact, frozen=True, kw_only=True):
    """Tests of one framework. A parametrized test counts once."""

    framework: str
    files: int
    functions: int
    folders: tuple[str, ...] = ()


class Licence(Fact, frozen=True, kw_only=True):
    """A licence text that was recognized, or what a manifest declares."""

    spdx: str
    path: str
    declared: bool = False


class Documentation(Fact, frozen=True, kw_only=True):
    """What the repository says about itself."""

    readme: str = ""
    title: str = ""
    paragraph: str = ""
    files: int = 0
    folders: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    """Files with a known purpose, such as CHANGELOG.md."""


class Tool(Fact, frozen=True, kw_only=True):
    """A system or tool and the file that sets it up."""

    name: str
    path: str


class Automation(Fact, frozen=True, kw_only=True):
    """Continuous integration and tools for style."""

    ci: tuple[Tool, ...] = ()
    style: tuple[Tool, ...] = ()


class Remark(Fact, frozen=True, kw_only=True):
    """A comment that says something is left to do."""

    marker: Marker
    place: Place
    text: str


class MarkerCount(Fact, frozen=True, kw_only=True):
    """How often one marker stands in comments."""

    marker: Marker
    count: int


class Remarks(Fact, frozen=True, kw_only=True):
    """All of them counted; the first ones in full."""

    counts: tuple[MarkerCount, ...] = ()
    first: tuple[Remark, ...] = ()

    @property
    def total(self) -> int:
        """All of them."""
        return sum(each.count for each in self.counts)


class Exposure(Fact, frozen=True, kw_only=True):
    """A place that somebody who cares for security should look at. It never quotes a secret."""

    kind: str
    place: Place
    severity: Literal["high", "medium", "low"]
    aside: bool = False
    """It is in a test, an example or a document."""


class KindCount(Fact, frozen=True, kw_only=True):
    """How many there are of one kind."""

    kind: str
    count: int


class Exposures(Fact, frozen=True, kw_only=True):
    """All places counted; the gravest in full, those in tests and documents last."""

    total: int = 0
    outside: int = 0
    """Of tests, examples and documents."""
    high: int = 0
    """Of high severity among those outside."""
    kinds: tuple[KindCount, ...] = ()
    """Of those outside, the gravest first."""
    first: tuple[Exposure, ...] = ()


# --- History ---


class AuthorCount(Fact, frozen=True, kw_only=True):
    """Commits of one author, by name as git's mailmap has it."""

    name: str
    commits: int


class CommitLine(Fact, frozen=True, kw_only=True):
    """One commit."""

    id: str
    at: str
    author: str
    subject: str


class HotFile(Fact, frozen=True, kw_only=True):
    """A file under the name it has now, and what its commits changed."""

    path: str
    commits: int
    added: int
    deleted: int
    exists: bool = True


class History(Fact, frozen=True, kw_only=True):
    """What git tells. In a shallow clone only a part of it."""

    commits: int = 0
    """All that are reachable from here."""
    read: int = 0
    """The latest ones, which everything below is counted over."""
    merges: int = 0
    shallow: bool = False
    branch: str = ""
    authors: tuple[AuthorCount, ...] = ()
    author_count: int = 0
    first: CommitLine | None = None
    """None when not all commits were read."""
    last: CommitLine | None = None
    days: int = 0
    """From the oldest commit that was read to the latest."""
    added: int = 0
    deleted: int = 0
    hot: tuple[HotFile, ...] = ()
    problem: str = ""
    """Why there is nothing here."""


# --- Python ---


class PackageImport(Fact, frozen=True, kw_only=True):
    """One package of this repository uses another one of it."""

    importer: str
    imported: str
    imports: int


class LongFunction(Fact, frozen=True, kw_only=True):
    """A function and its length in lines, decorators not counted."""

    name: str
    place: Place
    lines: int


class PublicApi(Fact, frozen=True, kw_only=True):
    """Names that a package's `__init__` hands out."""

    package: str
    names: tuple[str, ...]
    count: int
    declared: bool
    """By `__all__`; else all names without an underscore."""


class PythonFacts(Fact, frozen=True, kw_only=True):
    """What its syntax trees tell."""

    modules: int
    packages: int
    functions: int
    classes: int
    public: int
    """Public functions, methods and classes outside tests."""
    documented: int
    """Those of them with a docstring."""
    annotated: int
    """Functions outside tests that say what they return."""
    functions_outside_tests: int
    imports: tuple[PackageImport, ...] = ()
    cycles: tuple[tuple[str, ...], ...] = ()
    """Groups of modules that need each other while they are loaded."""
    cycle_count: int = 0
    longest: tuple[LongFunction, ...] = ()
    api: tuple[PublicApi, ...] = ()
    unparsed: tuple[str, ...] = ()
    unparsed_count: int = 0


# --- Together ---


class RepositoryFacts(Fact, frozen=True, kw_only=True):
    """One repository."""

    name: str
    inventory: Inventory
    languages: tuple[LanguageCount, ...] = ()
    structure: tuple[Folder, ...] = ()
    """Folders down to the third level, in the order of a tree."""
    roles: tuple[RoleCount, ...] = ()
    entry_points: tuple[EntryPoint, ...] = ()
    entry_point_kinds: tuple[KindCount, ...] = ()
    routes: tuple[Routes, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    tests: tuple[TestSuite, ...] = ()
    history: History = History()
    licences: tuple[Licence, ...] = ()
    documentation: Documentation = Documentation()
    automation: Automation = Automation()
    remarks: Remarks = Remarks()
    exposures: Exposures = Exposures()
    python: PythonFacts | None = None
    unseen: tuple[str, ...] = ()
    """Sentences about what could not be seen, and so is in none of the figures."""

    @property
    def code(self) -> int:
        """Own lines of code in programming languages."""
        return sum(each.code for each in self.languages if each.kind == "programming")


class Analysis(Fact, frozen=True, kw_only=True):
    """All repositories of one session."""

    repositories: tuple[RepositoryFacts, ...]
