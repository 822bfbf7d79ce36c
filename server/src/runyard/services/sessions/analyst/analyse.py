"""The analysis of repositories: every file is read once and shown to all collectors."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runyard.services.sessions.analyst.automation import AutomationCollector
from runyard.services.sessions.analyst.documentation import DocumentationCollector
from runyard.services.sessions.analyst.entry_points import EntryPointCollector
from runyard.services.sessions.analyst.exposures import ExposureCollector
from runyard.services.sessions.analyst.facts import Analysis, History, Inventory, RepositoryFacts
from runyard.services.sessions.analyst.history import Git, GitFailed, files, history
from runyard.services.sessions.analyst.inventory import InventoryCollector, LanguageCollector
from runyard.services.sessions.analyst.licences import LicenceCollector
from runyard.services.sessions.analyst.limits import Limits
from runyard.services.sessions.analyst.manifests import ManifestCollector
from runyard.services.sessions.analyst.names import line
from runyard.services.sessions.analyst.python.packages import PythonCollector
from runyard.services.sessions.analyst.remarks import RemarkCollector
from runyard.services.sessions.analyst.sentences import plural
from runyard.services.sessions.analyst.source_file import Attributes, Collector, SourceFile, source_file
from runyard.services.sessions.analyst.structure import StructureCollector
from runyard.services.sessions.analyst.suites import SuiteCollector
from runyard.services.sessions.analyst.tree import Tracked, Walk

_ATTRIBUTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """Where a clone lies, and how to ask git about it. Without `git`, every file below `path` counts."""

    name: str
    path: Path
    git: Git | None = None


def analyse(
    *repositories: Repository, limits: Limits | None = None, monotonic: Callable[[], float] = time.monotonic
) -> Analysis:
    """Finds out what there is to know. Blocks: it is for a process or thread of its own.

    Args:
        repositories: in the order in which they are reported.
        limits: what each of them may cost.
        monotonic: seconds, from any beginning.

    Raises:
        OSError: a repository's folder itself can't be opened.
    """
    limits = limits or Limits()
    return Analysis(repositories=tuple(_repository(each, limits, monotonic) for each in repositories))


@dataclass(slots=True)
class _Collectors:
    limits: Limits
    inventory: InventoryCollector = field(default_factory=InventoryCollector)
    languages: LanguageCollector = field(default_factory=LanguageCollector)
    structure: StructureCollector = field(default_factory=StructureCollector)
    suites: SuiteCollector = field(default_factory=SuiteCollector)
    licences: LicenceCollector = field(default_factory=LicenceCollector)
    documentation: DocumentationCollector = field(default_factory=DocumentationCollector)
    manifests: ManifestCollector = field(init=False)
    entry_points: EntryPointCollector = field(init=False)
    automation: AutomationCollector = field(init=False)
    remarks: RemarkCollector = field(init=False)
    exposures: ExposureCollector = field(init=False)
    python: PythonCollector = field(init=False)
    _others: tuple[Collector, ...] = field(init=False)

    def __post_init__(self) -> None:
        listed = self.limits.listed
        self.manifests = ManifestCollector(size=self.limits.manifest, listed=listed)
        self.entry_points = EntryPointCollector(listed=listed)
        self.automation = AutomationCollector(listed=listed)
        self.remarks = RemarkCollector(listed=listed)
        self.exposures = ExposureCollector(listed=listed)
        self.python = PythonCollector(listed=listed)
        self._others = (
            self.inventory, self.suites, self.licences, self.documentation, self.manifests, self.entry_points,
            self.automation, self.remarks, self.exposures, self.python,
        )  # fmt: skip

    def see(self, file: SourceFile) -> None:
        lines = self.languages.see(file)
        self.structure.see(file, lines)
        for collector in self._others:
            collector.see(file)


def _repository(repository: Repository, limits: Limits, monotonic: Callable[[], float]) -> RepositoryFacts:
    end = monotonic() + limits.seconds
    tracked: Tracked | None = None
    submodules = 0
    unseen: list[str] = []
    if repository.git is not None:
        try:
            tracked, submodules = files(repository.git, limits)
        except GitFailed as error:
            unseen.append(
                f"Git did not say which files belong to the repository ({line(str(error))}); all that lie there count."
            )
    past = (
        history(repository.git, limits, tracked) if repository.git is not None else History(problem="git was not asked")
    )
    walk = Walk(repository.path, limits, tracked, late=lambda: monotonic() > end)
    collectors = _Collectors(limits)
    attributes = _attributes(repository.path)
    for found in walk:
        collectors.see(source_file(found, limits, attributes))
    untracked = walk.untracked if tracked is not None else None
    inventory = collectors.inventory.facts(folders=walk.folders, submodules=submodules, untracked=untracked)
    manifests = collectors.manifests
    python = collectors.python.facts()
    unseen += _unseen(walk, inventory, past, limits, collectors)
    return RepositoryFacts(
        name=line(repository.name),
        inventory=inventory,
        languages=collectors.languages.facts(),
        structure=collectors.structure.facts(listed=limits.listed),
        roles=collectors.structure.roles(),
        entry_points=collectors.entry_points.facts(),
        entry_point_kinds=collectors.entry_points.kinds(),
        routes=collectors.entry_points.routes(),
        manifests=manifests.facts(),
        tests=collectors.suites.facts(),
        history=past,
        licences=collectors.licences.facts(manifests.licences()),
        documentation=collectors.documentation.facts(),
        automation=collectors.automation.facts(),
        remarks=collectors.remarks.facts(),
        exposures=collectors.exposures.facts(),
        python=python,
        unseen=tuple(unseen),
    )


def _attributes(root: Path) -> Attributes:
    """The rules of the root, read before any file is: they say what the files are."""
    for found in Walk(root, Limits(files=2_000, depth=0)):
        if found.path == ".gitattributes" and found.kind == "file":
            try:
                return Attributes(found.read(_ATTRIBUTES).decode("utf-8", "replace"))
            except OSError:
                break
    return Attributes("")


def _unseen(walk: Walk, inventory: Inventory, past: History, limits: Limits, collectors: _Collectors) -> list[str]:
    """Sentences about what is in none of the figures."""
    manifests, commits = collectors.manifests.left_out, past.commits
    large, unreadable, submodules = (inventory.count(nature) for nature in ("large", "unreadable", "submodule"))
    said = {
        f"Only the first {limits.files:,} files were looked at.": walk.cut,
        f"Time ran out after {limits.seconds:g} seconds; later files were not looked at.": walk.out_of_time,
        f"{plural(walk.closed, 'folder')} can't be opened.": walk.closed,
        f"{plural(walk.deep, 'folder')} lower than {limits.depth} levels {_were(walk.deep)} not entered.": walk.deep,
        f"{plural(large, 'file')} larger than {limits.text:,} bytes {_were(large)} not read.": large,
        f"{plural(unreadable, 'file')} can't be read.": unreadable,
        f"{plural(submodules, 'submodule')} {_were(submodules)} not fetched.": submodules,
        f"{plural(manifests, 'manifest')} {_were(manifests)} not read.": manifests,
        f"The history could not be read: {past.problem}.": past.problem,
        f"The clone is shallow: of the history only {plural(commits, 'commit')} can be seen.": past.shallow,
        f"Of {commits:,} commits the latest {past.read:,} were read.": not past.problem and past.read < commits,
    }
    return [sentence for sentence, true in said.items() if true]


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
