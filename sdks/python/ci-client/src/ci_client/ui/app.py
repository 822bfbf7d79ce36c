"""The job browser: a table of jobs, the live log of the chosen one, and its failing tests.

Whatever asks the server runs in a worker thread; the screen is touched only from the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import ClassVar

from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Footer, Header, Input, RichLog, Static
from textual.worker import get_current_worker

from ci_client.errors import CIError
from ci_client.events import Completed, Log, TestEnded
from ci_client.follow import EventFeed
from ci_client.records import JobDetails, JobSummary
from ci_client.ui.screens import Help, Question
from ci_client.yard import CI

_SHOWN_JOBS = 200
_COLUMNS = ("Job", "Status", "Age", "Duration", "Tests")


class JobBrowser(App[None]):
    """Browse, watch and cancel jobs.

    Args:
        ci: the server.
        refresh_every: seconds between two looks at the list.
    """

    TITLE = "ci"
    CSS = """
    #jobs { height: 40%; }
    #log { width: 2fr; border-top: solid $primary; }
    #failing { width: 1fr; border-top: solid $error; overflow-y: auto; }
    #filter { display: none; }
    #filter.open { display: block; }
    ModalScreen { align: center middle; }
    .box { width: auto; max-width: 90%; height: auto; padding: 1 2; }
    .box { border: thick $primary; background: $surface; }
    .box Static, .box Label { width: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel"),
        Binding("r", "rerun", "Rerun"),
        Binding("f", "rerun_failed", "Rerun failed"),
        Binding("slash", "filter", "Filter"),
        Binding("question_mark", "help", "Help"),
        Binding("q", "quit", "Quit"),
        Binding("escape", "close_filter", show=False),
    ]

    def __init__(self, ci: CI, *, refresh_every: float = 2.0) -> None:
        super().__init__()
        self._ci = ci
        self._refresh_every = refresh_every
        self._jobs: dict[str, JobSummary] = {}
        self._tests: dict[str, str] = {}
        self._chosen: str | None = None
        self._feed: EventFeed | None = None
        self._failing: list[str] = []

    def compose(self) -> ComposeResult:
        """Jobs above, log and failing tests below."""
        yield Header()
        with Vertical():
            yield DataTable(id="jobs", cursor_type="row")
            yield Input(id="filter", placeholder="filter by id or status")
            with Horizontal():
                yield RichLog(id="log", max_lines=20_000)
                yield Static(id="failing")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.sub_title = self._ci.server_url
        self._table.add_columns(*_COLUMNS)
        self._table.focus()
        self._show_failing()
        self.load_jobs()
        self.set_interval(self._refresh_every, self.load_jobs)

    def on_unmount(self) -> None:
        """Let go of the stream, so that its thread ends."""
        self._stop_following()

    @property
    def _table(self) -> DataTable[str]:
        return self.query_one("#jobs", DataTable)

    @work(thread=True, exclusive=True, group="jobs")
    def load_jobs(self) -> None:
        """Fetch the list."""
        try:
            jobs = list(self._ci.jobs(limit=_SHOWN_JOBS))
            for job in jobs:
                if job.is_over and job.job_id not in self._tests and not get_current_worker().is_cancelled:
                    self._tests[job.job_id] = _tests_of(self._ci.job(job.job_id).refresh())
        except CIError as error:
            self._call(self.notify, str(error), severity="error")
            return
        self._call(self._show_jobs, jobs)

    @work(thread=True, group="follow")
    def follow(self, feed: EventFeed) -> None:
        """Show the log of a job as it comes."""
        try:
            for event in feed:
                if isinstance(event, Log):
                    self._call(self._show_log, feed, event.text)
                elif isinstance(event, TestEnded) and event.case.is_failing:
                    self._call(self._add_failing, feed, event.case.id)
                elif isinstance(event, Completed):
                    self._call(self._show_log, feed, f"-- {event.status or 'ended'} --")
                    self._call(self.load_jobs)
        except CIError as error:
            self._call(self._show_log, feed, f"-- {error} --")

    @work(thread=True, group="act")
    def act(self, what: Callable[[], str]) -> None:
        """Do something to a job, then say so."""
        try:
            text = what()
        except CIError as error:
            self._call(self.notify, str(error), severity="error")
        else:
            self._call(self.notify, text)
            self._call(self.load_jobs)

    @on(DataTable.RowHighlighted, "#jobs")
    def _row_highlighted(self, message: DataTable.RowHighlighted) -> None:
        if message.row_key.value is not None:
            self._choose(message.row_key.value)

    def _choose(self, job_id: str) -> None:
        if job_id == self._chosen:
            return
        self._stop_following()
        self._chosen = job_id
        self._failing = []
        self._show_failing()
        self.query_one("#log", RichLog).clear()
        self._feed = self._ci.job(job_id).events()
        self.follow(self._feed)

    @on(Input.Changed, "#filter")
    def _filter_changed(self) -> None:
        self._fill_table()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self._table.focus()

    def action_filter(self) -> None:
        """Open the filter."""
        field = self.query_one("#filter", Input)
        field.add_class("open")
        field.focus()

    def action_close_filter(self) -> None:
        """Empty and close the filter."""
        field = self.query_one("#filter", Input)
        field.value = ""
        field.remove_class("open")
        self._table.focus()

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help())

    def action_cancel(self) -> None:
        """Cancel the chosen job, after asking."""
        if self._chosen is None:
            return
        job = self._ci.job(self._chosen)

        def cancel() -> str:
            job.cancel()
            return f"Job {job.id[:8]} is cancelled"

        def answered(answer: bool | None) -> None:  # noqa: FBT001 - textual passes the answer
            if answer:
                self.act(cancel)

        self.push_screen(Question(f"Cancel job {job.id[:8]}?"), answered)

    def action_rerun(self) -> None:
        """Run the chosen job again."""
        self._rerun(failed=False)

    def action_rerun_failed(self) -> None:
        """Run the chosen job's failing tests again."""
        self._rerun(failed=True)

    def _rerun(self, *, failed: bool) -> None:
        if self._chosen is not None:
            job = self._ci.job(self._chosen)
            self.act(lambda: f"Submitted as {job.rerun(failed=failed).id[:8]}")

    def _call(self, function: Callable[..., object], *arguments: object, **options: object) -> None:
        """Run something on the event loop, unless the app has ended meanwhile."""
        if self.is_running:
            self.call_from_thread(function, *arguments, **options)

    def _stop_following(self) -> None:
        if self._feed is not None:
            self._feed.stop()
            self._feed = None

    def _show_jobs(self, jobs: list[JobSummary]) -> None:
        self._jobs = {job.job_id: job for job in jobs}
        self._fill_table()

    def _fill_table(self) -> None:
        """Renew the rows; the cursor stays on the chosen job."""
        wanted = self.query_one("#filter", Input).value.strip().lower()
        shown = [job for job in self._jobs.values() if wanted in f"{job.job_id} {job.status}".lower()]
        table = self._table
        with self.prevent(DataTable.RowHighlighted):
            table.clear()
            for job in shown:
                table.add_row(*self._row(job), key=job.job_id)
            ids = [job.job_id for job in shown]
            if self._chosen in ids:
                table.move_cursor(row=ids.index(self._chosen))
        if shown and self._chosen not in ids:
            table.move_cursor(row=0)
            self._choose(ids[0])

    def _row(self, job: JobSummary) -> tuple[str, ...]:
        now = datetime.now(timezone.utc)
        started, ended = job.started, job.ended
        age = _span((now - started).total_seconds()) if started else ""
        duration = _span(((ended or now) - started).total_seconds()) if started else ""
        status = "passed" if job.success else job.status
        return job.job_id[:8], status, age, duration, self._tests.get(job.job_id, "")

    def _show_log(self, feed: EventFeed, text: str) -> None:
        if feed is self._feed:
            self.query_one("#log", RichLog).write(text.rstrip("\n"))

    def _add_failing(self, feed: EventFeed, test_id: str) -> None:
        if feed is self._feed:
            self._failing.append(test_id)
            self._show_failing()

    def _show_failing(self) -> None:
        lines = ["Failing tests", *self._failing] if self._failing else ["No failing tests"]
        self.query_one("#failing", Static).update("\n".join(line.replace("[", "\\[") for line in lines))


def _tests_of(details: JobDetails) -> str:
    if details.tests is None:
        return ""
    bad = details.tests.failed + details.tests.errors
    return f"{details.tests.passed} passed" + (f", {bad} failed" if bad else "")


def _span(seconds: float) -> str:
    seconds = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
