"""The process in the sandbox that touches files for an agent, one order after another.

``python -m runyard.services.sessions.hand.host ORDERS REPORTS SETTING``: two named pipes, and the folders as JSON.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from runyard.services.sessions.hand import files
from runyard.services.sessions.hand.checkout import Checkout
from runyard.services.sessions.hand.files import ANSWER
from runyard.services.sessions.hand.frames import (
    Answer,
    Diff,
    Done,
    Open,
    Order,
    Ready,
    Refused,
    Setting,
    Use,
    order_frames,
    report_frames,
)
from runyard.services.sessions.hand.places import CannotDo, Places
from runyard.services.sessions.hand.search import search
from runyard.services.sessions.hand.tools import EditFile, ListFiles, ReadFile, SearchFiles, ShowChanges, WriteFile

LARGEST_SHOWN = 4 * ANSWER
TRACE = 4000


class Late(Exception):
    """The order's time is up."""


class Hand:
    """The repositories of one workspace and what can be done to their files."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._checkouts: dict[str, Checkout] = {}

    def carry_out(self, order: Order) -> Answer:
        """Do it, in its time. Whatever goes wrong, there is an answer."""
        try:
            with _deadline(order.seconds):
                return self._answer(order)
        except CannotDo as error:
            return Refused(number=order.number, text=str(error))
        except Late:
            return Refused(number=order.number, text=f"it took more than {order.seconds:g} seconds")
        except MemoryError:
            return Refused(number=order.number, text="it needs more memory than there is")
        except Exception as error:  # noqa: BLE001  (a fault of ours: the next order is none of its business)
            text = f"it failed: {type(error).__name__}: {error}"
            return Refused(number=order.number, text=text[:TRACE], trace=traceback.format_exc()[-TRACE:])

    def _answer(self, order: Order) -> Done:
        match order:
            case Open():
                return self._open(order)
            case Diff():
                return Done(number=order.number, size=self._patch(order.name, order.limit))
            case Use():
                text, truncated = self._use(order)
                return Done(number=order.number, text=text, truncated=truncated)

    def _open(self, order: Open) -> Done:
        checkout = Checkout(order, self._setting)
        if not checkout.is_open:
            checkout.open()
            folder = checkout.tree / order.path
            inside = Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(checkout.tree))
            if not (folder.is_dir() and inside):
                raise CannotDo(f"there is no folder {order.path!r} in {order.name!r}")
        self._checkouts[order.name] = checkout
        return Done(number=order.number)

    def _use(self, order: Use) -> tuple[str, bool]:
        places = Places(Path(self._setting.root), Path(order.folder))
        match order.tool:
            case ListFiles() as tool:
                return files.list_files(tool, places)
            case ReadFile() as tool:
                return files.read_file(tool, places)
            case SearchFiles() as tool:
                return search(tool, places, self._listing)
            case WriteFile() as tool:
                return files.write(tool, places), False
            case EditFile() as tool:
                return files.edit(tool, places), False
            case ShowChanges() as tool:
                return self._show(tool)

    def _show(self, tool: ShowChanges) -> tuple[str, bool]:
        name = tool.repository or next(iter(self._checkouts), "")
        size = self._patch(name, sys.maxsize)
        with self._target(name).open("rb") as file:
            text = file.read(LARGEST_SHOWN).decode(errors="replace")
        if size <= LARGEST_SHOWN and len(text) <= ANSWER:
            return text or f"[Nothing has been changed in {name}.]", False
        return f"{text[:ANSWER]}\n[The beginning of {size} bytes.]", True

    def _patch(self, name: str, limit: int) -> int:
        checkout = self._checkouts.get(name)
        if checkout is None:
            known = ", ".join(self._checkouts) or "none"
            raise CannotDo(f"there is no repository {name!r} in the workspace; there are: {known}")
        return checkout.write_patch(self._target(name), limit)

    def _target(self, name: str) -> Path:
        return Path(self._setting.state, f"{name}.diff")

    def _listing(self, folder: Path) -> Iterator[Path] | None:
        for checkout in self._checkouts.values():
            tree = Path(os.path.realpath(checkout.tree))
            if folder.is_relative_to(tree) and ".git" not in folder.relative_to(tree).parts:
                return checkout.files(folder)
        return None


def main(orders: str, reports: str, setting: str) -> None:
    """Serve until the worker closes the pipe."""
    hand = Hand(msgspec.json.decode(setting, type=Setting))
    signal.signal(signal.SIGALRM, _late)
    with Path(orders).open("rb") as incoming, report_frames.sender(reports) as tell:
        tell(Ready())
        while (order := order_frames.read(incoming)) is not None:
            tell(hand.carry_out(order))


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raises Late in the middle of whatever is done: a regular expression looks for signals, too."""
    signal.setitimer(signal.ITIMER_REAL, seconds, 5.0)  # again, should a library swallow the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _late(_number: int, _frame: FrameType | None) -> None:
    raise Late


if __name__ == "__main__":
    main(*sys.argv[1:])
