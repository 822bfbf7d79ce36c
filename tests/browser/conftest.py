"""A page that plays HTTP Live Streaming, in a real browser."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .chromium import BROWSER, DRIVER, Page, open_page

HERE = Path(__file__).parent
PLAYER = HERE / "node_modules/hls.js/dist/hls.min.js"
PLAYER_SHA512 = (
    "a8076573f6eabe4ed382c60dfa104645e7440daee97a6152eba752e2202631c1"
    "b585f2f9c70abae8a908e3b289411ed138d69b9c26dc33933e5b9a70c44fcf12"
)
"""Of the file in the version that `package.json` names."""


@pytest.fixture(scope="session")
def player() -> Path:
    """hls.js, of which every byte is known."""
    if not PLAYER.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("hls.js is installed by npm (apt install npm)")
        options = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
        subprocess.run([npm, "install", *options], cwd=HERE, check=True, timeout=100, capture_output=True)
    assert hashlib.sha512(PLAYER.read_bytes()).hexdigest() == PLAYER_SHA512, "hls.js isn't what it was"
    return PLAYER


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if BROWSER is None or DRIVER is None:
        pytest.skip("chromium and chromedriver aren't installed (apt install chromium chromium-driver)")
    with open_page(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
