"""Forms of accounts: how permissions may be written, and what becomes of bodies that are no forms."""

from __future__ import annotations

import json

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from runyard.identity import InvalidValue
from runyard.identity.checks import checked_permissions
from runyard.services.compute.forms import FIELDS, LIMIT, read_form, read_permissions
from runyard.web.errors import Refused
from runyard.web.multipart import BadForm, FormTooLarge

NAME = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=",\"'[]\\"), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("[]", ()),
        ("[ ]", ()),
        (",", ()),
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" a , ,b, a ", ("a", "b")),
        ('["a", "b"]', ("a", "b")),
        ('  ["a"]  ', ("a",)),
        ("[a, b]", ("a", "b")),
        ("['a', 'b']", ("a", "b")),
        ("[1, 2]", ("1", "2")),
        ("5", ("5",)),
        ("null", ("null",)),
        ("true", ("true",)),
        ("{}", ("{}",)),
        ("[", ("[",)),
        ("*", ("*",)),
    ],
)
def test_permissions_may_be_written_as_any_list(text: str, names: tuple[str, ...]) -> None:
    assert checked_permissions(read_permissions(text)) == names


@given(st.lists(NAME, max_size=20))
def test_every_way_of_writing_the_same_names_means_the_same(names: list[str]) -> None:
    kept = tuple(dict.fromkeys(names))
    for text in (json.dumps(names), str(names), f"[{', '.join(names)}]", ",".join(names)):
        assert checked_permissions(read_permissions(text)) == kept


@given(st.one_of(st.text(), st.text('[]{}",\\ua1 ')))
def test_any_text_is_a_list_or_refused(text: str) -> None:
    try:
        names = checked_permissions(read_permissions(text))
    except InvalidValue:
        return
    assert all(name and name == name.strip() for name in names)
    assert len(set(names)) == len(names)


def test_deep_nesting_is_a_name_that_cannot_be() -> None:
    with pytest.raises(InvalidValue):
        checked_permissions(read_permissions("[" * LIMIT))


class Form(BaseModel):
    name: str
    wanted: bool = False


def request(body: bytes, content_type: str | None = "application/x-www-form-urlencoded") -> Request:
    pieces = iter([body[at : at + 1000] for at in range(0, len(body), 1000)])

    async def receive() -> dict[str, object]:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def multipart(*parts: tuple[str, bytes]) -> bytes:
    made = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in parts
    )
    return made + b"--b--\r\n"


MULTIPART = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    "made",
    [
        lambda: request(b"name=Ada+%26+Bob+%C3%A9&wanted=yes"),
        lambda: request(b"name=Ada+%26+Bob+%C3%A9&wanted=ON", "Application/X-WWW-Form-Urlencoded; charset=utf-8"),
        lambda: request(multipart(("name", "Ada & Bob é".encode()), ("wanted", b"1")), MULTIPART),
        lambda: request(b"name=no&wanted=&other=x&wanted=true&name=Ada+%26+Bob+%C3%A9&name="),
    ],
)
async def test_a_form_is_urlencoded_or_multipart(made) -> None:
    assert await read_form(made(), Form) == Form(name="Ada & Bob é", wanted=True)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"name": "Ada"}', "application/json"),
        (b"name=Ada", "text/plain"),
        (b"name=Ada", None),
        (b"", "application/x-www-form-urlencoded"),
        (b"name=&wanted=true", "application/x-www-form-urlencoded"),
        (multipart(("name", b"")), MULTIPART),
        (b"--b--\r\n", MULTIPART),
    ],
)
async def test_what_is_missing_is_named_and_nothing_is_shown(body: bytes, content_type: str | None) -> None:
    with pytest.raises(Refused) as refused:
        await read_form(request(body, content_type), Form)
    problem = {"type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": None}
    assert (refused.value.status, refused.value.detail) == (422, [problem])


async def test_a_value_that_cannot_be_used_is_named_and_shown() -> None:
    with pytest.raises(Refused) as refused:
        await read_form(request(b"name=Ada&wanted=maybe"), Form)
    assert refused.value.detail == [
        {
            "type": "bool_parsing",
            "loc": ["body", "wanted"],
            "msg": "Input should be a valid boolean, unable to interpret input",
            "input": "maybe",
        }
    ]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"name=" + b"x" * LIMIT, "application/x-www-form-urlencoded"),
        (multipart(("name", b"x" * LIMIT)), MULTIPART),
        (multipart(("name", b"x"), ("junk", b"x" * LIMIT)), MULTIPART),
    ],
)
async def test_a_large_form_is_refused(body: bytes, content_type: str) -> None:
    """Invariant 5."""
    with pytest.raises((FormTooLarge, BadForm), match=str(LIMIT)):
        await read_form(request(body, content_type), Form)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"name=\xff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=b" for _ in range(FIELDS + 1)), "application/x-www-form-urlencoded"),
        (multipart(("name", b"\xff")), MULTIPART),
        (multipart(("name", b"x"))[:-20], MULTIPART),
        (b"nonsense", MULTIPART),
    ],
)
async def test_a_broken_form_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(BadForm):
        await read_form(request(body, content_type), Form)
