"""Facts as short plain sentences by topic: what a report answers with, and all that a language model gets to see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from runyard.services.sessions.analyst.facts import Manifest, RepositoryFacts

Topic = Literal[
    "purpose", "structure", "languages", "entry points", "dependencies", "tests", "history", "design", "documentation",
    "automation", "security", "remarks", "licence", "size",
]  # fmt: skip
_FEW: Final = 5


def sentences(facts: RepositoryFacts, topic: Topic) -> list[str]:
    """What is known on a topic, the most important first. There is always something: also that nothing was found."""
    return list(_TOPICS[topic](facts))


def plural(number: int, noun: str) -> str:
    """`1 file`, `1,200 files`, `3 dependencies`."""
    if number == 1:
        return f"1 {noun}"
    many = (
        f"{noun[:-1]}ies"
        if noun.endswith("y") and noun[-2] not in "aeiou"
        else f"{noun}{'es' if noun.endswith('ss') else 's'}"
    )
    return f"{number:,} {many}"


def _there(number: int, noun: str) -> str:
    """`There is 1 file`, `There are 2 files`."""
    return f"There {'is' if number == 1 else 'are'} {plural(number, noun)}"


def listed(words: Iterable[str], *, most: int = _FEW) -> str:
    """`a`, `a and b`, `a, b and 3 more`."""
    found = list(words)
    shown, left = found[:most], len(found) - most
    if left > 0:
        return f"{', '.join(shown)} and {left:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def size(number: int) -> str:
    """Bytes for people, in decimal units."""
    if number < 1_000:
        return plural(number, "byte")
    for unit in ("kB", "MB"):
        number_ = number / (1_000 if unit == "kB" else 1_000_000)
        if number_ < 999.95:
            return f"{number_:.1f} {unit}"
    return f"{number / 1_000_000_000:.1f} GB"


def runtime_dependencies(facts: RepositoryFacts) -> list[str]:
    """Names of what the program needs, each once, except the repository's own packages; the root's first."""
    own = {manifest.name.lower() for manifest in facts.manifests}
    names = dict.fromkeys(each.name for manifest in facts.manifests for each in manifest.runtime)
    return [name for name in names if name.lower() not in own]


def needs_lockfile(manifest: Manifest) -> bool:
    """Whether nothing fixes the versions of what a manifest asks for."""
    loose = [each for each in manifest.runtime if not each.version.startswith(("==", "@"))]
    return bool(loose) and not manifest.lockfile and manifest.ecosystem in {"PyPI", "npm", "Go", "Cargo", "RubyGems"}


def _purpose(facts: RepositoryFacts) -> Iterator[str]:
    said = facts.documentation
    if said.paragraph:
        yield f"The README says: {said.paragraph}"
    elif said.title:
        yield f"The README is titled {said.title}."
    else:
        yield "There is no README that says what it is for."


def _structure(facts: RepositoryFacts) -> Iterator[str]:
    top = [folder for folder in facts.structure if "/" not in folder.path]
    yield f"{_there(facts.inventory.files, 'file')} in {plural(facts.inventory.folders, 'folder')}."
    roles: dict[str, list[str]] = {}
    for folder in sorted(top, key=lambda each: (-each.code, -each.files, each.path)):
        roles.setdefault(folder.role, []).append(folder.path)
    order = sorted(roles, key=lambda role: ({"source": 0, "tests": 1, "documentation": 2}.get(role, 3), role))
    if order:
        yield f"At the top: {'; '.join(f'{role} in {listed(roles[role])}' for role in order)}."


def _languages(facts: RepositoryFacts) -> Iterator[str]:
    found = [each for each in facts.languages if each.kind == "programming" and each.code]
    if not found:
        yield "There is no code in a programming language that is known here."
        return
    yield f"{_there(facts.code, 'line')} of code; the main language is {found[0].name}."
    yield (
        "By language: "
        + listed(f"{each.name} with {plural(each.code, 'line')} in {plural(each.files, 'file')}" for each in found)
        + "."
    )


def _entry_points(facts: RepositoryFacts) -> Iterator[str]:
    if not facts.entry_points and not facts.routes:
        yield "No entry point was found."
        return
    names: dict[str, list[str]] = {}
    for point in facts.entry_points:
        names.setdefault(point.kind, []).append(point.name)
    for each in facts.entry_point_kinds[:_FEW]:
        found = list(dict.fromkeys(names.get(each.kind, ())))
        yield f"{plural(each.count, each.kind)}: {', '.join(found[:_FEW])}{' …' if len(found) > _FEW else ''}."
    for routes in facts.routes:
        yield f"{routes.framework} has {plural(routes.routes, 'route')} in {plural(routes.files, 'file')}."


def _dependencies(facts: RepositoryFacts) -> Iterator[str]:
    if not facts.manifests:
        yield "No file that names dependencies was found."
        return
    names = runtime_dependencies(facts)
    development = {each.name for manifest in facts.manifests for each in manifest.development}
    verb = "names" if len(facts.manifests) == 1 else "name"
    systems = listed(dict.fromkeys(manifest.ecosystem for manifest in facts.manifests))
    runtime, apart = plural(len(names), "runtime dependency"), plural(len(development), "development dependency")
    yield f"{plural(len(facts.manifests), 'manifest')} ({systems}) {verb} {runtime} and {apart}."
    if names:
        yield f"At runtime it needs {listed(names, most=8)}."
    loose = [manifest.path for manifest in facts.manifests if needs_lockfile(manifest)]
    if loose:
        yield f"No lockfile fixes the loose versions of {plural(len(loose), 'manifest')}: {listed(loose)}."


def _tests(facts: RepositoryFacts) -> Iterator[str]:
    if not facts.tests:
        yield "No tests were found."
    for suite in facts.tests:
        yield f"{suite.framework} finds {plural(suite.functions, 'test')} in {plural(suite.files, 'test file')}."
    inside = sum(each.code for each in facts.roles if each.role == "tests")
    if facts.tests and inside and facts.code:
        share = f"{100 * inside / facts.code:.0f} % of all code"
        yield f"{plural(inside, 'line')} of code are in folders of tests, {share}."


def _history(facts: RepositoryFacts) -> Iterator[str]:
    past = facts.history
    if past.problem:
        yield "The history could not be read."
        return
    if past.shallow:
        yield f"The clone is shallow and shows {plural(past.commits, 'commit')} only."
    else:
        days = plural(past.days, "day") if past.days else "less than a day"
        yield f"{_there(past.commits, 'commit')} by {plural(past.author_count, 'author')} in {days}."
    if past.last is not None:
        yield f"The last commit is of {past.last.at[:10]}: {past.last.subject}"
    hot = [each for each in past.hot if each.exists and each.commits > 1]
    if hot:
        yield (
            "The files that change most: "
            + listed(f"{each.path} in {plural(each.commits, 'commit')}" for each in hot)
            + "."
        )


def _design(facts: RepositoryFacts) -> Iterator[str]:
    python = facts.python
    if python is None:
        yield "There is no Python, the one language whose inner structure is looked at."
        return
    yield (
        f"Python has {plural(python.modules, 'module')} in {plural(python.packages, 'package')}, with "
        f"{plural(python.functions, 'function')} and {plural(python.classes, 'class')}."
    )
    if python.public:
        yield f"{100 * python.documented / python.public:.0f} % of its public names have a docstring."
    yield (
        f"{plural(python.cycle_count, 'circle')} of imports: {listed(map(' – '.join, python.cycles))}."
        if python.cycle_count
        else "No modules import each other in circles."
    )
    if python.longest:
        first = python.longest[0]
        yield f"The longest function is {first.name} with {plural(first.lines, 'line')} at {first.place}."


def _documentation(facts: RepositoryFacts) -> Iterator[str]:
    said = facts.documentation
    where = f", in {listed(said.folders)}" if said.folders else ""
    yield f"{_there(said.files, 'document')}{where}." if said.files else "No documents were found."
    yield f"The README is {said.readme}." if said.readme else "There is no README."
    if said.pages:
        yield f"Pages with a known purpose: {listed(said.pages)}."


def _automation(facts: RepositoryFacts) -> Iterator[str]:
    ci = Counter(tool.name for tool in facts.automation.ci)
    style = dict.fromkeys(tool.name for tool in facts.automation.style)
    if ci:
        systems = listed(f"{name} with {plural(files, 'file')}" for name, files in ci.items())
        yield f"Continuous integration: {systems}."
    else:
        yield "No continuous integration was found."
    yield f"Tools for style: {listed(style, most=8)}." if style else "No tools for style are set up."


def _security(facts: RepositoryFacts) -> Iterator[str]:
    found = facts.exposures
    if not found.outside:
        yield "No place that deserves a look for security was found outside tests and documents."
    else:
        verb = "deserves" if found.outside == 1 else "deserve"
        yield (
            f"{plural(found.outside, 'place')} outside tests {verb} a look for security; "
            f"{found.high:,} of high severity."
        )
        for each in found.kinds[:_FEW]:
            first = next((f", first {at.place}" for at in found.first if at.kind == each.kind and not at.aside), "")
            yield f"{each.kind[0].upper()}{each.kind[1:]}: {plural(each.count, 'place')}{first}."
    loose = [manifest.path for manifest in facts.manifests if needs_lockfile(manifest)]
    if loose:
        yield f"No lockfile fixes the loose versions of {plural(len(loose), 'manifest')}."


def _remarks(facts: RepositoryFacts) -> Iterator[str]:
    said = facts.remarks
    if not said.total:
        yield "No TODO, FIXME, HACK or XXX stands in a comment."
        return
    counts = listed(f"{each.count:,} {each.marker}" for each in said.counts)
    yield f"{plural(said.total, 'remark')} in comments: {counts}."
    first = said.first[0]
    yield f"The first is at {first.place}: {first.text}"


def _licence(facts: RepositoryFacts) -> Iterator[str]:
    texts = [each for each in facts.licences if not each.declared]
    declared = dict.fromkeys(each.spdx for each in facts.licences if each.declared)
    if texts:
        yield f"The licence is {texts[0].spdx} ({texts[0].path})."
    elif declared:
        yield f"No licence text was recognized; manifests declare {listed(declared)}."
    else:
        yield "No licence was recognized."
    others = dict.fromkeys(each.spdx for each in facts.licences if texts and each.spdx != texts[0].spdx)
    if others:
        yield f"Other licences are named, too: {listed(others)}."


def _size(facts: RepositoryFacts) -> Iterator[str]:
    inventory = facts.inventory
    yield f"{_there(inventory.files, 'file')} of {size(inventory.size)} together."
    others = [each for each in inventory.natures if each.nature != "text"]
    if others:
        yield f"Not its own text: {listed(f'{each.files:,} {each.nature}' for each in others)}."
    if inventory.largest:
        yield f"The largest file is {inventory.largest[0].path} with {size(inventory.largest[0].size)}."


_TOPICS: Final = {
    "purpose": _purpose,
    "structure": _structure,
    "languages": _languages,
    "entry points": _entry_points,
    "dependencies": _dependencies,
    "tests": _tests,
    "history": _history,
    "design": _design,
    "documentation": _documentation,
    "automation": _automation,
    "security": _security,
    "remarks": _remarks,
    "licence": _licence,
    "size": _size,
}
