"""Uploaded programs: their names, what their manifests say, and where they are kept."""

from runyard.services.inferlets.programs.errors import (
    BadManifest,
    BadName,
    DependencyCycle,
    MissingImport,
    NotInstalled,
    ProgramError,
)
from runyard.services.inferlets.programs.manifest import Manifest, read_manifest
from runyard.services.inferlets.programs.names import ProgramName, Reference, read_reference
from runyard.services.inferlets.programs.store import Program, Programs

__all__ = [
    "BadManifest",
    "BadName",
    "DependencyCycle",
    "Manifest",
    "MissingImport",
    "NotInstalled",
    "Program",
    "ProgramError",
    "ProgramName",
    "Programs",
    "Reference",
    "read_manifest",
    "read_reference",
]
