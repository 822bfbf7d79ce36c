"""`doctor`: everything a session needs between here and an agent, what is missing, and what to do about it."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING, Final

import httpx

from ambient_platform import AmbientAPIError, NotSupportedError
from ambient_platform._version import VERSION
from ambient_platform._wire.findings import Finding, tell_findings
from ambient_platform._wire.program import AUTHENTICATION, OK, UNREACHABLE, USAGE

from .failures import code_of
from .settings import Settings, client_of, resolve

if TYPE_CHECKING:
    from ambient_platform import AmbientClient

    from .options import Server

_PATIENCE: Final = 5.0  # seconds for each question


def examine_server(server: Server, *, as_json: bool) -> int:
    """Look, and print what was found; the exit code."""
    return tell_findings(examine(resolve(server)), as_json=as_json)


def examine(settings: Settings) -> list[Finding]:
    """Look at this machine, the server, the token with the project, and the models. Nothing is changed."""
    here = Finding(
        subject="this machine",
        ok=not settings.warnings,
        detail=f"ambient {VERSION}, Python {platform.python_version()}",
        remedy=" ".join(settings.warnings),
    )
    health = _health(settings)
    if not health.ok:
        return [here, health]
    try:
        client = client_of(settings)
    except ValueError as error:
        return [here, health, Finding(subject="token", ok=False, detail=str(error), remedy="Set it", code=USAGE)]
    with client:
        access = _access(client, settings)
        return [here, health, access, *([_models(client)] if access.ok else [])]


def _health(settings: Settings) -> Finding:
    where = f"{settings.url.value} ({settings.url.source})"
    started = time.monotonic()
    try:
        answer = httpx.get(f"{settings.url.value}/health", timeout=_PATIENCE)
    except httpx.HTTPError as error:
        remedy = "Start it with: runyard serve. Or name another: --url URL"
        detail = f"{where}: Failed to connect to API: {error}"
        return Finding(subject="server", ok=False, detail=detail, remedy=remedy, code=UNREACHABLE)
    took = f"answered in {(time.monotonic() - started) * 1000:.0f} ms"
    well = answer.is_success
    return Finding(
        subject="server",
        ok=well,
        detail=f"{where}: {took}" if well else f"{where}: {took} with {answer.status_code}",
        remedy="" if well else "Is this the right address? /health should say that all is well",
        code=OK if well else UNREACHABLE,
    )


def _access(client: AmbientClient, settings: Settings) -> Finding:
    given = settings.token.source if settings.token else ""
    where = f"project {client.project!r}, token of {given}"
    try:
        page = client.list_sessions(limit=1)
    except AmbientAPIError as error:
        code = code_of(error) or AUTHENTICATION
        remedy = "Ask the operator for access, or set AMBIENT_TOKEN and AMBIENT_PROJECT anew"
        return Finding(subject="access", ok=False, detail=f"{where}: {error}", remedy=remedy, code=code)
    return Finding(subject="access", ok=True, detail=f"{where}: {page.total} sessions")


def _models(client: AmbientClient) -> Finding:
    try:
        models = client.models()
    except NotSupportedError:
        detail = "a server of the original kind: no events, messages or files; waiting asks again and again"
        return Finding(subject="models", ok=True, detail=detail)
    except AmbientAPIError as error:
        return Finding(subject="models", ok=False, detail=str(error), code=UNREACHABLE)
    names = [f"{model.name} (default)" if model.default else model.name for model in models]
    return Finding(
        subject="models",
        ok=bool(names),
        detail=", ".join(names) or "none",
        remedy="" if names else "The operator has to configure one",
    )
