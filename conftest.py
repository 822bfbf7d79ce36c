"""What holds for every test, wherever the suite is started from."""

import os
import signal
import sys
from pathlib import Path

import pytest

# A shell that starts the suite in the background ignores Ctrl-C for it and for all its children; ours test Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Some images keep Python from writing compiled modules down; our hundreds of processes would compile them anew, each.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

END_TO_END = Path(__file__).parent / "tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What opens whole yards goes first: at the end of a parallel run nobody waits for a long file that began last."""
    items.sort(key=lambda item: not item.path.is_relative_to(END_TO_END))
