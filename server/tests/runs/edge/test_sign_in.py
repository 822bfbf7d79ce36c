"""Signing in through a real OpenID issuer on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from runyard.services.runs.words import Role

from .provider import provider


def person(sub: str, **more: object) -> dict[str, object]:
    return {"email": f"{sub}@example.com", "email_verified": True, **more}


PEOPLE = {
    "ada": person("ada"),
    "unverified": person("unverified", email_verified=False),
    "nobody": person("nobody"),
    "auditing": person("auditing", workspaceId="ws-acme", roles=["auditor", "king"]),
    "roleless": person("roleless", workspaceId="ws-acme", roles=["king"]),
    "placeless": person("placeless", roles=["auditor"]),
    "first": person("first", email="passed-on@example.com"),
    "second": person("second", email="passed-on@example.com"),
    "elsewhere": person("elsewhere", workspaceId="ws-other", roles=["auditor"]),
}
"""Whom the issuer knows."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider(PEOPLE) as url:
        yield url


@pytest.fixture(scope="module")
async def house(issuer, house_with) -> AsyncIterator[object]:
    settings = {
        "runs_oidc_issuer": issuer,
        "runs_oidc_client_id": "yard",
        "runs_oidc_client_secret": "the yard's own",
        "runs_audience": "yard",
    }
    async with house_with(**settings) as opened:
        place = await opened.place("ws-acme")
        await opened.place("ws-other")
        for name in ("ada", "unverified", "auditing", "roleless", "placeless", "elsewhere"):
            await place.add(Role.AUDITOR, Role.OPERATOR, email=f"{name}@example.com")
        yield opened


def browser(house) -> httpx.AsyncClient:
    return house.client()


async def at_the_issuer(url: str, who: str, **form: str) -> str:
    """Sign in there, and where it sends the browser."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, data={"sub": who, **form})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


async def signed_in(house, who: str, *, client: httpx.AsyncClient | None = None, **asked: str) -> httpx.Response:
    """What a browser is told that goes there and back."""
    client = client or browser(house)
    gone = await client.get("/v1/auth/oidc/login", params=asked)
    assert gone.status_code == 302, gone.text
    return await client.get(await at_the_issuer(gone.headers["location"], who))


async def test_a_browser_leaves_with_a_challenge_and_keeps_the_answer(house, issuer):
    gone = await browser(house).get("/v1/auth/oidc/login", params={"workspace": "ws-acme"})
    url = urlsplit(gone.headers["location"])
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert f"{url.scheme}://{url.netloc}" == issuer
    assert query["redirect_uri"] == f"{house.url}/v1/auth/oidc/callback"
    assert (query["response_type"], query["client_id"]) == ("code", "yard")
    assert "openid" in query["scope"].split()
    kept = gone.cookies["portarium_sign_in"].strip('"').partition(".")[0]
    errand = json.loads(base64.urlsafe_b64decode(kept))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(errand["verifier"].encode()).digest()).decode().rstrip("=")
    assert (query["code_challenge"], query["code_challenge_method"]) == (challenge, "S256")
    assert (query["state"], query["nonce"]) == (errand["state"], errand["nonce"])
    cookie = gone.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_somebody_comes_back_with_a_session(house):
    client = browser(house)
    back = await signed_in(house, "ada", client=client, workspace="ws-acme")
    assert (back.status_code, back.json()) == (200, {"authenticated": True})
    cookie = next(line for line in back.headers.get_list("set-cookie") if line.startswith("portarium_cockpit_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    session = await client.get("/auth/session")
    assert session.headers["cache-control"] == "no-store"
    claims = session.json()["claims"]
    assert (claims["workspaceId"], claims["roles"]) == ("ws-acme", ["auditor", "operator"])
    assert (await client.get("/v1/workspaces/ws-acme/users")).status_code == 200
    assert (await client.get("/v1/workspaces/ws-other/users")).status_code == 401


async def test_people_see_a_page(house):
    client = browser(house)
    client.headers["accept"] = "text/html,*/*"
    back = await signed_in(house, "ada", client=client, workspace="ws-acme")
    assert back.headers["content-type"].startswith("text/html")
    assert "ws-acme" in back.text


async def test_a_change_by_a_session_takes_a_header_that_other_sites_cannot_send(house):
    client = browser(house)
    await signed_in(house, "ada", client=client, workspace="ws-acme")
    bare = await client.post("/v1/workspaces/ws-acme/users", json={})
    assert bare.json()["detail"].startswith("A change by a browser's session")
    marked = await client.post("/v1/workspaces/ws-acme/users", json={}, headers={"X-Portarium-Request": "1"})
    assert marked.json()["detail"].startswith("This (user:write) takes the role admin")
    assert (await client.post("/auth/logout")).status_code == 403
    assert (await client.post("/auth/logout", headers={"X-Portarium-Request": "1"})).status_code == 204
    assert (await client.get("/auth/session")).json() == {"authenticated": False}
    assert (await client.get("/v1/workspaces/ws-acme/users")).status_code == 401


async def test_a_person_may_take_a_token_along(house):
    back = await signed_in(house, "ada", workspace="ws-acme", answer="token")
    token = back.json()["access_token"]
    assert "portarium_cockpit_session" not in back.headers.get("set-cookie", "")
    assert (await house.client(token=token).get("/v1/workspaces/ws-acme")).status_code == 200


async def test_who_takes_part_in_one_workspace_need_not_say_which(house):
    assert (await signed_in(house, "ada")).status_code == 200


async def test_who_has_a_choice_has_to_make_it(house):
    address = f"{uuid4().hex[:8]}@example.com"
    await house.add("ws-acme", Role.AUDITOR, email=address)
    await house.yard.database.transaction(
        lambda connection: house.yard.identity.workspace_users.add(
            connection, "ws-other", address, roles=[Role.AUDITOR], now=house.yard.clock()
        )
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        issuer = house.yard.settings.runs_oidc_issuer
        await client.put(f"{issuer}/users/both", json={"email": address, "email_verified": True})
    back = await signed_in(house, "both")
    assert (back.status_code, "ws-acme, ws-other" in back.json()["detail"]) == (422, True)
    assert (await signed_in(house, "both", workspace="ws-other")).status_code == 200


@pytest.mark.parametrize("who", ["nobody", "unverified"])
async def test_whom_nobody_invited_or_whose_email_is_not_verified_stays_out(house, who):
    back = await signed_in(house, who, workspace="ws-acme")
    assert back.status_code == 403
    assert "portarium_cockpit_session" not in back.headers.get("set-cookie", "")


async def test_a_workspace_that_somebody_takes_no_part_in_is_closed(house):
    for workspace in ("ws-other", "ws-nobody-made"):
        assert (await signed_in(house, "ada", workspace=workspace)).status_code == 403


async def test_a_changed_email_does_not_make_somebody_another(house):
    """Whoever was recognised once is known by the issuer's own name for them."""
    issuer = house.yard.settings.runs_oidc_issuer
    assert (await signed_in(house, "ada", workspace="ws-acme")).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.put(f"{issuer}/users/ada", json={"email": "unverified@example.com", "email_verified": True})
    client = browser(house)
    await signed_in(house, "ada", client=client, workspace="ws-acme")
    assert (await client.get("/auth/session")).json()["claims"]["name"] == "ada"


async def test_an_address_that_was_given_to_somebody_else_is_not_the_first_one(house):
    """Until an admin has said so: whoever is removed and invited again is recognised anew."""
    place = await house.place()
    email = "passed-on@example.com"
    user, _ = await place.add(Role.AUDITOR, email=email)
    assert (await signed_in(house, "first", workspace=place.id)).status_code == 200
    assert (await signed_in(house, "second", workspace=place.id)).status_code == 403
    assert (await signed_in(house, "first", workspace=place.id)).status_code == 200
    assert (await place.admin.delete(f"/users/{user.user_id}")).status_code == 204
    await place.add(Role.AUDITOR, email=email)
    assert (await signed_in(house, "second", workspace=place.id)).status_code == 200
    assert (await signed_in(house, "first", workspace=place.id)).status_code == 403


async def test_who_comes_back_from_another_issuer_is_sent_away(house):
    """RFC 9207."""
    client = browser(house)
    gone = await client.get("/v1/auth/oidc/login", params={"workspace": "ws-acme"})
    url = await at_the_issuer(gone.headers["location"], "ada")
    back = await client.get(f"{url}&iss=https%3A%2F%2Fevil.example")
    assert back.status_code == 400


async def test_another_browser_cannot_finish_what_one_began(house):
    gone = await browser(house).get("/v1/auth/oidc/login", params={"workspace": "ws-acme"})
    back = await browser(house).get(await at_the_issuer(gone.headers["location"], "ada"))
    assert (back.status_code, back.json()["type"].rpartition("/")[2]) == (400, "bad-request")


async def test_a_cookie_that_was_changed_is_no_cookie(house):
    client = browser(house)
    gone = await client.get("/v1/auth/oidc/login", params={"workspace": "ws-other"})
    body, _, seal = gone.cookies["portarium_sign_in"].strip('"').partition(".")
    errand = json.loads(base64.urlsafe_b64decode(body))
    changed = base64.urlsafe_b64encode(json.dumps({**errand, "workspace": "ws-acme"}).encode()).decode()
    back = await browser(house).get(
        await at_the_issuer(gone.headers["location"], "ada"), headers={"Cookie": f"portarium_sign_in={changed}.{seal}"}
    )
    assert back.status_code == 400


async def test_a_code_works_once(house):
    client = browser(house)
    gone = await client.get("/v1/auth/oidc/login", params={"workspace": "ws-acme"})
    kept = gone.headers["set-cookie"].partition(";")[0]
    url = await at_the_issuer(gone.headers["location"], "ada")
    assert (await client.get(url)).status_code == 200
    again = await browser(house).get(url, headers={"Cookie": kept})
    assert again.status_code == 401


async def test_who_is_denied_at_the_issuer_is_told(house):
    client = browser(house)
    gone = await client.get("/v1/auth/oidc/login")
    url = await at_the_issuer(gone.headers["location"], "ada", action="deny")
    state = parse_qs(urlsplit(gone.headers["location"]).query)["state"][0]
    back = await client.get(url if "state=" in url else f"{url}&state={state}")
    assert (back.status_code, "access_denied" in back.json()["detail"]) == (401, True)


async def test_a_page_that_was_at_the_issuer_itself_gets_a_session(house, issuer):
    verifier = "v" * 43
    asked = {
        "response_type": "code", "client_id": "yard", "redirect_uri": "http://localhost:5173/callback",
        "scope": "openid email", "state": "s", "nonce": "n",
    }  # fmt: skip
    url = await at_the_issuer(f"{issuer}/oauth2/authorize?{httpx.QueryParams(asked)}", "ada")
    code = parse_qs(urlsplit(url).query)["code"][0]
    client = browser(house)
    sent = {"code": code, "codeVerifier": verifier, "state": "s", "redirectUri": asked["redirect_uri"]}
    answer = await client.post("/auth/oidc/callback", json=sent)
    assert answer.status_code == 200, answer.text
    assert answer.json()["claims"]["workspaceId"] == "ws-acme"
    assert (await client.get("/v1/workspaces/ws-acme")).status_code == 200
    assert (await client.post("/auth/oidc/callback", json=sent)).status_code == 401
    assert (await client.post("/auth/oidc/callback", json={"code": "x"})).status_code == 422


async def test_without_an_issuer_nobody_signs_in(house_with):
    async with house_with() as plain:
        for path in ("/v1/auth/oidc/login", "/v1/auth/oidc/callback"):
            assert (await plain.client().get(path)).status_code == 503


async def test_an_issuer_that_refuses_the_yard_is_a_bad_gateway(house_with, issuer):
    """This one lets no client in without a secret."""
    async with house_with(runs_oidc_issuer=issuer, runs_oidc_client_id="yard") as public:
        back = await signed_in(public, "ada", workspace="ws-acme")
        assert (back.status_code, "invalid_client" in back.json()["detail"]) == (502, True)


async def test_an_issuer_that_does_not_answer_is_a_bad_gateway(house_with):
    settings = {"runs_oidc_issuer": "http://127.0.0.1:1", "runs_oidc_client_id": "yard"}
    async with house_with(**settings) as lonely:
        answer = await lonely.client().get("/v1/auth/oidc/login")
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (502, "dependency-failure")


# -------------------------------------------------------------------- tokens of the issuer


async def token_of(issuer: str, who: str, *, client_id: str = "yard") -> str:
    """A token that the issuer has signed."""
    back = "http://localhost/back"
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": back,
        "scope": "openid email",
        "nonce": "n",
    }
    url = await at_the_issuer(f"{issuer}/oauth2/authorize?{httpx.QueryParams(asked)}", who)
    form = {
        "grant_type": "authorization_code", "code": parse_qs(urlsplit(url).query)["code"][0],
        "redirect_uri": back, "client_id": client_id,
    }  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{issuer}/oauth2/token", data=form, auth=(client_id, "any"))
        return answer.json()["id_token"]


async def test_a_token_of_the_issuer_is_good_for_the_workspace_and_roles_that_it_names(house, issuer):
    client = house.client(token=await token_of(issuer, "auditing"))
    assert (await client.get("/v1/workspaces/ws-acme/users")).status_code == 200
    assert (await client.get("/v1/workspaces/ws-other/users")).status_code == 401
    told = await client.post("/v1/workspaces/ws-acme/users", json={})
    assert told.json()["detail"].endswith("Yours: auditor.")


@pytest.mark.parametrize("who", ["ada", "roleless", "placeless", "elsewhere", "nobody"])
async def test_a_token_that_does_not_say_where_and_as_what_or_of_a_stranger(house, issuer, who):
    client = house.client(token=await token_of(issuer, who))
    assert (await client.get("/v1/workspaces/ws-acme/users")).status_code == 401
    assert (await client.get("/v1/workspaces/ws-other/users")).status_code == 401


async def test_a_token_for_somebody_else_is_refused(house, issuer):
    client = house.client(token=await token_of(issuer, "auditing", client_id="another"))
    assert (await client.get("/v1/workspaces/ws-acme/users")).status_code == 401


async def test_a_token_whose_signature_is_not_the_issuers_is_refused(house, issuer):
    head, body, seal = (await token_of(issuer, "auditing")).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "ada"}).encode()).decode().rstrip("=")
    for bad in (f"{head}.{other}.{seal}", f"{head}.{body}.{seal[:-4]}AAAA"):
        assert (await house.client(token=bad).get("/v1/workspaces/ws-acme/users")).status_code == 401
