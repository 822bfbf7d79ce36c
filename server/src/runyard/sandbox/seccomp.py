"""The system calls a sandboxed command has no business with, as a classic BPF program.

The namespaces already keep the command away from everything of ours. This makes the kernel itself a smaller
target: no keyrings, no BPF, no io_uring, no mounting, no new user namespaces, no typing into a terminal.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_LOAD_WORD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data
_X32 = 0x40000000

_NEW_USER_NAMESPACE = 0x10000000
_TERMINAL_REQUESTS = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: both can put keystrokes into a terminal
_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink (getifaddrs)

# The same number on both architectures: calls newer than Linux 4.18 are numbered alike everywhere.
_SHARED = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "mount_setattr": 442,
}


@dataclass(frozen=True, slots=True)
class _Architecture:
    audit: int
    clone: int
    clone3: int
    ioctl: int
    socket: int
    refused: dict[str, int]


_ARCHITECTURES = {
    "x86_64": _Architecture(
        audit=0xC000003E,
        clone=56,
        clone3=435,
        ioctl=16,
        socket=41,
        refused={
            "syslog": 103,
            "pivot_root": 155,
            "acct": 163,
            "settimeofday": 164,
            "mount": 165,
            "umount2": 166,
            "swapon": 167,
            "swapoff": 168,
            "reboot": 169,
            "init_module": 175,
            "delete_module": 176,
            "quotactl": 179,
            "clock_settime": 227,
            "kexec_load": 246,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "perf_event_open": 298,
            "open_by_handle_at": 304,
            "setns": 308,
            "finit_module": 313,
            "kexec_file_load": 320,
            "bpf": 321,
            "userfaultfd": 323,
        },
    ),
    "aarch64": _Architecture(
        audit=0xC00000B7,
        clone=220,
        clone3=435,
        ioctl=29,
        socket=198,
        refused={
            "umount2": 39,
            "mount": 40,
            "pivot_root": 41,
            "quotactl": 60,
            "acct": 89,
            "unshare": 97,
            "kexec_load": 104,
            "init_module": 105,
            "delete_module": 106,
            "clock_settime": 112,
            "syslog": 116,
            "reboot": 142,
            "settimeofday": 170,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "swapon": 224,
            "swapoff": 225,
            "perf_event_open": 241,
            "open_by_handle_at": 265,
            "setns": 268,
            "finit_module": 273,
            "bpf": 280,
            "userfaultfd": 282,
            "kexec_file_load": 294,
        },
    ),
}


@cache
def program() -> bytes | None:
    """The filter for this machine, an array of `struct sock_filter`; None where we know no numbers."""
    architecture = _ARCHITECTURES.get(platform.machine())
    return None if architecture is None else b"".join(_instructions(architecture))


def _instructions(architecture: _Architecture) -> Iterator[bytes]:
    yield _load(_ARCHITECTURE)
    yield _instruction(_JUMP_EQUAL, architecture.audit, when_true=1)
    yield _refuse(errno.ENOSYS)  # 32-bit programs have other numbers; rather none than a way around
    yield _load(_NUMBER)
    yield from _refuse_if(_JUMP_GREATER_EQUAL, _X32, errno.ENOSYS)
    # C libraries take ENOSYS as "an old kernel" and fall back to clone, whose flags can be looked at.
    yield from _refuse_if(_JUMP_EQUAL, architecture.clone3, errno.ENOSYS)
    for number in (*architecture.refused.values(), *_SHARED.values()):
        yield from _refuse_if(_JUMP_EQUAL, number, errno.EPERM)
    yield from _when(architecture.clone, _FIRST, list(_refuse_if(_JUMP_BITS, _NEW_USER_NAMESPACE, errno.EPERM)))
    terminal = [word for request in _TERMINAL_REQUESTS for word in _refuse_if(_JUMP_EQUAL, request, errno.EPERM)]
    yield from _when(architecture.ioctl, _SECOND, terminal)
    families = [word for family in _FAMILIES for word in _allow_if(family)]
    yield from _when(architecture.socket, _FIRST, [*families, _refuse(errno.EAFNOSUPPORT)])
    yield _instruction(_RETURN, _ALLOW)


def _when(number: int, argument: int, body: list[bytes]) -> Iterator[bytes]:
    """For one system call: load an argument, go through `body`, then allow."""
    yield _instruction(_JUMP_EQUAL, number, when_false=len(body) + 2)
    yield _load(argument)
    yield from body
    yield _instruction(_RETURN, _ALLOW)


def _refuse_if(jump: int, value: int, error: int) -> Iterator[bytes]:
    yield _instruction(jump, value, when_false=1)
    yield _refuse(error)


def _allow_if(value: int) -> Iterator[bytes]:
    yield _instruction(_JUMP_EQUAL, value, when_false=1)
    yield _instruction(_RETURN, _ALLOW)


def _refuse(error: int) -> bytes:
    return _instruction(_RETURN, _ERROR | error)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD_WORD, offset)


def _instruction(code: int, value: int, *, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, value)
