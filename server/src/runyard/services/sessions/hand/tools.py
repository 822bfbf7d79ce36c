"""What an agent can ask of its workspace: each tool is a struct, whose fields are the tool's arguments.

The docstrings and descriptions go to the model as they stand.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, TypeAlias

import msgspec
from msgspec import Meta

LONGEST_TEXT: Final = 4 * 1024 * 1024
"""Characters of one argument."""

Path = Annotated[
    str,
    Meta(
        description="Relative to the folder you start in, or absolute below the workspace.",
        min_length=1,
        max_length=4096,
    ),
]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]


class _Tool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    writes: ClassVar[bool] = False
    """Whether it changes the workspace."""


class ListFiles(_Tool, frozen=True, kw_only=True, tag="list"):
    """List the files and folders below a folder, with sizes in bytes."""

    path: Path = "."
    depth: Annotated[int, Meta(ge=1, le=10, description="Levels of folders to open.")] = 2


class ReadFile(_Tool, frozen=True, kw_only=True, tag="read"):
    """Read a text file, or some of its lines."""

    path: Path
    offset: Annotated[int, Meta(ge=1, description="First line, from 1.")] = 1
    limit: Annotated[int, Meta(ge=1, le=5000, description="Most lines.")] = 500


class SearchFiles(_Tool, frozen=True, kw_only=True, tag="search"):
    """Search the lines of text files for a regular expression. Files that git ignores are left out."""

    pattern: Annotated[str, Meta(min_length=1, max_length=2000, description="Regular expression of Python.")]
    path: Path = "."
    glob: Annotated[str, Meta(max_length=500, description="Only files of such a name or path: `*.py`, `docs/*`.")] = ""
    ignore_case: bool = False
    literal: Annotated[bool, Meta(description="Take the pattern as plain text.")] = False
    limit: Annotated[int, Meta(ge=1, le=1000, description="Most matching lines.")] = 100


class WriteFile(_Tool, frozen=True, kw_only=True, tag="write"):
    """Write a whole text file; its folders are made."""

    writes: ClassVar[bool] = True
    path: Path
    content: Text


class EditFile(_Tool, frozen=True, kw_only=True, tag="edit"):
    """Replace text in a file. The old text must be there exactly as given, and only once unless `all` is set."""

    writes: ClassVar[bool] = True
    path: Path
    old: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
    new: Text
    all: Annotated[bool, Meta(description="Replace every occurrence.")] = False


class RunCommand(_Tool, frozen=True, kw_only=True, tag="run"):
    """Run a shell command in the folder you start in, without network; what it started ends with it."""

    writes: ClassVar[bool] = True
    command: Annotated[str, Meta(min_length=1, max_length=100_000)]
    timeout: Annotated[float, Meta(gt=0, description="Seconds; the yard has a limit of its own.")] | None = None


class ShowChanges(_Tool, frozen=True, kw_only=True, tag="diff"):
    """Show what has been changed in a repository so far, as a unified diff."""

    repository: Annotated[str, Meta(max_length=100, description="Its folder's name; the first by default.")] = ""


Tool: TypeAlias = ListFiles | ReadFile | SearchFiles | WriteFile | EditFile | RunCommand | ShowChanges

TOOLS: Final[Mapping[str, type[Tool]]] = {
    "list": ListFiles,
    "read": ReadFile,
    "search": SearchFiles,
    "edit": EditFile,
    "write": WriteFile,
    "run": RunCommand,
    "diff": ShowChanges,
}


@dataclass(frozen=True, slots=True)
class Description:
    """A tool as a model wants it described. ``parameters`` is a JSON schema."""

    name: str
    text: str
    parameters: Mapping[str, Any]
    writes: bool


class UnknownTool(LookupError):
    """The workspace has no tool of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no tool {name!r}; there are {', '.join(TOOLS)}.")


class BadArguments(ValueError):
    """The arguments aren't the tool's."""


def descriptions() -> tuple[Description, ...]:
    """All tools."""
    return tuple(
        Description(name, inspect.getdoc(tool) or "", _schema(tool), tool.writes) for name, tool in TOOLS.items()
    )


def read_call(name: str, arguments: Mapping[str, object]) -> Tool:
    """A call as a model writes it.

    Raises:
        UnknownTool: there is no such tool.
        BadArguments: the text says which argument is wrong; it is fit for the model.
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise UnknownTool(name)
    try:
        return msgspec.convert(dict(arguments), tool, strict=False)
    except msgspec.ValidationError as error:
        raise BadArguments(f"The tool {name!r} can't be called so: {error}") from None


def _schema(tool: type[Tool]) -> Mapping[str, Any]:
    _, known = msgspec.json.schema_components([tool])
    schema = dict(next(iter(known.values())))
    fields = {name: field for name, field in schema["properties"].items() if name != "type"}
    required = [name for name in schema.get("required", ()) if name != "type"]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}
