"""Programs with a client as the stock generator makes it, from whatever contract: no template, no module of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from .golden import OPERATIONS, STREAM
from .upstream import tag_of

ROOT: Final = Path(__file__).resolve().parents[3]
GENERATOR: Final = ROOT / "scripts/codegen/generator.sh"


def generate(contract: Path, folder: Path, package: str) -> ModuleType:
    """A client for a contract, imported. That the generator didn't understand something is an error."""
    tools = subprocess.run([GENERATOR], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    command = [
        "openapi-python-client", "generate", "--path", contract, "--meta", "none", "--output-path", folder / package,
        "--fail-on-warning",
    ]  # fmt: skip
    path = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}  # it calls its ruff by name
    done = subprocess.run(
        command, env=os.environ | path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    sys.path.insert(0, str(folder))
    try:
        return import_module(package)
    finally:
        sys.path.remove(str(folder))


@dataclass(frozen=True, slots=True)
class Program:
    """Somebody's program: all it knows of the server is its generated client.

    Attributes:
        package: the client's name.
        asked: the operations that have answered as they should, so far.
    """

    package: str
    client: Any
    workspace: str
    asked: set[str]

    def ask(self, name: str, *ids: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """What an operation answers, read as the contract says."""
        wanted, answer = OPERATIONS[name], self._send(name, *ids, body=body, **query)
        assert answer.status_code == int(wanted.status), answer.content
        if wanted.answer is None:
            assert (answer.parsed, answer.content) == (None, b"")
        elif wanted.answer == STREAM:
            assert isinstance(answer.parsed, str)
            assert answer.headers["content-type"].partition(";")[0] == STREAM
        else:
            assert type(answer.parsed).__name__ == wanted.answer
            assert answer.headers["content-type"] == "application/json"
            wire = json.loads(answer.content)
            assert wire.get("cursor") == wire.get("nextCursor")
            _compare(answer.parsed.to_dict(), wire)
        self.asked.add(name)
        return answer.parsed

    def refused(self, name: str, *ids: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """The problem that an operation answers."""
        answer = self._send(name, *ids, body=body, **query)
        assert type(answer.parsed).__name__ == "ProblemDetails", answer.content
        assert answer.parsed.status == answer.status_code
        return answer.parsed

    def operation(self, name: str) -> ModuleType:
        """The module that the generator has made for an operation."""
        return import_module(f"{self.package}.api.{_snake(tag_of(OPERATIONS[name].path))}.{_snake(name)}")

    def body(self, name: str, content: dict[str, Any]) -> Any:
        """A request as the client writes it; what it doesn't know it would leave out."""
        model = getattr(import_module(f"{self.package}.models"), OPERATIONS[name].request or "", None)
        if model is None:
            return content  # a choice of several forms: the generator takes anything
        made = model.from_dict(content)
        _compare(content, made.to_dict())
        return made

    def _send(self, name: str, *ids: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        places = [self.workspace, *ids] if "{workspaceId}" in OPERATIONS[name].path else ids
        said = {} if body is None else {"body": self.body(name, body)}
        return self.operation(name).sync_detailed(*places, client=self.client, **said, **query)


def _compare(part: object, whole: object) -> None:
    """Assert that all of ``part`` is in ``whole``. A time may be written in several ways."""
    if isinstance(part, dict):
        assert isinstance(whole, dict)
        for key, value in part.items():
            _compare(value, whole[key])
    elif isinstance(part, list):
        assert isinstance(whole, list)
        assert len(part) == len(whole)
        for one, other in zip(part, whole, strict=True):
            _compare(one, other)
    elif part != whole:
        assert isinstance(part, str)
        assert isinstance(whole, str)
        assert datetime.fromisoformat(part) == datetime.fromisoformat(whole)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
