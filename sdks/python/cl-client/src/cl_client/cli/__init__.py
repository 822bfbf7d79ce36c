"""The `cl_client` command: media jobs from a shell. Commands load what they use, so that `--help` stays quick."""

from .app import main

__all__ = ["main"]
