"""The process in the sandbox that runs plugins, one order after another, and keeps their libraries and models loaded.

``python -m runyard.services.compute.host ORDERS REPORTS MODELS``: two named pipes and the folder of models.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runyard.services.compute.frames import Done, Outcome, Progress, Ready, Report, Run, order_frames, report_frames
from runyard.services.compute.plugin import MediaError, Plugin, Result, Task
from runyard.services.compute.plugins import installed


def main(orders: str, reports: str, models: str) -> None:
    """Serve until the worker closes the pipe."""
    with Path(orders).open("rb") as incoming, report_frames.sender(reports) as tell:
        plugins = installed()
        tell(Ready())
        while (order := order_frames.read(incoming)) is not None:
            tell(_run(plugins[order.plugin], order, Path(models), tell))


def _run(plugin: Plugin[Any], order: Run, models: Path, tell: Callable[[Report], None]) -> Done:
    def reporter(number: int) -> Callable[[int, str], None]:
        return lambda percent, note: tell(Progress(number, percent, note))

    try:
        tasks = [
            Task(
                input=Path(work.folder, "input"), name=work.name, params=plugin.parameters.model_validate(work.params),
                folder=Path(work.folder), models=models, limits=order.limits, report=reporter(number),
            )
            for number, work in enumerate(order.tasks)
        ]  # fmt: skip
        return Done(_outcomes(plugin, plugin.run(tasks)))
    except MemoryError:
        message = "The file needs more memory than a media job may have."
        return Done([Outcome(reason="too_large", message=message)] * len(order.tasks))
    except Exception as error:  # noqa: BLE001  (a plugin's fault: the next order is none of its business)
        message = f"The plugin {plugin.name!r} failed at this file: {type(error).__name__}: {error}"
        outcome = Outcome(reason="internal", message=message.replace(str(order.tasks[0].folder), "")[:2000])
        return Done([outcome] * len(order.tasks), trace=traceback.format_exc())


def _outcomes(plugin: Plugin[Any], results: Sequence[Result | MediaError]) -> list[Outcome]:
    return [
        Outcome(reason=found.reason, message=str(found))
        if isinstance(found, MediaError)
        else Outcome(result=plugin.result.model_validate(found).model_dump(mode="json"))
        for found in results
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
