"""What programs made with typer share."""

import logging
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal

import pytest
import typer

from runyard_wire.findings import Finding, tell_findings
from runyard_wire.profiles import ConfigFile, Profile
from runyard_wire.typer_completion import add_completion, commands
from runyard_wire.typer_profiles import add_profile_commands
from runyard_wire.typer_program import Verbose, Version, begin, new_program, run_typer, with_options


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Server:
    url: "str | None"


OPTIONS = {"url": Annotated[str | None, typer.Option("--url", help="Where.")]}


@pytest.fixture
def program(tmp_path):
    app = typer.Typer(add_completion=False)
    below = typer.Typer(help="Things below.")

    @app.command()
    def paint(colour: Colour, *, size: Annotated[Literal["s", "m"], typer.Option(help="How big.")] = "s") -> None:
        """Paint it.

        Slowly.
        """
        if colour is Colour.BLUE:
            raise ConnectionError("no blue")

    def where(what: str, *, server: Server) -> None:
        """Say where."""
        typer.echo(f"{what} at {server.url}")

    below.command()(with_options(where, "server", OPTIONS, Server))
    below.command(hidden=True)(lambda: None)
    file = ConfigFile(tmp_path / "config", adding="add {name}")
    file.save(Profile("home"))
    profiles = typer.Typer(help="Servers.")
    add_profile_commands(profiles, lambda: file)
    app.add_typer(below, name="below")
    app.add_typer(profiles, name="profiles")
    add_completion(app, "tool")
    return app, file


def run(program, *argv):
    def tell(error):
        typer.echo(str(error))
        return 3 if isinstance(error, ConnectionError) else 2

    return run_typer(program[0], "tool", argv, tell)


def test_the_tree_holds_every_command_but_hidden_ones(program):
    tree = {words.path: words for words in commands(program[0])}
    assert [word for word, _ in tree[()].words] == ["paint", "completion", "below", "profiles"]
    assert dict(tree[()].words)["paint"] == "Paint it."
    assert [word for word, _ in tree["below",].words] == ["where"]


def test_words_and_values_are_those_of_the_annotations(program):
    tree = {words.path: words for words in commands(program[0])}
    assert [word for word, _ in tree["paint",].words] == ["red", "blue"]
    size, _ = tree["paint",].options
    assert (size.flags, size.values, size.help) == (("--size",), ("s", "m"), "How big.")
    assert not tree["paint",].files
    assert tree["below", "where"].files


def test_a_program_prints_its_completion_script(program, capsys):
    assert run(program, "completion", "bash") == 0
    assert "complete -o default -F _tool tool" in capsys.readouterr().out


def test_a_failure_is_told_and_wrong_usage_is_typers(program, capsys):
    assert run(program, "paint", "blue") == 3
    assert capsys.readouterr().out == "no blue\n"
    assert run(program, "paint", "green") == 2


def test_commands_get_shared_options_as_one(program, capsys):
    assert run(program, "below", "where", "it", "--url", "here") == 0
    assert capsys.readouterr().out == "it at here\n"


def test_a_profile_is_used_and_forgotten(program, capsys):
    assert run(program, "profiles", "use", "home") == 0
    assert program[1].read().current == "home"
    assert run(program, "profiles", "use", "--none") == 0
    assert program[1].read().current is None
    assert run(program, "profiles", "use") == 2
    assert run(program, "profiles", "remove", "home") == 0
    assert program[1].read().profiles == {}
    assert run(program, "profiles", "remove", "home") == 2


def test_findings_end_with_the_worst_code(capsys):
    findings = [Finding(subject="one", ok=True, detail="well"), Finding(subject="two", ok=False, detail="ill", code=3)]
    assert tell_findings(findings, as_json=False) == 3
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if "ll" in line] == ["✓", "✗"]
    assert tell_findings(findings[:1], as_json=True) == 0
    assert '"subject": "one"' in capsys.readouterr().out


@pytest.mark.parametrize("words", [(), ("--verbose",)])
def test_a_program_shows_its_log_only_when_asked(words, capsys):
    logger = logging.getLogger("example_of_a_package")
    app = new_program("tool", "A tool.", epilog="Exit codes: 0 done.")

    @app.callback(invoke_without_command=True)
    def _root(*, verbose: Verbose = False, version: Version = False) -> None:
        begin("tool", "example_of_a_package", "1.2", verbose=verbose, only_version=version)

    @app.command()
    def work() -> None:
        logger.warning("careful")

    try:
        assert run((app, None), *words, "work") == 0
        assert capsys.readouterr().err == ("example_of_a_package: careful\n" if words else "")
        assert run((app, None), "--version") == 0
        assert capsys.readouterr().out == "tool 1.2\n"
    finally:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
