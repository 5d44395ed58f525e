"""Server-sent events: any cut of the bytes gives the same events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apertis_magic.api import bounds
from apertis_magic.api.sse import Decoder, Event
from apertis_magic.errors import StreamError


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


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)
# An event's type, its lines of data, and what else stands between them.
EVENTS = st.tuples(
    WORDS, st.lists(WORDS, min_size=1, max_size=3), st.lists(WORDS, max_size=2)
)


def written(kind: str, data: list[str], comments: list[str], space: str) -> list[str]:
    """Return the lines of one event, its blank line included."""
    head = [f"event:{space}{kind}"] if kind else []
    lines = [*head, *(f"data:{space}{line}" for line in data)]
    return [*(f":{comment}" for comment in comments), "id: 7", *lines, ""]


@given(
    events=st.lists(EVENTS, max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    space=st.sampled_from(["", " "]),
    mark=st.sampled_from(["", "\ufeff"]),
    cuts=st.lists(st.integers(0, 500), max_size=12),
)
def test_any_cut_gives_the_same_events(
    events: list[tuple[str, list[str], list[str]]],
    end: str,
    space: str,
    mark: str,
    cuts: list[int],
) -> None:
    """However the bytes were cut, the same events come out."""
    lines = [line for event in events for line in written(*event, space)]
    stream = (mark + "".join(line + end for line in lines)).encode()
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]

    def read(words: str) -> str:
        # One space after the colon is no part of the value.
        return words if space else words.removeprefix(" ")

    assert [
        Event(read(kind) or "message", "\n".join(map(read, data)))
        for kind, data, _ in events
    ] == decode(*pieces)


@pytest.mark.parametrize("end", [b"", b"\ndata: "])
def test_an_event_that_does_not_end(end: bytes) -> None:
    """In one line or in many, it is refused once it is larger than a picture is."""
    lines = [b"x" * 65_536 + end] * (bounds.EVENT.most // 65_536 + 2)
    with pytest.raises(StreamError, match="16 MB"):
        decode(b"data: ", *lines)


def test_what_is_said_between_events_has_no_limit() -> None:
    """Signs of life and events that have ended are not held."""
    decoder = Decoder()
    alive, whole = b": alive\n" * 8_192, b"data: " + b"x" * 1_000_000 + b"\n\n"
    found = [event for _ in range(20) for event in decoder.feed(alive + whole)]

    assert 20 == len(found)
