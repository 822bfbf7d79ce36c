"""The original's name of `pie`: the same objects."""

from pie import *  # noqa: F403
from pie import __all__, __version__

__all__ += ["__version__"]
