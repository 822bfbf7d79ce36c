"""What holds for every test, wherever the suite is started from."""

import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from runyard.loading import undisturbed

# A shell that starts the suite in the background ignores Ctrl-C for it and for all its children; ours test Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Some images keep Python from writing compiled modules down; our hundreds of processes would compile them anew, each.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

# How long an example takes says more of the machine's other work than of us.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

ROOT = Path(__file__).parent
PAGES = "tests/docs/test_code_blocks.py"
SEEDS = "tests/e2e/test_seed_"
LONGEST = (ROOT / "tests" / "docs", ROOT / "tests", ROOT / "scripts", ROOT / "server")
TERMINAL = pytest.StashKey[IO[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the terminal at hand for the time when what tests say is caught."""
    config.stash[TERMINAL] = os.fdopen(os.dup(2), "w")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing of what is collected becomes garbage: a collector that looks through it all finds nothing each time."""
    with undisturbed():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first: at the end of a parallel run nobody waits for a long file that began last."""
    items.sort(key=lambda item: [not item.path.is_relative_to(folder) for folder in LONGEST])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Files go to processes whole, as they share what is costly to open; the pages of the documents share nothing."""
    return ByFileOrPage(config, log) if config.getoption("dist") == "loadfile" else None


class ByFileOrPage(LoadFileScheduling):
    """One file for one process, and each page for any. The documents' own ports are there once: theirs go together."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        if scope.startswith(SEEDS):
            return SEEDS
        return nodeid if scope == PAGES else scope


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """pytest-timeout ends a test that hangs; what hangs afterwards, in its fixtures or its loop, ends its process.

    The run then goes on with a new process and names the test, where it would otherwise wait for ever and name none.
    """
    marker = item.get_closest_marker("timeout")
    limit = float(marker.args[0] if marker and marker.args else item.config.getini("timeout"))
    # faulthandler's own alarm is of no use here: pytest puts it out at the first failure.
    watch = threading.Timer(2 * limit, _give_up, [item.nodeid, item.config.stash[TERMINAL]])
    watch.daemon = True
    watch.start()
    # Commands that are tried in this process send its logs to a terminal that is gone when they have ended.
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        return (yield)
    finally:
        watch.cancel()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


def _give_up(name: str, terminal: IO[str]) -> None:
    """Say where every thread stands, and end the process."""
    terminal.write(f"\n{name} doesn't come to its end:\n")
    terminal.flush()
    faulthandler.dump_traceback(terminal, all_threads=True)
    os._exit(1)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what fails when it fails: a run that is broken off has then said why."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        sys.stdout.write(f"\n{report.nodeid} failed in its {report.when}: {str(report.longrepr).splitlines()[-1:]}\n")
        sys.stdout.flush()
