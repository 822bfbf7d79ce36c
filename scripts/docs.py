"""Write what is made from the code: pages of the reference, the contract of runs. ``--check`` fails on a stale one."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML

from runyard.services.runs.contract import contract
from runyard.settings import Settings
from runyard.sizes import GIB, KIB, MIB

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
CONTRACT = ROOT / "docs" / "spec" / "openapi" / "portarium-control-plane.v1.yaml"

LAYOUT = (3, 11)
"""Versions of Python lay out help texts differently; the page is written with this one."""

COMMANDS = {
    "runyard": [[], ["serve"], ["worker"], ["doctor"], ["user"], ["user", "add"], ["project"], ["project", "add"],
                ["user", "key"], ["user", "key", "add"], ["token"], ["token", "create"], ["key"], ["key", "create"],
                ["key", "rotate"],
                ["models"], ["models", "list"], ["models", "pull"], ["models", "add"],
                ["workspace"], ["workspace", "create"], ["workspace", "add-user"], ["service-account"],
                ["service-account", "create"], ["evidence"], ["evidence", "export"], ["evidence", "checkpoint"],
                ["evidence", "verify"], ["machine"], ["machine", "add"], ["machine", "run"]],
    "ci-admin": [[], ["user"], ["user", "create"], ["key"], ["key", "create"], ["key", "rotate"]],
    "ci": [[], ["submit"], ["submit", "test"], ["wait"], ["watch"], ["list"], ["cancel"], ["rerun"], ["tests"],
           ["artifacts"], ["ui"], ["whoami"], ["config"], ["profile"], ["completion"]],
    "cl_client": [[], ["clip-embedding", "embed"], ["dino-embedding", "embed"], ["exif", "extract"],
                  ["face-detection", "detect"], ["face-embedding", "embed"], ["hash", "compute"],
                  ["hls-streaming", "generate-manifest"], ["image-conversion", "convert"],
                  ["media-thumbnail", "generate"], ["run"], ["watch"], ["download"], ["jobs"], ["jobs", "list"],
                  ["workers"], ["plugins"], ["doctor"], ["login"], ["logout"], ["whoami"], ["profiles"],
                  ["profiles", "add"], ["completion"]],
    "cl-admin": [[], ["users"], ["users", "create"], ["users", "update"], ["users", "password"], ["users", "list"],
                 ["config"], ["config", "get-guest-mode"], ["config", "set-guest-mode"], ["jobs"],
                 ["jobs", "cleanup"], ["completion"]],
    "pie": [[], ["run"], ["submit"], ["attach"], ["install"], ["uninstall"], ["mcp"], ["list"], ["abort"], ["ping"],
            ["keys"], ["keys", "new"], ["config"], ["config", "init"], ["completion"]],
    "ambient": [[], ["create"], ["list"], ["get"], ["cancel"], ["finish"], ["delete"], ["models"], ["watch"], ["send"],
                ["approve"], ["interrupt"], ["messages"], ["patch"], ["logs"], ["artifacts"], ["metrics"], ["doctor"],
                ["profiles"], ["profiles", "add"], ["completion"]],
}  # fmt: skip


def main() -> int:
    pages = {
        REFERENCE / "configuration.md": configuration(),
        CONTRACT: openapi(),
        REFERENCE / "runs-operations.md": operations(),
    }
    if sys.version_info[:2] == LAYOUT:
        pages[REFERENCE / "cli.md"] = command_lines()
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text() != text]
    if "--check" in sys.argv:
        for page in stale:
            print(f"{page.relative_to(ROOT)} is out of date: run `make docs`")
        return 1 if stale else 0
    for page in stale:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(pages[page])
        print(f"wrote {page.relative_to(ROOT)}")
    return 0


def configuration() -> str:
    """Every setting, from the model that reads them."""
    lines = [
        "# Configuration",
        "",
        "Every setting is an environment variable; flags of the commands override them.",
        "Sizes are in bytes, times in seconds.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `RUNYARD_{name.upper()}` | {default(name)} | {field.description} |")
    return "\n".join(lines) + "\n"


def openapi() -> str:
    """The OpenAPI document of the control plane, from its routes and models."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda _: True
    text = io.StringIO()
    yaml.dump(contract(), text)
    return f"# Made from the server's code by `make docs`.\n{text.getvalue()}"


def operations() -> str:
    """Every operation of the control plane, noun by noun."""
    nouns: dict[str, list[str]] = {}
    for path, item in contract()["paths"].items():
        for method, operation in item.items():
            place = path.replace("/v1/workspaces/{workspaceId}", "…")
            status = next(status for status in operation["responses"] if status != "default")
            takes = schema_name(operation.get("requestBody", {}))
            gives = schema_name(operation["responses"][status])
            told = f"| `{operation['operationId']}` | {method.upper()} `{place}` | {takes} | {status} {gives} |"
            nouns.setdefault(operation["tags"][0], []).append(f"{told} {operation['summary']} |")
    lines = [
        "# Operations of `runs`",
        "",
        "Made from the routes; `…` is `/v1/workspaces/{workspaceId}`. What they have in common is in",
        "[the HTTP interface of `runs`](runs-http.md), schemas are in",
        "[the contract](../spec/openapi/portarium-control-plane.v1.yaml).",
    ]
    for noun, rows in nouns.items():
        lines += ["", f"## {noun}", "", "| operation | where | takes | gives | |", "|---|---|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def schema_name(described: dict[str, object]) -> str:
    """What a body is: the name of its schema, or its type of media."""
    content = described.get("content") or {"–": {}}
    media, body = next(iter(content.items()))  # type: ignore[attr-defined]
    reference = body.get("schema", {}).get("$ref", "")
    return f"`{reference.rpartition('/')[2]}`" if reference else media


def default(name: str) -> str:
    """The default as people read it."""
    special = {
        "data_dir": "`/var/lib/runyard` as root, else `~/.local/share/runyard`",
        "worker_slots": "number of cores, at least 2",
        "compute_slots": "number of cores",
        "inferlet_processes": "number of cores, at least 2",
        "text_threads": "half the number of cores",
    }
    if name in special:
        return special[name]
    value = Settings.model_fields[name].default
    if value is None or value is PydanticUndefined:
        return "–"
    for unit, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if isinstance(value, int) and not isinstance(value, bool) and value >= size and value % size == 0:
            return f"`{value}` ({value // size} {unit})"
    return f"`{str(value).lower() if isinstance(value, bool) else f'{value:g}' if isinstance(value, float) else value}`"


def command_lines() -> str:
    """The help of every command, as it is printed."""
    parts = [
        "# Command lines",
        "",
        "What each command prints for `--help`. See the quick start for how they are used together.",
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, texts in zip(COMMANDS, pool.map(help_texts, COMMANDS), strict=True):
            parts += ["", f"## {program}"]
            for command, text in zip(COMMANDS[program], texts, strict=True):
                parts += ["", f"### {' '.join([program, *command])}", "", "```text", text, "```"]
    return "\n".join(parts) + "\n"


def help_texts(program: str) -> list[str]:
    """What a program prints for each of its commands, asked one after the other in one process."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "HOME": "/nonexistent"}
    asking = [sys.executable, "-c", ASKING, program, json.dumps(COMMANDS[program])]
    done = subprocess.run(asking, capture_output=True, text=True, check=True, env=environment)
    return [
        "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).strip("\n").splitlines())
        for text in json.loads(done.stdout)
    ]


ASKING = """
import contextlib, importlib.metadata, io, json, sys
program, commands = sys.argv[1], json.loads(sys.argv[2])
(entry,) = importlib.metadata.entry_points(group="console_scripts", name=program)
main, texts = entry.load(), []
for command in commands:
    said = io.StringIO()
    sys.argv = [program, *command, "--help"]
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main()
    texts.append(said.getvalue())
print(json.dumps(texts))
"""


if __name__ == "__main__":
    sys.exit(main())
