"""Reading a submission: a form whose file goes straight to the artifacts, however large it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from runyard.artifacts import Blob, DigestMismatch
from runyard.identity import Principal
from runyard.services.ci.options import LIMIT as OPTIONS_LIMIT
from runyard.services.ci.options import Options, parse_options
from runyard.services.ci.words import PACKAGE
from runyard.sizes import MIB
from runyard.web.bodies import form_of
from runyard.web.errors import Refused, invalid
from runyard.web.multipart import BadForm, Part
from runyard.yard import Yard

AROUND_FILE: Final = 1 * MIB
"""Bytes a form may have beside its file."""

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody wants tested, and how."""

    package: Blob
    options: Options


async def read_submission(request: Request, yard: Yard, principal: Principal) -> Submission:
    """Read a form of ``file``, ``options`` and ``digest``, in any order.

    Raises:
        Refused: a field is missing or can't be used, or the digest names no package of the caller's.
        DigestMismatch: file and digest don't belong together.
        TooLarge, FormTooLarge, BadForm, BadOptions, NetworkNotAllowed: what they say.
    """
    limit = yard.settings.upload_limit + AROUND_FILE
    form = form_of(request, limit=limit)
    if form is None:
        raise _file_missing()
    package: Blob | None = None
    fields: dict[str, str] = {}
    async for part in form.parts():
        if part.name == "file" and package is None:
            package = await _keep(part, yard)
        elif part.name in {"options", "digest"} and part.name not in fields:
            fields[part.name] = await part.text(limit=OPTIONS_LIMIT)
        elif part.name in {"file", "options", "digest"}:
            raise BadForm(f"The form has the field {part.name!r} twice.")
    options = parse_options(fields["options"], yard.settings) if "options" in fields else Options()
    digest = _parse_digest(fields["digest"]) if "digest" in fields else None
    if package is None:
        package = await _known(digest, yard, principal)
    elif digest is not None and digest != package.digest:
        raise DigestMismatch(digest, package.digest)
    return Submission(package, options)


async def _keep(part: Part, yard: Yard) -> Blob:
    if part.filename is None:
        given = await part.text(limit=OPTIONS_LIMIT)
        raise invalid("value_error", ("body", "file"), "The field must be a file (give it a filename)", given[:100])
    return await yard.artifacts.put(part.stream(), limit=yard.settings.upload_limit)


async def _known(digest: str | None, yard: Yard, principal: Principal) -> Blob:
    if digest is None:
        raise _file_missing()
    package = await yard.artifacts.owned(principal.user_id, PACKAGE, digest)
    if package is None:
        raise Refused(412, "You have not uploaded this package yet: send the file, too.", code="package_unknown")
    return package


def _parse_digest(text: str) -> str:
    if (match := _DIGEST.fullmatch(text.strip())) is None:
        raise invalid("value_error", ("body", "digest"), "Write the digest as sha256:<64 hex digits>", text[:100])
    return match[1]


def _file_missing() -> Refused:
    return invalid("missing", ("body", "file"), "Field required")
