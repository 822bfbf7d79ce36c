"""Reads the JUnit file that pytest wrote with `-o junit_family=xunit1`. Blocks.

The project's code could have written anything there: no entities, no doctype, limited sizes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.parsers import expat

from runyard.services.ci.report.case import OUTCOMES, Outcome, TestCase, one_line

_BLOCK = 256 * 1024
_PHASE = re.compile(r'^failed on (?:setup|teardown) with "(?P<cause>.*?)"?$')
_WORST_FIRST: tuple[Outcome, ...] = ("failed", "error", "xfailed", "skipped", "xpassed", "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLimits:
    """What a report may hold. More cases or bytes are refused; longer output is cut."""

    size: int = 512 << 20
    cases: int = 500_000
    output: int = 64 << 10
    """Characters of one case's output."""
    all_output: int = 64 << 20
    """Characters of all cases' output; later cases go without."""


class BadReport(Exception):
    """The file is not a report of pytest's, or too large."""


def read_junit(path: Path, *, limits: ReportLimits | None = None) -> tuple[TestCase, ...]:
    """All cases of the report, in its order, each id once. Raises BadReport; OSError without a file."""
    reader = _Reader(limits or ReportLimits())
    cases: dict[str, TestCase] = {}
    for case in reader.read(path):
        # A test that fails and whose tear-down fails too is listed twice.
        known = cases.get(case.id)
        cases[case.id] = case if known is None else _merged(known, case)
    return tuple(cases.values())


def _merged(one: TestCase, other: TestCase) -> TestCase:
    worse, better = sorted((one, other), key=lambda case: _WORST_FIRST.index(case.outcome))
    return replace(worse, duration=one.duration + other.duration, output=worse.output or better.output)


@dataclass(slots=True)
class _Open:
    """A case whose end tag is still to come."""

    attributes: dict[str, str]
    properties: dict[str, str] = field(default_factory=dict)
    outcome: Outcome = "passed"
    message: str | None = None
    output: list[str] = field(default_factory=list)
    length: int = 0


class _Reader:
    def __init__(self, limits: ReportLimits) -> None:
        self._limits = limits
        self._open: _Open | None = None
        self._in_result = False
        self._done: list[TestCase] = []
        self._count = 0
        self._kept_output = 0

    def read(self, path: Path) -> Iterator[TestCase]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        size = 0
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    size += len(block)
                    if size > self._limits.size:
                        raise BadReport(f"the test report is larger than {self._limits.size} bytes")
                    parser.Parse(block, False)
                    yield from self._take()
            parser.Parse(b"", True)
            yield from self._take()
        except expat.ExpatError as error:
            raise BadReport(f"the test report is not whole XML: {error}") from error

    def _take(self) -> list[TestCase]:
        done, self._done = self._done, []
        return done

    def _refuse_doctype(self, *_: object) -> None:
        raise BadReport("the test report has a DOCTYPE, which pytest never writes")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "testcase":
            self._count += 1
            if self._count > self._limits.cases:
                raise BadReport(f"the test report has more than {self._limits.cases} cases")
            self._open = _Open(attributes)
        elif self._open is None:
            return
        elif name == "property":
            self._open.properties[attributes.get("name", "")] = attributes.get("value", "")
        elif name in ("failure", "error", "skipped"):
            self._in_result = True
            outcome = _outcome(name, attributes)
            if _WORST_FIRST.index(outcome) < _WORST_FIRST.index(self._open.outcome):
                self._open.outcome = outcome
                self._open.message = one_line(attributes.get("message", ""))

    def _text(self, text: str) -> None:
        case = self._open
        if case is not None and self._in_result:
            left = min(self._limits.output - case.length, self._limits.all_output - self._kept_output)
            if left > 0:
                kept = text[:left]
                case.output.append(kept)
                case.length += len(kept)
                self._kept_output += len(kept)

    def _end(self, name: str) -> None:
        if name in ("failure", "error", "skipped"):
            self._in_result = False
        elif name == "testcase" and self._open is not None:
            self._done.append(_case(self._open))
            self._open = None


def _outcome(name: str, attributes: dict[str, str]) -> Outcome:
    if name == "failure":
        return "failed"
    if name == "error":
        return "error"
    return "xfailed" if attributes.get("type") == "pytest.xfail" else "skipped"


def _case(case: _Open) -> TestCase:
    marked = case.properties.get("runyard.outcome")
    outcome = next((o for o in OUTCOMES if o == marked and case.outcome == "passed"), case.outcome)
    try:
        duration = float(case.attributes.get("time", "0"))
    except ValueError:
        duration = 0.0
    output = "".join(case.output)
    return TestCase(
        id=_exact_id(case.properties.get("runyard.id")) or _derived_id(case.attributes),
        outcome=outcome,
        duration=duration if math.isfinite(duration) and duration > 0 else 0.0,
        message=_message(case.message, output),
        output=output if outcome in ("failed", "error") and output else None,
    )


def _message(text: str | None, output: str) -> str | None:
    """The cause itself, where pytest only writes in which phase it struck."""
    if text in ("collection failure", "collection skipped"):
        causes = [line[2:] for line in output.splitlines() if line.startswith("E ")]
        return (
            one_line(causes[-1]) if causes else one_line(output.rsplit("Skipped: ", maxsplit=1)[-1].removesuffix("')"))
        )
    phase = _PHASE.match(text or "")
    return phase["cause"] if phase else text


def _exact_id(text: str | None) -> str | None:
    """The id as our plugin wrote it."""
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _derived_id(attributes: dict[str, str]) -> str:
    """The id from JUnit's names: `a/test_b.py`, `a.test_b.C.D` and `e[f]` are `a/test_b.py::C::D::e[f]`."""
    file, name = attributes.get("file", ""), attributes.get("name", "")
    classes = attributes.get("classname", "")
    module = file.removesuffix(".py").replace("/", ".")
    if not classes:  # a file that could not be collected is a case of its own
        return file or f"{name.replace('.', '/')}.py"
    if not file:
        return "::".join([*classes.split("."), name])
    inner = classes.removeprefix(module)
    if inner and not inner.startswith("."):  # inherited from a class in another file: `file` is that one
        return f"{classes}::{name}"
    return "::".join([file, *(part for part in inner.split(".") if part), name])
