"""Answers of servers that attack the memory of who asks, by how they do."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from raw_server import Make

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ERROR = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
MB = 1_000_000
_PIECE = 60_000


def event(payload: Any) -> bytes:
    """Return one server-sent event, of JSON or of bytes as they are."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return b"data: " + data + b"\n\n"


def delta(**fields: Any) -> bytes:
    """Return the event of a chunk with that delta."""
    return event({"id": "c1", "model": "m", "choices": [{"delta": fields}]})


def endless(head: bytes, piece: bytes) -> Make:
    """Return an answer that says the same again and again."""
    piece *= max(1, _PIECE // len(piece))

    def make() -> Iterator[bytes]:
        yield head + b"\r\n"
        while True:
            yield piece

    return make


def numbered(make_event: Callable[[int], bytes]) -> Make:
    """Return an endless stream in which each event is another one."""

    def make() -> Iterator[bytes]:
        yield STREAM + b"\r\n"
        number = 0
        while True:
            events = b""
            while len(events) < _PIECE:
                events += make_event(number)
                number += 1
            yield events

    return make


def once(head: bytes, make_body: Callable[[], bytes]) -> Make:
    """Return an answer whose body is made when it is asked for."""
    return lambda: (head + b"\r\n", make_body())


def encoded(encoding: str, body: Callable[[], bytes], head: bytes) -> Make:
    """Return an answer in that encoding."""
    return once(head + f"Content-Encoding: {encoding}\r\n".encode(), body)


@cache
def bomb(size: int = 256 * MB, unit: bytes = b"\0" * 1_000) -> bytes:
    """Return what gzip makes of a unit again and again, a thousandth of its size."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    step = unit * (MB // len(unit))
    steps = [packed.compress(step) for _ in range(size // MB)]
    return b"".join([*steps, packed.flush()])


@cache
def deflated() -> bytes:
    """Return the same in the format of zlib."""
    return zlib.compress(bytes(256 * MB), 1)


def _repeated(head: bytes, item: bytes, count: int, tail: bytes) -> Make:
    return once(JSON, lambda: head + item * count + tail)


def _lines(first: bytes, line: bytes) -> Make:
    """Return an answer that never comes to its headers' end."""

    def make() -> Iterable[bytes]:
        yield first
        while True:
            yield line * max(1, _PIECE // len(line))

    return make


_WHOLE = b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"x":['
_MANY_CALLS = [{"id": str(n), "function": {"name": "f"}} for n in range(50_000)]
_URL = {"url": "data:image/png;base64,iVBORw0KGgo" + "A" * 15 * MB}

ANSWERS: dict[str, tuple[Make, str]] = {
    "two levels of gzip": (
        encoded("gzip, gzip", lambda: gzip.compress(bomb()), STREAM), "gzip, gzip"),
    "two levels on an error": (
        encoded("gzip, gzip", lambda: gzip.compress(bomb()), ERROR), "HTTP 400"),
    "two headers of levels": (
        encoded("gzip\r\nContent-Encoding: deflate", bomb, STREAM), "gzip, deflate"),
    "a bomb": (encoded("gzip", bomb, STREAM), "16 MB"),
    "a bomb of comments": (
        encoded("gzip", lambda: bomb(unit=b": alive, and well\n\n"), STREAM), "32 MB"),
    "a bomb of text": (encoded("gzip", lambda: bomb(
        unit=delta(content="a b " * 5_000)), STREAM), "32 MB"),
    "a bomb in one piece": (encoded("gzip", bomb, JSON), "32 MB"),
    "a bomb of deflate": (encoded(
        "deflate", deflated, JSON), "32 MB"),
    "a bomb on an error": (encoded("gzip", bomb, ERROR), "HTTP 400"),
    "brotli": (encoded("br", lambda: b"x" * 100, STREAM), "'br'"),
    "an endless line": (endless(STREAM, b"data: a"), "16 MB"),
    "endless lines of data": (endless(STREAM, b"data:ab\n"), "16 MB"),
    "endless lines of nothing": (endless(STREAM, b"data\n"), "16 MB"),
    "endless names": (endless(STREAM, b"event: a\nid: b\n"), "16 MB"),
    "one endless name": (endless(STREAM, b"event: " + b"a" * 50_000 + b"\n"), "16 MB"),
    "endless comments": (endless(STREAM, b": a\n\n"), "32 MB"),
    "endless blank lines": (endless(STREAM, b"\n"), "32 MB"),
    "endless events of nothing": (
        endless(STREAM, b"data:" + b" " * 60 + b"\n\n"), "32 MB"),
    "endless deltas": (endless(STREAM, delta(content="a " * 300)), "32 MB"),
    "endless empty deltas": (endless(STREAM, delta(role="x" * 2_000)), "32 MB"),
    "endless text": (endless(STREAM, delta(content="a b " * 5_000)), "32 MB"),
    "an emoji in endless text": (numbered(lambda n: event(
        b'{"choices":[{"delta":{"content":"%s"}}]}'
        % ("a b " * 5_000 + "\U0001f600" * (not n)).encode())), "32 MB"),
    "one event of text": (once(STREAM, lambda: event(
        b'{"choices":[{"delta":{"content":"\xf0\x9f\x98\x80%s"}}]}'
        % (b"a" * 15 * MB)) * 2), "32 MB"),
    "pictures": (
        once(STREAM, lambda: delta(images=[{"image_url": _URL}]) * 4), "32 MB"),
    "text and thinking in turn": (numbered(
        lambda n: delta(content="a") if n % 2 else delta(reasoning="b")), "turns"),
    "a million objects": (once(STREAM, lambda: event(
        b'{"choices":[],"x":[' + b"{}," * 5_000_000 + b"{}]}")), "values"),
    "a million texts": (once(STREAM, lambda: event(
        b'{"choices":[],"x":[' + b'"ab",' * 3_000_000 + b"{}]}")), "values"),
    "a million choices": (once(STREAM, lambda: event(b'{"choices":[' + b",".join(
        b'{"index":%d}' % n for n in range(600_000)) + b"]}")), "values"),
    "a choice in each event": (numbered(lambda n: event({"choices": [
        {"index": n * 10**6, "delta": {"content": "a" * 2_000}}]})), "32 MB"),
    "many tool calls": (once(
        STREAM, lambda: delta(tool_calls=_MANY_CALLS)), "1,000 tool calls"),
    "a tool call in each event": (numbered(lambda n: delta(tool_calls=[
        {"id": str(n), "function": {"name": "f"}}])), "1,000 tool calls"),
    "endless arguments": (endless(STREAM, delta(tool_calls=[
        {"index": 0, "function": {"name": "f", "arguments": "}a" * 4_000}}])), "32 MB"),
    "glued arguments": (once(STREAM, lambda: delta(tool_calls=[
        {"index": 0, "function": {"name": "f", "arguments": "{}" * 100_000}}])
        + event({"choices": [{"delta": {}, "finish_reason": "stop"}]})), ""),
    "a page in each event": (numbered(
        lambda n: delta(annotations=[{"url": f"a{n}"}])), "10,000 pages"),
    "deep JSON": (endless(STREAM, event(b"[" * 50_000)), "32 MB"),
    "deep objects": (endless(STREAM, event(
        b'{"choices":[{"delta":' + b'{"a":' * 500 + b"1" + b"}" * 502 + b"]}")),
        "32 MB"),
    "an endless body": (endless(JSON, b'{"a":['), "32 MB"),
    "a whole text": (once(JSON, lambda: _WHOLE.replace(
        b'"a"', b'"' + b"a" * 31 * MB + b'"') + b"]}"), ""),
    "a whole text with an emoji": (once(JSON, lambda: _WHOLE.replace(
        b'"a"', b'"\\ud83d\\ude00' + b"a" * 31 * MB + b'"') + b"]}"), "emoji"),
    "a whole answer of objects": (
        _repeated(_WHOLE, b'{"a":0},', 1_000_000, b"0]}"), "values"),
    "as many objects as may be": (
        _repeated(_WHOLE, b'{"a":0},', 230_000, b"0]}"), ""),
    "an endless error": (endless(ERROR, b"x"), "HTTP 400"),
    "a redirect with a body": (endless(
        b"HTTP/1.1 302 Found\r\nLocation: completions\r\n", b"x"), "redirect"),
    "endless headers": (_lines(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), "broke off"),
    "an endless header": (_lines(b"HTTP/1.1 200 OK\r\nX: ", b"a"), "broke off"),
    "an endless status line": (_lines(b"HTTP/1.1 200 ", b"a"), "broke off"),
    "an endless size of a piece": (_lines(
        STREAM + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"), "broke off"),
    "endless trailers": (_lines(
        STREAM + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n"), "broke off"),
}  # fmt: skip
"""Each with a phrase of the line in which it ends, where it ends in one."""

LISTS: dict[str, tuple[Make, str]] = {
    "two levels of gzip": (
        encoded("gzip, gzip", lambda: gzip.compress(bomb()), JSON), "gzip, gzip"),
    "a bomb": (encoded("gzip", bomb, JSON), "8 MB"),
    "a bomb of deflate": (encoded(
        "deflate", deflated, JSON), "8 MB"),
    "an endless list": (endless(JSON, b'{"id":"a"},'), "8 MB"),
    "a list of a million": (
        _repeated(b'{"data":[', b'{"a":0},', 900_000, b"{}]}"), "values"),
    "a list of many models": (once(JSON, lambda: json.dumps(
        [{"id": f"m{n}"} for n in range(50_000)]).encode()), "20,000 models"),
    "an endless error": (endless(ERROR, b"x"), "HTTP 400"),
}  # fmt: skip
"""The same for lists of models."""
