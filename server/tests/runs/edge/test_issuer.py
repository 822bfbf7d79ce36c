"""An issuer's keys: asked for when they are needed, and no more often than that, whatever anybody sends."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from runyard import trust
from runyard.clock import utc_now
from runyard.identity import InvalidCredential, IssuerFailed
from runyard.identity.issuer import Issuer


@dataclass
class Keys:
    """Answers with keys, once it may; without any it is out of order."""

    url: str = ""
    keys: list[ECKey] = field(default_factory=list)
    strange: list[object] = field(default_factory=list)
    asked: int = 0
    may: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await self.may.wait()
        known = [key.as_dict(private=False, kid=key.kid) for key in self.keys]
        body = json.dumps({"issuer": "https://id.example", "keys": [*self.strange, *known]}).encode()
        head = b"HTTP/1.1 200 OK" if self.keys else b"HTTP/1.1 503 Service Unavailable"
        writer.write(head + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    def issuer(self) -> Issuer:
        return Issuer(
            "https://id.example", client_id=None, client_secret=None, jwks_uri=self.url, audience="yard", clock=utc_now
        )


@pytest.fixture
async def keys() -> AsyncIterator[Keys]:
    keys = Keys()
    async with await asyncio.start_server(keys.serve, "127.0.0.1", 0) as listener:
        keys.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/keys"
        yield keys
        keys.may.set()


def a_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", parameters={"kid": kid})


def signed(key: ECKey, **changed: object) -> str:
    now = int(utc_now().timestamp())
    said = {"iss": "https://id.example", "sub": "ada", "aud": "yard", "exp": now + 600, "iat": now, **changed}
    return jws.serialize_compact({"alg": "ES256", "kid": key.kid}, json.dumps(said).encode(), key)


async def test_an_issuer_that_is_out_of_order_is_not_asked_by_every_token(keys: Keys) -> None:
    issuer = keys.issuer()
    keys.may.set()
    for number in range(5):
        with pytest.raises(IssuerFailed, match="status 503"):
            await issuer.access(signed(a_key(str(number))))
    assert keys.asked == 1


async def test_a_new_key_is_asked_for_and_forged_names_are_not(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = keys.issuer()
    keys.may.set()
    keys.keys = [a_key("old")]
    assert (await issuer.access(signed(keys.keys[0]))).subject == "ada"
    for number in range(5):
        with pytest.raises(InvalidCredential):
            await issuer.access(signed(a_key(str(number))))
    assert keys.asked == 1
    keys.keys = [a_key("new")]
    monkeypatch.setattr("runyard.identity.issuer.PAUSE", 0.0)
    assert (await issuer.access(signed(keys.keys[0]))).subject == "ada"
    assert keys.asked == 2


async def test_nobody_with_a_good_token_waits_for_the_question_that_another_one_causes(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, known = keys.issuer(), a_key("known")
    keys.may.set()
    keys.keys = [known]
    await issuer.access(signed(known))
    keys.may.clear()
    monkeypatch.setattr("runyard.identity.issuer.PAUSE", 0.0)
    forged = asyncio.create_task(issuer.access(signed(a_key("forged"))))
    async with asyncio.timeout(20):
        while keys.asked < 2:
            await asyncio.sleep(0)
        assert (await issuer.access(signed(known, sub="bob"))).subject == "bob"
        assert not forged.done()
    keys.may.set()
    with pytest.raises(InvalidCredential):
        await forged


async def test_keys_that_nobody_here_can_read_do_no_harm(keys: Keys) -> None:
    """RFC 7517, 5."""
    keys.may.set()
    keys.strange = [
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"}, {"kty": "EC", "crv": "P-999", "x": "a", "y": "b"},
        {"kty": "RSA", "kid": "broken"}, {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}, {},
    ]  # fmt: skip
    keys.keys = [a_key("good")]
    assert (await keys.issuer().access(signed(keys.keys[0]))).subject == "ada"


async def test_an_issuer_that_leads_to_plain_http_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer(
        "https://id.example", client_id="yard", client_secret="s", jwks_uri=None, audience="yard", clock=utc_now
    )
    places = {"issuer": "https://id.example", "jwks_uri": "https://id.example/keys"}
    places |= {"authorization_endpoint": "https://id.example/a", "token_endpoint": "http://id.example/t"}

    async def answer(*_: object, **__: object) -> tuple[int, bytes]:
        return 200, json.dumps(places).encode()

    monkeypatch.setattr(issuer, "_ask", answer)
    with pytest.raises(IssuerFailed, match="without https"):
        await issuer.sign_in_url(redirect_uri="https://yard.example/", state="s", nonce="n", challenge="c")


async def test_nobody_waits_while_certificates_are_read(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a tenth of a second, in which the event loop would serve nobody."""
    read, real = list[threading.Thread](), ssl.create_default_context

    def noted(*given: object, **named: object) -> ssl.SSLContext:
        read.append(threading.current_thread())
        return real(*given, **named)

    monkeypatch.setattr(ssl, "create_default_context", noted)
    trust._context.cache_clear()
    keys.may.set()
    keys.keys = [a_key("good")]
    await keys.issuer().access(signed(keys.keys[0]))
    assert read
    assert threading.current_thread() not in read


@pytest.mark.parametrize("changed", [{"exp": 1}, {"iat": 4_000_000_000}, {"nbf": 4_000_000_000}, {"aud": "else"}])
async def test_a_token_for_another_time_or_place_is_refused(keys: Keys, changed: dict[str, object]) -> None:
    keys.may.set()
    keys.keys = [a_key("old")]
    with pytest.raises(InvalidCredential):
        await keys.issuer().access(signed(keys.keys[0], **changed))
