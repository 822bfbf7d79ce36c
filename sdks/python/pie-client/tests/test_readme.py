"""The README tells the truth: its programs compile, and it names every error, event and command."""

import ast
import re
from pathlib import Path

import pytest

import pie
from pie import Event
from pie.cli.app import app

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_its_programs_compile(block):
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and node.module == "pie":
            assert {name.name for name in node.names} <= set(pie.__all__)


async def test_its_first_program_runs(server, pies, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_program.wasm").write_bytes(pies.wasm("echo"))
    from pie.cli import main

    assert main(["keys", "new"]) == 0
    source = BLOCKS[0].replace("ws://127.0.0.1:8080", server.url).replace("asyncio.run(main())", "")
    scope = {}
    exec(compile(source, "README.md", "exec"), scope)
    await scope["main"]()
    assert "Received: Message - hello" in capsys.readouterr().out


def test_it_names_everything():
    for name in pie.__all__:
        if isinstance(getattr(pie, name), type) and issubclass(getattr(pie, name), Exception):
            assert f"`{name}`" in README, name
    for event in Event:
        assert f"`{event.name}`" in README
    commands = [command.name or command.callback.__name__ for command in app.registered_commands]
    for name in [*commands, *(group.name for group in app.registered_groups)]:
        assert re.search(rf"^\| [^|]*`[^`]*\b{name}\b", README, re.MULTILINE), name


def test_it_tells_the_codes_of_closes():
    from pie._connection import _FINAL_CODES

    told, _, rest = README.partition("Closes that would only repeat themselves")[2].partition("A server that goes")
    assert {int(code) for code in re.findall(r"\b1\d{3}\b", told)} == _FINAL_CODES
    assert not {int(code) for code in re.findall(r"\b[14]\d{3}\b", rest.partition("\n\n")[0])} & _FINAL_CODES
