"""``runyard evidence``: take evidence out of the yard, and check it anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from runyard.clock import utc_now
from runyard.identity.console import answer, fail, note, work

if TYPE_CHECKING:
    from runyard.services.runs.evidence.store import EvidenceStore
    from runyard.services.runs.evidence.verify import Report
    from runyard.settings import Settings

OpenEvidence: TypeAlias = "Callable[[], AbstractAsyncContextManager[EvidenceStore]]"
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Workspace: TypeAlias = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Its id, such as ws-acme.")]


def evidence_verbs(load: Callable[[], Settings]) -> typer.Typer:
    """``evidence export``, ``checkpoint``, ``verify``."""
    app = typer.Typer(help="What was done in a workspace, and the proof of it.", no_args_is_help=True)

    def opened() -> AbstractAsyncContextManager[EvidenceStore]:
        return open_evidence(load())

    @app.command()
    def export(
        workspace: Workspace,
        *,
        output: Annotated[
            Path | None, typer.Option("--output", "-o", help="The file to write; WORKSPACE-evidence.zip by default.")
        ] = None,
        run: Annotated[str | None, typer.Option(metavar="RUN", help="Only the entries of this run.")] = None,
    ) -> None:
        """Write a bundle: the entries, signed checkpoints over them, and proofs."""
        path = output or Path(f"{workspace}-evidence.zip")
        work(opened, lambda store: _write(store, workspace, path, run))
        note(f"{path} is written. Check it anywhere with: runyard evidence verify {path}")

    @app.command()
    def checkpoint(workspace: Workspace) -> None:
        """Print a signed checkpoint, to be kept where the yard's operators can't change it.

        Later it shows that nothing written before it was changed or cut off.
        """

        async def sign(store: EvidenceStore) -> tuple[str | None, str]:
            return await store.checkpoint(workspace), str(store.notary.key(workspace))

        signed, key = work(opened, sign)
        if signed is None:
            fail(f"The workspace {workspace!r} has no evidence yet.")
        typer.echo(signed, nl=False)
        note(f"Signed by {key}")

    @app.command()
    def verify(
        file: Annotated[Path, typer.Argument(help="A bundle, or a file with an entry a line.", dir_okay=False)],
        *,
        key: Annotated[
            str | None, typer.Option(help="The workspace's key as you know it; else the bundle's own is believed.")
        ] = None,
        checkpoint: Annotated[
            list[Path] | None, typer.Option(help="A checkpoint kept from earlier. May be repeated.", exists=True)
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Find whatever was changed, removed, moved or cut off. Asks nothing but the file; exit 1 if anything was."""
        from runyard.services.runs.evidence import verify as check  # noqa: PLC0415
        from runyard.services.runs.evidence.checkpoint import BadCheckpoint, VerifierKey  # noqa: PLC0415

        try:
            known = None if key is None else VerifierKey.parse(key)
            report = check.verify(file, key=known, seen=[one.read_text() for one in checkpoint or ()])
        except (BadCheckpoint, check.NotEvidence, OSError, UnicodeDecodeError) as error:
            fail(str(error))
        answer({"good": report.good, **asdict(report)}, _said(file, report, pinned=known is not None), as_json=as_json)
        if not report.good:
            raise typer.Exit(1)

    return app


@asynccontextmanager
async def open_evidence(settings: Settings) -> AsyncIterator[EvidenceStore]:
    """The evidence of the yard that ``settings`` describe, whether a server runs or not."""
    from runyard.database import open_database  # noqa: PLC0415  (a program that only verifies has no use for one)
    from runyard.services.runs.evidence.checkpoint import Notary  # noqa: PLC0415
    from runyard.services.runs.evidence.store import EvidenceStore  # noqa: PLC0415

    async with open_database(settings, application="runyard cli") as database:
        yield EvidenceStore(database, Notary.of(settings.data_dir / "keys"), clock=utc_now)


async def _write(store: EvidenceStore, workspace: str, path: Path, run: str | None) -> None:
    from runyard.services.runs.evidence.export import NothingToExport, export  # noqa: PLC0415

    try:
        bundle = await export(store, workspace, at=utc_now(), where={"run_id": run})
    except NothingToExport as error:
        fail(str(error))
    partial = path.with_name(f".{path.name}.partial")
    try:
        file = partial.open("wb")
    except OSError as error:
        fail(f"{path} can't be written ({error.strerror}). --output names another file.")
    with file:
        async with aclosing(bundle.pieces()) as pieces:
            async for piece in pieces:
                file.write(piece)
    partial.replace(path)


def _said(file: Path, report: Report, *, pinned: bool) -> str:
    entries = "1 entry" if report.entries == 1 else f"{report.entries} entries"
    lines = [f"{file}: {entries} of {report.workspace or 'no workspace'}"]
    if report.entries:
        lines[0] += f", {report.first} to {report.last}"
    if not report.good:
        return "\n".join(
            [*lines, *(f"  {one.reason}: {one.text}" for one in report.findings), "NOT as it was written."]
        )
    if report.covered == report.entries:
        lines.append(
            "Nothing was changed, removed, moved or cut off." if report.whole else "Each is as it was written."
        )
    else:
        lines.append("The chain holds. Without a checkpoint over all of them, a cut-off end would not be noticed.")
    if not report.whole:
        lines.append(
            "This is a part of the workspace's evidence; that no other entry belongs to it can't be seen from it."
        )
    if report.key is not None:
        lines.append(f"Signed by {report.key}" + ("" if pinned else " (the bundle says so: compare it, or give --key)"))
    return "\n".join(lines)
