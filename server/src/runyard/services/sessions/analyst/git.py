"""Git as a program of this machine, for inside a sandbox: what it reads, strangers wrote."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runyard.services.sessions.analyst.history import GitFailed

_PIECE: Final = 64 * 1024
_SAFE: Final = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never",
    "-c", "core.quotePath=true",
    "-c", "safe.directory=*", "-c", "core.pager=cat", "-c", "log.showSignature=false", "-c", "log.mailmap=true",
)  # fmt: skip
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
}


@dataclass(frozen=True, slots=True)
class LocalGit:
    """Runs git in one repository, with no settings but its own."""

    repository: Path
    seconds: float = 60.0
    """Each command may take."""

    def __call__(self, arguments: Sequence[str]) -> Iterator[bytes]:
        """See :class:`runyard.services.sessions.analyst.history.Git`."""
        command = [
            "git",
            "-C",
            str(self.repository),
            f"--git-dir={self.repository / '.git'}",
            *_SAFE,
            "--no-pager",
            *arguments,
        ]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            raise GitFailed(f"git can't be started: {error.strerror}") from error
        late = threading.Event()

        def end() -> None:
            late.set()
            _end(process)

        clock = threading.Timer(self.seconds, end)
        clock.daemon = True
        clock.start()
        try:
            assert process.stdout is not None
            while piece := process.stdout.read(_PIECE):
                yield piece
            process.wait()
        finally:
            clock.cancel()
            if process.returncode is None:  # the reader left before the end
                _end(process)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if late.is_set():
            raise GitFailed(f"git {arguments[0]} took more than {self.seconds:g} seconds")
        if process.returncode:
            raise GitFailed(f"git {arguments[0]} ended with exit code {process.returncode}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends git and what it started, which may hold the pipe."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
