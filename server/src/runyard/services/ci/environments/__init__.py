"""The Python environment of a project: decided from its files, made once in the sandbox, shared read-only."""

from runyard.services.ci.environments.cache import Environment, Environments
from runyard.services.ci.environments.errors import InstallFailed, NoProject, PythonUnavailable
from runyard.services.ci.environments.recipe import Recipe, recipe

__all__ = [
    "Environment",
    "Environments",
    "InstallFailed",
    "NoProject",
    "PythonUnavailable",
    "Recipe",
    "recipe",
]
