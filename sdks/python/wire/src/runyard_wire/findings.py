"""What a `doctor` command finds and tells: what was looked at, and what to do about what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .program import OK
from .terminal import console, printable, say_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        code: the exit code this asks for; 0 for what is well, or can be done without.
    """

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
    code: int = OK


def tell_findings(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print them and give the exit code: that of the worst."""
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        _show(findings)
    return max(finding.code for finding in findings)


def _show(findings: Sequence[Finding]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("", "What", "Found", "What to do"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"", "What"})
    for finding in findings:
        mark, style = ("✓", "green") if finding.ok else ("✗", "red") if finding.code else ("–", "yellow")
        table.add_row(
            Text(mark, style=style),
            Text(finding.subject, style="bold"),
            Text(printable(finding.detail)),
            Text(printable(finding.remedy)),
        )
    console().print(table)
