"""A small application with one thing of each kind: every figure, counted by hand."""

from __future__ import annotations

import pytest

from runyard.services.sessions.analyst import (
    Analysis,
    LocalGit,
    Repository,
    RepositoryFacts,
    analyse,
    as_json,
    from_json,
)

from .analyst_repositories import APPLICATION, facts_of, git, repository, write


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> RepositoryFacts:
    folder = repository(tmp_path_factory.mktemp("a") / "orders", APPLICATION)
    write(folder, {"leftover.py": "x = 1\n", "build/a/b.py": "x = 1\n"})  # never added
    return facts_of(folder)


def test_files_are_those_of_the_commit(facts: RepositoryFacts):
    assert facts.inventory.files == len(APPLICATION)
    assert facts.inventory.size == sum(len(content.encode()) for content in APPLICATION.values())
    assert facts.inventory.untracked == 2


def test_what_nobody_here_wrote_is_told_apart(facts: RepositoryFacts):
    counts = {each.nature: each.files for each in facts.inventory.natures}
    assert counts == {"text": len(APPLICATION) - 3, "generated": 1, "vendored": 1, "minified": 1}


def test_the_largest_file_comes_first(facts: RepositoryFacts):
    sizes = sorted(((len(content.encode()), name) for name, content in APPLICATION.items()), reverse=True)
    assert [each.size for each in facts.inventory.largest] == [size for size, _ in sizes[:10]]


def test_lines_of_python_are_code_comment_or_blank(facts: RepositoryFacts):
    python = next(each for each in facts.languages if each.name == "Python")
    sources = [text for name, text in APPLICATION.items() if name.endswith(".py") and "pb2" not in name]
    assert python.files == len(sources)
    assert python.lines == sum(len(text.splitlines()) for text in sources)
    assert python.blank == sum(not line.strip() for text in sources for line in text.splitlines())
    assert python.comment == 2 + 4  # two comments, four docstrings of one line


def test_folders_say_what_they_are_for(facts: RepositoryFacts):
    roles = {folder.path: folder.role for folder in facts.structure}
    assert roles | {
        "src": "source", "src/orders": "source", "tests": "tests", "docs": "documentation", ".github": "automation",
        "web/node_modules": "vendored", "proto": "generated",
    } == roles  # fmt: skip


def test_entry_points_are_found_where_they_are_declared(facts: RepositoryFacts):
    found = {(each.kind, each.name, str(each.place)) for each in facts.entry_points}
    assert found == {
        ("command", "orders", "pyproject.toml"),
        ("command", "shop", "web/package.json"),
        ("npm script", "start", "web/package.json"),
        ("module", "python -m orders", "src/orders/__main__.py"),
        ("script", "cli.py", "src/orders/cli.py:10"),
        ("web application", "app", "src/orders/web.py:3"),
        ("container", "ENTRYPOINT", "Dockerfile:3"),
        ("service", "web", "compose.yaml:2"),
        ("service", "db", "compose.yaml:5"),
        ("make target", "test", "Makefile:4"),
    }
    assert sum(each.count for each in facts.entry_point_kinds) == len(found)


def test_routes_are_counted_by_framework(facts: RepositoryFacts):
    assert {(each.framework, each.routes, each.files) for each in facts.routes} == {
        ("FastAPI", 2, 1),
        ("Express", 2, 1),
    }


def test_dependencies_are_the_direct_ones(facts: RepositoryFacts):
    by_path = {manifest.path: manifest for manifest in facts.manifests}
    python, script = by_path["pyproject.toml"], by_path["web/package.json"]
    assert [(each.name, each.version) for each in python.runtime] == [("httpx", ">=0.28"), ("rich", "")]
    assert [(each.name, each.group) for each in python.development] == [("pytest", "test"), ("ruff", "dev")]
    assert [each.name for each in python.optional] == ["obstore"]
    assert [each.name for each in script.runtime] == ["express"]
    assert [each.name for each in script.development] == ["vitest"]
    assert python.lockfile == script.lockfile == ""


def test_tests_are_those_their_framework_finds(facts: RepositoryFacts):
    assert {(each.framework, each.files, each.functions, each.folders) for each in facts.tests} == {
        ("pytest", 1, 3, ("tests",)),
        ("Vitest", 1, 2, ("web",)),
    }


def test_the_licence_is_known_by_its_text(facts: RepositoryFacts):
    assert [(each.spdx, each.path, each.declared) for each in facts.licences] == [
        ("MIT", "LICENSE", False), ("MIT", "pyproject.toml", True), ("MIT", "web/package.json", True),
    ]  # fmt: skip


def test_remarks_stand_in_comments(facts: RepositoryFacts):
    assert [(each.marker, str(each.place), each.text) for each in facts.remarks.first] == [
        ("TODO", "src/orders/cli.py:6", "say something"),
        ("FIXME", "src/orders/model.py:3", "money is no float"),
    ]
    assert facts.remarks.total == 2


def test_the_readme_opens_with_its_first_paragraph(facts: RepositoryFacts):
    said = facts.documentation
    assert (said.readme, said.title) == ("README.md", "Orders")
    assert said.paragraph == "Takes orders and ships them. It never loses one."
    assert said.folders == ("docs",)
    assert said.pages == ("CHANGELOG.md",)


def test_automation_is_known_by_its_files(facts: RepositoryFacts):
    assert [(each.name, each.path) for each in facts.automation.ci] == [
        ("GitHub Actions", ".github/workflows/test.yml")
    ]
    assert [each.name for each in facts.automation.style] == ["Ruff", "mypy"]


def test_places_to_look_at_are_named(facts: RepositoryFacts):
    assert {(each.kind, str(each.place), each.severity) for each in facts.exposures.first} == {
        ("an environment file is committed", ".env", "high"),
        ("a subprocess goes through a shell", "src/orders/store.py:8", "medium"),
        ("the container runs as root", "Dockerfile", "medium"),
        ("a base image without a fixed version", "Dockerfile:1", "low"),
    }
    assert (facts.exposures.total, facts.exposures.outside, facts.exposures.high) == (4, 4, 1)


def test_the_inside_of_python_is_known(facts: RepositoryFacts):
    python = facts.python
    assert python is not None
    assert (python.modules, python.packages, python.classes) == (7, 1, 3)
    assert python.functions == 2 + 1 + 1 + 2 + 6
    assert (python.public, python.documented) == (6, 2)  # Order, total, main, save, orders, order
    assert (python.annotated, python.functions_outside_tests) == (2, 6)
    assert python.cycles == (("orders.cli", "orders.store"),)
    assert [(each.package, each.names, each.declared) for each in python.api] == [("orders", ("Order",), True)]


def test_nothing_is_unseen(facts: RepositoryFacts):
    assert facts.unseen == ()


def test_facts_survive_their_journey_as_json(facts: RepositoryFacts):
    analysis = Analysis(repositories=(facts,))
    assert from_json(as_json(analysis)) == analysis


def test_several_repositories_are_analysed_apart(tmp_path):
    one = repository(tmp_path / "one", {"a.py": "x = 1\n"})
    two = repository(tmp_path / "two", {"b.go": "package main\n\nfunc main() {}\n"})
    found = analyse(*(Repository(name=each.name, path=each, git=LocalGit(each)) for each in (one, two)))
    assert [(each.name, [language.name for language in each.languages]) for each in found.repositories] == [
        ("one", ["Python"]), ("two", ["Go"]),
    ]  # fmt: skip


def test_a_folder_without_git_counts_all_that_lies_there(tmp_path):
    found = facts_of(write(tmp_path, {"a.py": "x = 1\n", "b.txt": "words\n"}))
    assert found.inventory.files == 2
    assert found.inventory.untracked is None
    assert found.unseen == ("The history could not be read: git was not asked.",)


def test_attributes_say_what_is_vendored_and_generated(tmp_path):
    files = {
        ".gitattributes": "libs/** linguist-vendored\n*.auto.py linguist-generated=true\nvendor/ours/** -linguist-vendored\n",
        "libs/x/a.py": "x = 1\n", "b.auto.py": "x = 1\n", "vendor/ours/c.py": "x = 1\n", "vendor/d.py": "x = 1\n",
    }  # fmt: skip
    counts = {each.nature: each.files for each in facts_of(repository(tmp_path / "r", files)).inventory.natures}
    assert counts == {"text": 2, "generated": 1, "vendored": 2}


def test_a_repository_without_commits_has_no_history_and_no_files(tmp_path):
    git(tmp_path, "init", "--quiet")
    write(tmp_path, {"a.py": "x = 1\n"})
    found = facts_of(tmp_path)
    assert found.inventory.files == 0
    assert found.inventory.untracked == 1
    assert found.history.problem == "git rev-list ended with exit code 128"
