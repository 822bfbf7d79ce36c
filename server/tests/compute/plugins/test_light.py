"""What the API does without: it imports plugins for their parameters alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("PIL", "numpy", "av", "imagehash", "scipy", "pillow_heif")


@pytest.mark.parametrize("plugin", ["exif", "hash", "image_conversion", "media_thumbnail"])
def test_a_plugin_is_light_to_import(plugin: str) -> None:
    code = f"import sys, runyard.services.compute.plugins.{plugin}; print(*set(sys.modules) & set({HEAVY!r}))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.strip() == ""
