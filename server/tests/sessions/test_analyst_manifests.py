"""Manifests of every ecosystem: direct dependencies, their versions, what is for developers, the lockfile they have."""

from __future__ import annotations

import pytest

from runyard.services.sessions.analyst.facts import Manifest
from runyard.services.sessions.analyst.sentences import needs_lockfile

from .analyst_repositories import facts_of, write


def manifest(tmp_path, files: dict[str, str]) -> Manifest:
    (found,) = facts_of(write(tmp_path, files)).manifests
    return found


def named(found: Manifest) -> tuple[list[str], list[str], list[str]]:
    """Runtime, development, optional, each as `name version`."""
    return tuple(
        [f"{each.name} {each.version}".strip() for each in group]
        for group in (found.runtime, found.development, found.optional)
    )  # type: ignore[return-value]


CASES = {
    "pyproject.toml": (
        ('[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\npython = "^3.11"\nrich = "^13"\nx = {git = "https://x"}\n'
        '[tool.poetry.group.dev.dependencies]\nruff = "*"\n'),
        (["rich ^13", "x"], ["ruff *"], []),
    ),
    "setup.cfg": (
        "[metadata]\nname = a\n[options]\ninstall_requires =\n    rich>=13\n    six\n[options.extras_require]\ntest = pytest\ns3 = boto3\n",
        (["rich >=13", "six"], ["pytest"], ["boto3"]),
    ),
    "setup.py": (
        "from setuptools import setup\nsetup(name='a', install_requires=['rich>=13'], extras_require={'test': ['pytest'], 's3': ['boto3']})\n",
        (["rich >=13"], ["pytest"], ["boto3"]),
    ),
    "requirements.txt": (
        "# c\nrich>=13  # why\n-r other.txt\n--index-url https://x\nsix==1.0 \\\n  --hash=sha256:abc\n\nx @ https://x/x.whl\ngit+https://y/z\n",
        (["rich >=13", "six ==1.0", "x @ https://x/x.whl", "git +https://y/z"], [], []),
    ),
    "requirements-dev.txt": ("pytest\n", ([], ["pytest"], [])),
    "Pipfile": ('[packages]\nrich = "*"\n[dev-packages]\npytest = {version = ">=8"}\n', (["rich *"], ["pytest >=8"], [])),
    "package.json": (
        '{"dependencies": {"a": "^1"}, "devDependencies": {"b": "2"}, "peerDependencies": {"c": "3"}, "optionalDependencies": {"d": "4"}}',
        (["a ^1"], ["b 2"], ["c 3", "d 4"]),
    ),
    "go.mod": (
        ("module example.com/x\n\ngo 1.22\n\nrequire example.com/one v1.0.0\n\nrequire (\n\texample.com/a v1.2.3\n\texample.com/b v0.1.0 // indirect\n)\n\n"
        "replace (\n\texample.com/c v1.0.0 => ../c\n)\n"),
        (["example.com/one v1.0.0", "example.com/a v1.2.3"], [], []),
    ),
    "Cargo.toml": (
        ('[package]\nname = "a"\n[dependencies]\nserde = "1"\ntokio = {version = "1.40", features = ["full"]}\n[dev-dependencies]\nrstest = "0.2"\n'
        '[build-dependencies]\ncc = "1"\n[target."cfg(unix)".dependencies]\nnix = "0.29"\n'),
        (["serde 1", "tokio 1.40", "nix 0.29"], ["rstest 0.2", "cc 1"], []),
    ),
    "pom.xml": (
        ('<project xmlns="http://maven.apache.org/POM/4.0.0"><artifactId>a</artifactId><properties><v>5.1</v></properties><dependencies>'
        "<dependency><groupId>g</groupId><artifactId>x</artifactId><version>${v}</version></dependency>"
        "<dependency><groupId>g</groupId><artifactId>t</artifactId><version>1</version><scope>test</scope></dependency></dependencies></project>"),
        (["g:x 5.1"], ["g:t 1"], []),
    ),
    "Gemfile": (
        ("source 'https://x'\ngem 'rails', '~> 7.0', '>= 7.0.1'\ngem \"pg\"\ngroup :development, :test do\n  gem 'rspec'\nend\n"
        "gem 'byebug', group: :test\ngem 'puma'\n"),
        (["rails ~> 7.0, >= 7.0.1", "pg", "puma"], ["rspec", "byebug"], []),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_format_gives_its_direct_dependencies(tmp_path, name: str):
    text, wanted = CASES[name]
    found = manifest(tmp_path, {name: text})
    assert named(found) == wanted
    assert found.problem == ""


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("pyproject.toml", "not toml", "not readable as TOML"),
        ("package.json", "{", "not readable as JSON"),
        ("pom.xml", "<a>", "not readable as XML"),
        ("pom.xml", "<!DOCTYPE a><a/>", "it declares entities"),
        ("setup.py", "setup(", "not readable as Python"),
        ("setup.cfg", "no section\n", "not readable as setup.cfg"),
        ("setup.py", "setup(install_requires=read())", "install_requires is computed when setup.py runs"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(tmp_path, name: str, text: str, problem: str):
    assert manifest(tmp_path, {name: text}).problem.startswith(problem)


def test_a_file_that_names_nothing_is_no_manifest(tmp_path):
    assert facts_of(write(tmp_path, {"pyproject.toml": "[tool.ruff]\n", "package.json": "[]"})).manifests == ()


def test_a_lockfile_of_the_folder_above_counts(tmp_path):
    files = {
        "uv.lock": "",
        "a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["rich"]\n',
        "b/package.json": '{"dependencies": {"c": "*"}}',
    }
    by_path = {each.path: each for each in facts_of(write(tmp_path, files)).manifests}
    assert by_path["a/pyproject.toml"].lockfile == "uv.lock"
    assert by_path["b/package.json"].lockfile == ""
    assert [needs_lockfile(by_path[path]) for path in sorted(by_path)] == [False, True]


def test_versions_that_are_fixed_need_no_lockfile(tmp_path):
    assert not needs_lockfile(manifest(tmp_path, {"requirements.txt": "rich==13.0\nx @ https://x/x.whl\n"}))


def test_what_is_beyond_the_limits_is_said(tmp_path):
    found = manifest(tmp_path, {"requirements.txt": "".join(f"a{number}\n" for number in range(2_500))})
    assert len(found.runtime) == 2_000
    assert found.problem == "it names 2,500 dependencies, of which 2,000 were kept"
