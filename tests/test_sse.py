"""Server-sent events: any cut of the bytes gives the same events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apertis_magic.api.sse import Decoder, Event


def decode(*chunks: bytes) -> list[Event]:
    """Return the events of a stream that came in these chunks."""
    decoder = Decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.close()


def message(data: str) -> Event:
    """Return an event without a type of its own."""
    return Event("message", data)


CASES = {
    "plain": (b"data: a\n\n", [message("a")]),
    "no space after the colon": (b"data:a\n\n", [message("a")]),
    "one space is removed, not two": (b"data:  a\n\n", [message(" a")]),
    "CR LF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")]),
    "CR alone": (b"data: a\r\rdata: b\r\r", [message("a"), message("b")]),
    "several data lines": (b"data: a\ndata: b\n\n", [message("a\nb")]),
    "comments": (b": PING\n\ndata: a\n: PING\n\n", [message("a")]),
    "type": (
        b"event: error\ndata: a\n\ndata: b\n\n",
        [Event("error", "a"), message("b")],
    ),
    "other fields": (b"id: 1\nretry: 2\nodd\ndata: a\n\n", [message("a")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [message("a")]),
    "no blank line at the end": (b"data: a", [message("a")]),
    "an event without data": (b"event: ping\n\ndata: a\n\n", [message("a")]),
    "empty data": (b"data:\n\n", [message("")]),
    "line separators inside": (
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n\n".encode(),
        [message("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg")],
    ),
    "broken UTF-8": (b"data: a\xff\n\n", [message("a\ufffd")]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES)
def test_events(stream: bytes, expected: list[Event]) -> None:
    """Each rule of the format holds, in one piece and byte by byte."""
    single = [stream[i : i + 1] for i in range(len(stream))]

    assert expected == decode(stream)
    assert expected == decode(*single)


LINES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8),
    min_size=1,
    max_size=3,
)


@given(
    events=st.lists(LINES, max_size=6),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_any_cut_gives_the_same_events(
    events: list[list[str]], ends: str, cuts: list[int]
) -> None:
    """However the bytes were cut, the same events come out."""
    stream = "".join(
        "".join(f"data: {line}{ends}" for line in lines) + ends for lines in events
    ).encode()
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]

    assert [message("\n".join(lines)) for lines in events] == decode(*pieces)
