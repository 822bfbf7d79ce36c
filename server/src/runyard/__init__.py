"""Runyard: one self-hosted yard for remote work."""

__version__ = "0.1.0"
