"""Who is no guest of this machine, although the connection comes from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from runyard.web.errors import Refused

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def refuse_strangers(headers: Mapping[str, str], *, loopback: bool) -> None:
    """Let nobody pass for a guest who isn't one.

    A web page somebody visits can send requests to this machine's loopback, and a proxy hands on anybody's.

    Browsers say where a page is from (``Origin``); a page that had its own name point here shows in ``Host``; a proxy
    says for whom it asks. None of them is a guest of this machine.

    Args:
        headers: of the request, by names in lower case.
        loopback: guests are let in from this machine only.

    Raises:
        Refused: it is one of these.
    """
    host = headers.get("host", "")
    origin = headers.get("origin")
    name = urlsplit(f"//{host}").hostname
    if (origin is not None and urlsplit(origin).netloc != host) or (loopback and name not in _LOCAL):
        text = "Guests can't come from pages of other sites. Serve the page from the yard's own address, with a token."
        raise Refused(403, text, code="cross_origin")
    if loopback and any(header in headers for header in _FORWARDED):
        text = "Guests can't come through a proxy where they are welcome from this machine only. Sign in."
        raise Refused(403, text, code="forwarded")
