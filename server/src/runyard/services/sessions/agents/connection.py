"""How a model behind an API is reached: its entry in the table, made into a client of its provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers import Provider, infer_provider_class
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from runyard.services.sessions.agents.models import BadTable, ProviderEntry
from runyard.settings import secret_variable


@dataclass(frozen=True, slots=True)
class Connection:
    """A model that can be asked. ``key`` is kept to keep it out of texts."""

    model: Model[Any]
    settings: ModelSettings
    key: str | None


@asynccontextmanager
async def connect(name: str, entry: ProviderEntry) -> AsyncIterator[Connection]:
    """A client of the provider, open for as long as the context is.

    Raises:
        BadTable: the entry makes no sense.
    """
    key = _key(name, entry)
    try:
        model = _model(name, entry, key)
    except (UserError, ValueError, ImportError) as error:
        why = str(error).partition(" To try Pydantic AI")[0]
        raise BadTable(f"The model {name!r} can't be used: {why}") from error
    settings = ModelSettings(timeout=entry.seconds, first_event_timeout=entry.seconds, max_retries=0)
    if entry.max_tokens is not None:
        settings["max_tokens"] = entry.max_tokens
    if entry.temperature is not None:
        settings["temperature"] = entry.temperature
    async with model:
        yield Connection(model, settings, key)


def _key(name: str, entry: ProviderEntry) -> str | None:
    if entry.key_file is not None:
        try:
            return Path(entry.key_file).expanduser().read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadTable(f"The key of the model {name!r} can't be read: {error}") from error
    if entry.key_env is not None:
        if (secret := secret_variable(entry.key_env)) is None:
            raise BadTable(f"The model {name!r} needs a key: the variable {entry.key_env} of the worker is not set.")
        return secret.get_secret_value()
    return None


def _model(name: str, entry: ProviderEntry, key: str | None) -> Model[Any]:
    asked = entry.model or name
    if entry.base_url is not None and entry.provider in {"openai", "openai-chat"}:
        # Somebody else's endpoint: it must not be sent a key that happens to be in the environment for OpenAI.
        service = urlsplit(entry.base_url).hostname or "openai-compatible"
        return OpenAIChatModel(
            asked, provider=OpenAICompatibleProvider(service, base_url=entry.base_url, api_key=key or "none")
        )
    kind = infer_provider_class(entry.provider)
    known = signature(kind.__init__).parameters
    given = {"api_key": key, "base_url": entry.base_url}
    options = {option: value for option, value in given.items() if value is not None}
    if strange := options.keys() - known:
        raise ValueError(f"the provider {entry.provider!r} takes no {min(strange)}")
    provider: Provider[Any] = kind(**options)
    return infer_model(f"{entry.provider}:{asked}", provider_factory=lambda _: provider)
