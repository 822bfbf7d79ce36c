"""Manifests of Go, Rust, Java and Ruby."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from runyard.services.sessions.analyst.facts import Dependency
from runyard.services.sessions.analyst.manifests.python import toml
from runyard.services.sessions.analyst.manifests.reading import Found, Unreadable, dependency, table, text

_GO_MODULE: Final = re.compile(r"^module\s+(\S+)", re.MULTILINE)
_GO_REQUIRE: Final = re.compile(r"(?:require\s+)?([^\s()]+)\s+(v\S+)(\s*//\s*indirect)?\s*(?://.*)?$")
_GEM: Final = re.compile(r"""\s*gem[\s(]+["']([^"']{1,200})["']((?:\s*,\s*["'][^"']{0,100}["'])*)(.{0,300})""")
_GROUP: Final = re.compile(r"\s*group\b(.{0,200})\bdo\b")
_FOR_DEVELOPERS: Final = re.compile(r":?\b(?:development|test|lint|ci)\b")
_PROPERTY: Final = re.compile(r"\$\{([\w.-]+)\}")


def go_mod(content: str) -> Found:
    """Requirements that aren't marked `// indirect`."""
    module = _GO_MODULE.search(content)
    runtime, inside = [], ""
    for each in content.splitlines():
        words = each.strip()
        if words.endswith("(") and not inside:
            inside = words.rstrip("(").strip()
        elif words == ")":
            inside = ""
        elif inside == "require" or (not inside and words.startswith("require ")):
            match = _GO_REQUIRE.match(words)
            if match and not match.group(3):
                runtime.append(dependency(match.group(1), match.group(2)))
    return Found(name=text(module.group(1)) if module else "", runtime=runtime, project=module is not None)


def cargo_toml(content: str) -> Found:
    """Its tables of dependencies, those of targets and of the workspace included."""
    whole = toml(content)
    package, workspace = table(whole.get("package")), table(whole.get("workspace"))
    runtime = _crates(whole.get("dependencies")) + _crates(workspace.get("dependencies"), group="workspace")
    development = _crates(whole.get("dev-dependencies"), group="dev")
    development += _crates(whole.get("build-dependencies"), group="build")
    for target in table(whole.get("target")).values():
        runtime += _crates(table(target).get("dependencies"), group="target")
        development += _crates(table(target).get("dev-dependencies"), group="dev")
    return Found(
        name=text(package.get("name")),
        licence=text(package.get("license")),
        runtime=runtime,
        development=development,
        project=bool(package or workspace),
    )


def pom_xml(content: str) -> Found:
    """Direct dependencies; versions that a property of the same file gives are filled in."""
    if "<!DOCTYPE" in content or "<!ENTITY" in content:
        raise Unreadable("it declares entities, which no POM needs")
    try:
        root = ET.fromstring(content)  # noqa: S314  (small, and without entities)
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise Unreadable(f"not readable as XML: {error}") from error
    space = root.tag[: root.tag.find("}") + 1]
    properties = {
        each.tag.removeprefix(space): (each.text or "").strip() for each in root.iterfind(f"{space}properties/*")
    }
    runtime: list[Dependency] = []
    development: list[Dependency] = []
    for each in root.iterfind(f"{space}dependencies/{space}dependency"):
        words = {
            name: (each.findtext(f"{space}{name}") or "").strip()
            for name in ("groupId", "artifactId", "version", "scope")
        }
        version = _PROPERTY.sub(lambda match: properties.get(match.group(1), match.group()), words["version"])
        found = dependency(f"{words['groupId']}:{words['artifactId']}", version, words["scope"])
        (development if words["scope"] == "test" else runtime).append(found)
    licence = root.findtext(f"{space}licenses/{space}license/{space}name")
    name = root.findtext(f"{space}artifactId")
    return Found(
        name=text(name), licence=text((licence or "").strip()), runtime=runtime, development=development, project=True
    )


def gemfile(content: str) -> Found:
    """Lines that begin with `gem`, and the groups they stand in."""
    runtime: list[Dependency] = []
    development: list[Dependency] = []
    groups: list[bool] = []
    for each in content.splitlines():
        group = _GROUP.match(each)
        if group is not None:
            groups.append(_FOR_DEVELOPERS.search(group.group(1)) is not None)
        elif each.rstrip().endswith(" do") or re.match(r"\s*(?:if|unless)\b", each):
            groups.append(bool(groups) and groups[-1])
        elif each.strip() == "end" and groups:
            groups.pop()
        elif (match := _GEM.match(each)) is not None:
            version = ", ".join(re.findall(r"""["']([^"']*)["']""", match.group(2)))
            inline = re.search(r"groups?:(.*)", match.group(3))
            apart = any(groups) or (inline is not None and _FOR_DEVELOPERS.search(inline.group(1)) is not None)
            (development if apart else runtime).append(dependency(match.group(1), version))
    return Found(runtime=runtime, development=development, project=True)


def _crates(packages: object, *, group: str = "") -> list[Dependency]:
    return [
        dependency(name, wanted if isinstance(wanted, str) else table(wanted).get("version", ""), group)
        for name, wanted in table(packages).items()
    ]
