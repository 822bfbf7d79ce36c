"""Files over HTTP: what goes into runs, and what comes out of them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from runyard.artifacts import Artifact, TooLarge
from runyard.database import Connection
from runyard.services.runs.api.commands import command
from runyard.services.runs.api.edge import Entered, router
from runyard.services.runs.engine.files import find_file, keep_file
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.files import FileName, FileV1, UploadedFile
from runyard.services.runs.models.plans import Sha256
from runyard.services.runs.refused import Refused, not_found
from runyard.services.runs.words import Act
from runyard.web.errors import Refused as RangeRefused
from runyard.web.files import file_response

routes: APIRouter = router("Files")

_BYTES: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}


@routes.post(
    "/files", operation_id="uploadFile", status_code=201, response_model=FileV1,
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BYTES}}},
)  # fmt: skip
async def upload(visit: Entered, name: Annotated[FileName, Query()] = "file") -> Response:
    """Store a file for the workspace's runs. The body is the file itself."""
    visit.caller.require(Act.FILE_WRITE)
    yard = visit.room.yard
    try:
        blob = await yard.artifacts.put(visit.request.stream(), limit=yard.settings.upload_limit)
    except TooLarge as error:
        raise Refused("payload-too-large", str(error), headers={"Connection": "close"}) from None

    async def work(connection: Connection, book: Book) -> FileV1:
        await keep_file(
            connection, yard.artifacts, visit.caller.workspace, blob, name=name, by=visit.caller.user, now=book.now
        )
        return FileV1(sha256=blob.digest, name=name, size=blob.size)

    asked = UploadedFile(sha256=blob.digest, name=name)
    return await command(visit, "UploadFile", asked, work, status=201, location=lambda file: f"files/{file.sha256}")


@routes.get(
    "/files/{sha256}", operation_id="downloadFile", response_class=Response,
    responses={200: {"content": {"application/octet-stream": _BYTES}}},
)  # fmt: skip
async def download(visit: Entered, sha256: Annotated[Sha256, Path()]) -> Response:
    """The content of a file that was uploaded, or that an action of a run has made."""
    visit.caller.require(Act.READ)
    yard = visit.room.yard
    found = await find_file(yard.database, visit.caller.workspace, sha256)
    if found is None:
        raise not_found("File", sha256)
    name, size, at = found
    file = Artifact(name=name, digest=sha256, size=size, content_type="application/octet-stream", created_at=at)
    try:
        return file_response(visit.request, yard.artifacts, file)
    except RangeRefused as error:
        raise Refused("bad-request", str(error), headers=error.headers or {}) from None
