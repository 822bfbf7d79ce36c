"""Of what a model writes, only what the facts say as well is kept."""

from __future__ import annotations

import pytest

from runyard.services.sessions.analyst import Analysis, brief, checked

from .analyst_repositories import APPLICATION, commit, facts_of, repository


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = repository(tmp_path_factory.mktemp("a") / "orders", APPLICATION)
    commit(folder, "Second", {"src/orders/model.py": "x = 1\n"}, author="Grace")
    return Analysis(repositories=(facts_of(folder),))


TRUE = [
    "There are 23 files in 10 folders.",
    "The repository orders has 23 files.",
    "It has 2 commits by 2 authors.",
    "The repository contains two commits and two authors.",
    "pytest finds 3 tests in 1 test file.",
    "The main language is Python.",
    "The licence is MIT.",
    "It has 3 runtime dependencies, and 3 development dependencies.",
    "At runtime it needs httpx, rich and express.",
    "FastAPI has 2 routes in `src/orders/web.py`.",
    "Most of the code is in `src/orders`.",
]
FALSE = [
    "There are 24 files in 10 folders.",  # a wrong figure
    "There are 10 files.",  # a figure of something else
    "There are 23 folders.",
    "There are 2 files by 23 authors.",
    "3 tests are in 23 files.",  # two figures that don't belong together
    "It has twenty commits.",
    "There are hundreds of tests.",
    "It has 2 runtime dependencies.",  # that is the figure of one manifest
    "There are no tests.",
    "It has no licence.",
    "It comes without any dependencies.",
    "The project does not contain tests.",
    "The main language is Rust.",  # names the facts don't have
    "It uses django and httpx.",
    "It is written by Linus Torvalds.",
    "The licence is GPL-3.0.",
    "The code is in `src/payments`.",
    "See src/payments/main.py for the code.",
    "Version 2.1.7 added two commits.",
    "The code is well tested and secure.",  # judgements
    "It is built on top of a web server, which allows for remote work.",  # words that nobody said
    "The code is a security breach.",
    "I found 23 files.",  # chat
    "Here is a summary of the repository:",
    "Would you like to see more files?",
    "There are 23 files in",  # not finished
    "Summary",
]


@pytest.mark.parametrize("sentence", TRUE)
def test_what_the_facts_say_is_kept(analysis: Analysis, sentence: str):
    assert checked(sentence, analysis) == sentence


@pytest.mark.parametrize("sentence", FALSE)
def test_what_the_facts_do_not_say_is_dropped(analysis: Analysis, sentence: str):
    assert checked(sentence, analysis) == ""


def test_a_true_sentence_survives_its_false_neighbours(analysis: Analysis):
    prose = "Sure! There are 23 files in 10 folders. It is used by 9,000 users. The licence is MIT.\n\n- The main language is Cobol."
    assert checked(prose, analysis) == "There are 23 files in 10 folders. The licence is MIT."


def test_what_is_said_twice_is_kept_once(analysis: Analysis):
    assert checked("The licence is MIT. " * 50, analysis) == "The licence is MIT."


def test_three_sentences_are_enough(analysis: Analysis):
    assert checked(" ".join(TRUE), analysis) == " ".join(TRUE[:3])


def test_what_a_readme_claims_is_no_figure(tmp_path):
    folder = repository(tmp_path / "r", {"README.md": "# Tool\n\nUsed by 500 users in 70 files.\n", "a.py": "x = 1\n"})
    analysis = Analysis(repositories=(facts_of(folder),))
    assert checked("The repository has 70 files.", analysis) == ""
    assert checked("The repository has 2 files.", analysis) == "The repository has 2 files."


def test_nothing_and_endless_prose_are_survived(analysis: Analysis):
    assert checked("", analysis) == ""
    assert checked("a" * 1_000_000, analysis) == ""
    assert checked("There are " * 100_000, analysis) == ""


@pytest.mark.parametrize(
    "task",
    ["Analyze the repository structure and provide a summary", "Review this code for security issues", "Hello world"],
)
def test_the_question_for_the_model_is_short_and_of_facts(analysis: Analysis, task: str):
    prompt = brief(analysis, task)
    assert len(prompt) < 1_300
    notes = prompt.split("Notes:")[-1].split("Paragraph:")[0].strip().splitlines()
    assert notes
    for note in notes:
        assert checked(f"{note.removeprefix('- ').rstrip('.')}.", analysis)


def test_many_repositories_share_the_room(analysis: Analysis):
    many = Analysis(repositories=analysis.repositories * 5)
    assert len(brief(many, "Give me a summary")) < 1_300
