"""Every way in which servers stream an answer, over real sockets.

The rows are those of the protocol (server-sent events) and of the shapes in which
gateways are known to send chunks.
"""

import json
from typing import Any

import pytest
from scripted_server import (
    DONE,
    USAGE,
    Answer,
    Cut,
    Reset,
    ScriptedServer,
    chunk,
    event,
    json_answer,
    says,
    whole,
)

from apertis_magic import Apertis, errors
from apertis_magic.api.types import ChatCompletion
from apertis_magic.clean import mend

HELLO = [{"role": "user", "content": "Hello!"}]
END = chunk(finish="stop")


def ask(server: ScriptedServer, **options: Any) -> Any:
    """Ask in plain code."""
    client = Apertis(base_url=server.url, max_retries=0)
    return client.chat.completions.create(model="m", messages=HELLO, **options)


def completion(server: ScriptedServer, *steps: bytes) -> ChatCompletion:
    """Return what a stream of these events is as a whole."""
    server.will(Answer((*steps, DONE)))
    whole: ChatCompletion = ask(server, stream=True).completion()
    return whole


def text(server: ScriptedServer, *steps: bytes) -> str | None:
    """Return the text of a stream of these events."""
    return completion(server, *steps).choices[0].message.content


def delta(**fields: Any) -> bytes:
    """Return a chunk with this delta."""
    return event({"id": "c1", "model": "served", "choices": [{"delta": fields}]})


def crlf(data: bytes) -> bytes:
    """Return *data* with the line ends of Windows."""
    return data.replace(b"\n", b"\r\n")


A, B = chunk("a"), chunk("b")
FRAMING: dict[str, tuple[tuple[bytes, ...], str]] = {
    "a byte order mark": ((b"\xef\xbb\xbf" + A, B, END), "ab"),
    "a character cut in two": ((chunk("x"), *[
        bytes([byte]) for byte in
        b'data: {"choices": [{"delta": {"content": "\xf0\x9f\x98\x80"}}]}\n\n'
    ], END), "x\U0001f600"),
    "CR LF": ((crlf(A), crlf(B), crlf(END)), "ab"),
    "CR alone": ((A.replace(b"\n", b"\r"), B.replace(b"\n", b"\r"), END), "ab"),
    "CR, and LF in the next piece": ((A[:-2] + b"\r", b"\n\r\n", B, END), "ab"),
    "U+2028, U+0085 and others in the JSON": (
        (b'data: {"choices": [{"delta": {"content": "'
         + "a\u2028b\u2029c\x85d\x7f".encode() + b'"}}]}\n\n', END),
        "a\u2028b\u2029c\x85d\x7f",
    ),
    "comments": ((b": OPENROUTER PROCESSING\n\n", A, b": PING\n\n", B, END), "ab"),
    "no space after the colon": ((A.replace(b": ", b":", 1), B, END), "ab"),
    "other fields": ((b"event: message\nid: 7\nretry: 3\nodd\n" + A, B, END), "ab"),
    "a raw tab in the JSON": (
        (b'data: {"choices": [{"delta": {"content": "a\tb"}}]}\n\n', END), "a\tb"),
    "data over several lines": (
        (b'data: {"choices": [{"delta":\ndata: {"content": "a"}}]}\n\n', B, END), "ab"),
    "no blank line at the end": ((A, B, END[:-2]), "ab"),
    "no line end at the end": ((A, END, B[:-1].rstrip()), "ab"),
    "one byte at a time": (
        tuple(bytes([byte]) for byte in A + B + END), "ab"),
    "all at once": ((A + B + END,), "ab"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "expected"), FRAMING.values(), ids=FRAMING)
def test_framing(
    server: ScriptedServer, steps: tuple[bytes, ...], expected: str
) -> None:
    """Whatever the line ends, the cuts and the comments, the same text comes."""
    server.will(Answer(steps))

    assert expected == ask(server, stream=True).completion().choices[0].message.content


SHAPES: dict[str, tuple[bytes, ...]] = {
    "role alone, then text": (delta(role="assistant", content=""), A, B, END),
    "a role on every chunk": (
        delta(role="assistant", content="a"),
        delta(role="assistant", content="b"),
        END,
    ),
    "no choices, at the beginning": (
        event({"id": "", "model": "", "choices": [], "prompt_filter_results": []}),
        A,
        B,
        END,
    ),
    "null choices": (event({"choices": None}), A, B, END),
    "a ping": (event({"type": "ping"}), A, event({}), B, END),
    "null and empty deltas": (
        event({"choices": [{"delta": None}]}),
        delta(),
        A,
        delta(content=None),
        B,
        END,
    ),
    "an empty finish reason on every chunk": (
        chunk("a", finish=""),
        chunk("b", finish=""),
        END,
    ),
    "text with the finish reason": (A, chunk("b", finish="stop")),
    "text in parts": (
        delta(content=[{"type": "text", "text": "a"}]),
        delta(content=["b"]),
        END,
    ),
    "many tokens in a chunk": (chunk("ab"), END),
    "padding": (chunk("a", obfuscation="xyz", service_tier="x"), B, END),
    "no index": (
        event({"choices": [{"delta": {"content": "a"}}]}),
        event({"choices": [{"index": None, "delta": {"content": "b"}}]}),
        END,
    ),
    "an empty error on every chunk": (
        chunk("a", error={"message": "", "type": "", "param": "", "code": None}),
        chunk("b", error=None),
        chunk(finish="stop", error={}),
    ),
    "a message in the place of a delta": (
        event({"choices": [{"message": {"content": "ab"}}]}),
        END,
    ),
    "text in parts of parts": (
        delta(content=[{"text": "a"}, {"text": [{"text": "x"}]}]),
        B,
        END,
    ),
    "an index in quotes": (
        A,
        event({"choices": [{"index": "1", "delta": {"content": "x"}}]}),
        B,
        END,
    ),
    "text that is no text": (delta(content=7), A, delta(content={"x": 1}), B, END),
}


@pytest.mark.parametrize("steps", SHAPES.values(), ids=SHAPES)
def test_shapes(server: ScriptedServer, steps: tuple[bytes, ...]) -> None:
    """No text is lost to a chunk's shape, and none is made up."""
    assert "ab" == text(server, *steps)


def test_the_banner_of_web_search_is_no_text(server: ScriptedServer) -> None:
    """The gateway's words are a notice, and its bare line does not end the stream."""
    banner = event(
        {
            "id": "web-search",
            "model": "",
            "choices": [{"delta": {"content": "🔍 Web searching...\n\n"}}],
        }
    )
    sources = event({"choices": [], "web_sources": [{"title": "T", "url": "u"}]})
    steps = ("data: 🔍 searching\n\n".encode(), banner, A, B, sources, END)
    server.will(Answer((*steps, DONE)))
    stream = ask(server, stream=True)
    chunks = list(stream)

    assert 1 == stream.malformed
    assert "🔍 Web searching..." == chunks[0].notice
    assert [None] * 4 == [piece.notice for piece in chunks[1:]]
    assert ["", "a", "b"] == [c.choices[0].delta.content for c in chunks[:3]]

    found = completion(server, *steps)

    assert "ab" == found.choices[0].message.content
    assert ("c1", "served") == (found.id, found.model)
    assert [("T", "u", None)] == [
        (s.title, s.url, s.snippet) for s in found.web_sources
    ]


@pytest.mark.parametrize(
    "steps",
    [
        (A, END, event({"choices": [], "usage": USAGE})),
        (A, chunk(finish="stop", usage=USAGE)),
        (
            chunk("a", usage={**USAGE, "total_tokens": 1}),
            chunk(finish="stop", usage=USAGE),
        ),
        (A, END, event({"choices": [{"index": 0, "delta": {}}], "usage": USAGE})),
        (A, END, event({"usage": USAGE})),
        (A, chunk(finish="stop", usage=USAGE), event({"choices": [], "usage": None})),
    ],
    ids=["after", "with the finish", "cumulative", "empty delta", "alone", "then null"],
)
def test_usage_comes_at_many_places(
    server: ScriptedServer, steps: tuple[bytes, ...]
) -> None:
    """Its last value counts."""
    usage = completion(server, *steps).usage

    assert usage is not None
    assert 7 == usage.total_tokens


@pytest.mark.parametrize(
    "field", ["reasoning_content", "reasoning", "thinking", "reasoning_details"]
)
def test_reasoning_is_kept_apart(server: ScriptedServer, field: str) -> None:
    """Thinking is never part of the answer, by whichever name it comes."""
    parts: Any = ["h", "m"]
    if field == "reasoning_details":
        parts = [[{"type": "reasoning.text", "text": part}] for part in parts]
    steps = [delta(**{field: part}) for part in parts]
    message = completion(server, *steps, A, B, END).choices[0].message

    assert ("hm", "ab") == (message.reasoning, message.content)


def test_a_refusal_is_kept_apart(server: ScriptedServer) -> None:
    """A refusal is no answer."""
    steps = (delta(refusal="I "), delta(refusal="can't."), END)
    message = completion(server, *steps).choices[0].message

    assert ("I can't.", "") == (message.refusal, message.content)


def test_several_choices_interleave(server: ScriptedServer) -> None:
    """Each index has its own text and its own finish."""

    def piece(*choices: tuple[int, str, str | None]) -> bytes:
        return event(
            {
                "choices": [
                    {"index": index, "delta": {"content": text}, "finish_reason": end}
                    for index, text, end in choices
                ]
            }
        )

    found = completion(
        server,
        piece((0, "a", None), (1, "x", None)),
        piece((1, "y", "length")),
        piece((0, "b", "stop")),
    ).choices

    assert [("ab", "stop"), ("xy", "length")] == [
        (choice.message.content, choice.finish_reason) for choice in found
    ]


def call(**fields: Any) -> bytes:
    """Return a chunk with one piece of a tool call."""
    name, arguments = fields.pop("name", None), fields.pop("arguments", None)
    function = {"name": name, "arguments": arguments}
    given = {k: v for k, v in function.items() if v is not None}
    return delta(tool_calls=[{**fields, "function": given}])


CALLS: dict[str, tuple[bytes, ...]] = {
    "as OpenAI does": (
        call(index=0, id="1", type="function", name="f", arguments=""),
        call(index=0, arguments='{"a"'),
        call(index=0, arguments=": 1}"),
        call(index=1, id="2", type="function", name="g", arguments='{"b": 2}'),
    ),
    "every index 0": (
        call(index=0, id="1", name="f", arguments='{"a": 1}'),
        call(index=0, id="2", name="g", arguments='{"b": 2}'),
    ),
    "no index": (
        call(id="1", name="f", arguments='{"a":'),
        call(arguments=" 1}"),
        call(id="2", name="g", arguments='{"b": 2}'),
    ),
    "no id": (
        call(index=0, id="", name="f", arguments='{"a": 1}'),
        call(index=0, id="", name="g", arguments='{"b": 2}'),
    ),
    "null index": (
        call(index=None, id="1", name="f", arguments='{"a": 1}'),
        call(index=None, id="2", name="g", arguments='{"b": 2}'),
    ),
    "both in one delta": (
        delta(
            tool_calls=[
                {"id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "2", "function": {"name": "g", "arguments": '{"b": 2}'}},
            ]
        ),
    ),
    "interleaved, by their ids": (
        call(id="1", name="f", arguments='{"a"'),
        call(id="2", name="g", arguments='{"b"'),
        call(id="1", arguments=": 1}"),
        call(id="2", arguments=": 2}"),
    ),
    "a new id on every piece": (
        call(index=0, id="1", name="f", arguments='{"a"'),
        call(index=0, id="x", arguments=": 1}"),
        call(index=1, id="2", name="g", arguments='{"b": 2}'),
    ),
    "arguments as objects": (
        call(id="1", name="f", arguments={"a": 1}),
        call(id="2", name="g", arguments={"b": 2}),
    ),
    "the id on every piece": (
        call(index=0, id="1", name="f", arguments='{"a"'),
        call(index=0, id="1", name="f", arguments=": 1}"),
        call(index=1, id="2", name="g", arguments='{"b": 2}'),
    ),
}


@pytest.mark.parametrize("steps", CALLS.values(), ids=CALLS)
def test_tool_calls_are_put_together(
    server: ScriptedServer, steps: tuple[bytes, ...]
) -> None:
    """A call comes whole, once, whatever the server leaves out."""
    found = completion(server, *steps, chunk(finish="tool_calls")).choices[0]

    assert [("f", {"a": 1}), ("g", {"b": 2})] == [
        (call.function.name, json.loads(call.function.arguments))
        for call in found.message.tool_calls
    ]
    assert "tool_calls" == found.finish_reason
    assert found.message.content is None


def test_glued_tool_calls_are_split(server: ScriptedServer) -> None:
    """Two calls that came as one are two; what is no JSON stays as it is."""
    glued = call(index=0, id="1", name="f", arguments='{"a": 1}{"a": 2}')
    broken = call(index=0, id="1", name="f", arguments='{"a": ')

    assert ['{"a": 1}', '{"a": 2}'] == [
        each.function.arguments
        for each in completion(server, glued, END).choices[0].message.tool_calls
    ]
    assert ['{"a": '] == [
        each.function.arguments
        for each in completion(server, broken, END).choices[0].message.tool_calls
    ]


def test_calls_without_anything_to_tell_them_apart(server: ScriptedServer) -> None:
    """A name without an index is a call of its own."""
    found = completion(server, call(name="f"), call(name="g"), END).choices[0]

    assert ["f", "g"] == [each.function.name for each in found.message.tool_calls]


def test_what_comes_beside_the_text_is_put_together(server: ScriptedServer) -> None:
    """Probabilities, pictures, sound and whatever else goes with an answer."""

    def piece(**fields: Any) -> bytes:
        return event({"choices": [{"index": 0, **fields}], "citations": ["u"]})

    found = completion(
        server,
        piece(
            delta={"content": "a", "audio": {"id": "s", "data": "AA"}, "images": [1]},
            logprobs={"content": [{"token": "a"}], "refusal": None},
        ),
        piece(
            delta={"content": "b", "audio": {"data": "BB"}, "images": [2]},
            logprobs={"content": [{"token": "b"}]},
        ),
        piece(delta={"function_call": {"name": "f", "arguments": "{"}}),
        piece(delta={"function_call": {"arguments": "}"}}, finish_reason="stop"),
    )
    message = found.choices[0].message.raw

    assert {"content": [{"token": "a"}, {"token": "b"}]} == found.choices[0].raw[
        "logprobs"
    ]
    assert {"id": "s", "data": "AABB"} == message["audio"]
    assert [1, 2] == message["images"]
    assert {"name": "f", "arguments": "{}"} == message["function_call"]
    assert ["u"] == found.raw["citations"]


def test_what_a_model_wants_back_is_kept(server: ScriptedServer) -> None:
    """Gemini's thought signature and OpenRouter's details go back with the history."""
    signature = {"google": {"thought_signature": "s"}}
    steps = (
        delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "d"}]),
        call(index=0, id="1", name="f", arguments="{}", extra_content=signature),
        END,
    )
    back = completion(server, *steps).choices[0].message.to_dict()

    assert signature == back["tool_calls"][0]["extra_content"]
    assert "d" == back["reasoning_details"][0]["data"]
    assert "index" not in back["tool_calls"][0]
    assert {"role", "content", "tool_calls", "reasoning_details"} == set(back)


ENDINGS: dict[str, tuple[Answer, str, type[Exception] | None]] = {
    "finish reason, no [DONE]": (Answer((chunk("a", finish="stop"),)), "a", None),
    "[DONE], no finish reason": (Answer((A, DONE)), "a", None),
    "[DONE] twice": (Answer((A, DONE, DONE)), "a", None),
    "[DONE] with a space": (Answer((A, b"data: [DONE] \n\n")), "a", None),
    "[DONE] without one": (Answer((A, b"data:[DONE]\n\n")), "a", None),
    "text after [DONE]": (Answer((A, DONE, B)), "a", None),
    "neither": (Answer((A,)), "a", errors.IncompleteAnswer),
    "nothing at all": (Answer(), "", errors.IncompleteAnswer),
    "comments alone": (Answer((b": PING\n\n",)), "", errors.IncompleteAnswer),
    "a cut": (Answer((A, Cut())), "a", errors.ConnectionFailed),
    "a reset": (Answer((A, Reset())), "", errors.ConnectionFailed),
    "a cut after the finish reason": (
        Answer((chunk("a", finish="stop"), Cut())),
        "a",
        None,
    ),
    "a cut after a finish reason without its blank line": (
        Answer((chunk("a", finish="stop")[:-1], Cut())),
        "a",
        None,
    ),
    "a cut after the whole answer as JSON": (
        Answer((*whole("a").steps, Cut()), headers=whole("a").headers),
        "a",
        None,
    ),
    "an error inside": (
        Answer((A, event({"error": {"message": "out of luck"}}))),
        "a",
        errors.StreamError,
    ),
    "an error as a string": (
        Answer((A, event({"error": "out of luck"}))),
        "a",
        errors.StreamError,
    ),
    "an error whose code is a number": (
        Answer((A, event({"error": {"code": 502, "message": "out of luck"}}))),
        "a",
        errors.StreamError,
    ),
    "an error by its event's name": (
        Answer((A, b'event: error\ndata: {"message": "out of luck"}\n\n')),
        "a",
        errors.StreamError,
    ),
    "an error in plain words": (
        Answer((A, b"event: error\ndata: out of luck\n\n")),
        "a",
        errors.StreamError,
    ),
    "an error at the top": (
        Answer((A, event({"object": "error", "message": "out of luck"}))),
        "a",
        errors.StreamError,
    ),
    "a detail at the top": (
        Answer((A, event({"detail": "out of luck"}))),
        "a",
        errors.StreamError,
    ),
    "an error that is true": (
        Answer((A, event({"error": True}))),
        "a",
        errors.StreamError,
    ),
    "an error that is a status": (
        Answer((A, event({"error": 503}))),
        "a",
        errors.StreamError,
    ),
    "an error beside choices": (
        Answer((A, chunk("b", finish="error", error={"message": "out of luck"}))),
        "ab",
        errors.StreamError,
    ),
    "an error after the finish reason": (
        Answer((chunk("a", finish="stop"), event({"error": "out of luck"}))),
        "a",
        errors.StreamError,
    ),
    "the whole answer as JSON": (whole("a"), "a", None),
    "an error as JSON": (
        json_answer({"error": {"message": "out of luck"}}),
        "",
        errors.StreamError,
    ),
    "a broken compression": (
        Answer(
            (b"garbage",),
            headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"},
        ),
        "",
        errors.ConnectionFailed,
    ),
    "a web page": (
        Answer((b"<html>hi",), headers={"Content-Type": "text/html"}),
        "",
        errors.StreamError,
    ),
    "[DONE] alone": (Answer((DONE,)), "", errors.StreamError),
    "half a character before a cut": (
        Answer((chunk("a\ud83d"), Cut())),
        "a\ufffd",
        errors.ConnectionFailed,
    ),
    "no success": (
        json_answer({"success": False, "message": "out of luck"}),
        "",
        errors.StreamError,
    ),
    "no content type": (Answer((b"",), headers={}), "", errors.StreamError),
}


@pytest.mark.parametrize(("answer", "text", "error"), ENDINGS.values(), ids=ENDINGS)
def test_how_a_stream_ends(
    server: ScriptedServer, answer: Answer, text: str, error: type[Exception] | None
) -> None:
    """A good end is one; a bad one raises with the part that had come."""
    server.will(answer)
    pieces: list[str] = []

    def read() -> None:
        for piece in ask(server, stream=True):
            pieces.extend(c.delta.content or "" for c in piece.choices)

    if error is None:
        read()

        assert text == "".join(pieces)
        return
    with pytest.raises(error) as caught:
        read()

    assert error is type(caught.value)
    assert isinstance(caught.value, errors.ApertisError)
    # A reset may take with it what the client had not read yet.
    assert caught.value.partial in (text, mend("".join(pieces)))
    assert mend("".join(pieces)) == caught.value.partial


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/octet-stream"]
)
@pytest.mark.parametrize("head", [b"", b"\n", b": PING\n\n", b"event: message\n"])
def test_a_stream_under_another_name(
    server: ScriptedServer, kind: str, head: bytes, *, stream: bool
) -> None:
    """What a server sends counts, not what it says that it sends."""
    single = [bytes([byte]) for byte in head + A + B + END]
    server.will(Answer((*single, DONE), headers={"Content-Type": kind}))
    answer = ask(server, stream=stream)
    found = answer.completion() if stream else answer

    assert "ab" == found.choices[0].message.content


def test_json_under_the_name_of_a_stream(server: ScriptedServer) -> None:
    """The other way round."""
    body = json.dumps({"choices": [{"message": {"content": "a"}}]}).encode()
    server.will(Answer((body,)))

    assert "a" == ask(server, stream=True).completion().choices[0].message.content
    assert "a" == ask(server).choices[0].message.content


def test_an_unreadable_event_is_counted(server: ScriptedServer) -> None:
    """It does not end the stream, and it is not swallowed either."""
    server.will(Answer((b"data: oops\n\n", b"data: 1\n\n", A, DONE)))
    stream = ask(server, stream=True)

    assert ["a"] == [chunk.choices[0].delta.content for chunk in stream]
    assert 2 == stream.malformed


def test_a_stream_that_nobody_asked_for(server: ScriptedServer) -> None:
    """Some gateways stream everything; the answer is one all the same."""
    server.will(says("Hel", "lo"))
    response = ask(server)

    assert "Hello" == response.choices[0].message.content
    assert ("stop", 7) == (
        response.choices[0].finish_reason,
        response.usage.total_tokens,
    )


WHOLE: dict[str, tuple[dict[str, Any], Any]] = {
    "a dated model": ({"model": "m-2026"}, lambda r: r.model == "m-2026"),
    "an empty error": (
        {"error": {"message": "", "type": "", "param": "", "code": None}},
        lambda r: r.choices[0].message.content == "a",
    ),
    "no id": ({"id": None, "object": None, "created": None}, lambda r: r.id is None),
    "no usage": ({"usage": None}, lambda r: r.usage is None),
    "a total of 0": (
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 0}},
        lambda r: r.usage.total_tokens == 3,
    ),
    "usage in detail": (
        {
            "usage": {
                "prompt_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 3},
                "cost": 0.25,
                "latency_checkpoint": {"engine_ttft_ms": 12},
            }
        },
        lambda r: (
            (r.usage.cached_tokens, r.usage.reasoning_tokens, r.usage.cost)
            == (4, 3, 0.25)
            and r.usage.raw["latency_checkpoint"]["engine_ttft_ms"] == 12
        ),
    ),
    "sources on top": (
        {"web_sources": [{"title": "T", "url": "u", "snippet": "s"}]},
        lambda r: r.web_sources[0].snippet == "s",
    ),
    "fields that nobody modelled": (
        {"system_fingerprint": "fp", "new": {"x": 1}},
        lambda r: (r.system_fingerprint, r.new) == ("fp", {"x": 1}),
    ),
}


@pytest.mark.parametrize(("fields", "holds"), WHOLE.values(), ids=WHOLE)
def test_a_response_in_one_piece(
    server: ScriptedServer, fields: dict[str, Any], holds: Any
) -> None:
    """What servers leave out, null or add is taken as it is, and kept."""
    server.will(whole("a", **fields))

    assert holds(ask(server))


MESSAGES: dict[str, tuple[dict[str, Any], Any]] = {
    "no content": ({"content": None}, lambda m: m.content is None),
    "content in parts": (
        {"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}]},
        lambda m: m.content == "ab",
    ),
    "a refusal": ({"refusal": "no"}, lambda m: m.refusal == "no"),
    "a nested citation": (
        {
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {"url": "u", "title": "T", "start_index": 0},
                }
            ]
        },
        lambda m: (m.annotations[0].url, m.annotations[0].start_index) == ("u", 0),
    ),
    "a flat citation": (
        {"annotations": [{"type": "url_citation", "url": "u", "end_index": 3}]},
        lambda m: (m.annotations[0].url, m.annotations[0].end_index) == ("u", 3),
    ),
    "a tool call": (
        {"content": None, "tool_calls": [{"function": {"name": "f"}}]},
        lambda m: (
            (m.tool_calls[0].function.name, m.tool_calls[0].function.arguments)
            == ("f", "")
            and (m.tool_calls[0].id, m.tool_calls[0].type) == (None, "function")
        ),
    ),
    "thinking": ({"thinking": "hm"}, lambda m: m.reasoning == m.thinking == "hm"),
    "an odd role": ({"role": "model"}, lambda m: m.role == "model"),
    "audio": ({"audio": {"id": "x"}}, lambda m: m.audio == {"id": "x"}),
}


@pytest.mark.parametrize(("fields", "holds"), MESSAGES.values(), ids=MESSAGES)
def test_messages(server: ScriptedServer, fields: dict[str, Any], holds: Any) -> None:
    """The message's fields in all the forms that they are known in."""
    message = {"role": "assistant", "content": "a", **fields}
    server.will(json_answer({"choices": [{"message": message}]}))

    assert holds(ask(server).choices[0].message)


@pytest.mark.parametrize(
    "finish",
    "stop length tool_calls content_filter function_call error eos max_tokens "
    "end_turn SAFETY insufficient_system_resource".split(),
)
def test_any_finish_reason(server: ScriptedServer, finish: str) -> None:
    """It is the server's own word."""
    choice = {"message": {"content": "a"}, "finish_reason": finish}
    server.will(json_answer({"choices": [choice]}))

    assert finish == ask(server).choices[0].finish_reason


def test_sources_of_a_message(server: ScriptedServer) -> None:
    """The older place of web sources."""
    message = {"content": "a", "web_sources": [{"url": "u"}]}
    server.will(json_answer({"choices": [{"message": message}]}))

    assert ["u"] == [source.url for source in ask(server).web_sources]


@pytest.mark.parametrize(
    ("body", "words", "partial"),
    [
        ({"choices": []}, "no answer", ""),
        ({}, "no answer", ""),
        ({"object": "error", "message": "out of luck"}, "out of luck", ""),
        ({"detail": "out of luck"}, "out of luck", ""),
        ({"choices": None, "error": {"message": "out of luck"}}, "out of luck", ""),
        (
            {"choices": [{"message": {"content": "a"}}], "error": "out of luck"},
            "out of luck",
            "a",
        ),
        ([], "not JSON", ""),
        ("x", "not JSON", ""),
    ],
)
def test_a_success_that_is_none(
    server: ScriptedServer, body: Any, words: str, partial: str
) -> None:
    """It is told, with the part that came."""
    server.will(json_answer(body))
    with pytest.raises(errors.StreamError, match=words) as caught:
        ask(server)

    assert partial == caught.value.partial


def test_an_error_inside_says_what_to_do(server: ScriptedServer) -> None:
    """Its code, parameter and hint are as in a refusal."""
    error = {"message": "too long", "code": "context_length_exceeded", "param": "p"}
    server.will(Answer((A, event({"error": error}))))
    with pytest.raises(errors.StreamError) as caught:
        list(ask(server, stream=True))

    assert ("context_length_exceeded", "p", 200) == (
        caught.value.code,
        caught.value.param,
        caught.value.status,
    )
    assert caught.value.hint.endswith("ask a model with a longer context.")


def test_a_body_of_nothing(server: ScriptedServer) -> None:
    """It is told as that, not as nothing that is no JSON."""
    server.will(Answer((), headers={"Content-Type": "application/json"}))
    with pytest.raises(errors.StreamError, match="with nothing") as caught:
        ask(server)

    assert f"Check the base URL, {server.url}." == caught.value.hint


@pytest.mark.parametrize("steps", [(A,), (A, Cut())], ids=["truncated", "cut"])
def test_a_broken_answer_can_be_asked_about(
    server: ScriptedServer, steps: tuple[bytes | Cut, ...]
) -> None:
    """The request's id is known, for whoever has paid for it."""
    kind = {"Content-Type": "text/event-stream", "X-Request-Id": "r1"}
    server.will(Answer(steps, headers=kind))
    with pytest.raises(errors.ApertisError) as caught:
        list(ask(server, stream=True))

    assert ("r1", 200) == (caught.value.request_id, caught.value.status)
    assert "r1" == caught.value.headers["x-request-id"]


HEADERS = {
    "Content-Type": "text/event-stream",
    "X-Request-Id": "r1",
    "X-RateLimit-Limit": "1500",
    "X-RateLimit-Remaining": "1499",
    "X-RateLimit-Reset": "1790000000",
    "X-Fallback-Used": "true",
    "X-Fallback-From": "m",
    "X-Fallback-Reason": "timeout",
    "X-Actual-Model": "n",
    "X-Web-Search-Status": "no_results",
    "X-Compression-Applied": "false",
}


@pytest.mark.parametrize("stream", [False, True])
def test_headers_are_reachable(server: ScriptedServer, *, stream: bool) -> None:
    """On a result and on a stream."""
    server.will(Answer((chunk("a", finish="stop"), DONE), headers=HEADERS))
    with_headers = ask(server, stream=stream)
    response = with_headers.response

    assert ("r1", "n", "m", "timeout") == (
        response.request_id,
        response.actual_model,
        response.fallback_from,
        response.fallback_reason,
    )
    assert (True, False, "no_results") == (
        response.fallback_used,
        response.compression_applied,
        response.web_search_status,
    )
    assert (1500, 1499, 1790000000.0) == (
        response.rate_limit.limit,
        response.rate_limit.remaining,
        response.rate_limit.reset,
    )
    assert "1499" == response.headers["x-ratelimit-remaining"]
