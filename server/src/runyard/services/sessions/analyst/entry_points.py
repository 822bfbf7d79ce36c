"""Where programs begin: commands, modules, containers, web applications, and the verbs of their developers."""

from __future__ import annotations

import ast
import configparser
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from runyard.services.sessions.analyst.facts import EntryKind, EntryPoint, KindCount, Place, Routes
from runyard.services.sessions.analyst.manifests.node import read as read_json
from runyard.services.sessions.analyst.manifests.python import toml
from runyard.services.sessions.analyst.manifests.reading import Unreadable, table
from runyard.services.sessions.analyst.names import line
from runyard.services.sessions.analyst.source_file import SourceFile
from runyard.services.sessions.analyst.structure import role_of

_ORDER: Final[tuple[EntryKind, ...]] = (
    "command", "web application", "program", "module", "process", "container", "service", "make target", "just recipe",
    "npm script", "script",
)  # fmt: skip
_TARGET: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9_./-]{0,80})(?:[ \t]+[A-Za-z0-9_./-]{1,80}){0,8}[ \t]*::?(?!=)[^\n#]{0,2000}(?:##[ \t]*([^\n]{0,200}))?", re.MULTILINE)  # fmt: skip  # noqa: E501
_RECIPE: Final = re.compile(r"^@?([a-z0-9][\w-]{0,80})(?:[ \t]+[^:=\n]{0,200})?:(?!=)", re.MULTILINE)
_CONTAINER: Final = re.compile(r"^[ \t]*(ENTRYPOINT|CMD)[ \t]+(.{1,400})$", re.MULTILINE | re.IGNORECASE)
_PROCESS: Final = re.compile(r"^([A-Za-z0-9_-]{1,60}):[ \t]*(\S.{0,300})$", re.MULTILINE)
_GO_MAIN: Final = re.compile(r"^func main\(\)", re.MULTILINE)
_GO_PACKAGE: Final = re.compile(r"^package main\b", re.MULTILINE)
_RUST_MAIN: Final = re.compile(r"^(?:pub )?(?:async )?fn main\(", re.MULTILINE)
_JAVA_MAIN: Final = re.compile(
    r"^[ \t]*(?:public\s+)?(?:static\s+)?(?:public\s+)?void\s+main\s*\(\s*(?:final\s+)?String\b", re.MULTILINE
)
_KOTLIN_MAIN: Final = re.compile(r"^(?:suspend )?fun main\(", re.MULTILINE)
_C_MAIN: Final = re.compile(r"^(?:int|void|auto)\s+main\s*\(", re.MULTILINE)
_CSHARP_MAIN: Final = re.compile(
    r"^[ \t]*(?:\w+\s+){0,3}static\s+(?:async\s+)?(?:void|int|Task(?:<int>)?)\s+Main\s*\(", re.MULTILINE
)
_EXPRESS: Final = re.compile(
    r"\b(?:app|router|server|fastify)\s*\.\s*(?:get|post|put|patch|delete|all|options|head)\s*\(\s*[\"'`]/"
)
_FASTIFY: Final = re.compile(r"[\"']fastify[\"']")
_DJANGO: Final = re.compile(r"^[ \t]*(?:re_)?path\(", re.MULTILINE)
_SPRING: Final = re.compile(r"^[ \t]*@(?:Get|Post|Put|Patch|Delete|Request)Mapping\b", re.MULTILINE)
_MAINS: Final = {
    "Rust": _RUST_MAIN, "Java": _JAVA_MAIN, "Kotlin": _KOTLIN_MAIN, "C": _C_MAIN, "C++": _C_MAIN, "C#": _CSHARP_MAIN,
}  # fmt: skip
_FRAMEWORKS: Final = {"fastapi": "FastAPI", "flask": "Flask", "starlette": "Starlette", "sanic": "Sanic", "quart": "Quart", "litestar": "Litestar", "aiohttp": "aiohttp", "bottle": "Bottle"}  # fmt: skip  # noqa: E501
_UNTRIED: Final = frozenset({"tests", "test", "testdata", "fixtures", "__fixtures__"})


class EntryPointCollector:
    """Looks at files that say how a program is started."""

    def __init__(self, *, listed: int) -> None:
        self._listed = listed
        self._found: list[EntryPoint] = []
        self._routes: dict[str, list[int]] = {}
        self._kinds: Counter[EntryKind] = Counter()
        self._readers: dict[str, Callable[[SourceFile], Iterator[EntryPoint]]] = {
            "pyproject.toml": _pyproject,
            "setup.cfg": _setup_cfg,
            "package.json": _package_json,
            "Cargo.toml": _cargo,
            "Procfile": _procfile,
        }

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        if not file.own or not _UNTRIED.isdisjoint(file.folder.split("/")):
            return
        self._count_routes(file)
        for found in self._of(file):
            self._kinds[found.kind] += 1
            if len(self._found) < 10 * self._listed:
                self._found.append(found)

    def facts(self) -> tuple[EntryPoint, ...]:
        """What users start first, then what developers do; nearest to the root first; examples last."""
        return tuple(
            sorted(
                self._found,
                key=_rank,
            )[: self._listed]
        )

    def kinds(self) -> tuple[KindCount, ...]:
        """How many there are of each kind."""
        return tuple(KindCount(kind=kind, count=self._kinds[kind]) for kind in _ORDER if self._kinds[kind])

    def routes(self) -> tuple[Routes, ...]:
        """Frameworks with the most routes first."""
        found = [Routes(framework=name, routes=routes, files=files) for name, (routes, files) in self._routes.items()]
        return tuple(sorted(found, key=lambda each: (-each.routes, each.framework)))

    def _of(self, file: SourceFile) -> Iterator[EntryPoint]:
        reader = self._readers.get(file.name)
        language = file.language.name if file.language is not None else ""
        if reader is not None:
            yield from reader(file)
        elif file.python is not None:
            yield from _python(file)
        elif language == "Makefile":
            yield from _makefile(file)
        elif language == "Just":
            yield from _unique(file, "just recipe", _RECIPE)
        elif language == "Dockerfile":
            yield from _dockerfile(file)
        elif re.fullmatch(r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml", file.name):
            yield from _compose(file)
        elif language == "Go":
            yield from _go(file)
        elif language in _MAINS and not re.search(r"[Tt]est", file.name):
            yield from _main(file, _MAINS[language], language)

    def _count_routes(self, file: SourceFile) -> None:
        framework, routes = "", 0
        language = file.language.name if file.language is not None else ""
        if file.python is not None:
            asked = {each.module.split(".")[0] for each in file.python.imports}
            framework = next((name for module, name in _FRAMEWORKS.items() if module in asked), "")
            routes = file.python.routes if framework else 0
            if not routes and file.name == "urls.py" and "django" in asked:
                framework, routes = "Django", len(_DJANGO.findall(file.code()))
        elif language in {"JavaScript", "TypeScript"} and not re.search(r"[._-](?:test|spec)\.", file.name):
            routes = len(_EXPRESS.findall(file.code()))
            framework = "Fastify" if _FASTIFY.search(file.text) else "Express"
        elif language in {"Java", "Kotlin"}:
            framework, routes = "Spring", len(_SPRING.findall(file.code()))
        if routes:
            sums = self._routes.setdefault(framework, [0, 0])
            sums[0] += routes
            sums[1] += 1


def _rank(each: EntryPoint) -> tuple[bool, int, int, str, int, str]:
    path = each.place.path
    aside = role_of(path.rpartition("/")[0]) in {"examples", "benchmarks", "documentation"}
    return aside, _ORDER.index(each.kind), path.count("/"), path, each.place.line, each.name


def _point(kind: EntryKind, name: str, target: str, file: SourceFile, number: int = 0) -> EntryPoint:
    return EntryPoint(
        kind=kind, name=line(name, limit=80), target=line(target), place=Place(path=file.path, line=number)
    )


def _pyproject(file: SourceFile) -> Iterator[EntryPoint]:
    whole: dict[str, object] = {}
    with suppress(Unreadable):
        whole = toml(file.text)
    project, poetry = table(whole.get("project")), table(table(whole.get("tool")).get("poetry"))
    for owner, key in ((project, "scripts"), (project, "gui-scripts"), (poetry, "scripts")):
        for name, target in table(owner.get(key)).items():
            yield _point("command", name, target if isinstance(target, str) else "", file)


def _setup_cfg(file: SourceFile) -> Iterator[EntryPoint]:
    parser = configparser.RawConfigParser(strict=False)
    with suppress(configparser.Error):
        parser.read_string(file.text)
        for kind in ("console_scripts", "gui_scripts"):
            for each in parser.get("options.entry_points", kind, fallback="").splitlines():
                name, equals, target = each.partition("=")
                if equals:
                    yield _point("command", name.strip(), target.strip(), file)


def _package_json(file: SourceFile) -> Iterator[EntryPoint]:
    whole: dict[str, object] = {}
    with suppress(Unreadable):
        whole = read_json(file.text)
    commands = whole.get("bin")
    if isinstance(commands, str):
        yield _point("command", str(whole.get("name") or ""), commands, file)
    for name, target in table(commands).items():
        yield _point("command", name, str(target), file)
    for name, target in table(whole.get("scripts")).items():
        yield _point("npm script", name, str(target), file)


def _cargo(file: SourceFile) -> Iterator[EntryPoint]:
    whole: dict[str, object] = {}
    with suppress(Unreadable):
        whole = toml(file.text)
    programs = whole.get("bin")
    for program in programs if isinstance(programs, list) else []:
        words = table(program)
        yield _point("command", str(words.get("name") or ""), str(words.get("path") or ""), file)


def _procfile(file: SourceFile) -> Iterator[EntryPoint]:
    for match in _PROCESS.finditer(file.text):
        yield _point("process", match.group(1), match.group(2), file, _line_of(file.text, match.start()))


def _python(file: SourceFile) -> Iterator[EntryPoint]:
    python = file.python
    assert python is not None
    if file.name == "__main__.py" and file.folder:
        yield _point("module", f"python -m {_module(file.folder)}", "", file)
    elif python.main:
        yield _point("script", file.name, "", file, python.main)
    for application in python.applications:
        yield _point("web application", application.name, application.framework, file, application.line)
    if file.name == "setup.py":
        yield from _setup_py(file)


def _setup_py(file: SourceFile) -> Iterator[EntryPoint]:
    with suppress(SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        for node in ast.walk(ast.parse(file.text)):
            if isinstance(node, ast.keyword) and node.arg == "entry_points":
                said = ast.literal_eval(node.value)
                for each in said.get("console_scripts", []) if isinstance(said, dict) else []:
                    name, _, target = str(each).partition("=")
                    yield _point("command", name.strip(), target.strip(), file, node.value.lineno)


def _makefile(file: SourceFile) -> Iterator[EntryPoint]:
    seen = set()
    for match in _TARGET.finditer(file.text):
        name = match.group(1)
        if name not in seen and "." not in name and "/" not in name:
            seen.add(name)
            yield _point("make target", name, match.group(2) or "", file, _line_of(file.text, match.start()))


def _unique(file: SourceFile, kind: EntryKind, pattern: re.Pattern[str]) -> Iterator[EntryPoint]:
    seen = set()
    for match in pattern.finditer(file.text):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            yield _point(kind, match.group(1), "", file, _line_of(file.text, match.start()))


def _dockerfile(file: SourceFile) -> Iterator[EntryPoint]:
    for match in _CONTAINER.finditer(file.text):
        yield _point("container", match.group(1).upper(), match.group(2), file, _line_of(file.text, match.start()))


def _compose(file: SourceFile) -> Iterator[EntryPoint]:
    """Services by their indentation: the first level below `services:`."""
    inside, level, name, start, target = False, 0, "", 0, ""
    for number, each in enumerate([*file.text.splitlines()[:5_000], "end:"], 1):
        words = each.strip()
        if not words or words.startswith("#"):
            continue
        indent = len(each) - len(each.lstrip())
        if indent == 0 or (inside and level and indent == level):
            if name:
                yield _point("service", name, target, file, start)
            name, target = "", ""
            if indent == 0:
                inside, level = words.split("#")[0].strip() == "services:", 0
                continue
        if not inside:
            continue
        level = level or indent
        if indent == level:
            name, start = words.split(":")[0].strip("\"' "), number
        elif words.startswith(("command:", "image:")) and not (target and words.startswith("image:")):
            target = words.partition(":")[2].strip()


def _go(file: SourceFile) -> Iterator[EntryPoint]:
    match = _GO_MAIN.search(file.text)
    if match and _GO_PACKAGE.search(file.text) and not file.name.endswith("_test.go"):
        yield _point(
            "program", file.folder.rpartition("/")[2] or "main", "Go", file, _line_of(file.text, match.start())
        )


def _main(file: SourceFile, pattern: re.Pattern[str], language: str) -> Iterator[EntryPoint]:
    match = pattern.search(file.code())
    if match:
        begin = match.start() + len(match.group()) - len(match.group().lstrip())
        yield _point("program", file.name, language, file, _line_of(file.code(), begin))


def _module(folder: str) -> str:
    parts = folder.split("/")
    if "src" in parts:
        parts = parts[parts.index("src") + 1 :] or parts
    return ".".join(parts)


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
