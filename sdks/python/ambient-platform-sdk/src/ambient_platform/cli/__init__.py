"""The `ambient` command. Commands load what they use, so that `--help` stays quick."""

from .app import main

__all__ = ["main"]
