"""What the openai SDK's own tests have recorded, read by our client instead.

It is others' text, so it is got when it is wanted: `make test-outside`. The bodies, and
what the SDK makes of them, are read out of its source distribution; nothing in it runs.
Streams that the SDK keeps in files beside its tests are not in the distribution.
"""

import ast
import json
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scripted_server import DONE, Answer, ScriptedServer, event, json_answer

from apertis_magic import Apertis
from apertis_magic.api.sse import Decoder
from apertis_magic.api.types import ChatCompletion
from apertis_magic.errors import StreamError

ARCHIVE = Path("build/outside/openai-3.54.0.tar.gz")

# What differs, by the reason, and where.
PARSED = "the SDK parses what was asked for as JSON by a class; we give the text"
EMPTY = "none of them is an empty sequence, so that a loop over them needs no test"
NO_EVENT = (
    "an event without data is no event, as the specification of such streams has it"
)
NO_WORD = "a streamed answer that is cut before its first word has an empty text"
DIFFERENT_BODIES = {NO_WORD: {"test_parse_content_filter_completion"}}
DIFFERENT_FIELDS = {
    PARSED: {"parsed", "parsed_arguments"},
    EMPTY: {"annotations", "tool_calls"},
}
DIFFERENT_EVENTS = {NO_EVENT: {"test_event_missing_data", "test_multiple_events"}}


@cache
def tree(path: str) -> ast.Module:
    """Return a file of the SDK's tests."""
    with tarfile.open(ARCHIVE) as archive:
        name = f"{ARCHIVE.name.removesuffix('.tar.gz')}/tests/{path}"
        file = archive.extractfile(name)
        assert file is not None
        return ast.parse(file.read())


def functions(path: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give the tests of a file."""
    for each in tree(path).body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield each


# Whole bodies, recorded from OpenAI's API, and what the SDK shows of them.


class Recorded(NamedTuple):
    """A body, and what the SDK's test says that the SDK makes of it, if it does."""

    name: str
    body: dict[str, Any]
    shown: str | None


def recorded() -> Iterator[Recorded]:
    """Give the bodies in the tests for whole answers."""
    for test in functions("lib/chat/test_completions.py"):
        calls = (each for each in ast.walk(test) if isinstance(each, ast.Call))
        kept = [call for call in calls if ast.unparse(call.func) == "snapshot"]
        values = [getattr(call.args[0], "value", None) for call in kept]
        texts = [value for value in values if isinstance(value, str)]
        bodies = [text for text in texts if text.startswith('{"id"')]
        shown = [text for text in texts if re.match(r"\[?\s*Parsed", text)]
        for body in bodies:
            yield Recorded(test.name, json.loads(body), shown[0] if shown else None)
    yield from written_out()


def written_out() -> Iterator[Recorded]:
    """Give the bodies that a test writes out as a dict."""
    path = "lib/chat/test_content_filter.py"
    for test in functions(path):
        for each in ast.walk(test):
            if isinstance(each, ast.keyword) and each.arg == "json":
                yield Recorded(test.name, ast.literal_eval(each.value), None)


RECORDED = list(recorded())
SHOWN = [each for each in RECORDED if each.shown]


def pieces(text: str | None) -> list[str]:
    """Return a text in pieces of three characters, an empty one first."""
    whole = text or ""
    return ["", *(whole[at : at + 3] for at in range(0, len(whole), 3))]


def deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a message in pieces, its calls in turn."""
    yield {"role": "assistant", "content": None if message["content"] is None else ""}
    yield from ({"content": each} for each in pieces(message["content"]) if each)
    yield from ({"refusal": each} for each in pieces(message.get("refusal")) if each)
    calls = list(enumerate(message.get("tool_calls") or []))
    for index, call in calls:
        begun = {**call["function"], "arguments": ""}
        yield {"tool_calls": [{**call, "index": index, "function": begun}]}
    queues = [(index, pieces(call["function"]["arguments"])) for index, call in calls]
    for at in range(max((len(queue) for _, queue in queues), default=0)):
        for index, queue in queues:
            if at < len(queue):
                written = {"arguments": queue[at]}
                yield {"tool_calls": [{"index": index, "function": written}]}


def streamed(body: dict[str, Any]) -> Answer:
    """Return a body as a stream, the answers in turn."""
    beside = {k: v for k, v in body.items() if k not in ("choices", "usage")}
    beside |= {"object": "chat.completion.chunk", "obfuscation": "xY"}
    events = []
    for choice in body["choices"]:
        ends = {"delta": {}, "finish_reason": choice["finish_reason"]}
        for each in [*({"delta": d} for d in deltas(choice["message"])), ends]:
            piece = {"index": choice["index"], "logprobs": None, **each}
            events.append(event({**beside, "choices": [piece], "usage": None}))
    last = event({**beside, "choices": [], "usage": body["usage"]})
    return Answer((*events, last, DONE))


def asked(server: ScriptedServer, answer: Answer, *, stream: bool) -> ChatCompletion:
    """Return what our client makes of an answer."""
    server.will(answer)
    create = Apertis().chat.completions.create
    question = [{"role": "user", "content": "Hi."}]
    if not stream:
        return create(model="m", messages=question)
    with create(model="m", messages=question, stream=True) as chunks:
        return chunks.completion()


def both(server: ScriptedServer, body: dict[str, Any]) -> list[ChatCompletion]:
    """Return what our client makes of a body, whole and streamed."""
    whole = asked(server, json_answer(body), stream=False)
    return [whole, asked(server, streamed(body), stream=True)]


def test_all_bodies_are_there() -> None:
    """The archive holds what it should."""
    assert 15 == len(RECORDED)
    assert len(SHOWN) >= 10


@pytest.mark.parametrize("each", RECORDED, ids=[each.name for each in RECORDED])
def test_what_a_body_says(server: ScriptedServer, each: Recorded) -> None:
    """Text, refusal, calls, reason and usage, whole and streamed."""
    body = each.body
    for answer in both(server, body):
        assert body["usage"] == answer.usage.to_dict()  # type: ignore[union-attr]  # it is there
        for told, choice in zip(body["choices"], answer.choices, strict=True):
            message = told["message"]
            calls = message.get("tool_calls") or []

            assert told["finish_reason"] == choice.finish_reason
            assert (message["content"] or "") == (choice.message.content or "")
            assert message.get("refusal") == choice.message.refusal
            assert calls == [call.to_dict() for call in choice.message.tool_calls]
            assert choice.logprobs is None


@pytest.mark.parametrize("each", RECORDED, ids=[each.name for each in RECORDED])
def test_a_body_streamed_is_as_whole(server: ScriptedServer, each: Recorded) -> None:
    """Every field that the API has; what is in the table differs, or leaves it."""
    whole, joined = (answer.model_dump() for answer in both(server, each.body))
    is_other = each.name in DIFFERENT_BODIES[NO_WORD]

    assert (whole == joined) is not is_other
    if is_other:
        joined["choices"][0]["message"]["content"] = None

        assert whole == joined


@pytest.mark.parametrize("each", SHOWN, ids=[each.name for each in SHOWN])
def test_what_the_sdk_shows_of_it(server: ScriptedServer, each: Recorded) -> None:
    """Each field has the value that it has in the SDK, None where it was left out."""
    for answer in both(server, each.body):
        node = shown(each)
        value: Any = answer
        if isinstance(node, ast.List):
            value = answer.choices
        elif ast.unparse(node).startswith("ParsedChoice("):
            value = answer.choices[0]

        assert [] == list(differences(node, value, ""))


def shown(each: Recorded) -> ast.expr:
    """Read what the SDK shows; its lines are broken inside of texts too."""
    text = re.sub(r" ?\n(?=[^\s\])])", " ", each.shown or "")
    text = re.sub(r"<[\w.]+: ('[^']*')>", r"\1", text)  # of an enumeration
    return ast.parse(text.strip(), mode="eval").body


def differences(node: ast.expr, value: Any, path: str) -> Iterator[str]:
    """Give where a value of ours is not what the SDK shows."""
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            name = str(keyword.arg)
            if name in DIFFERENT_FIELDS[PARSED]:
                continue
            inner = getattr(value, name, AttributeError)
            if name in DIFFERENT_FIELDS[EMPTY] and inner == ():
                inner = None
            yield from differences(keyword.value, inner, f"{path}.{name}")
    elif isinstance(node, ast.List):
        found = list(value or ())
        if len(found) != len(node.elts):
            yield f"{path}: {len(found)} and not {len(node.elts)}"
        for number, pair in enumerate(zip(node.elts, found, strict=False)):
            yield from differences(*pair, f"{path}[{number}]")
    elif _same(ast.literal_eval(node)) != _same(value):
        yield f"{path}: {value!r} and not {ast.unparse(node)}"


def _same(value: Any) -> Any:
    """Return a value without the blanks of a text, of which some are lost."""
    return "".join(value.split()) if isinstance(value, str) else value


# Streams that stand in the tests as bytes.


def streams() -> Iterator[bytes]:
    """Give the texts of chunks that the tests for streams hold."""
    for each in ast.walk(tree("test_streaming.py")):
        value = getattr(each, "value", None)
        if isinstance(value, bytes) and b'"chat.completion.chunk"' in value:
            yield value


STREAMS = list(streams())


def test_all_streams_are_there() -> None:
    """The archive holds what it should."""
    assert 3 == len(STREAMS)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream(server: ScriptedServer, stream: bytes) -> None:
    """Its text comes; where neither reason nor [DONE] ends it, it has broken off."""
    end = b"" if DONE in stream else DONE

    found = asked(server, Answer((stream, end)), stream=True)

    assert "hello" == found.choices[0].message.content
    if end:
        with pytest.raises(StreamError) as caught:
            asked(server, Answer((stream,)), stream=True)

        assert "hello" == caught.value.partial


# Events.


class Events(NamedTuple):
    """The pieces of a stream, and the events that a test wants of them."""

    name: str
    pieces: list[bytes]
    wanted: list[dict[str, Any]]


def events() -> Iterator[Events]:
    """Give the streams of events of the tests, with what these assert of each event."""
    for test in functions("test_streaming.py"):
        body = [each for each in test.body if isinstance(each, ast.FunctionDef)]
        wanted = list(_wanted(test))
        if wanted and body:
            found = [
                ast.literal_eval(each.value)
                for each in ast.walk(body[0])
                if isinstance(each, ast.Yield) and each.value is not None
            ]
            yield Events(test.name, found, wanted)


_ASSERTED = re.compile(r"sse\.(\w+)(?:\(\))? (?:==|is) (.+)", re.DOTALL)


def _wanted(test: ast.AST) -> Iterator[dict[str, Any]]:
    """Give what is asserted of each event: ``event``, ``json`` or ``data``."""
    about: dict[str, Any] | None = None
    for each in getattr(test, "body", ()):
        if isinstance(each, ast.Assign) and "iter_next" in ast.unparse(each.value):
            if about is not None:
                yield about
            about = {}
        elif isinstance(each, ast.Assert) and about is not None:
            found = ast.unparse(each.test)
            if match := re.fullmatch(
                r"sse\.(\w+)(?:\(\))? (?:==|is) (.+)", found, re.DOTALL
            ):
                about[match[1]] = ast.literal_eval(match[2])
    if about is not None:
        yield about


EVENTS = list(events())
REASONS = {name: why for why, names in DIFFERENT_EVENTS.items() for name in names}


def decoded(stream: Events) -> list[dict[str, Any]]:
    """Return what our decoder makes of a stream: that of the SDK's fields."""
    decoder = Decoder()
    found = [event for piece in stream.pieces for event in decoder.feed(piece)]
    found += decoder.close()
    return [
        {
            "event": None if each.type == "message" else each.type,
            "data": each.data,
            "json": json.loads(each.data) if each.data else None,
        }
        for each in found
    ]


def agrees(stream: Events) -> bool:
    """Tell whether our events are those that a test wants."""
    found = decoded(stream)
    return len(found) == len(stream.wanted) and all(
        each[name] == value
        for wanted, each in zip(stream.wanted, found, strict=True)
        for name, value in wanted.items()
    )


def test_all_events_are_there() -> None:
    """The archive holds what it should."""
    assert len(EVENTS) >= 9
    assert REASONS.keys() <= {each.name for each in EVENTS}


@pytest.mark.parametrize("stream", EVENTS, ids=[each.name for each in EVENTS])
def test_events(stream: Events) -> None:
    """They are those of the SDK; what is in the table differs, or leaves it."""
    assert agrees(stream) is (stream.name not in REASONS)
