"""The same client without asyncio: `from pie.sync import PieClient`."""

from .client import PieClient
from .instance import Instance

__all__ = ["Instance", "PieClient"]
