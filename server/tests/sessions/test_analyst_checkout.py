"""This very checkout: the analyst's figures against counts that are made in another way."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from pathlib import Path

import pytest

from runyard.services.sessions.analyst import RepositoryFacts

from .analyst_repositories import facts_of, git

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone, because others may be writing in this one."""
    if git(ROOT, "rev-parse", "--is-shallow-repository").strip() == "true":
        pytest.skip("a shallow checkout")
    folder = tmp_path_factory.mktemp("checkout") / "runyard"
    git(ROOT, "clone", "--quiet", "--shared", str(ROOT), str(folder))
    return folder


@pytest.fixture(scope="module")
def facts(checkout: Path) -> RepositoryFacts:
    return facts_of(checkout)


@pytest.fixture(scope="module")
def files(checkout: Path) -> list[Path]:
    return [checkout / name for name in git(checkout, "ls-files", "-z").split("\0") if name]


@pytest.fixture(scope="module")
def source(checkout: Path) -> RepositoryFacts:
    """The server alone: no program wrote a part of it."""
    return facts_of(checkout / "server")


@pytest.fixture(scope="module")
def modules(checkout: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in (checkout / "server").rglob("*.py")}


@pytest.fixture(scope="module")
def nodes(modules: dict[Path, str]) -> list[ast.AST]:
    return [node for text in modules.values() for node in ast.walk(ast.parse(text))]


def test_files_and_bytes_are_those_git_has(facts: RepositoryFacts, files: list[Path]):
    assert facts.inventory.files == len(files)
    assert facts.inventory.size == sum(path.lstat().st_size for path in files if not path.is_symlink())
    assert facts.inventory.count("link") == sum(path.is_symlink() for path in files)


def test_folders_are_those_with_files(facts: RepositoryFacts, checkout: Path, files: list[Path]):
    folders = {parent for path in files for parent in path.relative_to(checkout).parents} - {Path()}
    assert facts.inventory.folders == len(folders)


def test_lines_of_python_are_what_the_tokenizer_says(source: RepositoryFacts, modules: dict[Path, str]):
    counted: Counter[str] = Counter()
    for text in modules.values():
        counted += lines_by_tokens(text)
    python = next(each for each in source.languages if each.name == "Python")
    assert python.files == len(modules)
    assert {"code": python.code, "comment": python.comment, "blank": python.blank} == dict(counted)


def lines_by_tokens(text: str) -> Counter[str]:
    """Code, comment and blank lines by Python's own tokenizer; docstrings by its own parser."""
    lines = text.split("\n")[: text.count("\n") + (not text.endswith("\n") and bool(text))]
    code: set[int] = set()
    dull = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
        tokenize.ENCODING,
    }
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in dull:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            first = node.body[0]
            starts_line = not lines[first.lineno - 1][: first.col_offset].strip()
            begin = first.lineno if starts_line else first.lineno + 1
            code -= set(range(begin, first.end_lineno + 1))
    blank = {number for number, line in enumerate(lines, 1) if not line.strip()}
    code -= blank
    return Counter(code=len(code), blank=len(blank), comment=len(lines) - len(code) - len(blank))


def test_functions_and_classes_are_those_of_the_trees(
    source: RepositoryFacts, modules: dict[Path, str], nodes: list[ast.AST]
):
    kinds = Counter(type(node).__name__ for node in nodes)
    python = source.python
    assert python is not None
    assert python.modules == len(modules)
    assert python.functions == kinds["FunctionDef"] + kinds["AsyncFunctionDef"]
    assert python.classes == kinds["ClassDef"]
    assert python.packages == sum(path.name == "__init__.py" for path in modules)
    assert python.unparsed_count == 0


def test_the_longest_function_is_the_longest(source: RepositoryFacts, nodes: list[ast.AST]):
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = sorted((node.end_lineno - node.lineno + 1 for node in functions), reverse=True)
    assert source.python is not None
    assert [each.lines for each in source.python.longest] == lengths[:10]


def test_tests_are_as_many_as_begin_so_at_the_top_or_in_a_class(source: RepositoryFacts, modules: dict[Path, str]):
    tests = 0
    files = 0
    for path, text in modules.items():
        if re.fullmatch(r"test_.*\.py|.*_test\.py", path.name):
            bodies = [ast.parse(text).body]
            bodies += [
                node.body for node in bodies[0] if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
            ]
            found = sum(
                getattr(node, "name", "").startswith("test")
                for body in bodies
                for node in body
                if not isinstance(node, ast.ClassDef)
            )
            tests += found
            files += bool(found)
    suite = next(each for each in source.tests if each.framework == "pytest")
    assert (suite.files, suite.functions) == (files, tests)


def test_history_is_what_git_says(facts: RepositoryFacts, checkout: Path):
    past = facts.history
    assert past.commits == int(git(checkout, "rev-list", "--count", "HEAD"))
    assert past.merges == int(git(checkout, "rev-list", "--count", "--merges", "HEAD"))
    authors = [line.split("\t") for line in git(checkout, "shortlog", "-sn", "HEAD").splitlines()]
    assert {each.name: each.commits for each in past.authors} == {name: int(count) for count, name in authors[:20]}
    assert past.author_count == len(authors)
    assert past.last is not None
    assert past.last.id == git(checkout, "rev-parse", "HEAD").strip()
    assert past.first is not None
    assert past.first.id in git(checkout, "rev-list", "--max-parents=0", "HEAD").split()


def test_hot_files_changed_as_often_as_git_follows_them(facts: RepositoryFacts, checkout: Path):
    for hot in facts.history.hot[:5]:
        commits = git(checkout, "log", "--follow", "--no-merges", "--format=%H", "--", hot.path).split()
        assert hot.commits == len(commits), hot.path


def test_routes_are_as_many_as_decorators(source: RepositoryFacts, modules: dict[Path, str]):
    declared = re.compile(
        r"^\s*@\w+(?:\.\w+)*\.(?:get|post|put|patch|delete|head|options|websocket|route|api_route)\(\s*\"(?:/[^\"]*)?\"",
        re.MULTILINE,
    )
    outside = [
        text for path, text in modules.items() if not {"tests", "test"} & set(path.parts[-8:-1]) and "fastapi" in text
    ]
    assert sum(each.routes for each in source.routes if each.framework == "FastAPI") == sum(
        len(declared.findall(text)) for text in outside
    )


def test_what_is_known_of_this_project_is_found(facts: RepositoryFacts):
    assert facts.licences[0].spdx == "Apache-2.0"
    assert facts.documentation.title == "Runyard"
    assert {"runyard", "ci"} <= {each.name for each in facts.entry_points if each.kind == "command"}
    assert {"test", "lint", "demo"} <= {each.name for each in facts.entry_points if each.kind == "make target"}
    assert {"Ruff", "mypy", "import-linter"} <= {each.name for each in facts.automation.style}
    server = next(each for each in facts.manifests if each.path == "server/pyproject.toml")
    assert "fastapi" in {each.name for each in server.runtime}
    assert facts.unseen == ()
