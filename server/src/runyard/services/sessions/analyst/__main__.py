"""The analysis in a process of its own: `python -m runyard.services.sessions.analyst OUT NAME=FOLDER...`.

Meant for the sandbox: syntax trees and git read what strangers wrote, and building trees keeps a whole interpreter
busy. The facts go to the file OUT as JSON.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from runyard.services.sessions.analyst.analyse import Repository, analyse
from runyard.services.sessions.analyst.git import LocalGit
from runyard.services.sessions.analyst.report import as_json


def main(arguments: list[str]) -> int:
    """Exit code 0 when the facts are written, 2 when a folder can't be opened or the arguments are wrong."""
    target, *words = arguments or [""]
    if not target or not words or not all("=" in word for word in words):
        sys.stderr.write("usage: python -m runyard.services.sessions.analyst OUT NAME=FOLDER...\n")
        return 2
    gc.disable()  # syntax trees have no cycles; looking for some costs an eighth of the time
    repositories = []
    for word in words:
        name, _, folder = word.partition("=")
        path = Path(folder)
        repositories.append(Repository(name=name, path=path, git=LocalGit(path) if (path / ".git").exists() else None))
    try:
        facts = analyse(*repositories)
    except OSError as error:
        sys.stderr.write(f"{error.filename!r} can't be analysed: {error.strerror}\n")
        return 2
    Path(target).write_bytes(as_json(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
