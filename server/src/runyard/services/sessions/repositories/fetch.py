"""The process in the sandbox that fetches one repository, or unpacks one that was kept.

``python -m runyard.services.sessions.repositories.fetch ERRAND``: an :class:`Errand` as JSON. Git's settings, with
what opens a private repository, are in the environment. It leaves ``facts.json`` and ``clone.tar``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from runyard.services.sessions.repositories.facts import Fetched
from runyard.services.sessions.repositories.gate import SOCKET

FACTS: Final = "facts.json"
PACKED: Final = "clone.tar"

AS_IT_IS: Final = "* -text -ident -filter -working-tree-encoding\n"
"""Attributes that go before those of the repository: no file is converted, on no way."""

_PIECE: Final = 64 * 1024
_SUBMODULE: Final = b"160000"


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What to do.

    Attributes:
        url: what to fetch; empty to unpack ``clone.tar`` from ``out`` instead.
        gate: folder of the gate's socket.
        clone: the folder to fill.
        out: folder for what is left.
        files, size: most files of the newest commit, and most bytes of all of them.
    """

    clone: str
    out: str
    url: str = ""
    branch: str = ""
    depth: int = 0
    gate: str = ""
    files: int = 0
    size: int = 0


def main(text: str) -> int:
    """The exit code: git's own when it failed."""
    errand = msgspec.json.decode(text, type=Errand)
    out = Path(errand.out)
    if not errand.url:
        with tarfile.open(out / PACKED) as packed:
            # Python 3.11.4 brought filters; before it there is the sandbox only, in which all this happens.
            packed.extraction_filter = getattr(tarfile, "data_filter", None)
            packed.extractall(errand.clone)  # noqa: S202  (filtered, see above)
        return 0
    branch = [f"--branch={errand.branch}"] if errand.branch else []
    code = subprocess.run(
        ["git", "-c", f"http.proxy=socks5h://127.0.0.1:{relay(errand.gate)}", "clone", "--bare", "--progress",
         f"--depth={errand.depth}", "--single-branch", "--no-tags", "--no-recurse-submodules", "--template=",
         *branch, "--", errand.url, errand.clone],
        check=False, stdin=subprocess.DEVNULL,
    ).returncode  # fmt: skip
    if code != 0:
        return code
    attributes = Path(errand.clone, "info", "attributes")
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text(AS_IT_IS)
    try:
        found = survey(errand)
    except ValueError as error:
        sys.stderr.write(f"fatal: {error}\n")
        return 1
    (out / FACTS).write_bytes(msgspec.json.encode(found))
    if not found.problem:
        with tarfile.open(out / PACKED, "w") as packed:
            packed.add(errand.clone, arcname=".")
    return 0


def survey(errand: Errand) -> Fetched:
    """What came, counted before any of it is unpacked."""
    commit = _git(errand.clone, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    branch = _git(errand.clone, "symbolic-ref", "--short", "--quiet", "HEAD")
    object_format = _git(errand.clone, "rev-parse", "--show-object-format")
    files = size = submodules = 0
    problem = ""
    if commit:
        for mode, length in _tree(errand.clone, commit):
            if mode == _SUBMODULE:
                submodules += 1
                continue
            files += 1
            size += length
            if files > errand.files:
                problem = f"it has more than {errand.files:,} files, which is the limit"
            elif size > errand.size:
                problem = f"its files have more than {errand.size:,} bytes, which is the limit"
            if problem:
                break
    return Fetched(
        branch=branch or None, commit=commit or None, object_format=object_format or "sha1", files=files, size=size,
        submodules=submodules, problem=problem,
    )  # fmt: skip


def relay(gate: str) -> int:
    """A port of this sandbox from which every connection goes on to the gate: git's HTTP knows no Unix sockets."""
    place = os.open(gate, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            near, _ = listener.accept()
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                far.connect(f"/proc/self/fd/{place}/{SOCKET}")
            except OSError:
                near.close()
                continue
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _tree(clone: str, commit: str) -> Iterator[tuple[bytes, int]]:
    """Mode and size of each file, as they are read: a tree can name more of them than a disk can hold."""
    command = ["git", f"--git-dir={clone}", "ls-tree", "-r", "-l", "-z", "--full-tree", commit]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as git:
        assert git.stdout is not None
        rest = b""
        while piece := git.stdout.read(_PIECE):
            *entries, rest = (rest + piece).split(b"\0")
            for entry in entries:
                mode, _, _, size = entry.partition(b"\t")[0].split()
                yield mode, int(size) if size.isdigit() else 0
            if len(entries) == 0 and len(rest) > 16 * _PIECE:
                raise ValueError("a name in the repository is longer than any file system has it")
    if git.returncode > 0:
        raise ValueError(f"the repository's tree can't be read (git ended with {git.returncode})")


def _git(clone: str, *words: str) -> str:
    """What a short command says; empty when it fails."""
    done = subprocess.run(["git", f"--git-dir={clone}", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
