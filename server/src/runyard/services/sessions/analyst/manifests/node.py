"""JavaScript's manifest: package.json."""

from __future__ import annotations

import json

from runyard.services.sessions.analyst.facts import Dependency
from runyard.services.sessions.analyst.manifests.reading import Found, Unreadable, dependency, table, text


def read(content: str) -> dict[str, object]:
    """A JSON file's object."""
    try:
        return table(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not readable as JSON: {error}") from error


def package_json(content: str) -> Found:
    """Its four tables of dependencies."""
    whole = read(content)

    def named(key: str) -> list[Dependency]:
        group = "" if key == "dependencies" else key.removesuffix("Dependencies")
        return [dependency(name, version, group) for name, version in table(whole.get(key)).items()]

    return Found(
        name=text(whole.get("name")),
        licence=text(whole.get("license")),
        runtime=named("dependencies"),
        development=named("devDependencies"),
        optional=named("peerDependencies") + named("optionalDependencies"),
        project=bool(whole),
    )
