"""Entry points, tests, routes and risky calls, by language; modules of Python and how they hang together."""

from __future__ import annotations

import pytest

from runyard.services.sessions.analyst.python.graph import cycles
from runyard.services.sessions.analyst.python.source import parse

from .analyst_repositories import facts_of, write

# --- Entry points ---


@pytest.mark.parametrize(
    ("name", "text", "kind", "found"),
    [
        ("cmd/tool/main.go", "package main\n\nfunc main() {}\n", "program", "tool:3"),
        ("src/main.rs", "fn main() {}\n", "program", "main.rs:1"),
        ("A.java", "class A {\n  public static void main(String[] a) {}\n}\n", "program", "A.java:2"),
        ("a.kt", "/* fun main() */\nfun main() {}\n", "program", "a.kt:2"),
        ("a.c", "// int main(\nint main(void) {}\n", "program", "a.c:2"),
        ("P.cs", "class P {\n  static async Task Main(string[] a) {}\n}\n", "program", "P.cs:2"),
        ("Procfile", "web: gunicorn a\n", "process", "web:1"),
        ("justfile", "test:\n  x\nvar := 1\n", "just recipe", "test:1"),
        ("setup.py", "setup(entry_points={'console_scripts': ['a = b:c']})\n", "command", "a:1"),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n  a = b:c\n", "command", "a:0"),
        ("Cargo.toml", '[[bin]]\nname = "a"\npath = "b.rs"\n', "command", "a:0"),
    ],
)
def test_entry_points_of_many_languages(tmp_path, name: str, text: str, kind: str, found: str):
    points = facts_of(write(tmp_path, {name: text})).entry_points
    assert [(each.kind, f"{each.name}:{each.place.line}") for each in points] == [(kind, found)]


def test_tests_and_fixtures_have_no_entry_points(tmp_path):
    assert facts_of(write(tmp_path, {"tests/data/pyproject.toml": '[project.scripts]\na = "b:c"\n'})).entry_points == ()


# --- Tests ---


@pytest.mark.parametrize(
    ("name", "text", "framework", "functions"),
    [
        (
            "test_a.py",
            "import unittest\nclass A(unittest.TestCase):\n  def test_a(self): ...\n  def setUp(self): ...\n",
            "unittest",
            1,
        ),
        ("tests.py", "class A(TestCase):\n  def test_a(self): ...\n", "unittest", 1),
        ("a_test.py", "def test_a(): ...\nasync def test_b(): ...\nif 1:\n  def test_c(): ...\n", "pytest", 3),
        (
            "a_test.go",
            "func TestA(t *testing.T) {}\n// func TestB(\nfunc Testify() {}\nfunc FuzzA(f) {}\n",
            "go test",
            2,
        ),
        ("src/a.rs", "#[test]\nfn a() {}\n// #[test]\n#[tokio::test]\nasync fn b() {}\n", "cargo test", 2),
        (
            "ATest.java",
            "class A {\n  @Test\n  void a() {}\n  /* @Test */\n  @ParameterizedTest\n  void b() {}\n}\n",
            "JUnit",
            2,
        ),
        (
            "a.spec.ts",
            "import { test } from '@playwright/test';\ntest('a', f);\n// test('b', f);\ntest.skip('c', f);\n",
            "Playwright",
            2,
        ),
        ("a_spec.rb", "it 'a' do\nend\n# it 'b'\n", "RSpec", 1),
        ("a_test.rb", "def test_a\nend\n", "Minitest", 1),
        ("a_test.exs", 'test "a" do\nend\n', "ExUnit", 1),
        ("test_a.cpp", "TEST(A, B) {}\n  TEST_F(A, C) {}\n", "C++ tests", 2),
        ("ATest.php", "<?php class A {\n  public function testA() {}\n}\n", "PHPUnit", 1),
        ("A.cs", "[Fact]\nvoid A() {}\n[Theory]\nvoid B() {}\n", ".NET tests", 2),
    ],
)
def test_test_functions_are_counted_as_the_framework_finds_them(
    tmp_path, name: str, text: str, framework: str, functions: int
):
    assert [(each.framework, each.files, each.functions) for each in facts_of(write(tmp_path, {name: text})).tests] == [
        (framework, 1, functions)
    ]


@pytest.mark.parametrize("name", ["helpers.py", "test_helpers.py", "conftest.py"])
def test_files_without_tests_are_no_test_files(tmp_path, name: str):
    assert facts_of(write(tmp_path, {name: "def helper(): ...\ndef _test_x(): ...\n"})).tests == ()


def test_the_package_says_which_framework_runs_scripts(tmp_path):
    files = {"package.json": '{"devDependencies": {"jest": "1"}}', "__tests__/a.js": "it('a', f);\ntest('b', f);\n"}
    assert [(each.framework, each.functions) for each in facts_of(write(tmp_path, files)).tests] == [("Jest", 2)]


# --- Python inside ---


def test_circles_are_found_among_modules_that_load_each_other(tmp_path):
    files = {
        "p/__init__.py": "", "p/a.py": "from p import b\n", "p/b.py": "from .c import x\n", "p/c.py": "import p.a\nx = 1\n",
        "p/late.py": "def f():\n    from p import later\n", "p/later.py": "from p import late\n",
        "p/run.py": "if __name__ == '__main__':\n    from p import ran\n", "p/ran.py": "from p import run\n",
        "p/typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p import user\n", "p/user.py": "from p import typed\n",
    }  # fmt: skip
    python = facts_of(write(tmp_path, files)).python
    assert python is not None
    assert python.cycles == (("p.a", "p.b", "p.c"),)


def test_imports_between_packages_are_counted_by_module(tmp_path):
    files = {
        "src/app/__init__.py": "", "src/app/web/__init__.py": "", "src/app/web/a.py": "from app.core import x, y\nfrom ..core import x\n",
        "src/app/web/b.py": "from ..core.deep import z\n", "src/app/core/__init__.py": "x = y = 1\n", "src/app/core/deep.py": "import os\nz = 1\n",
        "tests/test_a.py": "from app.web import a\n",
    }  # fmt: skip
    python = facts_of(write(tmp_path, files)).python
    assert python is not None
    assert [(each.importer, each.imported, each.imports) for each in python.imports] == [("app.web", "app.core", 2)]


def test_a_script_finds_what_lies_beside_it_and_nothing_elsewhere(tmp_path):
    files = {
        "scripts/a.py": "import b\n", "scripts/b.py": "import a\nimport c\n", "other/c.py": "import a\n",
        "typing/re.pyi": "import re\n", "app/__init__.py": "", "app/x.py": "import re\nimport a\n",
    }  # fmt: skip
    python = facts_of(write(tmp_path, files)).python
    assert python is not None
    assert python.cycles == (("scripts.a", "scripts.b"),)
    assert python.imports == ()


def test_a_package_hands_out_what_all_says_or_what_has_no_underscore(tmp_path):
    files = {
        "a/__init__.py": "__all__ = ['one']\n__all__ += ['two']\nthree = 1\n",
        "b/__init__.py": "import os\nfrom x import y as z, _w\nA: int = 1\ndef f(): ...\ndef _g(): ...\nclass C: ...\n",
    }
    python = facts_of(write(tmp_path, files)).python
    assert python is not None
    assert [(each.package, each.names, each.declared) for each in python.api] == [
        ("a", ("one", "two"), True), ("b", ("A", "C", "f", "os", "z"), False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('"""a\n\nb"""\n', 2),
        ('def f(): "a"\n', 0),
        ('def f():\n    """a"""; x = 1\n', 0),
        ('def f():\n    """a\n    b"""; x = 1\n', 1),
        ('def f(\n): """a\n    b"""\n', 1),
        ('x = 1\n"""no docstring"""\n', 0),
        ('class Ä: "ä"\n', 0),
    ],
)
def test_docstring_lines_are_those_with_nothing_else(text: str, lines: int):
    assert parse(text, limit=1_000).docstring_lines == lines


@pytest.mark.parametrize("text", ["def f(:\n", "x = 1 +\n", "print 'old'\n", "\0", "é" * 2_000])
def test_what_is_no_python_is_said_to_be_so(text: str):
    assert parse(text, limit=1_000).problem


def test_cycles_are_the_groups_that_reach_each_other():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a", "f"}}
    assert cycles(graph) == [("a", "b", "c"), ("d", "e")]


def test_a_long_chain_is_no_circle_and_no_recursion():
    graph = {str(number): {str(number + 1)} for number in range(5_000)} | {"5000": set()}
    assert cycles(graph) == []
    assert len(cycles(graph | {"5000": {"0"}})[0]) == 5_001


# --- Security ---


@pytest.mark.parametrize(
    ("name", "text", "kinds"),
    [
        ("a.py", "eval(x)\n", ["eval() of an expression"]),
        ("a.py", "eval('1')\n# eval(x)\ny = 'eval(x)'\nmodel.eval()\n", []),
        ("a.py", "import os\nos.system(x)\n", ["os.system() goes through a shell"]),
        ("a.py", "run(x, shell=True)\nrun(x, shell=False)\n", ["a subprocess goes through a shell"]),
        ("a.py", "yaml.load(x)\nyaml.load(x, Loader=yaml.SafeLoader)\n", ["yaml.load() without a safe loader"]),
        ("a.py", "requests.get(x, verify=False)\n", ["TLS certificates are not verified"]),
        ("a.py", "db.execute(f'select {x}')\ndb.execute('select %s', x)\ndb.execute(f'select')\n", ["a statement for a database is put together from strings"]),
        ("a.py", "db.execute('select ' + x)\n", ["a statement for a database is put together from strings"]),
        ("a.py", "app.run(debug=True)\nlog(debug=True)\n", ["a web server in debug mode"]),
        ("a.py", "Environment(autoescape=False)\n", ["templates without escaping"]),
        ("a.py", "t.extractall(x)\nt.extractall(x, filter='data')\n", ["an archive is unpacked without a filter"]),
        ("a.py", "db.execute('select {}'.format(x))\n", ["a statement for a database is put together from strings"]),
        ("a.js", "el.innerHTML = x;\nif (el.innerHTML == y) {}\n", ["innerHTML is set"]),
        ("a.ts", "eval(x);\nfoo.eval(x);\n", ["eval() of an expression"]),
        ("Dockerfile", "FROM a:1\nUSER app\n", []),
        ("Dockerfile", "FROM a:1\nUSER root\n", ["the container runs as root"]),
        (".github/workflows/a.yml", "on:\n  pull_request_target:\n", ["a workflow runs with secrets for pull requests of strangers"]),
        ("a.sh", "curl -s x | sudo bash\nchmod 777 x\n", ["a download is piped into a shell", "files are made writable for everybody"]),
        (".env", "A=1\n", ["an environment file is committed"]),
        (".env.example", "A=1\n", []),
        (".env", "", []),
        ("id_ed25519", "x\n", ["a key file is committed"]),
        (".netrc", "x\n", ["a file of credentials is committed"]),
    ],
)  # fmt: skip
def test_places_worth_a_look_are_found(tmp_path, name: str, text: str, kinds: list[str]):
    assert [each.kind for each in facts_of(write(tmp_path, {name: text})).exposures.first] == kinds


def test_a_file_full_of_them_does_not_hide_the_others(tmp_path):
    files = {f"src/{number}.py": "eval(x)\n" * 100 for number in range(400)} | {"src/key.p12": "x"}
    found = facts_of(write(tmp_path, files)).exposures
    assert (found.total, found.high, len(found.first)) == (400 * 20 + 1, 400 * 20 + 1, 200)
    assert found.first[0].kind == "a key file is committed"


def test_an_executable_binary_is_noticed(tmp_path):
    write(tmp_path, {"tool": b"\x7fELF\0", "data": b"\0"})
    (tmp_path / "tool").chmod(0o755)
    assert [(each.kind, each.place.path) for each in facts_of(tmp_path).exposures.first] == [
        ("an executable binary is committed", "tool")
    ]


def test_places_in_tests_come_last_and_are_marked(tmp_path):
    found = facts_of(write(tmp_path, {"tests/a.py": "eval(x)\n", "src/b.py": "run(x, shell=True)\n"})).exposures
    assert [(each.place.path, each.aside) for each in found.first] == [("src/b.py", False), ("tests/a.py", True)]
    assert (found.total, found.outside, found.high) == (2, 1, 0)


# --- Licences ---


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("Apache License\n   Version 2.0, January 2004\n", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n", "GPL-3.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007\n", "AGPL-3.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\nthe terms of version 3 of the GNU General Public License", "LGPL-3.0"),
        ("Mozilla Public License Version 2.0\n", "MPL-2.0"),
        ("Redistribution and use in source and binary forms, with or without\nNeither the name ... endorse or promote products derived from", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms, with or without", "BSD-2-Clause"),
        (("Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that "
         "the above copyright notice and this permission notice appear in all copies."), "ISC"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("All rights reserved.", ""),
    ],
)  # fmt: skip
def test_licences_are_known_by_their_words(tmp_path, text: str, spdx: str):
    found = facts_of(write(tmp_path, {"LICENSE": text})).licences
    assert [each.spdx for each in found] == ([spdx] if spdx else [])
