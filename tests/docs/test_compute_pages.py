"""The pages on media compute name what the code has, and nothing else."""

from __future__ import annotations

import re

import pytest

from runyard.services.compute import accounts, api
from runyard.services.compute.plugins import installed
from runyard.settings import Settings

from .terminal import ROOT

GUIDE = (ROOT / "docs" / "guides" / "compute.md").read_text()
REFERENCE = (ROOT / "docs" / "reference" / "compute-http.md").read_text()
SOURCES = [*ROOT.glob("server/src/runyard/services/compute/*.py"), *ROOT.glob("server/src/runyard/web/*.py")]
OURS = [
    "clip_embedding", "dino_embedding", "exif", "face_detection", "face_embedding", "hash", "hls_streaming",
    "image_conversion", "media_thumbnail",
]  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_the_table_of_plugins_has_every_parameter_and_every_result(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}`.*$", GUIDE, re.MULTILINE)
    named = set(re.findall(r"`\.?(\w+)", row))
    plugin = installed()[name]
    fields = {*plugin.parameters.model_fields, *plugin.result.model_fields}
    assert fields - named == set()


def test_every_route_is_in_the_reference() -> None:
    names = {"{job_id}": "{id}", "{number}": "{id}", "{name}": "{plugin}", ":path}": "}"}
    missing = []
    for router in (api.routes, accounts.routes):
        for route in router.routes:
            path = route.path
            for ours, theirs in names.items():
                path = path.replace(ours, theirs)
            if f"`{path}`" not in REFERENCE:
                missing.append(path)
    assert missing == []


def test_every_code_of_an_error_is_in_the_reference() -> None:
    codes = {code for file in SOURCES for code in re.findall(r"code=\"(\w+)\"", file.read_text())}
    assert len(codes) > 10
    assert [code for code in sorted(codes) if f"`{code}`" not in REFERENCE] == []


def test_every_limit_of_a_media_job_is_in_the_guide() -> None:
    limits = {f"RUNYARD_{name.upper()}" for name in Settings.model_fields if name.startswith("compute_")}
    elsewhere = {"RUNYARD_COMPUTE_PORT", "RUNYARD_COMPUTE_SLOTS"}  # ports and processes are the operator's matter
    assert [name for name in sorted(limits - elsewhere) if name not in GUIDE] == []
    assert [name for name in sorted(elsewhere) if name not in (ROOT / "docs" / "operations.md").read_text()] == []
