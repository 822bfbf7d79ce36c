"""`doctor`: everything a job needs between here and a worker, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.util
import platform
import time
from dataclasses import replace
from typing import Final

from cl_client import ComputeClient
from cl_client._version import VERSION
from cl_client._wire.findings import Finding, tell_findings
from cl_client._wire.interrupt import run_interruptibly
from cl_client._wire.program import AUTHENTICATION, OK, UNREACHABLE
from cl_client._wire.retry import RetryPolicy
from cl_client.auth import NoAuthProvider, token_claims
from cl_client.auth_client import AuthClient
from cl_client.auth_models import UserResponse
from cl_client.exceptions import StatusError

from .broker import greet_broker
from .connection import SignIn, server_config, settings_of
from .failures import failure_of
from .options import Server
from .settings import Settings
from .terminal import show_duration

_NEEDED: Final = "ai_inference_support"
_PATIENCE: Final = 5.0  # seconds for each question


def examine_server(server: Server, *, as_json: bool) -> int:
    """Look, and print what was found; the exit code."""
    return tell_findings(run_interruptibly(examine(settings_of(server))), as_json=as_json)


async def examine(settings: Settings) -> list[Finding]:
    """Look at this machine, the services, the sign-in, the broker and the workers. Nothing is changed."""
    config = server_config(settings)
    once = RetryPolicy(attempts=1)
    async with (
        AuthClient(server_config=config, timeout=_PATIENCE, retry=once) as auth,
        ComputeClient(server_config=config, auth_provider=NoAuthProvider(), timeout=_PATIENCE, retry=once) as client,
    ):
        compute, guests = await _compute(settings, client)
        account, sign_in, token = await _accounts(settings, auth, guests=guests)
        broker = await _broker(settings, token)
        offers = await _offers(client) if compute.ok else []
    return [_here(settings), compute, account, sign_in, broker, *offers, _pictures()]


def _here(settings: Settings) -> Finding:
    profile = f", profile {settings.profile.name}" if settings.profile else ""
    return Finding(
        subject="this machine",
        ok=not settings.warnings,
        detail=f"cl_client {VERSION}, Python {platform.python_version()}{profile}",
        remedy=" ".join(settings.warnings),
    )


async def _compute(settings: Settings, client: ComputeClient) -> tuple[Finding, bool]:
    """Whether the compute service answers, and whether it takes guests; one that doesn't answer refuses nobody."""
    where = f"{settings.compute.value} ({settings.compute.source})"
    started = time.monotonic()
    try:
        info = await client.get_server_info()
    except Exception as error:  # noqa: BLE001 - an unexpected one is raised again
        remedy = "Start it with: runyard serve. Or name another: --compute-url URL"
        return _unreachable("compute", where, error, remedy), True
    took = show_duration(time.monotonic() - started)
    guests = "takes guests" if info.guest_mode else "takes no guests"
    detail = f"{where}: {info.service} {info.version}, {info.status}, {guests}, answered in {took}"
    return Finding(subject="compute", ok=True, detail=detail), info.guest_mode


async def _accounts(settings: Settings, auth: AuthClient, *, guests: bool) -> tuple[Finding, Finding, str | None]:
    """The auth service, who one is there, and the token of that."""
    where = f"{settings.auth.value} ({settings.auth.source})"
    try:
        key = await auth.get_public_key()
    except Exception as error:  # noqa: BLE001
        service = _unreachable("auth", where, error, "Guests need none. Name another with: --auth-url URL")
        service = replace(service, code=OK if guests else UNREACHABLE)
        return service, Finding(subject="sign-in", ok=guests, detail="not looked at"), None
    service = Finding(subject="auth", ok=True, detail=f"{where}: signs with {key.algorithm}")
    if settings.identity.is_guest:
        guest = Finding(
            subject="sign-in", ok=guests, detail="nobody is signed in: a guest",
            remedy="" if guests else "Sign in with: cl_client login", code=OK if guests else AUTHENTICATION,
        )  # fmt: skip
        return service, guest, None
    try:
        token = await SignIn(settings, auth).token()
        user = await auth.get_current_user(token)
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        refused = Finding(
            subject="sign-in", ok=False, detail=f"{settings.identity.source}: {failure.message}",
            remedy="Sign in again with: cl_client login", code=AUTHENTICATION,
        )  # fmt: skip
        return service, refused, None
    return service, _rights(user, settings.identity.source), token


def _rights(user: UserResponse, source: str) -> Finding:
    may = user.is_admin or _NEEDED in user.permissions
    return Finding(
        subject="sign-in",
        ok=may,
        detail=f"{user.username} ({source}){', an admin' if user.is_admin else ''}",
        remedy=""
        if may
        else f"{user.username} may not submit jobs. Ask an admin for: cl-admin users update"
        f" {user.username} --permissions {_NEEDED}",
        code=OK if may else AUTHENTICATION,
    )


async def _broker(settings: Settings, token: str | None) -> Finding:
    host, port = settings.broker_address
    claimed = token_claims(token).get("id") if token else "0"
    problem = await greet_broker(host, port, user=str(claimed or "0"), token=token)
    where = f"{settings.broker.value} ({settings.broker.source})"
    return Finding(
        subject="broker",
        ok=problem is None,
        detail=f"{where}: {problem or 'lets us listen'}",
        remedy=""
        if problem is None
        else "Jobs run all the same, and are asked about instead. Set MQTT_URL to another.",
    )


async def _offers(client: ComputeClient) -> list[Finding]:
    """The workers, and the plugins that none of them offers."""
    found = await client.get_capabilities()
    workers = Finding(
        subject="workers",
        ok=found.num_workers > 0,
        detail=f"{found.num_workers}, offering {', '.join(sorted(found.capabilities)) or 'nothing'}",
        remedy="" if found.num_workers else "Jobs wait in the queue. Start one with: runyard worker",
    )
    try:
        plugins = await client.get_plugins()
    except StatusError:  # a server of the original kind has no list of them
        return [workers]
    return [
        workers,
        *(
            Finding(subject=plugin.name, ok=False, detail="no worker offers it", remedy=plugin.missing or "")
            for plugin in plugins
            if plugin.offered is False
        ),
    ]


def _pictures() -> Finding:
    found = importlib.util.find_spec("PIL") is not None
    return Finding(
        subject="pictures",
        ok=found,
        detail="--draw and --sheet work" if found else "--draw and --sheet need Pillow",
        remedy="" if found else "pip install 'cl-client[cli]'",
    )


def _unreachable(subject: str, where: str, error: Exception, remedy: str) -> Finding:
    failure = failure_of(error)
    if failure is None:
        raise error
    return Finding(subject=subject, ok=False, detail=f"{where}: {failure.message}", remedy=remedy, code=UNREACHABLE)
