"""Rules of the house that hold over all of its files."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [*ROOT.glob("server/src/**/*.py"), *ROOT.glob("sdks/python/*/src/**/*.py")]
TESTS = [*ROOT.glob("server/tests/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("sdks/python/*/tests/**/*.py")]


def places(files: list[Path], pattern: str, *, but: tuple[str, ...] = ()) -> list[str]:
    """Where a pattern stands, except in files that have a reason."""
    return [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        for line in path.read_text().splitlines()
        if re.search(pattern, line) and path.name not in but and "_wire" not in path.parts
    ]


def test_only_the_clock_asks_for_the_time():
    """Invariant 9. The sandbox compares with times of files, which are the machine's."""
    asks = r"datetime\.(utc)?now\(|time\.time\("
    assert (
        places([path for path in SOURCES if "server" in path.parts], asks, but=("clock.py", "process.py", "cgroups.py"))
        == []
    )


def test_tests_do_not_sleep():
    """Invariant 9: they wait for events. ``sleep(0)`` only lets others run."""
    sleeps = r"^\s*(await )?(asyncio|time)\.sleep\((?!0\))"
    assert places(TESTS, sleeps) == []


def test_files_have_readable_sizes():
    """One noun a file. The store of jobs is one noun with many verbs; tests may list many cases."""
    long = [path for path in SOURCES if len(path.read_text().splitlines()) > 420 and path.name != "store.py"]
    assert [str(path.relative_to(ROOT)) for path in long] == []


def test_every_module_says_what_it_is_for():
    silent = [
        path for path in SOURCES if path.read_text().strip() and not path.read_text().lstrip().startswith(('"""', "#"))
    ]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


def test_nothing_names_this_machine_or_a_registry():
    """A clone works anywhere; a lock file has no download addresses."""
    text = [path for path in ROOT.rglob("*") if path.suffix in {".py", ".md", ".toml", ".lock", ".sh", ".svg"}]
    tracked = [path for path in text if not {".venv", ".tools", "node_modules", "dist"} & set(path.parts)]
    registries = r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian\.org"
    assert places(tracked, registries, but=("test_house.py",)) == []
