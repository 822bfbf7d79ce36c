"""The process in the sandbox that runs instances, each in a thread of its own.

``python -m runyard.services.inferlets.runtime.host ORDERS REPORTS PROGRAMS``: two named pipes and the folder of
compiled programs.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from runyard.services.inferlets.frames import Ended, Launch, Ready, Report, order_frames, report_frames
from runyard.services.inferlets.runtime.engine import new_engine
from runyard.services.inferlets.runtime.epochs import Ticker
from runyard.services.inferlets.runtime.guest import Guest
from runyard.services.inferlets.runtime.program import Programs
from runyard.services.inferlets.runtime.run import run


def main(orders: str, reports: str, folder: str) -> None:
    """Serve until the worker closes the pipe."""
    engine = new_engine()
    programs, ticker = Programs(engine, Path(folder)), Ticker(engine)
    guests: dict[int, Guest] = {}
    with Path(orders).open("rb") as incoming, report_frames.sender(reports) as send:
        speaking = threading.Lock()

        def tell(report: Report) -> None:
            with speaking:
                send(report)

        def live(guest: Guest) -> None:
            try:
                ended = run(guest, engine, programs, ticker)
            except Exception as error:  # noqa: BLE001  (ours: the worker must hear of it all the same)
                ended = Ended(guest.launch.instance, "exception", f"The runtime broke down: {error!r}")
            guests.pop(guest.launch.instance, None)
            guest.end(ended)

        tell(Ready())
        while (order := order_frames.read(incoming)) is not None:
            if isinstance(order, Launch):
                guest = guests[order.instance] = Guest(order, tell, ticker)
                threading.Thread(target=live, args=(guest,), name=order.id, daemon=True).start()
            elif (found := guests.get(order.instance)) is not None:
                found.deliver(order)
    os._exit(0)  # threads of programs may be anywhere


if __name__ == "__main__":
    main(*sys.argv[1:])
