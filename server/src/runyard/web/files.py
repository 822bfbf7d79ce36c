"""A file of a job as an answer: whole or in ranges, with its digest, never run by a browser as the yard's own page."""

from __future__ import annotations

import base64
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from runyard.artifacts import Artifact, ArtifactStore
from runyard.web.errors import Refused
from runyard.web.ranges import Unsatisfiable, byte_range


def file_response(
    request: Request, store: ArtifactStore, found: Artifact, *, content_type: str | None = None, inline: bool = False
) -> Response:
    """The file, or the range of it that the request wants.

    Args:
        content_type: what to call it instead of what was noted when it was kept.
        inline: let players take it as part of a page; without it a browser saves it.

    Raises:
        Refused: there are no such bytes (416).
    """
    headers = _headers(found, content_type or found.content_type, inline=inline)
    if request.headers.get("if-none-match") in {headers["ETag"], "*"}:
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    wanted = request.headers.get("range")
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        wanted = None
    try:
        span = byte_range(wanted, found.size)
    except Unsatisfiable:
        detail = f"There are no bytes {wanted!r} in {found.size} bytes."
        limits = {"Content-Range": f"bytes */{found.size}"}
        raise Refused(416, detail, code="range_not_satisfiable", headers=limits) from None
    if span is None:
        headers["Content-Length"] = str(found.size)
        return StreamingResponse(store.read(found.digest), 200, headers)
    start, end = span
    headers |= {"Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{found.size}"}
    return StreamingResponse(store.read(found.digest, start=start, end=end), 206, headers)


def _headers(found: Artifact, content_type: str, *, inline: bool) -> dict[str, str]:
    """Content of strangers, served from the yard's own origin: a browser may keep it, never run it."""
    digest = base64.b64encode(bytes.fromhex(found.digest)).decode()
    basename = found.name.rpartition("/")[2]
    disposition = f"attachment; filename*=UTF-8''{quote(basename, safe='')}"
    if basename.isascii() and basename.isprintable() and not set(basename) & {'"', "\\"}:
        disposition = f'attachment; filename="{basename}"'
    return {
        "Accept-Ranges": "bytes",
        "Content-Disposition": "inline" if inline else disposition,
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Type": content_type,
        "ETag": f'"{found.digest}"',
        "Last-Modified": found.created_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Repr-Digest": f"sha-256=:{digest}:",
        "X-Content-Type-Options": "nosniff",
    }
