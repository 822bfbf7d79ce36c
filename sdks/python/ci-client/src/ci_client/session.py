"""What every command begins with: settings resolved, a key at hand, and a `CI` to work with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import CIError
from .settings import MISSING_KEY, Settings, resolve
from .yard import CI


class MissingKey(CIError):
    """No API key is configured."""


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings a command's flags ask for."""
    return resolve(api_key=arguments.api_key, server=arguments.server, profile=arguments.profile)


@contextmanager
def connected(arguments: argparse.Namespace) -> Iterator[CI]:
    """The server a command works with.

    Raises:
        MissingKey: there is no key.
    """
    settings = settings_of(arguments)
    if not settings.key.value:
        raise MissingKey(MISSING_KEY)
    with CI(settings.server_url, api_key=settings.key.value) as ci:
        try:
            yield ci
        finally:
            if sys.stderr.isatty():
                for warning in (*settings.warnings, ci.key_warning):
                    if warning:
                        print(f"Warning: {warning}", file=sys.stderr)  # noqa: T201
