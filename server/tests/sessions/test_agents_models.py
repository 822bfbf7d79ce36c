"""The table of models: who does what a user names, and what is said of a table that makes no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runyard.services.sessions.agents.models import (
    BadTable,
    CommandEntry,
    EmbeddedEntry,
    Listed,
    ProviderEntry,
    UnknownModel,
    read_models,
)
from runyard.settings import Settings

TABLE = {
    "fast": {"agent": "provider", "base_url": "http://127.0.0.1:1/v1", "model": "tiny"},
    "shell": {"agent": "command", "command": ["cat"]},
}


def settings(table: object = None, *, default: str | None = None) -> Settings:
    text = table if isinstance(table, str) or table is None else json.dumps(table)
    return Settings(session_models=text, session_model=default)


def test_without_a_table_there_is_the_embedded_agent():
    models = read_models(settings())
    assert list(models) == [Listed("embedded", "embedded", default=True)]
    assert models.choose(None).name == "embedded"


def test_the_first_entry_is_the_default():
    models = read_models(settings(TABLE))
    assert [(one.name, one.agent, one.default) for one in models] == [
        ("fast", "provider", True),
        ("shell", "command", False),
        ("embedded", "embedded", False),
    ]
    assert models.choose(None).name == "fast"


def test_the_operator_can_name_another_default():
    assert read_models(settings(TABLE, default="embedded")).choose(None).name == "embedded"


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_table_can_be_a_file(tmp_path: Path, suffix: str):
    file = tmp_path / f"models.{suffix}"
    toml = '["gpt 5"]\nagent = "provider"\nseconds = 5\n[shell]\nagent = "command"\ncommand = ["cat"]\nnetwork = true\n'
    file.write_text(toml if suffix == "toml" else json.dumps({"gpt 5": {"agent": "provider", "seconds": 5}, **TABLE}))
    entries = read_models(settings(str(file))).entries
    assert entries["gpt 5"] == ProviderEntry(seconds=5.0)
    assert isinstance(entries["shell"], CommandEntry)
    assert entries["embedded"] == EmbeddedEntry()


@pytest.mark.parametrize("model", ["claude-3.5-sonnet", "claude-3-haiku", "claude-sonnet-4-6", "sonnet", "opus"])
def test_the_embedded_agent_stands_in_for_models_of_the_protocol(model: str):
    choice = read_models(settings({"shell": TABLE["shell"]})).choose(model)
    assert choice.name == "embedded"
    assert choice.note is not None
    assert repr(model) in choice.note


def test_with_a_provider_nobody_stands_in():
    with pytest.raises(UnknownModel, match=r"no model 'claude-3.5-sonnet'; this yard has: fast, shell, embedded"):
        read_models(settings(TABLE)).choose("claude-3.5-sonnet")


def test_a_configured_model_of_the_protocol_is_itself():
    choice = read_models(settings({"claude-3.5-sonnet": TABLE["fast"]})).choose("claude-3.5-sonnet")
    assert (choice.name, choice.note) == ("claude-3.5-sonnet", None)


@pytest.mark.parametrize("model", ["gpt-9", "", "Embedded", "my-sonnet-2"])
def test_an_unknown_model_is_refused_with_what_there_is(model: str):
    with pytest.raises(UnknownModel, match="this yard has: embedded") as refused:
        read_models(settings()).choose(model)
    assert refused.value.model == model


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("{", "RUNYARD_SESSION_MODELS can't be read"),
        ("nowhere.toml", "neither a JSON object nor a file to read: .*nowhere.toml"),
        ({"x": {}}, "agent"),
        ({"x": {"agent": "magic"}}, "magic"),
        ({"x": {"agent": "provider", "modle": "y"}}, "modle"),
        ({"x": {"agent": "provider", "seconds": 0}}, "seconds"),
        ({"x": {"agent": "provider", "base_url": "ftp://x"}}, "base_url must begin with http.*'ftp://x'"),
        ({"x": {"agent": "provider", "key_env": "A", "key_file": "B"}}, "both key_env and key_file"),
        ({"x": {"agent": "provider", "key_file": "/nowhere"}}, "no file '/nowhere' with its key"),
        ({"x": {"agent": "command", "command": []}}, "command"),
        ({"x": {"agent": "command", "command": ["y"], "folders": ["relative"]}}, "no folder 'relative'"),
        ({"": {"agent": "embedded"}}, "length"),
    ],
)
def test_a_table_that_makes_no_sense_says_where(table: object, says: str):
    with pytest.raises(BadTable, match=says):
        read_models(settings(table))


def test_a_default_that_is_nowhere_is_refused():
    with pytest.raises(
        BadTable, match="RUNYARD_SESSION_MODEL is 'slow'; the table of models has: fast, shell, embedded"
    ):
        read_models(settings(TABLE, default="slow"))


def test_a_file_that_is_no_table_is_named(tmp_path: Path):
    file = tmp_path / "models.toml"
    file.write_text("= 3")
    with pytest.raises(BadTable, match="models.toml"):
        read_models(settings(str(file)))
