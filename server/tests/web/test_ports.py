"""Which application answers a request."""

from __future__ import annotations

import pytest

from runyard.web.ports import ByPath, ByWord


class Asked:
    """An application that only notes that it was asked."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, *_: object) -> None:
        self.times += 1


async def answers(app, named: dict[str, Asked], path: str) -> str:
    """The name of the application that a path leads to."""
    await app({"type": "http", "path": path}, None, None)
    (name,) = [name for name, each in named.items() if each.times]
    return name


@pytest.mark.parametrize(
    ("path", "name"),
    [("/v1", "v1"), ("/v1/runs", "v1"), ("/v10", "first"), ("/", "first"), ("", "first"), ("/auth/token", "first")],
)
async def test_a_path_leads_to_what_begins_there(path: str, name: str):
    named = {"first": Asked(), "v1": Asked()}
    assert await answers(ByPath(named["first"], {"/v1": named["v1"]}), named, path) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [("/v1/w/runs", "runs"), ("/v1/w/runs/7/x", "runs"), ("/v1/w/other", "first"), ("/v1/w", "first"), ("/", "first")],
)
async def test_a_word_of_a_path_leads_to_its_application(path: str, name: str):
    named = {"first": Asked(), "runs": Asked()}
    assert await answers(ByWord(named["first"], 3, {"runs": named["runs"]}), named, path) == name
