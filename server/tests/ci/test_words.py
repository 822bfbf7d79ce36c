"""The tables between the ground floor's words and the service's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from runyard.jobs import State
from runyard.sandbox import Exit
from runyard.services.ci import api
from runyard.services.ci.report import Summary
from runyard.services.ci.verdict import verdict
from runyard.services.ci.words import RAN, Reason, Status, select, status_of, success_of

CONTRACT = Path(__file__).parents[3] / "docs" / "reference" / "ci-http.md"


@pytest.mark.parametrize(
    ("exit_", "reason"),
    [
        (Exit(code=0), None),
        (Exit(code=1), "tests_failed"),
        (Exit(code=2), "collection_failed"),
        (Exit(code=3), "pytest_error"),
        (Exit(code=4), "pytest_error"),
        (Exit(code=5), "no_tests"),
        (Exit(code=77), "pytest_error"),
        (Exit(code=-9), "killed"),
        (Exit(code=-15, limit="wall"), "timeout"),
        (Exit(code=-15, limit="silence"), "silence"),
        (Exit(code=-9, limit="memory"), "memory"),
        (Exit(code=-9, limit="processes"), "processes"),
        (Exit(code=-9, limit="disk"), "disk"),
        (Exit(code=1, limit="file_size"), "disk"),
    ],
)
def test_every_end_of_a_process_has_its_reason(exit_: Exit, reason: str | None) -> None:
    found = verdict(exit_, None, reported=True)
    assert (found and found[0]) == reason


def test_an_exit_before_pytest_has_finished_is_no_pass() -> None:
    found = verdict(Exit(code=0), None, reported=False)
    assert found is not None
    assert found[0] is Reason.PYTEST_ERROR


def test_failed_tests_are_counted() -> None:
    tests = Summary(passed=1, failed=2, errors=1, skipped=0, total=4, duration=0.1)
    assert verdict(Exit(code=1), tests, reported=True) == (Reason.TESTS_FAILED, "3 of 4 tests failed.")


def test_the_contract_names_every_reason_with_its_status() -> None:
    section = CONTRACT.read_text().split("## Reasons")[1].split("\n## ")[0]
    rows = {}
    for names, status in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\w+) \|", section, re.MULTILINE):
        rows |= dict.fromkeys(re.findall(r"`(\w+)`", names), status)
    del rows["reason"]  # the heading
    ours = {str(reason): str(status_of(State.FAILED, reason)) for reason in Reason}
    assert rows == ours | {"worker_lost": "failed", "internal": "failed", "cancelled": "cancelled"}


def test_the_contract_names_every_route() -> None:
    named = set(re.findall(r"^\| (GET|POST) `([^`]+)`", CONTRACT.read_text(), re.MULTILINE))
    ours = {
        (method, route.path.replace("job_id", "id").replace("{name:path}", "{name}"))
        for route in api.routes.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert named == ours


@pytest.mark.parametrize("status", Status)
def test_what_is_selected_has_the_status(status: Status) -> None:
    selection = select([status])
    for state in State:
        for reason in (None, *Reason) if state is State.FAILED else (None,):
            chosen = state in selection.states
            if state is State.FAILED and selection.failed_with is not None:
                chosen = chosen and reason in selection.failed_with
            if state is State.FAILED and selection.failed_without is not None:
                chosen = chosen and reason not in selection.failed_without
            assert chosen == (status_of(state, reason) is status), (state, reason)


def test_success_is_open_until_the_end() -> None:
    assert {state: success_of(state) for state in State} == {
        State.QUEUED: None, State.RUNNING: None, State.WAITING: None,
        State.SUCCEEDED: True, State.FAILED: False, State.CANCELLED: False,
    }  # fmt: skip
    assert Reason.TIMEOUT not in RAN
