"""Python's modules together: who imports whom, in circles too, what is long, what is handed out."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from runyard.services.sessions.analyst.facts import LongFunction, PackageImport, Place, PublicApi, PythonFacts
from runyard.services.sessions.analyst.names import line
from runyard.services.sessions.analyst.python.graph import cycles
from runyard.services.sessions.analyst.python.source import Import, PythonSource
from runyard.services.sessions.analyst.source_file import SourceFile
from runyard.services.sessions.analyst.structure import role_of

_LONGEST: Final = 10
_APIS: Final = 30
_NAMES: Final = 60
_CYCLES: Final = 20
_IN_A_CYCLE: Final = 30


@dataclass(frozen=True, slots=True)
class _Module:
    path: str
    folder: str
    imports: tuple[Import, ...]
    package: bool
    """It is a package's `__init__`."""
    aside: bool
    """It is a test, an example or the like."""


class PythonCollector:
    """Keeps of each module what the picture of the whole needs."""

    def __init__(self, *, listed: int) -> None:
        self._listed = listed
        self._modules: list[_Module] = []
        self._packages: dict[str, PublicApi] = {}
        self._sums: Counter[str] = Counter()
        self._longest: list[tuple[int, str, int, str]] = []
        self._unparsed: list[str] = []

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        python = file.python
        if python is None or not file.own:
            return
        self._sums["modules"] += 1
        is_package = file.name == "__init__.py"
        self._sums["packages"] += is_package
        if python.problem:
            self._unparsed.append(f"{file.path} ({python.problem})")
        aside = (
            role_of(file.folder) in {"tests", "examples", "documentation", "benchmarks"} or file.name == "conftest.py"
        )
        self._modules.append(_Module(file.path, file.folder, tuple(python.imports), is_package, aside))
        self._count(python, aside=aside)
        if is_package and not aside:
            self._api(file.folder, python)
        for each in python.functions:
            heapq.heappush(self._longest, (each.lines, file.path, -each.line, each.name))
            if len(self._longest) > _LONGEST:
                heapq.heappop(self._longest)

    def facts(self) -> PythonFacts | None:
        """The picture, or None where there is no Python."""
        if not self._modules:
            return None
        names = _module_names(self._modules)
        graph, packages = self._graph(names)
        circles = cycles(graph)
        sums = self._sums
        return PythonFacts(
            modules=sums["modules"],
            packages=sums["packages"],
            functions=sums["functions"],
            classes=sums["classes"],
            public=sums["public"],
            documented=sums["documented"],
            annotated=sums["annotated"],
            functions_outside_tests=sums["outside"],
            imports=tuple(
                PackageImport(importer=importer, imported=imported, imports=number)
                for (importer, imported), number in sorted(packages.items(), key=lambda each: (-each[1], each[0]))[
                    : self._listed
                ]
            ),
            cycles=tuple(circle[:_IN_A_CYCLE] for circle in circles[:_CYCLES]),
            cycle_count=len(circles),
            longest=tuple(
                LongFunction(name=line(name), place=Place(path=path, line=-number), lines=lines)
                for lines, path, number, name in sorted(self._longest, key=lambda each: (-each[0], each[1], -each[2]))
            ),
            api=self._apis(names),
            unparsed=tuple(self._unparsed[: self._listed]),
            unparsed_count=len(self._unparsed),
        )

    def _count(self, python: PythonSource, *, aside: bool) -> None:
        self._sums["functions"] += len(python.functions)
        self._sums["classes"] += python.classes
        if aside:
            return
        public = [each for each in python.functions if each.public]
        self._sums["public"] += len(public) + python.public_classes
        self._sums["documented"] += sum(each.documented for each in public) + python.documented_classes
        self._sums["annotated"] += sum(each.annotated for each in python.functions)
        self._sums["outside"] += len(python.functions)

    def _api(self, folder: str, python: PythonSource) -> None:
        names = python.exported if python.exported is not None else tuple(dict.fromkeys(python.names))
        if names:
            self._packages[folder] = PublicApi(
                package="",
                names=tuple(line(name, limit=80) for name in sorted(set(names))[:_NAMES]),
                count=len(set(names)),
                declared=python.exported is not None,
            )

    def _apis(self, names: dict[str, str]) -> tuple[PublicApi, ...]:
        """Of the packages nearest to their root: what others import."""
        found = []
        for folder, api in self._packages.items():
            package = names.get(f"{folder}/__init__.py", folder)
            found.append(PublicApi(package=package, names=api.names, count=api.count, declared=api.declared))
        return tuple(sorted(found, key=lambda each: (each.package.count("."), each.package))[:_APIS])

    def _graph(self, names: dict[str, str]) -> tuple[dict[str, set[str]], Counter[tuple[str, str]]]:
        """Modules that need each other to load, and imports between packages outside tests."""
        modules = [module for module in self._modules if not module.path.endswith(".pyi")]  # nothing loads a stub
        known = {names[module.path] for module in modules}
        graph: dict[str, set[str]] = {name: set() for name in known}
        packages: Counter[tuple[str, str]] = Counter()
        holders = {_holder(module, names[module.path]) for module in self._modules}
        for module in modules:
            name = names[module.path]
            targets: dict[str, bool] = defaultdict(lambda: True)
            for each in module.imports:
                target = _target(each, name, known, package=module.package)
                if target and target != name:
                    targets[target] = targets[target] and each.deferred
            for target, deferred in targets.items():
                if not deferred:
                    graph[name].add(target)
                importer, imported = (_package(each, holders) for each in (name, target))
                if not module.aside and importer != imported:
                    packages[importer, imported] += 1
        return graph, packages


def _module_names(modules: list[_Module]) -> dict[str, str]:
    """The dotted name of each path: from the topmost folder that is a package, or from below `src`."""
    packages = {module.folder for module in modules if module.package}
    roots: dict[str, str] = {}

    def root(folder: str) -> str:
        """The folder that must be on the path for a module in `folder`."""
        if folder not in roots:
            parent = folder.rpartition("/")[0]
            if folder in packages and folder:
                roots[folder] = root(parent) if parent in packages else parent
            else:
                roots[folder] = _namespace_root(folder)
        return roots[folder]

    found: dict[str, str] = {}
    taken: set[str] = set()
    for module in modules:
        base = root(module.folder)
        path = module.path.removeprefix(f"{base}/") if base else module.path
        dotted = path.removesuffix(".pyi").removesuffix(".pyw").removesuffix(".py").replace("/", ".")
        dotted = dotted.removesuffix(".__init__") or dotted
        name = dotted if dotted not in taken else module.path  # two trees may have a module of one name
        taken.add(name)
        found[module.path] = name
    return found


def _namespace_root(folder: str) -> str:
    """Where names of modules begin that are in no package: below `src`, else at the top, as for namespace packages."""
    parts = folder.split("/")
    return "/".join(parts[: len(parts) - parts[::-1].index("src")]) if "src" in parts else ""


def _target(each: Import, importer: str, known: set[str], *, package: bool) -> str:
    """The module of this repository that an import loads, or an empty string."""
    parts = importer.split(".")
    if each.level:
        above = parts[: len(parts) - each.level + package]
        bases = [".".join([*above, *([each.module] if each.module else [])])]
    else:
        bases = [each.module]
        if ".".join(parts[:-1]) not in known:  # a script finds what lies beside it
            bases.append(".".join([*parts[:-1], each.module]))
    for base in bases:
        inside = f"{base}.{each.name}" if each.name else base
        if inside in known or base in known:
            return inside if inside in known else base
    return ""


def _holder(module: _Module, name: str) -> str:
    """The package a module belongs to; a package belongs to itself."""
    return name if module.package else name.rpartition(".")[0]


def _package(name: str, holders: set[str]) -> str:
    """The package a module is in; a module at the top stands for itself."""
    return name if name in holders else name.rpartition(".")[0] or name
