"""What a command line prints: nobody else's text talks to the terminal."""

import pytest

from runyard_wire.terminal import note, printable, say_json, show_facts, show_size, show_table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 漢字", "plain ünï 漢字"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("a\ud800", "a\\ud800"),
        ("a\tb\nc\rd", "a b c\\rd"),
    ],
)
def test_what_would_talk_to_the_terminal_is_spelt_out(text, shown):
    assert printable(text) == shown


def test_lines_may_stay_lines():
    assert printable("a\tb\nc\x1b", lines=True) == "a\tb\nc\\x1b"


def test_a_note_goes_to_stderr_and_is_harmless(capsys):
    note("two\nlines\x1b[2J")
    assert capsys.readouterr() == ("", "two\nlines\\x1b[2J\n")


def test_json_has_one_line_when_asked(capsys):
    say_json({"a": "ü"}, line=True)
    say_json({"a": 1})
    assert capsys.readouterr().out == '{"a": "ü"}\n{\n  "a": 1\n}\n'


def test_a_table_in_a_pipe_is_plain_and_wide(capsys):
    show_table(("NAME", "TEXT"), [("one", "x" * 150), ("two", "\x1b[31m")], style=lambda *_: "red")
    lines = capsys.readouterr().out.splitlines()
    assert "x" * 150 in lines[2]
    assert lines[3].split() == ["two", "\\x1b[31m"]


def test_a_row_has_as_many_cells_as_there_are_columns():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        show_table(("A", "B"), [("only one",)])


def test_facts_without_a_value_are_left_out(capsys):
    show_facts([("Name", "x"), ("Error", None), ("Note", "")])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["Name", "x"]]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_500_000, "1.5 MB"), (2e9, "2.0 GB")]
)
def test_sizes_for_people(size, text):
    assert show_size(size) == text
