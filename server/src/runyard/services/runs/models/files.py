"""Files of a workspace as the protocol shows them: Runyard's own, for inputs and outputs of actions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runyard.services.runs.models.base import Answer, Ask, Version
from runyard.services.runs.models.plans import Sha256

FileName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")]


class FileV1(Answer):
    """A stored file. ``{"$file": {"sha256": ..., "name": ...}}`` in an input stands for it."""

    schema_version: Version = 1
    sha256: Sha256
    name: FileName
    size: Annotated[int, Field(ge=0)]


class UploadedFile(Ask):
    """What was uploaded, for the record that makes a repetition harmless."""

    sha256: Sha256
    name: FileName
