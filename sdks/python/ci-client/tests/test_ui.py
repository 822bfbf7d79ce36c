"""The full-screen view, driven as a person would, against a real server on a socket."""

from contextlib import asynccontextmanager

import pytest
from textual.widgets import DataTable, Input, RichLog, Static

from ci_client.ui.app import JobBrowser, _span
from ci_client.ui.screens import Help, Question


@asynccontextmanager
async def browsing(ci):
    app = JobBrowser(ci, refresh_every=0.05)
    async with app.run_test(size=(140, 50)) as pilot:
        yield app, pilot


async def until(pilot, condition):
    """Wait for something to be seen on the screen."""
    for _ in range(2000):
        if condition():
            return
        await pilot.pause(0.01)
    pytest.fail("what was waited for did not come")


def rows(app):
    table = app.query_one("#jobs", DataTable)
    return [table.get_row_at(index) for index in range(table.row_count)]


def log(app):
    return [strip.text.rstrip() for strip in app.query_one("#log", RichLog).lines]


def failing(app):
    return str(app.query_one("#failing", Static).render())


async def test_jobs_are_listed_and_the_first_is_followed(ci, finished):
    async with browsing(ci) as (app, pilot):
        await until(pilot, lambda: rows(app) and rows(app)[0][-1])
        assert rows(app)[0][0] == finished.job_id[:8]
        assert rows(app)[0][3:] == ["15s", "1 passed, 1 failed"]
        await until(pilot, lambda: "-- completed --" in log(app))
        assert log(app)[0] == "tests/test_sum.py::test_sum PASSED"
        assert "test_off[1]" in failing(app)


async def test_choosing_another_job_changes_the_log(ci, server, finished):
    other = server.add_job(status="running", success=None, end_time=None)
    other.add({"type": "log", "data": "other line\n"})
    async with browsing(ci) as (app, pilot):
        await until(pilot, lambda: len(rows(app)) == 2 and log(app))
        await pilot.press("down")
        await until(pilot, lambda: "other line" in log(app))
        assert "tests/test_sum.py::test_sum PASSED" not in log(app)
        other.add({"type": "log", "data": "later\n"})
        await until(pilot, lambda: "later" in log(app))


async def test_cancel_asks_first(ci, server):
    job = server.add_job(status="running", success=None)
    async with browsing(ci) as (app, pilot):
        await until(pilot, lambda: rows(app))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, Question))
        assert job.status == "running"
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: not isinstance(app.screen, Question) and rows(app)[0][1] == "cancelled")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: any(note.severity == "error" for note in app._notifications))


@pytest.mark.parametrize(("key", "only_failed"), [("r", False), ("f", True)])
async def test_rerun(ci, server, finished, key, only_failed):
    async with browsing(ci) as (app, pilot):
        await until(pilot, lambda: rows(app))
        await pilot.press(key)
        await until(pilot, lambda: len(rows(app)) == 2)
        assert list(server.jobs.values())[1].only_failed is only_failed


async def test_filter_and_help(ci, server, finished):
    server.add_job(status="queued", success=None, start_time=None, end_time=None)
    async with browsing(ci) as (app, pilot):
        await until(pilot, lambda: len(rows(app)) == 2)
        await pilot.press("slash", *"queued")
        await until(pilot, lambda: len(rows(app)) == 1)
        assert rows(app)[0][1:] == ["queued", "", "", ""]
        await pilot.press("enter", "escape")
        await until(pilot, lambda: len(rows(app)) == 2)
        assert app.query_one("#filter", Input).value == ""
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Help))
        await pilot.press("x")
        await until(pilot, lambda: not isinstance(app.screen, Help))


async def test_an_unreachable_server_is_reported_and_nothing_breaks(ci, server):
    server.fault("/jobs", times=1000, status=500)
    async with browsing(ci) as (app, pilot):
        await until(pilot, lambda: len(app._notifications))
        await pilot.press("c", "r", "f", "q")


async def test_a_stream_that_is_refused_says_so_in_the_log(ci, server):
    server.add_job()
    server.fault(".*/stream", times=10, status=403, body={"detail": "Access denied"})
    async with browsing(ci) as (app, pilot):
        await until(pilot, lambda: any("403" in line for line in log(app)))


def test_the_command_opens_it(server, key, home, monkeypatch):
    from ci_client import cli

    opened = []

    def run(app):
        opened.append(app)

    monkeypatch.setattr(JobBrowser, "run", run)
    assert cli.main(["ui", "--server", server.url, "--api-key", key]) == 0
    assert len(opened) == 1


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0s"), (59, "59s"), (61, "1m"), (7300, "2h"), (90000, "1d")])
def test_spans(seconds, text):
    assert _span(seconds) == text
