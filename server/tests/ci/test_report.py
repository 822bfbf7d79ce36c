"""Results of a real pytest on an odd project, live and from JUnit; and files that are not pytest's."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import pytest

from runyard.services.ci.report import (
    CHANNEL_VARIABLE,
    PLUGIN,
    PLUGIN_NAME,
    BadReport,
    LiveResults,
    ReportLimits,
    Summary,
    TestCase,
    read_junit,
    summarize,
)

ODD = r"""
import sys, pytest
from shared import Shared
class TestA:
    class TestInner:
        @pytest.mark.parametrize("x", ["a/b", "c::d", "e[f]", "ü", "\x1b[31m", "", "a.b", "with space", "\ud800", "<&>"])
        def test_p(self, x): pass
class TestChild(Shared): pass
@pytest.fixture
def bad(): raise RuntimeError("set-up broke\nsecond line")
@pytest.fixture
def bad_end():
    yield
    raise RuntimeError("tear-down broke")
def test_setup_error(bad): pass
def test_teardown_error(bad_end): pass
def test_both(bad_end): assert 0
def test_fail(): assert 1 == 2, "no"
@pytest.mark.skip(reason="not now")
def test_skip(): pass
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail(reason="known")
def test_xpass(): pass
@pytest.mark.xfail(strict=True, reason="known")
def test_xpass_strict(): pass
def test_bytes():
    sys.stdout.buffer.write(b"\xff\xfe"); sys.stdout.flush()
    assert False, "\xff\x00"
def test_ünïcode(): pass
"""
EXPECTED = {
    "tests/test_broken.py": ("error", "SyntaxError: invalid syntax"),
    "tests/test_skipped.py": ("skipped", "whole file"),
    "tests/test_odd.py::TestChild::test_inherited": ("passed", None),
    "tests/test_odd.py::test_setup_error": ("error", "RuntimeError: set-up broke"),
    "tests/test_odd.py::test_teardown_error": ("error", "RuntimeError: tear-down broke"),
    "tests/test_odd.py::test_both": ("failed", "assert 0"),
    "tests/test_odd.py::test_fail": ("failed", "AssertionError: no"),
    "tests/test_odd.py::test_skip": ("skipped", "not now"),
    "tests/test_odd.py::test_xfail": ("xfailed", "known"),
    "tests/test_odd.py::test_xpass": ("xpassed", None),
    "tests/test_odd.py::test_xpass_strict": ("failed", "[XPASS(strict)] known"),
    "tests/test_odd.py::test_bytes": ("failed", None),
    "tests/test_odd.py::test_ünïcode": ("passed", None),
} | {
    f"tests/test_odd.py::TestA::TestInner::test_p[{name}]": ("passed", None)
    for name in ("a/b", "c::d", "e[f]", "\\xfc", "\\x1b[31m", "", "a.b", "with space", "\\ud800", "<&>")
}


@dataclass(frozen=True)
class Results:
    live: tuple[TestCase, ...]
    junit: tuple[TestCase, ...]
    junit_file: Path


async def run_pytest(folder: Path, *options: str) -> Results:
    channel, junit_file = folder / "channel", folder / "junit.xml"
    (folder / f"{PLUGIN_NAME}.py").write_text(PLUGIN, encoding="utf-8")
    async with LiveResults.open(channel) as live:
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "pytest",
                "-p",
                PLUGIN_NAME,
                "-p",
                "no:cacheprovider",
                "-p",
                "no:asyncio",
            ),
            *(
                "-o",
                "junit_family=xunit1",
                f"--junit-xml={junit_file}",
                "--continue-on-collection-errors",
                *options,
            ),
            cwd=folder / "project",
            env={
                **os.environ,
                "PYTHONPATH": f"{folder}:{folder / 'project'}",
                CHANNEL_VARIABLE: str(channel),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        cases: list[TestCase] = []
        reading = asyncio.create_task(collect(live, cases))
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        live.finish()
        await asyncio.wait_for(reading, 30)
    assert PLUGIN_NAME.encode() not in output.replace(os.fsencode(folder), b"")
    return Results(tuple(cases), read_junit(junit_file), junit_file)


async def collect(live: LiveResults, cases: list[TestCase]) -> None:
    cases.extend([case async for case in live.cases()])


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    tests = tmp_path / "project/tests"
    tests.mkdir(parents=True)
    (tests / "test_odd.py").write_text(ODD, encoding="utf-8")
    (tests / "test_broken.py").write_text("def broken(:")
    (tests / "test_skipped.py").write_text("import pytest\npytest.skip('whole file', allow_module_level=True)\n")
    (tmp_path / "project/shared.py").write_text("class Shared:\n    def test_inherited(self): pass\n")
    return tmp_path


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
async def test_live_and_junit_agree_on_an_odd_project(odd: Path, options: tuple[str, ...]) -> None:
    results = await run_pytest(odd, *options)
    junit = {case.id: case for case in results.junit}
    live = {case.id: case for case in results.live}
    assert len(live) == len(results.live)
    assert live.keys() == junit.keys() == EXPECTED.keys()
    for id_, (outcome, message) in EXPECTED.items():
        assert (live[id_].outcome, junit[id_].outcome) == (outcome, outcome), id_
        if message is not None:
            assert (live[id_].message, junit[id_].message) == (message, message)
    assert "assert 1 == 2" in (junit["tests/test_odd.py::test_fail"].output or "")
    assert all(case.output is None for case in results.live)
    summary = summarize(results.junit)
    assert (summary.failed, summary.errors, summary.skipped, summary.total) == (4, 3, 3, len(EXPECTED))
    assert summary.passed == summary.total - 10


async def test_ids_can_be_derived_without_the_plugin(odd: Path) -> None:
    """All but those of tests inherited from another file, whose class JUnit cannot tell from a folder."""
    results = await run_pytest(odd)
    text = re.sub(r"<properties>.*?</properties>", "", results.junit_file.read_text(encoding="utf-8"), flags=re.DOTALL)
    results.junit_file.write_text(text, encoding="utf-8")
    derived = {case.id for case in read_junit(results.junit_file)}
    assert EXPECTED.keys() - derived == {"tests/test_odd.py::TestChild::test_inherited"}


async def test_a_reader_that_leaves_does_not_disturb_the_tests(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/test_a.py").write_text("def test_a(): pass\n")
    (tmp_path / f"{PLUGIN_NAME}.py").write_text(PLUGIN, encoding="utf-8")
    os.mkfifo(tmp_path / "nobody")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", PLUGIN_NAME, "-p", "no:asyncio"),
        cwd=tmp_path / "project",
        env={**os.environ, "PYTHONPATH": str(tmp_path), CHANNEL_VARIABLE: str(tmp_path / "nobody")},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_nonsense_in_the_channel_is_left_out(tmp_path: Path) -> None:
    good = {"id": "a", "outcome": "passed", "duration": 0.5, "message": None}
    lines = [
        b"not json",
        b"[]",
        b'{"id": "x"}',
        json.dumps(good | {"outcome": "won"}).encode(),
        json.dumps(good | {"duration": "long"}).encode(),
        b"x" * 100_000,
        b"\xff\xfe",
        json.dumps(good | {"duration": -5, "message": "two\nlines", "more": 1}).encode(),
        json.dumps(good).encode(),
    ]
    cases: list[TestCase] = []
    async with LiveResults.open(tmp_path / "channel") as live:
        reading = asyncio.create_task(collect(live, cases))
        await asyncio.to_thread((tmp_path / "channel").write_bytes, b"\n".join(lines) + b"\n")
        live.finish()
        await asyncio.wait_for(reading, 30)
    assert cases[-1] == TestCase(id="a", outcome="passed", duration=0.5)
    assert TestCase(id="a", outcome="passed", duration=0.0, message="two") in cases
    assert {case.id for case in cases} == {"a"}


BOMB = '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuites>&b;</testsuites>'
OUTSIDE = '<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuites>&a;</testsuites>'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "DOCTYPE"),
        (OUTSIDE, "DOCTYPE"),
        ("", "not whole XML"),
        ("<testsuites>", "not whole XML"),
        ("<testsuites>&a;</testsuites>", "not whole XML"),
        ("<t>" + "<testcase/>" * 11 + "</t>", "more than 10 cases"),
        ("<t>" + "x" * 3000 + "</t>", "larger than 2000"),
    ],
)
def test_files_that_are_not_reports_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "junit.xml").write_text(text)
    with pytest.raises(BadReport, match=problem):
        read_junit(tmp_path / "junit.xml", limits=ReportLimits(size=2000, cases=10))


def test_output_is_cut(tmp_path: Path) -> None:
    case = "<testcase file='a.py' classname='a' name='t{}' time='nan'><failure message='m'>" + "x" * 100
    text = "<t>" + "".join(case.format(n) + "</failure></testcase>" for n in range(3)) + "</t>"
    (tmp_path / "junit.xml").write_text(text)
    cases = read_junit(tmp_path / "junit.xml", limits=ReportLimits(output=60, all_output=100))
    assert [len(case.output or "") for case in cases] == [60, 40, 0]
    assert [case.id for case in cases] == ["a.py::t0", "a.py::t1", "a.py::t2"]
    assert cases[0].duration == 0.0


def test_a_large_report_takes_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "junit.xml").open("w") as file:
        file.write("<testsuites><testsuite>")
        for number in range(20_000):
            file.write(f'<testcase classname="t" name="test_{number}" file="t.py" time="0.001">')
            file.write(f"<system-out>{'x' * 2000}</system-out></testcase>")
        file.write("</testsuite></testsuites>")
    tracemalloc.start()
    try:
        cases = read_junit(tmp_path / "junit.xml")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cases) == 20_000
    assert peak < 20 << 20


def test_a_summary_counts_each_case_once() -> None:
    outcomes = ("passed", "passed", "failed", "error", "skipped", "xfailed", "xpassed")
    cases = [TestCase(id=str(n), outcome=outcome, duration=0.25) for n, outcome in enumerate(outcomes)]
    assert summarize(cases) == Summary(passed=3, failed=1, errors=1, skipped=2, total=7, duration=1.75)
