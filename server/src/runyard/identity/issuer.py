"""An OpenID issuer elsewhere: where it answers, what it signs with, and what its tokens say."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from runyard.clock import Clock
from runyard.identity.errors import InvalidCredential, IssuerFailed
from runyard.identity.tokens import Moment
from runyard.trust import trust

ALGORITHMS: Final = ("RS256", "ES256")
TYPES: Final = frozenset({None, "jwt", "at+jwt", "application/at+jwt"})
SKEW: Final = timedelta(seconds=30)
"""How far the issuer's clock may be ahead of ours."""

FRESH: Final = 600.0
"""Seconds for which keys and addresses are remembered."""

PAUSE: Final = 10.0
"""Seconds between two questions for keys that somebody's token names and we don't know."""

PATIENCE: Final = 10.0
LARGEST: Final = 1024 * 1024
SMALLEST_RSA: Final = 2048
SCOPE: Final = "openid email profile"

T = TypeVar("T")

_ONLY: Final = jws.JWSRegistry(algorithms=list(ALGORITHMS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a token of the issuer says, as far as it matters. ``email`` is one that the issuer has verified."""

    subject: str
    email: str | None
    expires_at: datetime
    workspace: str | None
    roles: frozenset[str]


class Issuer:
    """The issuer at ``url``.

    Args:
        url: what it calls itself, and where its discovery document is.
        client_id: what we are called there; without one nobody can sign in.
        client_secret: our secret there; without one we are a public client.
        jwks_uri: where its keys are; by default as the discovery document says.
        audience: what its access tokens must be for; without one none is accepted.
        clock: tells the time, in UTC.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str | None,
        client_secret: str | None,
        jwks_uri: str | None,
        audience: str | None,
        clock: Clock,
    ) -> None:
        self.url = url
        self._client_id = client_id
        self._client_secret = client_secret
        self._jwks_uri = jwks_uri
        self._audience = audience
        self._clock = clock
        self._asking = asyncio.Lock()
        self._places: _Places | None = None
        self._keys: dict[str | None, RSAKey | ECKey] = {}
        self._asked_at = -FRESH  # for keys, and got them
        self._failure: tuple[float, str] = (-PAUSE, "")

    def issued(self, token: str) -> bool:
        """Whether a JWT says of itself that it is from there. Only a look: it proves nothing."""
        payload = token.split(".")[1].encode(errors="surrogatepass")
        try:
            decoded = base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
            return msgspec.json.decode(decoded, type=_Issued).iss == self.url
        except (ValueError, msgspec.DecodeError):
            return False

    async def access(self, token: str) -> Said:
        """What an access token says.

        Raises:
            InvalidCredential: it isn't from there, or not for us, or not now.
            IssuerFailed: its keys can't be had.
        """
        if self._audience is None:
            raise InvalidCredential("payload")
        return _said(await self._checked(token, audience=self._audience))

    async def sign_in_url(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Where to send somebody's browser so that they sign in there.

        Raises:
            IssuerFailed: it can't be reached.
        """
        asked = {
            "response_type": "code", "client_id": self._client_id or "", "redirect_uri": redirect_uri, "scope": SCOPE,
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        place = (await self._where()).authorization_endpoint
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str, nonce: str | None = None) -> Said:
        """What the issuer says of somebody who came back from there with a code.

        Args:
            code: what they brought.
            verifier: what the challenge was made of.
            redirect_uri: where they were to come back to.
            nonce: what the answer has to be for; None when a browser began this by itself.

        Raises:
            InvalidCredential: the code isn't good, or what it was exchanged for.
            IssuerFailed: the issuer can't be reached, or answers nonsense.
        """
        assert self._client_id is not None
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if self._client_secret is None:
            form["client_id"] = self._client_id
        else:
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        place = (await self._where()).token_endpoint
        status, body = await self._ask("POST", place, form=form, headers=headers)
        if status >= 400:
            error = _word(body)
            if error == "invalid_grant":
                raise InvalidCredential("unknown")
            raise IssuerFailed(f"The issuer refuses what the yard asks for ({status} {error}). Check its client there.")
        token = _read(body, _Exchanged, place, status).id_token
        read = await self._checked(token, audience=self._client_id)
        if read.azp not in {None, self._client_id} or (nonce is not None and read.nonce != nonce):
            raise InvalidCredential("payload")
        return _said(read)

    async def _checked(self, token: str, *, audience: str) -> _Payload:
        """The payload of a token from there, for this audience, now."""
        try:
            compact = jws.extract_compact(token.encode())
        except (JoseError, TypeError, ValueError):
            raise InvalidCredential("signature") from None
        key = await self._key(compact.headers().get("kid"))
        try:
            payload = jws.deserialize_compact(token, key, registry=_ONLY).payload
            kind = compact.headers().get("typ")
            read = msgspec.json.decode(payload, type=_Payload)
        except (JoseError, TypeError, ValueError, msgspec.DecodeError):
            raise InvalidCredential("signature") from None
        audiences = [read.aud] if isinstance(read.aud, str) else read.aud
        if read.iss != self.url or audience not in audiences or (kind and str(kind).lower()) not in TYPES:
            raise InvalidCredential("payload")
        now = self._clock()
        begins = max(read.nbf or 0, read.iat or 0)
        if read.exp <= now.timestamp() or begins > (now + SKEW).timestamp():
            raise InvalidCredential("expired")
        return read

    async def _key(self, kid: object) -> RSAKey | ECKey:
        """The key of this name; the only one there is, for a token that names none."""
        name = kid if isinstance(kid, str) else None
        if name not in self._keys or time.monotonic() - self._asked_at > FRESH:
            async with self._asking:
                await self._renew(name)
        found = self._keys.get(name)
        if found is None and name is None and len(self._keys) == 1:
            found = next(iter(self._keys.values()))
        if found is None:
            raise InvalidCredential("signature")
        return found

    async def _renew(self, name: str | None) -> None:
        """Ask for the keys, unless somebody else just has: in vain or not, forged tokens must not make us ask on."""
        now = time.monotonic()
        age = now - self._asked_at
        if age <= PAUSE or (name in self._keys and age <= FRESH):
            return
        failed_at, why = self._failure
        if now - failed_at <= PAUSE:
            raise IssuerFailed(why)
        try:
            self._keys = await self._ask_for_keys()
        except IssuerFailed as error:
            self._failure = (time.monotonic(), str(error))
            raise
        self._asked_at = time.monotonic()

    async def _ask_for_keys(self) -> dict[str | None, RSAKey | ECKey]:
        place = self._jwks_uri or (await self._where()).jwks_uri
        status, body = await self._ask("GET", place)
        found = [_key(each) for each in _read(body, _Keys, place, status).keys]
        return {key.kid or key.thumbprint(): key for key in found if key is not None}

    async def _where(self) -> _Places:
        if self._places is None or time.monotonic() - self._places.read_at > FRESH:
            place = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
            status, body = await self._ask("GET", place)
            places = _read(body, _Places, place, status)
            if places.issuer != self.url:
                raise IssuerFailed(f"{place} speaks for {places.issuer!r}, and not for {self.url!r}.")
            if self.url.startswith("https://") and not all(each.startswith("https://") for each in places.all):
                raise IssuerFailed(f"{place} leads to addresses without https.")
            places.read_at = time.monotonic()
            self._places = places
        return self._places

    async def _ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of an answer."""
        try:
            async with asyncio.timeout(PATIENCE), _asked(method, url, form, headers) as answer:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > LARGEST:
                        raise IssuerFailed(f"{url} answers with more than {LARGEST} bytes.")
                return answer.status_code, bytes(body)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise IssuerFailed(f"The issuer doesn't answer at {url} ({type(error).__name__}).") from error


@asynccontextmanager
async def _asked(
    method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str] | None
) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(timeout=PATIENCE, verify=await trust()) as client,
        client.stream(method, url, data=form, headers=headers) as answer,
    ):
        yield answer


def _key(said: dict[str, Any]) -> RSAKey | ECKey | None:
    """A key that may sign tokens; None for one that may not or that we can't read: others of the issuer's are good."""
    if said.get("kty") not in {"RSA", "EC"}:
        return None
    try:
        key = import_key(said)
    except (JoseError, KeyError, TypeError, ValueError):
        return None
    if key.get("use") not in {None, "sig"}:
        return None
    if isinstance(key, RSAKey):
        return key if key.raw_value.key_size >= SMALLEST_RSA else None
    return key if isinstance(key, ECKey) and key.curve_name == "P-256" else None


class _Issued(msgspec.Struct):
    iss: str = ""


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


class _Places(msgspec.Struct):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    read_at: float = 0.0

    @property
    def all(self) -> tuple[str, ...]:
        """Where secrets are sent, or believed."""
        return self.authorization_endpoint, self.token_endpoint, self.jwks_uri


class _Failed(msgspec.Struct):
    error: str = ""


class _Exchanged(msgspec.Struct):
    id_token: str


class _Access(msgspec.Struct):
    roles: list[str] = []


class _Payload(msgspec.Struct):
    iss: str
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    aud: str | list[str]
    exp: Moment
    iat: Moment | None = None
    nbf: Moment | None = None
    azp: str | None = None
    nonce: str | None = None
    email: str | None = None
    email_verified: bool | str = False
    workspace: str | None = msgspec.field(name="workspaceId", default=None)
    tenant: str | None = msgspec.field(name="tenantId", default=None)
    roles: list[str] | None = None
    realm_access: _Access | None = None


def _said(read: _Payload) -> Said:
    realm = read.realm_access.roles if read.realm_access is not None else []
    return Said(
        subject=read.sub,
        email=read.email if read.email_verified in {True, "true"} else None,
        expires_at=datetime.fromtimestamp(read.exp, UTC),
        workspace=read.workspace or read.tenant,
        roles=frozenset(realm if read.roles is None else read.roles),
    )


def _word(body: bytes) -> str:
    """OAuth's word for a failure."""
    try:
        return msgspec.json.decode(body, type=_Failed).error[:100]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _read(body: bytes, kind: type[T], place: str, status: int) -> T:
    if status == 200:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    raise IssuerFailed(f"{place} doesn't answer as an OpenID issuer does (status {status}).")
