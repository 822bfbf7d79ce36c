"""The facts on paper, for people as Markdown, for programs as JSON: no more than the facts, and what they leave out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from runyard.services.sessions.analyst.facts import Analysis, CommitLine, Folder, RepositoryFacts
from runyard.services.sessions.analyst.names import short
from runyard.services.sessions.analyst.questions import answers, topics
from runyard.services.sessions.analyst.sentences import Topic, listed, needs_lockfile, plural, size

_ROWS: Final = 15
_FOLDERS: Final = 40
_COUNTED: Final = (
    "Figures are of the checked-out commit; lines of vendored, generated, minified and binary files are left out."
)
_MARKS: Final = re.compile(r"([\\`*_\[\]<>|#&~])")
_WORD: Final = re.compile(r"(?<=\w)\\_(?=\w)")


def as_json(analysis: Analysis) -> bytes:
    """All facts. Absent fields have their default."""
    return msgspec.json.encode(analysis)


def from_json(content: bytes) -> Analysis:
    """The facts again.

    Raises:
        msgspec.DecodeError: it isn't what `as_json` wrote.
    """
    return msgspec.json.decode(content, type=Analysis)


def markdown(analysis: Analysis, task: str = "", *, opening: str = "") -> str:
    """The report.

    Args:
        task: what was asked; its topics come first.
        opening: sentences to begin with, such as a checked summary.
    """
    parts = [_prose(opening)] if opening else []
    parts += [_repository(facts, task) for facts in analysis.repositories]
    return "\n\n".join(parts) + "\n"


def summary(analysis: Analysis, task: str = "") -> str:
    """The sentences that answer a task, without the tables of a report; Markdown as well."""
    parts = []
    for facts in analysis.repositories:
        lines = [
            f"**{answer.topic.capitalize()}.** {_prose(' '.join(answer.sentences))}" for answer in answers(facts, task)
        ]
        parts.append(f"### {_prose(facts.name)}\n\n{_bullets(lines)}")
    return "\n\n".join(parts) + "\n"


def _repository(facts: RepositoryFacts, task: str) -> str:
    blocks = [f"# {_prose(facts.name)}", _answer(facts, task)]
    first = [topic for topic in topics(task) if topic in _SECTIONS] if task else []
    for topic in dict.fromkeys([*first, *_SECTIONS]):
        title, section = _SECTIONS[topic]
        lines = list(section(facts))
        if lines:
            blocks.append("\n\n".join([f"## {title}", *lines]))
    unseen = [
        *facts.unseen,
        _COUNTED,
    ]
    blocks.append(
        "\n\n".join(["## What could not be seen, and how it was counted", _bullets(_prose(each) for each in unseen)])
    )
    return "\n\n".join(blocks)


def _answer(facts: RepositoryFacts, task: str) -> str:
    """The sentences that answer the task; two on each topic where it asks about many."""
    found = answers(facts, task)
    each = 2 if len(found) > 2 else 6
    return _bullets(f"**{answer.topic.capitalize()}.** {_prose(' '.join(answer.sentences[:each]))}" for answer in found)


# --- Sections ---


def _languages(facts: RepositoryFacts) -> Iterator[str]:
    rows = [
        (each.name, f"{each.files:,}", f"{each.code:,}", f"{each.comment:,}", f"{each.blank:,}")
        for each in facts.languages
    ]
    yield from _table(("Language", "Files", "Code", "Comment", "Blank"), rows, numbers=4)
    if facts.python is not None:
        yield "Docstrings of Python count as comment."


def _structure(facts: RepositoryFacts) -> Iterator[str]:
    folders = sorted(facts.structure, key=lambda each: (each.path.count("/"), -each.files))[:_FOLDERS]
    rows = [
        (_folder(each), each.role, f"{each.files:,}", f"{each.code:,}", ", ".join(each.languages))
        for each in sorted(folders, key=lambda each: each.path.split("/"))
    ]
    yield from _table(("Folder", "For", "Files", "Code", "Languages"), rows, numbers=2, after=2)
    if len(facts.structure) > len(rows):
        yield "Smaller folders are left out."


def _folder(folder: Folder) -> str:
    """A folder, set in by its depth."""
    return "&nbsp;" * 4 * folder.path.count("/") + _code(f"{folder.path.rpartition('/')[2]}/")


def _entry_points(facts: RepositoryFacts) -> Iterator[str]:
    rows = [
        (each.kind, _code(each.name), _cell(each.target), _code(str(each.place)))
        for each in facts.entry_points[: _ROWS * 2]
    ]
    yield from _table(("Kind", "Name", "Starts", "Where"), rows)
    left = sum(each.count for each in facts.entry_point_kinds) - len(rows)
    if left > 0:
        yield f"{plural(left, 'more entry point')}."
    if facts.routes:
        yield _bullets(
            f"{each.framework}: {plural(each.routes, 'route')} in {plural(each.files, 'file')}" for each in facts.routes
        )


def _dependencies(facts: RepositoryFacts) -> Iterator[str]:
    rows = [
        (
            _code(each.path), each.ecosystem,
            *(f"{len(names):,}" for names in (each.runtime, each.development, each.optional)),
            _code(each.lockfile) if each.lockfile else "none; versions are loose" if needs_lockfile(each) else "none",
        )
        for each in facts.manifests[:_ROWS]
    ]  # fmt: skip
    yield from _table(
        ("Manifest", "Ecosystem", "Runtime", "Development", "Optional", "Lockfile"), rows, numbers=3, after=2
    )
    if len(facts.manifests) > _ROWS:
        yield f"{plural(len(facts.manifests) - _ROWS, 'more manifest')}."
    for manifest in facts.manifests[:_ROWS]:
        if manifest.problem:
            yield f"{_code(manifest.path)}: {_prose(manifest.problem)}."
        if manifest.runtime:
            words = listed((f"{_code(each.name)} {_prose(each.version)}".strip() for each in manifest.runtime), most=30)
            yield f"Runtime of {_code(manifest.path)}: {words}."


def _tests(facts: RepositoryFacts) -> Iterator[str]:
    rows = [
        (each.framework, f"{each.files:,}", f"{each.functions:,}", listed(map(_code, each.folders), most=6))
        for each in facts.tests
    ]
    yield from _table(("Framework", "Test files", "Test functions", "In"), rows, numbers=2)
    if any(each.framework == "pytest" for each in facts.tests):
        yield "A parametrized test counts once."


def _history(facts: RepositoryFacts) -> Iterator[str]:
    past = facts.history
    if past.problem or past.last is None:
        return
    said = [
        f"{plural(past.commits, 'commit')}{', the clone is shallow' if past.shallow else ''}",
        f"{past.merges:,} of the {past.read:,} that were read are merges",
        f"Last commit {_commit(past.last)}: {_prose(past.last.subject)}",
    ]
    if past.first is not None:
        said.append(f"First commit {_commit(past.first)}")
    said.append(
        f"{plural(past.author_count, 'author')}: "
        + listed(f"{_prose(each.name)} ({each.commits:,})" for each in past.authors)
    )
    if past.added or past.deleted:
        said.append(f"{plural(past.added, 'line')} added and {past.deleted:,} deleted")
    yield _bullets(said)
    rows = [
        (
            _code(each.path) + ("" if each.exists else " (gone)"),
            f"{each.commits:,}",
            f"{each.added:,}",
            f"{each.deleted:,}",
        )
        for each in past.hot[:_ROWS]
    ]
    yield from _table(("Changes most", "Commits", "Added", "Deleted"), rows, numbers=3)


def _commit(commit: CommitLine) -> str:
    return f"{commit.at[:10]} ({commit.id[:10]}) by {_prose(commit.author)}"


def _design(facts: RepositoryFacts) -> Iterator[str]:
    python = facts.python
    if python is None:
        return
    said = [
        f"{plural(python.modules, 'module')}, {plural(python.packages, 'package')}, {plural(python.functions, 'function')}, {plural(python.classes, 'class')}",  # noqa: E501
        f"{python.documented:,} of {python.public:,} public functions and classes outside tests have a docstring",
        f"{python.annotated:,} of {python.functions_outside_tests:,} functions outside tests say what they return",
    ]
    if python.unparsed_count:
        said.append(
            f"{plural(python.unparsed_count, 'file')} could not be parsed: {listed(map(_prose, python.unparsed))}"
        )
    yield _bullets(said)
    if python.cycles:
        yield f"{plural(python.cycle_count, 'circle')} of modules that need each other while they are loaded:"
        yield _bullets(listed(map(_code, circle), most=8) for circle in python.cycles[:_ROWS])
    else:
        yield "No modules need each other in circles while they are loaded."
    rows = [(_code(each.importer), _code(each.imported), f"{each.imports:,}") for each in python.imports[:_ROWS]]
    yield from _table(("Package", "imports", "Modules that do"), rows, numbers=1)
    rows = [(_code(each.name), f"{each.lines:,}", _code(str(each.place))) for each in python.longest]
    yield from _table(("Longest functions", "Lines", "Where"), rows, numbers=1, after=1)
    rows = [
        (_code(each.package), f"{each.count:,}", listed(map(_code, each.names), most=12)) for each in python.api[:_ROWS]
    ]
    yield from _table(("Package hands out", "Names", "Which"), rows, numbers=1, after=1)


def _documentation(facts: RepositoryFacts) -> Iterator[str]:
    said = facts.documentation
    lines = [f"README: {_code(said.readme)}" if said.readme else "There is no README"]
    if said.title:
        lines.append(f"Title: {_prose(said.title)}")
    lines.append(
        f"{plural(said.files, 'document')}" + (f", folders {listed(map(_code, said.folders))}" if said.folders else "")
    )
    if said.pages:
        lines.append(f"Pages: {listed(map(_code, said.pages), most=_ROWS)}")
    yield _bullets(lines)


def _automation(facts: RepositoryFacts) -> Iterator[str]:
    rows = []
    for purpose, tools in (("Continuous integration", facts.automation.ci), ("Style", facts.automation.style)):
        rows += [
            (purpose, name, listed(_code(tool.path) for tool in tools if tool.name == name))
            for name in dict.fromkeys(tool.name for tool in tools)
        ]
    yield from _table(("For", "Tool", "Set up in"), rows)


def _security(facts: RepositoryFacts) -> Iterator[str]:
    yield "Places to look at, found by name and pattern. None is proven to be a fault; there may be others."
    rows = [
        (each.severity, _prose(each.kind), _code(str(each.place)) + (" (test or document)" if each.aside else ""))
        for each in facts.exposures.first[: 2 * _ROWS]
    ]
    yield from _table(("Severity", "What", "Where"), rows)
    left = facts.exposures.total - len(rows)
    if left > 0:
        yield f"{plural(left, 'more place')}."
    if not rows:
        yield "Nothing was found."


def _remarks(facts: RepositoryFacts) -> Iterator[str]:
    if facts.remarks.total:
        yield ", ".join(f"{each.count:,} {each.marker}" for each in facts.remarks.counts) + "."
        rows = [(each.marker, _code(str(each.place)), _cell(each.text)) for each in facts.remarks.first[:_ROWS]]
        yield from _table(("Marker", "Where", "Says"), rows)


def _licence(facts: RepositoryFacts) -> Iterator[str]:
    rows = [
        (_prose(each.spdx), _code(each.path), "declared" if each.declared else "full text")
        for each in facts.licences[:_ROWS]
    ]
    yield from _table(("Licence", "Where", "How"), rows)


def _size(facts: RepositoryFacts) -> Iterator[str]:
    inventory = facts.inventory
    files, folders = plural(inventory.files, "file"), plural(inventory.folders, "folder")
    yield f"{files}, {size(inventory.size)} ({inventory.size:,} bytes), {folders}."
    yield from _table(
        ("Files that are", "Number", "Bytes"),
        [(each.nature, f"{each.files:,}", f"{each.size:,}") for each in inventory.natures],
        numbers=2,
    )
    yield from _table(
        ("Largest", "Bytes"), [(_code(each.path), f"{each.size:,}") for each in inventory.largest], numbers=1
    )


_SECTIONS: Final[dict[Topic, tuple[str, Callable[[RepositoryFacts], Iterator[str]]]]] = {
    "structure": ("Structure", _structure),
    "languages": ("Languages", _languages),
    "entry points": ("Entry points", _entry_points),
    "dependencies": ("Dependencies", _dependencies),
    "tests": ("Tests", _tests),
    "history": ("History and hot spots", _history),
    "design": ("Python inside", _design),
    "security": ("Security", _security),
    "remarks": ("Left to do", _remarks),
    "documentation": ("Documentation", _documentation),
    "automation": ("Automation and style", _automation),
    "licence": ("Licence", _licence),
    "size": ("Size", _size),
}


# --- Marks ---


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0, after: int = 1) -> Iterator[str]:
    """A table, or nothing without rows. Columns of numbers, which stand behind `after` others, are set to the right."""
    if rows:
        rule = ["---:" if after <= at < after + numbers else "---" for at in range(len(head))]
        yield "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {each}" for each in lines)


def _prose(text: str) -> str:
    """Text of strangers without power over the page."""
    return _WORD.sub("_", _MARKS.sub(r"\\\1", text))


def _cell(text: str) -> str:
    return _code(text) if text else ""


def _code(text: str) -> str:
    """A name in a fixed pitch; a pipe would end a table's cell even there."""
    shown = short(text).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown.strip() else ""
