"""The decoder of Server-Sent Events follows the grammar, whatever way the bytes are cut."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runyard_wire.errors import ProtocolError
from runyard_wire.sse import Decoder, ServerEvent


def decode(body, *cuts):
    decoder = Decoder()
    events = []
    for start, end in zip((0, *cuts), (*cuts, len(body)), strict=True):
        events += decoder.feed(body[start:end])
    return events, decoder


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b"data: a\r\rdata: b\r\n\r\n", ["a", "b"]),
        (b": comment\n\ndata: a\n\n", ["a"]),
        (b"unknown: x\ndata: a\n\n", ["a"]),
        (b"data: a\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        ("data: é\u2028\u0085x\n\n".encode(), ["é\u2028\u0085x"]),
        (b"data: \xff\n\n", ["\ufffd"]),
        (b"\n\n\n", []),
    ],
)
def test_the_grammar(body, data):
    assert [event.data for event in decode(body)[0]] == data


def test_id_event_and_retry():
    events, decoder = decode(
        b"id: 1\nevent: log\ndata: a\n\ndata: b\n\nid: 2\n\nid: x\0y\nretry: 500\nretry: soon\ndata: c\n\n"
    )
    assert events == [
        ServerEvent("a", "log", "1"),
        ServerEvent("b", "message", "1"),
        ServerEvent("c", "message", "2"),
    ]
    assert (decoder.last_event_id, decoder.retry) == ("2", 0.5)


def test_an_id_without_data_moves_the_position_once_its_block_ends():
    decoder = Decoder()
    decoder.feed(b"id: 7\n")
    assert decoder.last_event_id is None
    decoder.feed(b"\n")
    assert decoder.last_event_id == "7"


BODY = b"\xef\xbb\xbf: hi\r\nid: 1\r\ndata: \xc3\xa9\r\n\r\nid: 2\rdata: b\r\rretry: 9\nevent: e\ndata: c\ndata: d\n\n"


@given(st.lists(st.integers(0, len(BODY)), max_size=8).map(sorted))
@example(list(range(1, len(BODY))))
def test_the_cuts_do_not_matter(cuts):
    assert decode(BODY, *cuts)[0] == decode(BODY)[0]


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_upset_it(body, cut):
    assert decode(body, min(cut, len(body)))[0] == decode(body)[0]


def test_an_event_without_end_is_refused_before_it_fills_the_memory():
    for piece in (b"x" * 10, b"data: xxxx\n"):
        decoder = Decoder(max_event_bytes=1000)
        with pytest.raises(ProtocolError, match="more than 1000 bytes"):
            list(map(decoder.feed, [piece] * 1000))
    assert len(Decoder(max_event_bytes=1000).feed(b"data: x\n\n" * 1000)) == 1000
