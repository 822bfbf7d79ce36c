"""The worker's side of the `ci` service: unpack, make the environment, run the tests, keep the results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from runyard.jobs import JobContext, JobFailed, Registration
from runyard.sandbox import Command, Exit, Limits, Mount, Sandbox
from runyard.sandbox.scratch import sweep, unhurried
from runyard.services.ci import cases as case_file
from runyard.services.ci.archive import ArchiveLimits, BadPackage, unpack
from runyard.services.ci.environments import (
    Environment,
    Environments,
    InstallFailed,
    NoProject,
    PythonUnavailable,
    recipe,
)
from runyard.services.ci.harvest import harvest
from runyard.services.ci.masking import Masker
from runyard.services.ci.options import Options, read_options
from runyard.services.ci.report import (
    CHANNEL_VARIABLE,
    PLUGIN,
    PLUGIN_NAME,
    BadReport,
    LiveResults,
    ReportLimits,
    TestCase,
    read_junit,
    summarize,
)
from runyard.services.ci.verdict import verdict
from runyard.services.ci.words import CASES, KIND, PACKAGE, PHASE, TEST, Reason
from runyard.services.ci.workspace import Workspace, open_workspace
from runyard.settings import Settings
from runyard.sizes import MIB

JUNIT: Final = "junit.xml"
LIVE_CASES: Final = 100_000
"""Results heard while the tests run that are kept in case there is no report at the end."""

_INSTALL_MEMORY: Final = 8 * 1024 * MIB
_INSTALL_DISK: Final = 16 * 1024 * MIB
"""An environment with a machine learning framework has gigabytes; twice, until uv has linked them."""


def registrations(settings: Settings, sandbox: Sandbox) -> list[Registration]:
    """What this service runs in a worker. Removes what dead workers left. Blocks."""
    sweep(settings.data_dir / "workspaces")
    return [Registration(KIND, TestRun(settings, sandbox), "heavy")]


class TestRun:
    """Runs one package's tests per job."""

    __test__ = False  # for pytest, which collects what is called Test...

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._workspaces = settings.data_dir / "workspaces"
        self._environments = Environments(
            settings.data_dir / "environments",
            sandbox,
            size=settings.ci_environment_cache,
            limits=Limits(
                wall=settings.ci_install_timeout,
                memory=max(settings.ci_memory, _INSTALL_MEMORY),
                processes=max(settings.ci_processes, 1024),
                disk=max(settings.ci_disk, _INSTALL_DISK),
            ),
        )

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """Run the tests to their end. Fails with a :class:`Reason` when they don't pass."""
        name = f"{ctx.job.id}.{ctx.job.attempt}"
        async with open_workspace(self._workspaces, name) as space:
            run = _Run(ctx, space, self._settings, self._sandbox)
            await run.unpack()
            async with run.environment(self._environments) as environment:
                exit_ = await run.test(environment)
                return await run.report(exit_, environment)


class _Run:
    """One attempt: its phases, in order."""

    def __init__(self, ctx: JobContext, space: Workspace, settings: Settings, sandbox: Sandbox) -> None:
        self._ctx = ctx
        self._space = space
        self._settings = settings
        self._isolated = sandbox.isolated
        self._options: Options = read_options(ctx.job.params["options"])
        self._masker = Masker(self._options.secrets)
        self._heard: list[TestCase] = []
        self._mid_line = False
        self._now = asyncio.get_running_loop().time

    async def unpack(self) -> None:
        """Put the package's files where the tests will find them."""
        await self._ctx.emit(PHASE, {"phase": "unpack"})
        settings = self._settings
        await self._ctx.fetch(PACKAGE, self._space.package)
        limits = ArchiveLimits(
            entries=settings.ci_archive_entries,
            total_size=settings.ci_archive_size,
            ratio=settings.ci_archive_ratio,
            file_size=settings.ci_file_size,
        )
        try:
            unpacked = await unhurried(unpack, self._space.package, self._space.project, limits=limits)
        except BadPackage as error:
            raise await self._failure(Reason.BAD_PACKAGE, str(error)) from error
        await asyncio.to_thread(self._space.package.unlink)
        await self._say(f"Unpacked {unpacked.files} files, {_size(unpacked.size)}.")

    @asynccontextmanager
    async def environment(self, environments: Environments) -> AsyncIterator[Environment]:
        """The project's environment, made now or earlier."""
        await self._ctx.emit(PHASE, {"phase": "environment", "cached": None})
        started = self._now()
        try:
            wanted = await unhurried(recipe, self._space.project, self._options.python)
            async with environments.use(wanted, tenant=self._ctx.job.tenant, log=self._ctx.log) as environment:
                if wanted.installable:
                    await environment.install_project(self._space.installed)
                await self._ctx.emit(PHASE, {"phase": "environment", "cached": environment.cached})
                how = "Using the environment made before" if environment.cached else "Made the environment"
                took = self._now() - started
                await self._say(f"{how} ({environment.key[:8]}, Python {environment.version}, {took:.1f} s).")
                yield environment
        except NoProject as error:
            raise await self._failure(Reason.NO_PROJECT, str(error)) from error
        except PythonUnavailable as error:
            raise await self._failure(Reason.PYTHON_UNAVAILABLE, str(error)) from error
        except InstallFailed as error:
            raise await self._failure(Reason.INSTALL_FAILED, str(error)) from error

    async def test(self, environment: Environment) -> Exit:
        """Run pytest; its output is the job's log, as it is printed."""
        await self._ctx.emit(PHASE, {"phase": "test"})
        space = self._space
        await asyncio.to_thread((space.plugin / f"{PLUGIN_NAME}.py").write_text, PLUGIN)
        command = self._command(environment)
        async with LiveResults.open(space.report / "live") as live, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_results(live))
            try:
                async with self._ctx.spawn(command) as process:
                    async for chunk in process.output():
                        await self._print(self._masker.feed(chunk))
                    await self._print(self._masker.finish())
                    return await process.wait()
            finally:
                live.finish()

    def _command(self, environment: Environment) -> Command:
        space, options = self._space, self._options
        project = self._place(space.project, "/workspace")
        plugin = self._place(space.plugin, "/runyard/plugin")
        report = self._place(space.report, "/runyard/report")
        artifacts = self._place(space.artifacts, "/artifacts")
        mounts = [
            Mount(source=space.project, target=project, writable=True),
            Mount(source=space.plugin, target=plugin),
            Mount(source=space.report, target=report, writable=True),
            Mount(source=space.artifacts, target=artifacts, writable=True),
        ]
        installed = None
        if environment.recipe.installable:
            installed = self._place(space.installed, "/runyard/installed")
            mounts.append(Mount(source=space.installed, target=installed))
        variables = environment.variables(project, installed=installed)
        paths = (options.env.get("PYTHONPATH"), variables["PYTHONPATH"], plugin)
        return Command(
            argv=(
                str(environment.python), "-m", "pytest", "-v", f"--junitxml={report}/{JUNIT}",
                "-o", "junit_family=xunit1", "-p", PLUGIN_NAME, *options.tests,
            ),
            cwd=project,
            env={
                "CI": "true",
                "PY_COLORS": "0",
                "PYTHONUNBUFFERED": "1",
                **variables,
                **options.env,
                "PYTHONPATH": ":".join(path for path in paths if path),
                "RUNYARD_ARTIFACTS": artifacts,
                CHANNEL_VARIABLE: f"{report}/live",
            },
            mounts=[*mounts, *environment.mounts],
            network=options.network,
            limits=self._limits(),
        )  # fmt: skip

    def _limits(self) -> Limits:
        settings = self._settings
        return Limits(
            wall=self._options.timeout or settings.ci_timeout,
            silence=settings.ci_silence,
            memory=settings.ci_memory,
            processes=settings.ci_processes,
            file_size=settings.ci_file_size,
            disk=settings.ci_disk,
        )

    async def _tell_results(self, live: LiveResults) -> None:
        async for case in live.cases():
            known = replace(case, message=self._masker.text(case.message))
            if len(self._heard) < LIVE_CASES:
                self._heard.append(known)
            body = {
                "id": known.id,
                "outcome": known.outcome,
                "duration": known.duration,
                "message": known.message,
            }
            await self._ctx.emit(TEST, body)

    async def report(self, exit_: Exit, environment: Environment) -> Mapping[str, object]:
        """Keep results and artifacts, and say how it went."""
        await self._ctx.emit(PHASE, {"phase": "report"})
        found, reported = await self._cases()
        tests = summarize(found) if found else None
        if found:
            content = await unhurried(case_file.keep, found)
            await self._ctx.artifact(CASES, content, content_type="application/gzip", limit=len(content))
        await self._keep_artifacts()
        result = {
            "exit_code": exit_.code,
            "tests": None if tests is None else asdict(tests),
            "environment": {
                "python": environment.version,
                "key": environment.key,
                "cached": environment.cached,
            },
        }
        failure = verdict(exit_, tests, reported=reported)
        if failure is None:
            return result
        reason, message = failure
        if exit_.limit is not None or reason is Reason.KILLED:
            await self._say(message)
        raise JobFailed(reason, message, result=result)

    async def _cases(self) -> tuple[tuple[TestCase, ...], bool]:
        """The cases of pytest's report, and whether there is one; of a run without, those heard of before."""
        path = self._space.report / JUNIT
        if not await asyncio.to_thread(_is_plain, path):
            return tuple(self._heard), False
        try:
            found = await unhurried(read_junit, path, limits=ReportLimits())
        except (BadReport, OSError) as error:
            await self._say(f"The test report can't be read: {error}.")
            return tuple(self._heard), False
        mask = self._masker.text
        return tuple(replace(case, message=mask(case.message), output=mask(case.output)) for case in found), True

    async def _keep_artifacts(self) -> None:
        limit = self._settings.ci_artifact_limit
        report = self._space.report / JUNIT
        if await asyncio.to_thread(_is_plain, report) and report.lstat().st_size <= limit:
            content = self._masker.stream(report)
            await self._ctx.artifact(JUNIT, content, content_type="application/xml", limit=2 * limit)
            limit -= report.lstat().st_size
        for find in await unhurried(harvest, self._space.artifacts, limit=limit, taken=frozenset({JUNIT})):
            if find.problem is not None:
                await self._say(f"The artifact {find.name!r} is not kept: {find.problem}.")
            else:
                await self._ctx.artifact(find.name, find.path, content_type=find.content_type, limit=find.size)

    def _place(self, folder: Path, target: str) -> str:
        """Where the tests see a folder: a sandbox without files of its own shows everything where it is."""
        return target if self._isolated else str(folder)

    async def _print(self, output: bytes) -> None:
        if output:
            self._mid_line = not output.endswith(b"\n")
            await self._ctx.log(output)

    async def _say(self, text: str) -> None:
        await self._print(f"{chr(10) if self._mid_line else ''}[runyard] {text}\n".encode(errors="replace"))

    async def _failure(self, reason: Reason, message: str) -> JobFailed:
        await self._say(message)
        return JobFailed(reason, message, result={"exit_code": None, "tests": None, "environment": None})


def _is_plain(path: Path) -> bool:
    """Whether it is a file, not a link somebody's code has put in its place."""
    return path.is_file() and not path.is_symlink()


def _size(count: int) -> str:
    return f"{count / MIB:.1f} MiB" if count >= MIB else f"{count / 1024:.1f} KiB"
