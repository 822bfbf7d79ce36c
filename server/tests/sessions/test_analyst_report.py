"""The report: what was asked comes first, every figure is a fact's, and nothing else is said."""

from __future__ import annotations

import re

import msgspec
import pytest

from runyard.services.sessions.analyst import Analysis, RepositoryFacts, answers, markdown, summary, topics

from .analyst_repositories import APPLICATION, facts_of, repository


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> RepositoryFacts:
    return facts_of(repository(tmp_path_factory.mktemp("a") / "orders", APPLICATION))


@pytest.mark.parametrize(
    ("task", "first"),
    [
        ("Analyze the repository structure and provide a summary", "structure"),
        ("Review this code for security issues", "security"),
        ("Are there any leaked secrets or passwords?", "security"),
        ("How is it tested?", "tests"),
        ("Which dependencies are outdated?", "dependencies"),
        ("Under which licence may I use this?", "licence"),
        ("Who maintains this, and what are the hot spots?", "history"),
        ("List the TODOs", "remarks"),
        ("How do I start the server?", "entry points"),
        ("Find circular imports and propose a refactoring", "design"),
        ("Which languages is it written in?", "languages"),
        ("What CI does it have, is there linting?", "automation"),
        ("What is the largest file?", "size"),
        ("Is the documentation good?", "documentation"),
        ("Hello world", "purpose"),
    ],
)
def test_a_task_is_about_what_its_words_say(task: str, first: str):
    assert topics(task)[0] == first


def test_a_summary_covers_the_usual_topics():
    assert {"structure", "languages", "tests", "dependencies", "licence"} <= set(topics("Give me a summary"))


def test_a_question_about_security_is_not_answered_with_everything():
    assert topics("Review this code for security issues") == ("security",)


def test_every_topic_has_an_answer(facts: RepositoryFacts):
    for task in (
        "security",
        "tests",
        "dependencies",
        "structure",
        "summary",
        "licence",
        "todos",
        "ci",
        "size",
        "docs",
        "design",
    ):
        assert all(answer.sentences for answer in answers(facts, task))


def test_what_was_asked_comes_first(facts: RepositoryFacts):
    page = markdown(Analysis(repositories=(facts,)), "Review this code for security issues")
    assert re.findall(r"^## (.*)", page, re.MULTILINE)[0] == "Security"
    assert page.index("**Security.**") < page.index("## Security")


def test_an_opening_stands_at_the_top(facts: RepositoryFacts):
    assert markdown(Analysis(repositories=(facts,)), "x", opening="It has 23 files.").startswith(
        "It has 23 files.\n\n# orders"
    )


def test_every_figure_of_the_report_is_a_fact(facts: RepositoryFacts):
    page = markdown(Analysis(repositories=(facts,)), "Analyze everything")
    figures = {int(number.replace(",", "")) for number in re.findall(r"(?<![\w.:/=\"~^-])\d[\d,]*(?![\w.:])", page)}
    assert figures
    assert figures <= numbers(facts)


def numbers(facts: RepositoryFacts) -> set[int]:
    """Every number among the facts, lengths of their lists, sums of these, and shares in percent."""
    found: set[int] = set()
    pending: list[object] = [msgspec.to_builtins(facts)]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending.extend(each.values())
        elif isinstance(each, list | tuple):
            found.add(len(each))
            pending.extend(each)
        elif isinstance(each, int):
            found.add(each)
        elif isinstance(each, str):
            found.update(int(number) for number in re.findall(r"\d+", each))
    tests = next(each.code for each in facts.roles if each.role == "tests")
    by_scope = [
        sum(len(getattr(manifest, scope)) for manifest in facts.manifests) for scope in ("runtime", "development")
    ]
    return found | {facts.code, facts.remarks.total, round(100 * tests / facts.code), *by_scope, 0}


def test_tables_have_as_many_cells_as_heads(facts: RepositoryFacts):
    for table in re.findall(r"(?:^\|.*\n)+", markdown(Analysis(repositories=(facts,))), re.MULTILINE):
        assert len({row.replace("\\|", "").count("|") for row in table.splitlines()}) == 1


def test_an_empty_repository_has_a_report(tmp_path):
    page = markdown(
        Analysis(repositories=(facts_of(tmp_path),)), "Analyze the repository structure and provide a summary"
    )
    for sentence in (
        "No tests were found.",
        "No licence was recognized.",
        "0 files",
        "There is no README that says what it is for.",
    ):
        assert sentence in page
    assert "The history could not be read: git was not asked." in page


def test_a_summary_has_the_sentences_and_no_table(facts: RepositoryFacts):
    page = summary(Analysis(repositories=(facts, facts)), "How is it tested?")
    assert page.count("### orders\n\n- **Tests.** pytest finds 3 tests in 1 test file.") == 2
    assert "|" not in page


def test_each_repository_has_its_part(facts: RepositoryFacts):
    assert markdown(Analysis(repositories=(facts, facts))).count("\n# orders") + 1 == 2
