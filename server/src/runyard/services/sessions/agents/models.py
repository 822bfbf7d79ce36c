"""Which agent does what a user names as the model: the table of models of the yard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from runyard.settings import Settings

EMBEDDED: Final = "embedded"
"""The agent every yard has, and the name of its entry."""

EXTRA: Final = "agents"
_FAMILIAR: Final = re.compile(r"claude-|(sonnet|opus|haiku)$")
"""Names that programs written for the protocol ask for."""

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]


class BadTable(ValueError):
    """The table of models can't be used. The text says where and why."""


class UnknownModel(LookupError):
    """No entry has this name."""

    def __init__(self, model: str, known: list[str]) -> None:
        super().__init__(f"There is no model {model[:100]!r}; this yard has: {', '.join(known)}.")
        self.model = model


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="agent"):
    """What is of no use in an entry is a mistake in it."""


class ProviderEntry(_Entry, frozen=True, kw_only=True, tag="provider"):
    """A model behind an API.

    Attributes:
        provider: a name that pydantic-ai knows: `openai` (with `base_url` every endpoint that speaks its protocol),
            `anthropic`, `ollama`, `openrouter`, ...
        model: what the provider calls it; the entry's name by default.
        key_env: variable that has the key.
        key_file: file that has the key.
        seconds: longest silence of the provider.
        retries: times a request is sent again that was turned away for a while.
        max_tokens: most tokens of one answer.
        instructions: what this yard wants its agent to heed, besides.
    """

    provider: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$")] = "openai"
    model: str | None = None
    base_url: str | None = None
    key_env: str | None = None
    key_file: str | None = None
    seconds: Seconds = 120.0
    retries: Annotated[int, Meta(ge=0, le=20)] = 4
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    instructions: str = ""


class EmbeddedEntry(_Entry, frozen=True, kw_only=True, tag="embedded"):
    """The repository analyst, whose prose the yard's own language model writes."""


class CommandEntry(_Entry, frozen=True, kw_only=True, tag="command"):
    """A command-line agent.

    Attributes:
        command: program and arguments. `{task}` in an argument stands for what the user says; without it, that comes
            on standard input.
        env: variables it is given.
        env_from: names of variables of the yard that it is given too, such as the one with its key.
        network: whether it may reach the network.
        folders: folders of this machine that it may read, such as the one it is installed in.
    """

    command: Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]
    env: dict[str, str] = {}
    env_from: list[str] = []
    network: bool = False
    folders: list[str] = []


Entry: TypeAlias = ProviderEntry | EmbeddedEntry | CommandEntry


@dataclass(frozen=True, slots=True)
class Choice:
    """Who does it. ``note`` is what the user should know about that."""

    name: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as users see it."""

    name: str
    agent: Literal["provider", "embedded", "command"]
    default: bool


@dataclass(frozen=True, slots=True)
class ModelTable:
    """The models of a yard. Made by :func:`read_models`."""

    entries: Mapping[str, Entry]
    default: str

    def choose(self, model: str | None) -> Choice:
        """Who works on a session with this model; None for the yard's own choice.

        Raises:
            UnknownModel: nobody does.
        """
        if model is None:
            return Choice(self.default)
        if model in self.entries:
            return Choice(model)
        if _FAMILIAR.match(model) and not self.has_provider:
            return Choice(
                EMBEDDED,
                f"No provider of {model!r} is configured in this yard: its embedded agent analyses the repositories "
                "instead.",
            )
        raise UnknownModel(model, list(self.entries))

    @property
    def has_provider(self) -> bool:
        """Whether there is a model behind an API."""
        return any(isinstance(entry, ProviderEntry) for entry in self.entries.values())

    def __iter__(self) -> Iterator[Listed]:
        for name, entry in self.entries.items():
            yield Listed(name, _agent(entry), default=name == self.default)


def read_models(settings: Settings) -> ModelTable:
    """The table of the settings. Blocks.

    Raises:
        BadTable: it can't be used.
    """
    entries = _read(settings.session_models) if settings.session_models else {}
    for name, entry in entries.items():
        _check(name, entry)
    default = settings.session_model or next(iter(entries), EMBEDDED)
    entries.setdefault(EMBEDDED, EmbeddedEntry())
    if default not in entries:
        raise BadTable(f"RUNYARD_SESSION_MODEL is {default!r}; the table of models has: {', '.join(entries)}.")
    return ModelTable(entries, default)


def _read(table: str) -> dict[str, Entry]:
    """A JSON object, or the file that has it in TOML or JSON."""
    where, decode, content = "RUNYARD_SESSION_MODELS", msgspec.json.decode, table
    if not table.lstrip().startswith("{"):
        where = f"the table of models {table!r}"
        try:
            content = Path(table).expanduser().read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise BadTable(f"RUNYARD_SESSION_MODELS is neither a JSON object nor a file to read: {error}") from error
        if not table.endswith(".json"):
            decode = msgspec.toml.decode
    try:
        return decode(content, type=dict[Annotated[str, Meta(min_length=1, max_length=200)], Entry])
    except msgspec.DecodeError as error:
        raise BadTable(f"{where} can't be read: {error}") from error


def _check(name: str, entry: Entry) -> None:
    """Whatever can be known to be wrong before somebody asks."""
    where = f"The model {name!r}"
    if isinstance(entry, ProviderEntry):
        if find_spec("pydantic_ai") is None:
            raise BadTable(f"{where} is behind an API: pip install 'runyard[{EXTRA}]' first.")
        if entry.key_env and entry.key_file:
            raise BadTable(f"{where} has both key_env and key_file: give one.")
        if entry.key_file and not Path(entry.key_file).expanduser().is_file():
            raise BadTable(f"{where}: there is no file {entry.key_file!r} with its key.")
        if entry.base_url is not None and urlsplit(entry.base_url).scheme not in {"http", "https"}:
            raise BadTable(f"{where}: base_url must begin with http:// or https://, not {entry.base_url!r}.")
    if isinstance(entry, CommandEntry):
        for folder in entry.folders:
            if not Path(folder).is_absolute() or not Path(folder).exists():
                raise BadTable(f"{where}: there is no folder {folder!r} (it must be absolute).")


def _agent(entry: Entry) -> Literal["provider", "embedded", "command"]:
    match entry:
        case ProviderEntry():
            return "provider"
        case CommandEntry():
            return "command"
        case EmbeddedEntry():
            return "embedded"
