"""`ci ui`: the full-screen view, when its extra is installed."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from ci_client.errors import UsageError
from ci_client.session import connected


def run(arguments: argparse.Namespace) -> int:
    """Open the view."""
    if find_spec("textual") is None:
        raise UsageError("The full-screen view needs one more package; install it with: pip install 'ci-client[ui]'")
    from ci_client.ui.app import JobBrowser

    with connected(arguments) as ci:
        JobBrowser(ci).run()
    return 0
