"""Environments made by the real uv in the real sandbox, from packages built here: no index is asked."""

from __future__ import annotations

import asyncio
import os
import zipfile
from pathlib import Path

import pytest

from runyard.sandbox import Command, Limits, Mount, Sandbox, SandboxUnavailable, probe
from runyard.services.ci.environments import (
    Environment,
    Environments,
    InstallFailed,
    NoProject,
    PythonUnavailable,
    recipe,
)
from runyard.services.ci.environments.folder import Folder
from runyard.services.ci.environments.indexes import indexes


@pytest.fixture
def sandbox() -> Sandbox:
    try:
        return probe()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """An index of our own: a stand-in for pytest, a package, and a source distribution that runs code."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "pytest", "9.0", {"pytest/__init__.py": "", "pytest/__main__.py": "print('tests ran')\n"})
    wheel(folder, "yard_test_greeting", "1.0", {"yard_test_greeting.py": "TEXT = 'hello'\n"})
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def environments(tmp_path: Path, sandbox: Sandbox, wheels: Path) -> Environments:
    return make(tmp_path, sandbox, wheels)


def make(tmp_path: Path, sandbox: Sandbox, wheels: Path, size: int = 1 << 30) -> Environments:
    environ = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_OFFLINE": "1",  # a mistake in any of the above must not reach a real index
    }
    return Environments(tmp_path / "cache", sandbox, size=size, environ=environ)


def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    async def __call__(self, line: str) -> None:
        self.lines.append(line)

    @property
    def text(self) -> str:
        return "".join(self.lines)


async def output(sandbox: Sandbox, environment: Environment, project: Path, *arguments: str, **variables: str) -> str:
    command = Command(
        argv=(str(environment.python), *arguments),
        cwd=str(project),
        env={**environment.variables(str(project)), **variables},
        mounts=(Mount(source=project, target=str(project), writable=True), *environment.mounts),
        limits=Limits(wall=60),
    )
    text = b""
    async with sandbox.start(command) as process:
        async for chunk in process.output():
            text += chunk
        await process.wait()
    return text.decode()


async def test_requirements_are_installed_and_pytest_added(
    sandbox: Sandbox, environments: Environments, project: Path
) -> None:
    (project / "requirements.txt").write_text("yard_test_greeting\n")
    log = Log()
    async with environments.use(recipe(project), tenant="t", log=log) as environment:
        assert not environment.cached
        text = await output(
            sandbox,
            environment,
            project,
            "-c",
            "import yard_test_greeting, pytest; print(yard_test_greeting.TEXT)",
        )
    assert text == "hello\n"
    assert "yard-test-greeting==1.0" in log.text
    assert "pytest is not among the project's requirements; adding it.\n" in log.lines
    assert all(line.endswith("\n") for line in log.lines)


async def test_a_ready_environment_is_shared_and_read_only(
    sandbox: Sandbox, environments: Environments, project: Path
) -> None:
    (project / "requirements.txt").write_text("pytest\n")
    async with environments.use(recipe(project), tenant="t", log=Log()) as first:
        log = Log()
        async with environments.use(recipe(project), tenant="t", log=log) as second:
            assert (second.cached, second.key, log.lines) == (True, first.key, [])
            program = "import pytest; open(pytest.__file__, 'a')"
            assert "Read-only file system" in await output(sandbox, second, project, "-c", program)


async def test_many_who_want_the_same_make_it_once(environments: Environments, project: Path) -> None:
    (project / "requirements.txt").write_text("yard_test_greeting\n")

    async def one() -> bool:
        async with environments.use(recipe(project), tenant="t", log=Log()) as environment:
            return environment.cached

    assert sorted(await asyncio.gather(*(one() for _ in range(5)))) == [False, True, True, True, True]


async def test_tenants_share_nothing(environments: Environments, project: Path) -> None:
    (project / "requirements.txt").write_text("yard_test_greeting\n")
    async with (
        environments.use(recipe(project), tenant="one", log=Log()) as one,
        environments.use(recipe(project), tenant="two", log=Log()) as two,
    ):
        assert not two.cached
        assert one.python != two.python
        assert one.installer.cache != two.installer.cache


async def test_a_failure_to_install_is_in_the_log_and_leaves_nothing(
    environments: Environments, project: Path, tmp_path: Path
) -> None:
    (project / "requirements.txt").write_text("yard-test-missing\n")
    log = Log()
    with pytest.raises(InstallFailed) as caught:
        async with environments.use(recipe(project), tenant="t", log=log):
            pass
    assert caught.value.exit_code == 1
    assert "yard-test-missing" in log.text
    assert list((tmp_path / "cache").glob("*/environments/*/")) == []


async def test_what_a_crash_left_is_made_anew(environments: Environments, project: Path) -> None:
    (project / "requirements.txt").write_text("yard_test_greeting\n")
    async with environments.use(recipe(project), tenant="t", log=Log()) as environment:
        folder = Folder(environment.python.parents[3], environment.key)
    (folder.path / "ready").unlink()
    (folder.venv / "bin/python").unlink()
    async with environments.use(recipe(project), tenant="t", log=Log()) as environment:
        assert not environment.cached
        assert environment.python.exists()


async def test_a_run_whose_build_is_cancelled_leaves_the_next_one_free(
    environments: Environments, project: Path
) -> None:
    (project / "requirements.txt").write_text("yard_test_greeting\n")
    started = asyncio.Event()

    async def log(_: str) -> None:
        started.set()

    async def first() -> None:
        async with environments.use(recipe(project), tenant="t", log=log):
            pass

    task = asyncio.create_task(first())
    await asyncio.wait_for(started.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with environments.use(recipe(project), tenant="t", log=Log()) as environment:
        assert not environment.cached


async def test_pruning_takes_the_longest_unused_but_never_one_in_use(
    tmp_path: Path, sandbox: Sandbox, wheels: Path, project: Path
) -> None:
    environments = make(tmp_path, sandbox, wheels, size=1)
    (project / "requirements.txt").write_text("yard_test_greeting\n")
    async with environments.use(recipe(project), tenant="t", log=Log()) as used:
        (project / "requirements.txt").write_text("yard_test_greeting==1.0\n")
        async with environments.use(recipe(project), tenant="t", log=Log()) as other:
            assert used.python.exists()
    (project / "requirements.txt").write_text("yard_test_greeting>=1.0\n")
    async with environments.use(recipe(project), tenant="t", log=Log()) as newest:
        assert (used.python.exists(), other.python.exists(), newest.python.exists()) == (False, False, True)


async def test_local_requirements_come_from_a_copy_of_the_project(
    sandbox: Sandbox, environments: Environments, project: Path, tmp_path: Path
) -> None:
    inner = project / "wheels"
    inner.mkdir()
    wheel(inner, "local_thing", "1.0", {"local_thing.py": "NAME = 'local'\n"})
    (project / "requirements.txt").write_text("./wheels/local_thing-1.0-py3-none-any.whl\n")
    made = recipe(project)
    assert made.local
    async with environments.use(made, tenant="t", log=Log()) as environment:
        assert (
            await output(sandbox, environment, project, "-c", "import local_thing; print(local_thing.NAME)")
            == "local\n"
        )
    (project / "unrelated.py").write_text("")
    assert recipe(project).digest != made.digest


async def test_pyproject_with_test_extras_and_groups(
    sandbox: Sandbox, environments: Environments, project: Path, wheels: Path
) -> None:
    for name in ("yard_test_alpha", "yard_test_beta", "yard_test_gamma"):
        wheel(wheels, name, "1.0", {f"{name}.py": ""})
    (project / "pyproject.toml").write_text("""
[project]
name = "thing"
version = "1"
dependencies = ["yard_test_alpha"]
optional-dependencies = { test = ["yard_test_beta"], docs = ["yard-test-missing"] }
[dependency-groups]
dev = ["yard_test_gamma"]
""")
    made = recipe(project)
    assert (made.kind, made.extras, made.groups, made.installable) == (
        "pyproject",
        ("test",),
        ("dev",),
        False,
    )
    async with environments.use(made, tenant="t", log=Log()) as environment:
        assert (
            await output(
                sandbox,
                environment,
                project,
                "-c",
                "import yard_test_alpha, yard_test_beta, yard_test_gamma; print('all')",
            )
            == "all\n"
        )


async def test_a_package_is_installed_beside_the_environment(
    sandbox: Sandbox, environments: Environments, project: Path, tmp_path: Path
) -> None:
    """With a build backend of its own, which also shows that building runs the project's code in the sandbox."""
    (project / "backend.py").write_text(
        f"OUTSIDE = {__file__!r}"
        """
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    assert not os.path.exists(OUTSIDE) and os.getuid() == 1000
    with zipfile.ZipFile(os.path.join(folder, "thing-1-py3-none-any.whl"), "w") as file:
        file.writestr("thing.py", "NAME = 'installed'")
        file.writestr("thing-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: thing\\nVersion: 1\\n")
        file.writestr("thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr("thing-1.dist-info/RECORD", "")
    return "thing-1-py3-none-any.whl"
"""
    )
    (project / "pyproject.toml").write_text("""
[project]
name = "thing"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
""")
    target = tmp_path / "installed"
    async with environments.use(recipe(project), tenant="t", log=Log()) as environment:
        assert environment.recipe.installable
        await environment.install_project(target)
    assert (target / "thing.py").exists()
    assert environment.variables("/w", installed="/w/x")["PYTHONPATH"] == "/w/x"


async def test_a_python_that_is_not_here_is_named_with_those_that_are(
    environments: Environments, project: Path
) -> None:
    (project / "requirements.txt").write_text("pytest\n")
    for wanted in ("2.6", ">=99", "--help", "../../bin/sh"):
        with pytest.raises(PythonUnavailable) as caught:
            async with environments.use(recipe(project, wanted), tenant="t", log=Log()):
                pass
        assert caught.value.available
        assert repr(wanted) in str(caught.value)


def test_no_project(project: Path) -> None:
    (project / "setup.py").write_text("")
    with pytest.raises(NoProject, match=r"requirements\.txt"):
        recipe(project)


def test_nested_requirement_files_are_part_of_the_digest(project: Path) -> None:
    (project / "more").mkdir()
    (project / "requirements.txt").write_text("-r more/a.txt # why\n--constraint=c.txt\n")
    (project / "more/a.txt").write_text("-r b.txt\n-r ../requirements.txt\n-r ../../outside.txt\n")
    digests = set()
    for name, text in (("more/b.txt", "x"), ("more/b.txt", "y"), ("c.txt", "x==1"), ("c.txt", "x==2")):
        (project / name).write_text(text)
        digests.add(recipe(project).digest)
    assert len(digests) == 4
    unchanged = recipe(project).digest
    (project / "test_a.py").write_text("")
    assert recipe(project).digest == unchanged


@pytest.mark.parametrize(
    ("line", "local"),
    [
        ("-e .", True),
        (".[test]", True),
        ("./lib", True),
        ("lib/pkg", True),
        ("file:///tmp/x", True),
        ("x @ file:///tmp/x", True),
        ("-f wheels", True),
        ("x @ https://example.org/x.whl", False),
        ("-e git+https://example.org/x#egg=x", False),
        ("--index-url https://example.org/simple", False),
        ("x>=1; python_version < '4'", False),
        ("# ./comment", False),
    ],
)
def test_requirements_that_name_the_project(project: Path, line: str, local: bool) -> None:
    (project / "lib/pkg").mkdir(parents=True)
    (project / "requirements.txt").write_text(f"{line}\n")
    assert recipe(project).local is local


def test_python_comes_from_the_request_or_the_project(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n')
    assert recipe(project).python == ">=3.11"
    assert recipe(project, "3.12").python == "3.12"


def test_pips_settings_are_translated_for_uv(tmp_path: Path) -> None:
    (tmp_path / "simple").mkdir()
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = https://one.example/simple\nextra-index-url =\n  file://{tmp_path}/simple\n"
        f"  https://two.example/simple\nfind-links = /a /b\ncert = {tmp_path}/ca.pem\ntrusted-host = one.example\n"
    )
    environ = {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_FIND_LINKS": "/c",
        "HTTPS_PROXY": "http://proxy.example",
        "UV_CACHE_DIR": "/not/yours",
        "DATABASE_URL": "secret",
    }
    found = indexes(environ, tmp_path)
    assert found.variables["UV_DEFAULT_INDEX"] == "https://one.example/simple"
    assert found.variables["UV_INDEX"] == f"file://{tmp_path}/simple https://two.example/simple"
    assert found.variables["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found.variables["UV_FIND_LINKS"] == "/c"
    assert found.variables["UV_INSECURE_HOST"] == "one.example"
    assert found.variables["SSL_CERT_FILE"] == f"{tmp_path}/ca.pem"
    assert found.variables["HTTPS_PROXY"] == "http://proxy.example"
    assert not {"UV_CACHE_DIR", "DATABASE_URL"} & found.variables.keys()
    assert {mount.source for mount in found.mounts} == {tmp_path, tmp_path / "ca.pem"}
    assert "proxy.example" not in repr(found)


def test_an_operator_without_an_index_stays_without(tmp_path: Path) -> None:
    found = indexes({"PIP_NO_INDEX": "true", "PIP_CONFIG_FILE": os.devnull}, tmp_path)
    assert found.options == ("--no-index",)
    assert found.digest != indexes({"PIP_CONFIG_FILE": os.devnull}, tmp_path).digest


def test_uvs_own_settings_win_over_pips(tmp_path: Path) -> None:
    environ = {"PIP_INDEX_URL": "https://pip.example", "UV_DEFAULT_INDEX": "https://uv.example"}
    assert indexes(environ, tmp_path).variables["UV_DEFAULT_INDEX"] == "https://uv.example"
