"""The documents name what exists, and what exists is in the documents."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_generated_pages_are_current():
    command = [sys.executable, "scripts/docs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_settings_named_in_the_documents_exist():
    named = set()
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]:
        named |= set(re.findall(r"\bRUNYARD_([A-Z_]*[A-Z])\b", page.read_text()))
    given_to_programs = {"ARTIFACTS", "TASK", "ANSWER"}  # by test runs and command-line agents
    given_to_programs |= {"INVOCATION_ID", "OPERATION", "RUN_ID", "ACTION_ID", "CREDENTIALS"}  # by machines of runs
    given_to_programs |= {"MACHINE_TOKEN"}  # to a machine that enrols
    known = {name.upper() for name in Settings.model_fields} | given_to_programs
    assert named - known == set()


def test_links_between_documents_lead_somewhere():
    pages = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("sdks/python/*/README.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_route_is_in_the_reference():
    from runyard.services.ci.api import routes

    reference = (ROOT / "docs" / "reference" / "ci-http.md").read_text()
    paths = {route.path.replace("{job_id}", "{id}").replace(":path}", "}") for route in routes.routes}
    assert [path for path in sorted(paths) if f"`{path}`" not in reference] == []


def test_links_to_sections_lead_to_one():
    broken = []
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for target, section in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text()):
            there = (page.parent / target) if target else page
            if section not in sections(there):
                broken.append(f"{page.relative_to(ROOT)} -> {target}#{section}")
    assert broken == []


def sections(page: Path) -> set[str]:
    """Anchors of a page's headings, as they are made where the page is read."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
