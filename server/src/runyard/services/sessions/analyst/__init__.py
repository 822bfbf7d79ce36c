"""The repository analyst: facts about cloned repositories, a report, and what a task asks about.

It knows folders and git's answers, and nothing of jobs, models or networks. ``analyse(Repository(...))`` gives the
facts, ``markdown`` and ``as_json`` put them on paper, ``brief`` asks a small language model for an opening that
``checked`` keeps true. ``python -m runyard.services.sessions.analyst`` does the analysis in a process of its own.
"""

from runyard.services.sessions.analyst.analyse import Repository, analyse
from runyard.services.sessions.analyst.facts import Analysis, RepositoryFacts
from runyard.services.sessions.analyst.git import LocalGit
from runyard.services.sessions.analyst.history import Git, GitFailed
from runyard.services.sessions.analyst.limits import Limits
from runyard.services.sessions.analyst.prose import brief, checked
from runyard.services.sessions.analyst.questions import Answer, answers, topics
from runyard.services.sessions.analyst.report import as_json, from_json, markdown, summary

__all__ = [
    "Analysis", "Answer", "Git", "GitFailed", "Limits", "LocalGit", "Repository", "RepositoryFacts", "analyse",
    "answers", "as_json", "brief", "checked", "from_json", "markdown",
    "summary", "topics",
]  # fmt: skip
