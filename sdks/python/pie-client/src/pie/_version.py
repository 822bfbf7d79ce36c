"""The version, told once."""

from typing import Final

VERSION: Final = "0.1.0"
USER_AGENT: Final = f"pie-client/{VERSION}"
