"""What a sandboxed command sees: the file tree, built up step by step from nothing, and its environment."""

# ruff: noqa: S108 -- paths in the sandbox, where /tmp is its own

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runyard.sandbox.command import Command, Mount
from runyard.sandbox.errors import SandboxError

USER, UID, GID = "runner", 1000, 1000
HOME = f"/home/{USER}"
HOSTNAME = "sandbox"
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LOGNAME": USER,
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TMPDIR": "/tmp",
    "USER": USER,
}
OPEN_FILES = 8192

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_ETC = (  # what name resolution, TLS, the linker and the clock need; nothing about this machine
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "gai.conf",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
)
# Scratch folders live in memory; a caller who wants more room, on disk and counted, mounts a folder there.
_SCRATCH = {"/tmp": 1 << 30, "/var/tmp": 256 << 20, HOME: 256 << 20, "/dev/shm": 256 << 20}
_PASSWD = f"""root:x:0:0:root:/root:/usr/sbin/nologin
{USER}:x:{UID}:{GID}:{USER}:{HOME}:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
_GROUP = f"root:x:0:\n{USER}:x:{GID}:\nnogroup:x:65534:\n"


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of the machine."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link at `path`."""

    target: str
    path: str


@dataclass(frozen=True, slots=True)
class File:
    """A small file of our own."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Scratch:
    """An empty folder in memory, of so many bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Processes:
    """A /proc of the sandbox's own."""

    path: str


@dataclass(frozen=True, slots=True)
class Devices:
    """A /dev with the harmless ones."""

    path: str


@dataclass(frozen=True, slots=True)
class Seal:
    """Makes the file system at `path` itself read-only, not those mounted below it."""

    path: str


Step = Bind | Symlink | File | Scratch | Processes | Devices | Seal


def steps(command: Command) -> Iterator[Step]:
    """The command's file tree, in the order to build it. Raises SandboxError for a missing mount."""
    for path in _SYSTEM:
        yield from _system(path)
    for name in _ETC:
        source = os.path.realpath(f"/etc/{name}")
        if Path(source).exists():
            yield Bind(source, f"/etc/{name}")
    yield File("/etc/passwd", _PASSWD)
    yield File("/etc/group", _GROUP)
    yield Processes("/proc")
    yield Devices("/dev")
    for path, size in _SCRATCH.items():
        yield Scratch(path, size)
    for mount in command.mounts:
        yield Bind(str(source_of(mount)), mount.target, mount.writable)
    # The kernel lets the real root write sysctls (core_pattern!) whatever its capabilities and namespace.
    yield Seal("/proc")
    yield Seal("/dev")
    yield Seal("/")


def environment(command: Command, *, home: str = HOME) -> Mapping[str, str]:
    """The command's whole environment: ours is never passed on."""
    return {**_ENVIRONMENT, "HOME": home, **command.env}


def source_of(mount: Mount) -> Path:
    """Where the mount really is. Raises SandboxError when it is not there."""
    if not Path(mount.target).is_absolute():
        raise SandboxError(f"cannot mount at {mount.target!r}: give an absolute path")
    try:
        return mount.source.resolve(strict=True)
    except OSError as error:
        raise SandboxError(f"cannot mount {str(mount.source)!r}: {error.strerror}") from error


def _system(path: str) -> Iterator[Step]:
    if Path(path).is_symlink():  # a merged /usr: /bin -> usr/bin
        yield Symlink(str(Path(path).readlink()), path)
    elif Path(path).is_dir():
        yield Bind(path, path)
