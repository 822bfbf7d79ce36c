"""Test runs in the real sandbox, on projects that behave and on projects that don't."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import httpx
import pytest
import pytest_asyncio

from runyard.sandbox import probe
from runyard.services.ci.executor import TestRun, registrations

from .conftest import DEADLINE, House, form, sse, zipped

pytestmark = pytest.mark.asyncio(loop_scope="session")

REQUIREMENTS = {"requirements.txt": "pytest\n"}
PASSING = REQUIREMENTS | {
    "test_sums.py": "def test_one():\n    print('hi')\n\ndef test_two():\n    assert 1 + 1 == 2\n"
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a run."""

    id: str
    client: httpx.AsyncClient
    events: list[dict]
    details: dict

    @property
    def log(self) -> str:
        return "".join(event["data"] for event in self.events if event["type"] == "log")

    @property
    def end(self) -> tuple[str, str | None]:
        return self.details["status"], self.details["reason"]

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/jobs/{self.id}{path}")


Run: TypeAlias = Callable[..., Awaitable[Ran]]


@pytest_asyncio.fixture(loop_scope="session")
async def lab(house: House) -> httpx.AsyncClient:
    """A client in a project: its tenant is the same in every test, so they share their environments."""
    ada = await house.caller()
    await house.yard.identity.projects.add("lab", members={ada.id: "member"})
    issued = await house.yard.identity.keys.issue(ada.id, kind="ci", project="lab")
    return house.client(issued.secret.reveal())


@pytest_asyncio.fixture(loop_scope="session")
async def run(house: House, lab: httpx.AsyncClient) -> AsyncIterator[Run]:
    """Run a project to its end."""

    async def run(files: Mapping[str, str | bytes] | bytes, options: object = None, **settings: object) -> Ran:
        changed = house.yard.settings.model_copy(update=settings)
        await house.work(TestRun(changed, probe("auto")), **settings)
        package = files if isinstance(files, bytes) else zipped(files)
        job = (await lab.post("/submit-async", **form(package, options=options))).json()["job_id"]
        async with asyncio.timeout(120):
            events = await sse(lab, f"/jobs/{job}/stream?events=all&from_beginning=1")
        return Ran(job, lab, events, (await lab.get(f"/jobs/{job}/details")).json())

    yield run
    workspaces = house.yard.settings.data_dir / "workspaces"
    assert not list(workspaces.iterdir()), "every workspace is gone after its run"


async def test_a_project_that_passes(run: Run) -> None:
    ran = await run(PASSING)
    assert ran.end == ("completed", None)
    assert (ran.details["success"], ran.details["exit_code"]) == (True, 0)
    assert ran.details["tests"] == {"passed": 2, "failed": 0, "errors": 0, "skipped": 0, "total": 2} | {
        "duration": ran.details["tests"]["duration"]
    }
    assert "test_sums.py::test_one PASSED" in ran.log
    assert "2 passed" in ran.log
    assert [event["phase"] for event in ran.events if event["type"] == "phase"] == [
        "unpack", "environment", "environment", "test", "report",
    ]  # fmt: skip
    assert [event["id"] for event in ran.events if event["type"] == "test"] == [
        "test_sums.py::test_one",
        "test_sums.py::test_two",
    ]
    assert [case["outcome"] for case in (await ran.get("/tests")).json()] == ["passed", "passed"]


async def test_the_environment_is_made_once(run: Run) -> None:
    first, second = await run(PASSING), await run(PASSING | {"more.py": ""})
    assert first.details["environment"]["key"] == second.details["environment"]["key"]
    assert second.details["environment"]["cached"] is True
    assert "Using the environment made before" in second.log


async def test_a_project_that_fails(run: Run) -> None:
    ran = await run(REQUIREMENTS | {"test_x.py": "def test_a():\n    assert 1 == 2\n\ndef test_b():\n    pass\n"})
    assert ran.end == ("completed", "tests_failed")
    assert (ran.details["success"], ran.details["exit_code"], ran.details["message"]) == (
        False,
        1,
        "1 of 2 tests failed.",
    )
    (case,) = (await ran.get("/tests?failed=true")).json()
    assert (case["id"], case["outcome"]) == ("test_x.py::test_a", "failed")
    assert "assert 1 == 2" in case["output"]


async def test_what_failed_is_run_again_alone(house: House, lab: httpx.AsyncClient, run: Run) -> None:
    ran = await run(REQUIREMENTS | {"test_x.py": "def test_a():\n    assert 0\n\ndef test_b():\n    pass\n"})
    again = (await ran.client.post(f"/jobs/{ran.id}/rerun", json={"failed": True})).json()["job_id"]
    events = await sse(lab, f"/jobs/{again}/stream?events=all&from_beginning=1")
    assert [event["id"] for event in events if event["type"] == "test"] == ["test_x.py::test_a"]


async def test_a_syntax_error_is_named(run: Run) -> None:
    ran = await run(REQUIREMENTS | {"src/calc.py": "def add(:\n", "tests/test_calc.py": "from src.calc import add\n"})
    assert ran.end == ("completed", "collection_failed")
    assert "SyntaxError" in ran.log
    assert [case["outcome"] for case in (await ran.get("/tests")).json()] == ["error"]


async def test_no_tests(run: Run) -> None:
    assert (await run(REQUIREMENTS | {"code.py": ""})).end == ("completed", "no_tests")


async def test_a_node_id_that_is_not_there(run: Run) -> None:
    assert (await run(PASSING, {"tests": ["nowhere.py::test_x"]})).end == ("completed", "pytest_error")


async def test_chosen_tests_only(run: Run) -> None:
    ran = await run(PASSING, {"tests": ["test_sums.py::test_two"]})
    assert ran.details["tests"]["total"] == 1


async def test_no_project(run: Run) -> None:
    ran = await run({"test_x.py": ""})
    assert ran.end == ("failed", "no_project")
    assert "requirements.txt" in ran.details["message"]
    assert ran.details["message"] in ran.log


@pytest.mark.parametrize(("package", "says"), [(b"PK", "zip"), (zipped({"../evil.py": "", "a": ""}), "../evil.py")])
async def test_a_package_that_is_refused(run: Run, package: bytes, says: str) -> None:
    ran = await run(package)
    assert ran.end == ("failed", "bad_package")
    assert says in ran.details["message"]


async def test_a_python_that_is_not_here(run: Run) -> None:
    ran = await run(PASSING, {"python": "3.1"})
    assert ran.end == ("failed", "python_unavailable")
    assert "3.1" in ran.details["message"]


async def test_requirements_that_cannot_be_installed(run: Run) -> None:
    ran = await run({"requirements.txt": "./nothing-here\n"})
    assert ran.end == ("failed", "install_failed")
    assert "nothing-here" in ran.log


async def test_a_process_that_is_killed_keeps_what_was_heard(run: Run) -> None:
    ran = await run(
        REQUIREMENTS | {"test_x.py": "import os\ndef test_a():\n    pass\ndef test_b():\n    os.kill(os.getpid(), 9)\n"}
    )
    assert ran.end == ("completed", "killed")
    assert ran.details["exit_code"] == -9
    assert "SIGKILL" in ran.details["message"]
    assert [case["id"] for case in (await ran.get("/tests")).json()] == ["test_x.py::test_a"]


@pytest.mark.parametrize("leaves", ["import os; os._exit(0)", "import sys; sys.exit(0)"])
async def test_a_process_that_leaves_early_has_not_passed(run: Run, leaves: str) -> None:
    """Exit code 0 says nothing when pytest didn't get to say it."""
    where = "test_x.py" if "_exit" in leaves else "conftest.py"
    body = f"def test_b():\n    {leaves}\n" if where == "test_x.py" else leaves
    ran = await run(PASSING | {where: body})
    assert ran.end == ("completed", "pytest_error")
    assert (ran.details["success"], ran.details["exit_code"]) == (False, 0)


async def test_a_message_that_is_no_text(run: Run) -> None:
    """Lone surrogates and NUL bytes, which neither JSON nor Postgres takes, arrive as replacement characters."""
    ran = await run(REQUIREMENTS | {"test_x.py": "def test_a():\n    assert 0, chr(0xdc80) + chr(0) + 'end'\n"})
    assert ran.end == ("completed", "tests_failed")
    (case,) = (await ran.get("/tests")).json()
    assert "end" in case["message"]


async def test_requirements_that_name_the_project_itself(run: Run) -> None:
    """An editable install writes beside the sources."""
    project = {
        "requirements.txt": "pytest\n-e .\n",
        "pyproject.toml": "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
        "[project]\nname = 'thing-itself'\nversion = '3'\n[tool.setuptools.packages.find]\nwhere = ['src']\n",
        "src/thing_itself/__init__.py": "",
        "test_x.py": "from importlib.metadata import version\ndef test_v():\n    assert version('thing-itself') == '3'\n",
    }
    assert (await run(project)).end == ("completed", None)


HANGS = REQUIREMENTS | {"test_x.py": "import signal\ndef test_a():\n    pass\ndef test_b():\n    signal.pause()\n"}


async def test_the_users_timeout(run: Run) -> None:
    ran = await run(HANGS, {"timeout": 2})
    assert ran.end == ("failed", "timeout")
    assert ran.details["tests"]["passed"] == 1
    assert f"\n[runyard] {ran.details['message']}\n" in ran.log, "a line of its own"


async def test_silence(run: Run) -> None:
    assert (await run(HANGS, ci_silence=2.0)).end == ("failed", "silence")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x = bytearray(400 << 20)\n    import signal; signal.pause()", "memory"),
        (
            "import os\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass",
            "processes",
        ),
        ("f = open('big', 'wb')\n    while True:\n        f.write(bytes(1 << 20)); f.flush()", "disk"),
        (
            "import itertools, signal\n    for n in range(300):\n        open(f'f{n}', 'wb').write(bytes(1 << 20))\n    signal.pause()",
            "disk",
        ),
    ],
    ids=["memory", "fork bomb", "one big file", "many files"],
)
async def test_limits(run: Run, body: str, reason: str) -> None:
    limits = {"ci_memory": 300 << 20, "ci_processes": 40, "ci_file_size": 50 << 20, "ci_disk": 200 << 20}
    ran = await run(REQUIREMENTS | {"test_x.py": f"def test_a():\n    {body}\n"}, **limits)
    assert ran.end == ("failed", reason), ran.log


async def test_odd_output_arrives(run: Run) -> None:
    test = "import sys\ndef test_a():\n    sys.stdout.buffer.write(b'\\xff\\xfe caf\\xc3\\xa9\\n' + b'y' * 200_000 + b'\\n')\n"
    ran = await run(REQUIREMENTS | {"test_x.py": test, "pytest.ini": "[pytest]\naddopts = -s\n"})
    assert ran.end == ("completed", None)
    assert "\ufffd\ufffd café\n" in ran.log
    assert "y" * 200_000 in ran.log


async def test_output_beyond_the_limit_is_dropped_and_the_run_goes_on(run: Run) -> None:
    test = "def test_a():\n    for n in range(20_000):\n        print('z' * 99)\n"
    ran = await run(REQUIREMENTS | {"test_x.py": test, "pytest.ini": "[pytest]\naddopts = -s\n"}, job_log_limit=100_000)
    assert ran.end == ("completed", None)
    assert "The log limit of 100000 bytes is reached" in ran.log
    assert len(ran.log) < 101_000


async def test_secrets_of_the_environment_are_masked_everywhere(house: House, run: Run) -> None:
    """Invariant 8."""
    test = "import os\ndef test_a():\n    print(os.environ['API_TOKEN'], os.environ['PLAIN'])\n    assert 0, os.environ['API_TOKEN']\n"
    ran = await run(REQUIREMENTS | {"test_x.py": test}, {"env": {"API_TOKEN": "hunter2hunter2", "PLAIN": "visible"}})
    assert ran.end == ("completed", "tests_failed")
    seen = [
        str(ran.events),
        (await ran.get("/details")).text,
        (await ran.get("/tests")).text,
        (await ran.get("/artifacts/junit.xml")).text,
    ]
    for text in seen:
        assert "hunter2" not in text
    assert "*** visible" in ran.log


async def test_files_left_by_the_tests_are_kept(run: Run) -> None:
    test = """import os
def test_a():
    folder = os.environ['RUNYARD_ARTIFACTS']
    os.mkdir(folder + '/shots')
    for name, content in {'shots/a.png': b'png', 'note.txt': b'hi', 'big.bin': bytes(70_000), '.own': b''}.items():
        open(f'{folder}/{name}', 'wb').write(content)
    os.symlink('/etc/passwd', folder + '/passwd')
    os.symlink('/etc', folder + '/etc')
    os.mkfifo(folder + '/pipe')
"""
    ran = await run(REQUIREMENTS | {"test_x.py": test}, ci_artifact_limit=60_000)
    kept = {found["name"]: found for found in (await ran.get("/artifacts")).json()}
    assert set(kept) == {"junit.xml", "note.txt", "shots/a.png"}
    assert kept["shots/a.png"]["content_type"] == "image/png"
    assert (await ran.get("/artifacts/shots/a.png")).content == b"png"
    for name in ("big.bin", ".own", "passwd", "etc", "pipe"):
        assert f"The artifact {name!r} is not kept" in ran.log


async def test_a_report_that_is_a_link_is_not_followed(run: Run) -> None:
    conftest = """import os
def pytest_unconfigure(config):
    path = config.option.xmlpath
    os.path.exists(path) and os.remove(path)
    os.symlink('/etc/passwd', path)
"""
    ran = await run(PASSING | {"conftest.py": conftest})
    assert (await ran.get("/artifacts")).json() == []
    assert ran.details["tests"]["total"] == 2, "from what was heard while the tests ran"


async def test_the_tests_have_no_network(run: Run) -> None:
    test = "import socket\ndef test_a():\n    socket.create_connection(('1.1.1.1', 53), 5)\n"
    ran = await run(REQUIREMENTS | {"test_x.py": test})
    assert ran.end == ("completed", "tests_failed")
    assert "Network is unreachable" in ran.log


async def test_a_package_project_is_installed_beside_its_environment(run: Run) -> None:
    ran = await run(
        {
            "pyproject.toml": "[project]\nname = 'odd-name'\nversion = '1.2.3'\n[build-system]\nrequires = ['setuptools']\n"
            "build-backend = 'setuptools.build_meta'\n[tool.setuptools]\npackages = ['odd']\npackage-dir = {'' = 'src'}\n",
            "src/odd/__init__.py": "answer = 42\n",
            "tests/test_odd.py": "import importlib.metadata, odd\ndef test_a():\n    assert odd.answer == 42\n"
            "    assert importlib.metadata.version('odd-name') == '1.2.3'\n",
        }
    )
    assert ran.end == ("completed", None), ran.log


async def test_a_cancelled_run_leaves_nothing_behind(house: House, lab: httpx.AsyncClient) -> None:
    await house.work(TestRun(house.yard.settings, probe("auto")))
    job = (await lab.post("/submit-async", **form(zipped(HANGS)))).json()["job_id"]
    async with (
        asyncio.timeout(DEADLINE * 2),
        lab.stream("GET", f"/jobs/{job}/stream?events=all&from_beginning=1") as answer,
    ):
        async for line in answer.aiter_lines():
            if '"type": "test"' in line:
                break
    assert (await lab.post(f"/jobs/{job}/cancel")).status_code == 202
    ended = await house.ended(job)
    assert ended.state == "cancelled"
    assert not list((house.yard.settings.data_dir / "workspaces").iterdir())


async def test_what_a_dead_worker_left_is_swept(house: House) -> None:
    workspaces = house.yard.settings.data_dir / "workspaces"
    (workspaces / "dead.1" / "project").mkdir(parents=True)
    (workspaces / "dead.1.lock").touch()
    (workspaces / "dead.1" / "project").chmod(0)
    (registration,) = registrations(house.yard.settings, probe("auto"))
    assert (registration.kind, registration.lane) == ("ci.test", "heavy")
    assert os.listdir(workspaces) == []
