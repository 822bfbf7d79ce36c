import io
from importlib.metadata import entry_points, version

import pytest


@pytest.fixture
def textkit(monkeypatch, capsys):
    """The command as it is installed, run on a text: its output."""
    (command,) = entry_points(group="console_scripts", name="textkit")
    main = command.load()

    def run(text, *arguments):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        assert main(arguments) == 0
        return capsys.readouterr().out

    return run


def test_it_is_installed_with_its_version():
    assert version("textkit") == "1.0.0"


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["words"], "2\tbe\n2\tto\n1\tnot\n1\tor\n"),
        (["slug"], "to-be-or-not-to-be\n"),
        (["wrap", "--width", "9"], "To be or\nnot to be\n"),
    ],
    ids=["words", "slug", "wrap"],
)
def test_command(textkit, arguments, output):
    assert textkit("To be or not to be\n", *arguments) == output
