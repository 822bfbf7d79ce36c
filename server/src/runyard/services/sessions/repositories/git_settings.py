"""How git is run on what strangers wrote: no program of theirs, no other transport, nothing it wasn't told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ALWAYS: Final = {
    "advice.addEmbeddedRepo": "false",
    "advice.detachedHead": "false",
    "core.bigFileThreshold": "32m",  # larger files are streamed, not held in memory
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.quotePath": "true",
    "credential.helper": "",
    "diff.external": "",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",  # one pack, never a file per object
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.threads": "2",
    "protocol.allow": "never",
    "safe.directory": "*",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
    "transfer.fsckObjects": "true",
}
_SINS_OF_THE_PAST: Final = (
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTimezone",
    "emptyName",
    "extraHeaderEntry",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)
"""Harmless faults that old and well-known repositories have."""

_FETCHING: Final = {
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "60",
    "http.sslVerify": "true",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    **{f"fetch.fsck.{sin}": "ignore" for sin in _SINS_OF_THE_PAST},
}


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Variables that make git heed these settings and no file of settings but the repository's own."""
    variables = {
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
    for number, (name, value) in enumerate(settings.items()):
        variables[f"GIT_CONFIG_KEY_{number}"] = name
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables


def fetching(login: tuple[str, str] | None) -> dict[str, str]:
    """Variables for fetching.

    Args:
        login: ``https://host:port`` and the HTTP header to show there, and nowhere else.
    """
    settings = {**_ALWAYS, **_FETCHING}
    if login is not None:
        origin, header = login
        settings[f"http.{origin}/.extraHeader"] = header
    return environment(settings)


def at_rest() -> dict[str, str]:
    """Variables for everything after the fetching."""
    return environment(_ALWAYS)
