"""Why there is no environment. Each is a `reason` of the service's HTTP face."""

from __future__ import annotations


class NoProject(Exception):
    """There is nothing at the root that says what to install."""

    def __init__(self) -> None:
        super().__init__(
            "The package has no requirements.txt and no pyproject.toml at its root, "
            "so there is no telling what its tests need."
        )


class PythonUnavailable(Exception):
    """The Python asked for is not on this server."""

    def __init__(self, wanted: str, available: tuple[str, ...]) -> None:
        super().__init__(f"Python {wanted!r} is not on this server; it has {', '.join(available) or 'none'}.")
        self.wanted = wanted
        self.available = available


class InstallFailed(Exception):
    """The installer ended with an error; what it printed is in the log."""

    def __init__(self, exit_code: int, message: str | None = None) -> None:
        super().__init__(message or f"The environment could not be made: the installer ended with {exit_code}.")
        self.exit_code = exit_code
