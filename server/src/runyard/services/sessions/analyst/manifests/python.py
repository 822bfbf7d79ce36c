"""Python's manifests: pyproject.toml, setup.cfg, setup.py, requirements files, Pipfile."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
import warnings
from collections.abc import Iterable
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from runyard.services.sessions.analyst.facts import Dependency
from runyard.services.sessions.analyst.manifests.reading import Found, Unreadable, dependency, table, text, texts

_LINES: Final = 20_000
_LONGEST: Final = 1_000
_DEEP: Final = re.compile(r"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){64}""")
_NAMED: Final = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?)(.*)")
_OPTION: Final = re.compile(r"\s--?[a-z]")
_DEVELOPMENT: Final = frozenset({"dev", "devel", "develop", "development", "test", "tests", "testing", "lint", "docs", "doc", "typing"})  # fmt: skip  # noqa: E501


def toml(content: str) -> dict[str, object]:
    """A TOML file's tables."""
    if _DEEP.search(content):
        raise Unreadable("a key has more than 64 parts")  # the parser would take a square of their number
    try:
        return tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise Unreadable(f"not readable as TOML: {error}") from error


def pyproject(content: str) -> Found:
    """The tables `project` and `dependency-groups`, and Poetry's."""
    whole = toml(content)
    project, tool = table(whole.get("project")), table(whole.get("tool"))
    poetry = table(tool.get("poetry"))
    runtime = list(_all(texts(project.get("dependencies"))))
    runtime += _poetry(poetry.get("dependencies"))
    development: list[Dependency] = []
    optional: list[Dependency] = []
    for name, words in table(project.get("optional-dependencies")).items():
        (development if name in _DEVELOPMENT else optional).extend(_all(texts(words), group=name))
    for name, words in table(whole.get("dependency-groups")).items():
        development += _all(texts(words), group=name)
    development += _poetry(poetry.get("dev-dependencies"), group="dev")
    for name, group in table(poetry.get("group")).items():
        development += _poetry(table(group).get("dependencies"), group=name)
    return Found(
        name=text(project.get("name")) or text(poetry.get("name")),
        licence=_licence(project.get("license")) or text(poetry.get("license")),
        runtime=runtime,
        development=development,
        optional=optional,
        project=bool(project or poetry),
    )


def setup_cfg(content: str) -> Found:
    """The sections `metadata`, `options` and `options.extras_require`."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(content)
    except configparser.Error as error:
        raise Unreadable(f"not readable as setup.cfg: {error}") from error
    development: list[Dependency] = []
    optional: list[Dependency] = []
    if parser.has_section("options.extras_require"):
        for name, words in parser.items("options.extras_require"):
            (development if name in _DEVELOPMENT else optional).extend(_all((words or "").splitlines(), group=name))
    return Found(
        name=text(parser.get("metadata", "name", fallback="")),
        licence=text(parser.get("metadata", "license", fallback="")),
        runtime=list(_all(parser.get("options", "install_requires", fallback="").splitlines())),
        development=development,
        optional=optional,
        project=parser.has_section("metadata") or parser.has_section("options"),
    )


def setup_py(content: str) -> Found:
    """The call of `setup()`, as far as its arguments are written out; nothing is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"not readable as Python: {type(error).__name__}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (
            getattr(node.func, "id", "") == "setup" or getattr(node.func, "attr", "") == "setup"
        ):
            return _setup(node)
    return Found()


def _setup(call: ast.Call) -> Found:
    said: dict[str, object] = {}
    computed = []
    for word in call.keywords:
        try:
            said[word.arg or ""] = ast.literal_eval(word.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            if word.arg in {"install_requires", "extras_require"}:
                computed.append(word.arg)
    development: list[Dependency] = []
    optional: list[Dependency] = []
    for name, words in table(said.get("extras_require")).items():
        (development if name in _DEVELOPMENT else optional).extend(_all(texts(words), group=name))
    return Found(
        name=text(said.get("name")),
        licence=text(said.get("license")),
        runtime=list(_all(texts(said.get("install_requires")))),
        development=development,
        optional=optional,
        project=True,
        problem=f"{', '.join(computed)} is computed when setup.py runs" if computed else "",
    )


def requirements(content: str) -> Found:
    """A list for pip. Files it refers to are manifests of their own."""
    lines = content.replace("\\\n", " ").splitlines()
    return Found(
        runtime=list(_all(lines[:_LINES])),
        problem=f"it has {len(lines):,} lines, of which {_LINES:,} were read" if len(lines) > _LINES else "",
    )


def pipfile(content: str) -> Found:
    """The tables `packages` and `dev-packages`."""
    whole = toml(content)
    return Found(
        runtime=_poetry(whole.get("packages")),
        development=_poetry(whole.get("dev-packages"), group="dev"),
        project=True,
    )


def _all(lines: Iterable[str], *, group: str = "") -> Iterable[Dependency]:
    for each in lines:
        found = _requirement(each, group)
        if found is not None:
            yield found


def _requirement(words: str, group: str) -> Dependency | None:
    words = words.split(" #", maxsplit=1)[0].strip()
    option = _OPTION.search(words)
    if option is not None and not words.startswith("-"):  # --hash=... behind a requirement
        words = words[: option.start()].strip()
    if not words or words.startswith(("#", "-")) or len(words) > _LONGEST:
        return None
    try:
        parsed = Requirement(words)
    except InvalidRequirement:
        match = _NAMED.match(words)
        return dependency(match.group(1), match.group(2).strip(), group) if match else None
    return dependency(parsed.name, str(parsed.specifier) or (f"@ {parsed.url}" if parsed.url else ""), group)


def _poetry(packages: object, *, group: str = "") -> list[Dependency]:
    found = []
    for name, wanted in table(packages).items():
        if name == "python":
            continue
        version = wanted if isinstance(wanted, str) else table(wanted).get("version", "")
        found.append(dependency(name, version, group))
    return found


def _licence(value: object) -> str:
    return text(value) or text(table(value).get("text"))
