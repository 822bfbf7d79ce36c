"""Languages and their lines: samples counted by hand, and what holds for any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.services.sessions.analyst.languages import BY_NAME, language_of
from runyard.services.sessions.analyst.syntax import Lines, comments, count, without_comments

SAMPLES = {
    "Python": ('# one\nx = "# no"  # yes\n\ny = """\n# no\n"""\n', Lines(4, 1, 1)),
    "JavaScript": ("// one\n/* two\n   three */\nlet a = `// no\n/* no */`; /* end */\nlet u = 'http://x';\n", Lines(3, 3, 0)),
    "Go": ('package a\n// c\nvar r = `\n// raw \\`\nvar s = "/*"\n', Lines(4, 1, 0)),
    "Rust": ("/* a /* b */ still */\nfn f<'a>(x: &'a str) {} // c\nlet c = '\"'; // d\nlet r = r#\"// \" no\"#;\n", Lines(3, 1, 0)),
    "C": ("/* a\n*/ int x; // y\n#define Q '\"' /* c */\n  \n", Lines(2, 1, 1)),
    "C++": ('auto a = R"x(\n// no)"\n)x"; // yes\nint n = 1\'000;\n// c\n', Lines(4, 1, 0)),
    "C#": ('var p = @"c:\\"; // c\n/// doc\nvar t = """\n// no\n""";\n', Lines(4, 1, 0)),
    "Java": ('/** doc\n * more */\nString t = """\n  // no\n  """;\n', Lines(3, 2, 0)),
    "Shell": ("#!/bin/sh\n# c\necho $# ${x#y} 'it'\necho don\\'t # c\n", Lines(2, 2, 0)),
    "Ruby": ("=begin\nx\n=end\nputs 1 # c\n# c\n", Lines(1, 4, 0)),
    "SQL": ("-- c\nselect '--';\n/* a\n\n b */\nselect 1 -- c\n", Lines(2, 3, 1)),
    "HTML": ("<!-- a\n b -->\n<p>it's</p> <!-- c -->\n", Lines(1, 2, 0)),
    "CSS": ("/* a */\nb { c: url(//x) }\n", Lines(1, 1, 0)),
    "Lua": ("--[[ a\nb ]]\nx = [[\n-- no]]\n-- c\n", Lines(2, 3, 0)),
    "Haskell": ("{- a {- b -} c\n-}\nmain = print 1 -- c\n", Lines(1, 2, 0)),
    "Makefile": ("# c\nall: x\n\t@echo $$#\n", Lines(2, 1, 0)),
    "INI": ("; c\n# c\n[a]\nb = 1 ; no\n", Lines(2, 2, 0)),
    "Batch": ("@echo off\nREM c\n:: c\nrem c\n", Lines(1, 3, 0)),
    "YAML": ("# c\na: 'x # no'\nb: x#no\n", Lines(2, 1, 0)),
    "JSON": ('{"a": "// no"}\n\n', Lines(1, 0, 1)),
    "PHP": ("<?php\n# c\n// c\n$a = '# no';\n", Lines(2, 2, 0)),
    "WebAssembly text": ("(module ;; c\n(; a\n(; b ;) ;)\n)\n", Lines(2, 2, 0)),
}  # fmt: skip


@pytest.mark.parametrize("language", SAMPLES)
def test_lines_of_a_sample_are_as_counted_by_hand(language: str):
    text, lines = SAMPLES[language]
    assert count(text, BY_NAME[language].syntax) == lines


@pytest.mark.parametrize(
    ("name", "head", "language"),
    [
        ("a.py", "", "Python"),
        ("A.PY", "", "Python"),
        ("Dockerfile.dev", "", "Dockerfile"),
        ("run", "#!/usr/bin/env -S python3 -u\n", "Python"),
        ("run", "#!/bin/bash\n", "Shell"),
        ("x.h", "int f(void);\n", "C"),
        ("x.h", "namespace a {\n", "C++"),
        ("x.m", "@interface A\n", "Objective-C"),
        ("x.m", "% a\n", "MATLAB"),
        ("tsconfig.json", "", "JSON with comments"),
    ],
)
def test_a_language_is_known_by_its_name_or_first_line(name: str, head: str, language: str):
    found = language_of(name, head)
    assert found is not None
    assert found.name == language


@pytest.mark.parametrize("name", ["x", "x.unheard", "LICENSE.unheard.of", ".hidden", "#!/bin/sh"])
def test_unknown_names_have_no_language_of_programs(name: str):
    found = language_of(name, "words\n")
    assert found is None or found.kind == "prose"


@pytest.mark.parametrize("language", BY_NAME)
@settings(max_examples=25, deadline=None)
@given(text=st.text(alphabet="ab \n\"'`/*#-{}()<!>;%=[]\\r|@", max_size=200))
def test_lines_add_up_in_any_text(language: str, text: str):
    syntax = BY_NAME[language].syntax
    lines = count(text, syntax)
    assert lines.code + lines.comment + lines.blank == len(text.splitlines())
    assert min(lines.code, lines.comment, lines.blank) >= 0
    assert without_comments(text, syntax).count("\n") == text.count("\n")
    assert all(text.split("\n")[number - 1 :][0] is not None for number, _ in comments(text, syntax))


def test_a_comment_is_told_with_its_line():
    assert comments("x = 1\n\n# a\ny = '# no'  # b\n", BY_NAME["Python"].syntax) == [(3, "# a"), (4, "# b")]
