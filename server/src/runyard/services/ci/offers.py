"""What this service offers to governed runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from runyard.jobs import Asked, File, Job, NewJob, Offer, Unservable
from runyard.services.ci.options import BadOptions, EnvName, EnvValue, NetworkNotAllowed, TestId, parse_options
from runyard.services.ci.words import KIND, PACKAGE
from runyard.yard import Yard


class TestRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Run the tests of a project. The action fails when they don't pass.

    Attributes:
        package: a zip of the project.
        env: variables of the tests' environment. They are kept with the run and shown with it: no place for secrets.
        timeout: seconds the tests may take.
        python: version such as ``"3.12"``.
        tests: pytest node ids or paths; all tests when empty.
        network: whether the tests may use the network.
    """

    __test__ = False  # for pytest, which collects what is called Test...

    package: File
    env: dict[EnvName, EnvValue] = {}
    timeout: Annotated[float, Meta(gt=0)] | None = None
    python: Annotated[str, Meta(pattern=r"^\d+\.\d+(\.\d+)?$", max_length=20)] | None = None
    tests: tuple[TestId, ...] = ()
    network: bool = False


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many tests did what."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    total: int = 0
    duration: float = 0.0


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """How the tests went."""

    exit_code: int
    tests: Counts


def offers(yard: Yard) -> list[Offer]:
    """``test:run``."""

    async def request(asked: Asked) -> NewJob:
        wanted = asked.input
        assert isinstance(wanted, TestRun)
        given = {name: value for name, value in msgspec.to_builtins(wanted).items() if name != "package"}
        try:
            options = parse_options(msgspec.json.encode(given).decode(), yard.settings)
        except (BadOptions, NetworkNotAllowed) as error:
            raise Unservable(str(error)) from None
        package = {"sha256": wanted.package.sha256, "size": wanted.package.size}
        params = {"package": package, "options": options.stored(), "rerun_of": None}
        return NewJob(
            kind=KIND, owner=asked.owner, tenant=asked.tenant, params=params,
            fingerprint=hashlib.sha256(msgspec.json.encode([asked.tenant, params], order="deterministic")).digest(),
            artifacts={PACKAGE: (wanted.package.sha256, "application/zip")},
        )  # fmt: skip

    return [
        Offer(
            operation="test:run", title="Run a project's tests", input=TestRun, output=Tested, request=request,
            result=_result,
        )
    ]  # fmt: skip


def _result(job: Job) -> Mapping[str, object]:
    found = job.result or {}
    return {"exit_code": found.get("exit_code"), "tests": found.get("tests") or {}}
