"""What is wrong with a program or its name.

::

    ProgramError
    ├── BadName           no name or reference
    ├── BadManifest       the manifest can't be read, or lacks something
    ├── BadModule         the module can't be run here at all
    ├── MissingImport     it imports what doesn't exist
    ├── NotInstalled      nothing of this name or digest
    └── DependencyCycle   it depends on itself, perhaps by way of others
"""

from __future__ import annotations

from collections.abc import Sequence


class ProgramError(Exception):
    """Base of everything that is refused about programs. ``code`` is the protocol's stable word."""

    code = "bad_program"


class BadName(ProgramError):
    """No name or reference of a program."""

    code = "bad_name"


class BadManifest(ProgramError):
    """The manifest can't be read, or lacks something."""

    code = "bad_manifest"


class BadModule(ProgramError):
    """The module can't be run here at all. The text says why."""


class MissingImport(ProgramError):
    """It imports what doesn't exist here."""

    code = "missing_import"

    def __init__(self, missing: Sequence[str]) -> None:
        shown = ", ".join(repr(name) for name in missing[:20])
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        super().__init__(f"The program imports what doesn't exist here: {shown}{more}.")
        self.missing = tuple(missing)


class NotInstalled(ProgramError):
    """Nothing of this name or digest has been uploaded."""

    code = "not_installed"

    def __init__(self, reference: str, *, wanted_by: str | None = None) -> None:
        because = "" if wanted_by is None else f", which {wanted_by} depends on"
        super().__init__(f"There is no program {reference!r}{because}. Upload it first.")
        self.reference = reference


class DependencyCycle(ProgramError):
    """It depends on itself, perhaps by way of others."""

    code = "dependency_cycle"

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(f"The program depends on itself: {' → '.join(path)}.")
        self.path = tuple(path)
