"""The version, told once."""

from typing import Final

VERSION: Final = "1.0.0"
USER_AGENT: Final = f"ambient-platform-sdk/{VERSION}"
