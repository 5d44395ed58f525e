"""What real servers send beside the text becomes parts of the answer, and stays."""

import json
from base64 import b64encode
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from drawn import data_url
from hypothesis import given
from hypothesis import strategies as st
from journals import taken_up
from scripted_server import (
    DONE,
    Answer,
    ScriptedServer,
    chunk,
    event,
    json_answer,
    says,
)
from turns import turn_of

from apertis_magic import Apertis, Conversation
from apertis_magic.api.assemble import Assembly, Pieces
from apertis_magic.api.types import ChatCompletionChunk
from apertis_magic.chat.growth import Growth, regrown
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.parts import (
    Part,
    Picture,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    joined,
    part_of,
    part_to_dict,
    text_of,
)
from apertis_magic.chat.question import Question
from apertis_magic.chat.received import answers_of, parts_of, texts_of
from apertis_magic.chat.sending import messages_of
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ConfigurationError
from apertis_magic.render.footer import notes

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + bytes(50)
GIF = b"GIF89a" + bytes(50)
WEBP = b"RIFF\x00\x00\x00\x00WEBP" + bytes(50)


def image(url: str) -> dict[str, Any]:
    """Return the part of a message that is a picture."""
    return {"type": "image_url", "image_url": {"url": url}}


CALL = {
    "index": 0,
    "id": "call-1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"in": "Paris"}'},
}
THINKS = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
SAID = {"type": "text", "text": "Yes."}
PICTURE = Picture("image/png", PNG)

# By the name of who sends it: the message, what stands beside it, and the parts.
BODIES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[Part, ...]]] = {
    "text": ({"content": "Yes."}, {}, (Text("Yes."),)),
    "DeepSeek": (
        {"reasoning_content": "Hm.", "content": "Yes."},
        {},
        (Reasoning("Hm."), Text("Yes.")),
    ),
    "Mistral": ({"content": [THINKS, SAID]}, {}, (Reasoning("Hm."), Text("Yes."))),
    "every field, most of them null": (
        {"content": [{**SAID, "image_url": None, "refusal": None, "thinking": None}]},
        {},
        (Text("Yes."),),
    ),
    "thinking as a text": (
        {"content": [{"type": "thinking", "thinking": "Hm."}, SAID]},
        {},
        (Reasoning("Hm."), Text("Yes.")),
    ),
    "Perplexity": (
        {"content": "Yes [1][2]."},
        {
            "citations": ["https://a.example/1", "https://a.example/2"],
            "search_results": [
                {"title": "One", "url": "https://a.example/1", "date": "2026-01-02"},
                {"title": "Three", "url": "https://a.example/3"},
            ],
        },
        (
            Text("Yes [1][2]."),
            Source("https://a.example/1", "One"),
            Source("https://a.example/2"),
            Source("https://a.example/3", "Three"),
        ),
    ),
    "a picture alone": (
        {"content": "", "images": [image(data_url(PNG))]},
        {},
        (PICTURE,),
    ),
    "a picture behind a text": (
        {"content": "Look:", "images": [image(data_url(JPEG))]},
        {},
        (Text("Look:"), Picture("image/jpeg", JPEG)),
    ),
    "a picture between texts": (
        {
            "content": [
                {"type": "text", "text": "One:"},
                image(data_url(GIF)),
                {"type": "text", "text": "Two:"},
                {"type": "image_url", "image_url": data_url(WEBP)},
            ]
        },
        {},
        (
            Text("One:"),
            Picture("image/gif", GIF),
            Text("Two:"),
            Picture("image/webp", WEBP),
        ),
    ),
    "base64 alone": (
        {"content": None, "images": [{"b64_json": b64encode(PNG).decode()}]},
        {},
        (PICTURE,),
    ),
    "another kind than it says": (
        {"images": [image(data_url(PNG, "image/svg+xml"))]},
        {},
        (PICTURE,),
    ),
    "a picture that is elsewhere": (
        {"images": [image("https://a.example/x.png")]},
        {},
        (Picture("", url="https://a.example/x.png"),),
    ),
    "a refusal in the content": (
        {"content": [{"type": "refusal", "refusal": "No."}]},
        {},
        (Refusal("No."),),
    ),
    "a refusal as a text": (
        {"content": [{"type": "refusal", "text": "No."}]},
        {},
        (Refusal("No."),),
    ),
    "a picture in words": (
        {"content": [{"type": "image", "text": "Yes.", "url": None}]},
        {},
        (Text("Yes."),),
    ),
    "a tool": (
        {"content": None, "tool_calls": [CALL]},
        {},
        (ToolCall("weather", '{"in": "Paris"}', "call-1"),),
    ),
    "all at once": (
        {
            "reasoning": "Hm.",
            "content": "Yes.",
            "refusal": "No.",
            "images": [image(data_url(PNG))],
            "tool_calls": [CALL],
            "annotations": [
                {"type": "url_citation", "url_citation": {"url": "https://a.example/"}}
            ],
        },
        {},
        (
            Reasoning("Hm."),
            Text("Yes."),
            Refusal("No."),
            PICTURE,
            ToolCall("weather", '{"in": "Paris"}', "call-1"),
            Source("https://a.example/"),
        ),
    ),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("way", ["whole", "streamed", "streamed whole"])
def test_what_servers_send(server: ScriptedServer, name: str, way: str) -> None:
    """Whole and streamed alike."""
    message, beside, expected = BODIES[name]
    choice = {"index": 0, "finish_reason": "stop"}
    answers = {
        "whole": json_answer({"choices": [{**choice, "message": message}], **beside}),
        "streamed whole": Answer(
            (event({"choices": [{**choice, "delta": message}], **beside}), DONE)
        ),
        "streamed": Answer(
            (
                *(
                    event({"choices": [{"index": 0, "delta": {part: value}}], **beside})
                    for part, value in message.items()
                ),
                chunk(finish="stop"),
                DONE,
            )
        ),
    }
    server.will(answers[way])
    turn = Conversation().ask("x", stream=way != "whole").result()

    assert expected == turn.parts


@pytest.mark.parametrize("name", BODIES)
def test_a_client_puts_together_what_was_streamed(
    server: ScriptedServer, name: str
) -> None:
    """The completion says the same as the pieces did."""
    message, beside, expected = BODIES[name]
    body = {"choices": [{"index": 0, "delta": message}], **beside}
    server.will(Answer((event(body), chunk(finish="stop"), DONE)))
    with Apertis().chat.completions.create(
        model="m", messages=[{"role": "user", "content": "x"}], stream=True
    ) as stream:
        whole = stream.completion()
    assembly = Assembly()
    assembly.add(whole.as_chunk())
    [parts] = answers_of(assembly.choices)
    others = [part for part in expected if not isinstance(part, Text)]

    assert text_of(expected) == (whole.choices[0].message.content or "")
    assert text_of(expected) == text_of(parts)
    assert others == [part for part in parts if not isinstance(part, Text)]


@pytest.mark.parametrize(
    "beside",
    [
        {"usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"x_groq": {"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}},
        {"usage": None, "x_groq": {"usage": {"total_tokens": 7}}},
    ],
)
def test_usage_that_stands_elsewhere(
    server: ScriptedServer, beside: dict[str, Any]
) -> None:
    """Groq has it in a field of its own."""
    server.will(Answer((chunk("Yes."), chunk(finish="stop", **beside), DONE)))
    usage = Conversation().ask("x").result().usage

    assert 7 == (usage and usage.total_tokens)


@pytest.mark.parametrize("index", [-1, 1, 7])
def test_the_answer_is_that_of_index_0(server: ScriptedServer, index: int) -> None:
    """Whichever number the others have, and whichever came first."""
    other = {"index": index, "delta": {"content": "Other."}}
    server.will(
        Answer((event({"choices": [other]}), chunk("Yes.", finish="stop"), DONE))
    )
    turn = Conversation().ask("x", n=2).result()

    assert ("Yes.", ("Other.",)) == (turn.text, turn.alternatives)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, 1),
        ({"n": 2}, 2),
        ({"extra_body": {"n": 3}}, 3),
        ({"extra_body": {"n": "2"}}, 2),
        ({"extra_body": {"n": [9]}}, 1),
        ({"extra_body": {"n": 10**9}}, 128),
    ],
)
def test_choices_that_nobody_asked_for(
    server: ScriptedServer, *, asked: dict[str, Any], expected: int, stream: bool
) -> None:
    """As many are kept as were asked for, whichever came first."""
    said = "message", "delta"
    choices = [
        {"index": n, said[stream]: {"content": f"{n}."}, "finish_reason": "stop"}
        for n in (*range(1, 200), 0)
    ]
    if stream:
        server.will(Answer((*(event({"choices": [each]}) for each in choices), DONE)))
    else:
        server.will(json_answer({"choices": choices}))
    turn = Conversation().ask("x", stream=stream, **asked).result()

    assert ("0.", expected) == (turn.text, len(turn.answers))
    assert tuple(f"{n}." for n in range(1, expected)) == turn.alternatives


@pytest.mark.parametrize("index", [-3, 1, 10**9])
def test_a_choice_that_is_numbered_from_elsewhere(
    server: ScriptedServer, index: int
) -> None:
    """It is kept where no other has come."""
    other = {"index": index, "delta": {"content": "Yes."}, "finish_reason": "stop"}
    server.will(Answer((event({"choices": [other]}), DONE)))

    assert ("Yes.",) == Conversation().ask("x").result().alternatives


def test_usage_of_a_choice(server: ScriptedServer) -> None:
    """Moonshot has it in the choice; another one may say that it has none."""
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    told = {**last, "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    other = {**last, "index": 1, "usage": None}
    server.will(Answer((chunk("Yes."), event({"choices": [told, other]}), DONE)))
    usage = Conversation().ask("x").result().usage
    with Apertis().chat.completions.create(
        model="m", messages=[{"role": "user", "content": "x"}], stream=True
    ) as stream:
        assert usage == stream.completion().usage

    assert 7 == (usage and usage.total_tokens)


NO_PICTURES = {
    "SVG": data_url(b"<svg onload='alert(1)'/>", "image/svg+xml"),
    "SVG that says PNG": data_url(b"<svg onload='alert(1)'/>"),
    "HTML": data_url(b"<script>alert(1)</script>", "text/html"),
    "no base64": "data:image/png,hello",
    "damaged base64": "data:image/png;base64,####",
    "nothing": "data:image/png;base64,",
    "a script": "javascript:alert(1)",
    "a file": "file:///etc/passwd",
    "BMP": data_url(b"BM" + bytes(50), "image/bmp"),
    "too large": "data:image/png;base64," + "A" * 30_000_000,
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_left_out(name: str) -> None:
    """Its bytes are not kept; that it came is."""
    pieces = Pieces()
    pieces.take("picture", NO_PICTURES[name])
    [part] = parts_of(pieces)

    assert isinstance(part, Picture)
    assert (b"", "") == (part.data, part.url)
    assert part.left_out
    assert len(str(part)) < 200


BASE64 = b64encode(PNG).decode()


@pytest.mark.parametrize(
    "spelt",
    [
        "data:image/png;base64," + BASE64.replace("+", "-").replace("/", "_"),
        "data:image/png;base64," + BASE64.rstrip("="),
        f"data:image/png;base64,\n{BASE64[:40]}\r\n{BASE64[40:]}\n",
        f"DATA:;charset=utf-8;base64,{BASE64}",
        BASE64,
    ],
    ids=["the other alphabet", "no padding", "lines", "no kind", "no address"],
)
def test_base64_as_servers_write_it(spelt: str) -> None:
    """In either alphabet, with lines, without padding."""
    pieces = Pieces()
    pieces.take("picture", spelt)

    assert (PICTURE,) == parts_of(pieces)


def test_ten_thousand_pictures() -> None:
    """The first hundred are kept, and the others told of in one line."""
    pieces = Pieces()
    for _ in range(10_000):
        pieces.take("picture", data_url(PNG))
    *kept, last = parts_of(pieces)

    assert [PICTURE] * 100 == kept
    assert "9900 more" in str(last)


def test_pictures_that_are_too_large_together() -> None:
    """Those are kept that have room."""
    large = data_url(PNG + bytes(9_000_000))
    pieces = Pieces()
    for url in (large, large, large, data_url(PNG)):
        pieces.take("picture", url)
    found = [bool(part.data) for part in parts_of(pieces) if isinstance(part, Picture)]

    assert [True, True, False, True] == found


@pytest.mark.parametrize(
    ("parts", "is_empty"),
    [
        ((), True),
        ((Reasoning("Hm."),), True),
        ((Source("https://a.example/"),), True),
        ((Text("a"),), False),
        ((Refusal("no"),), False),
        ((PICTURE,), False),
        ((Picture("", left_out="too large"),), False),
        ((ToolCall("weather"),), False),
    ],
)
def test_an_answer_is_empty_only_when_it_is(
    parts: tuple[Part, ...],
    is_empty: bool,  # noqa: FBT001  what is expected
) -> None:
    """A picture is an answer, and so is the call of a tool."""
    turn = turn_of(others=parts, question=Question("x"), finish="stop")

    assert is_empty is ("The answer is empty." in notes(turn))


def sent(server: ScriptedServer, number: int = -1) -> list[Any]:
    """Return the messages of a request as (role, content)."""
    messages = server.requests[number].body["messages"]
    return [(each["role"], each["content"]) for each in messages]


DRAWN = Answer(
    (
        chunk("Look:", delta={"images": [image(data_url(PNG))]}),
        chunk(finish="stop"),
        DONE,
    )
)


def test_a_picture_is_seen_by_the_model_that_made_it(server: ScriptedServer) -> None:
    """It goes with the next question; another model is told of it in a line."""
    server.will(DRAWN, says("Blue."), says("Red."))
    chat = Conversation(model="draws")
    chat.ask("Draw.").result()
    chat.ask("Make it blue.").result()
    chat.ask("And red.", model="reads").result()
    told = ("assistant", "Look:\n\n[PNG picture, 264 bytes]")
    seen = [image(data_url(PNG)), {"type": "text", "text": "Make it blue."}]

    assert [("user", "Draw."), told, ("user", seen)] == sent(server, 1)
    assert [
        ("user", "Draw."),
        told,
        ("user", "Make it blue."),
        ("assistant", "Blue."),
        ("user", "And red."),
    ] == sent(server, 2)


def test_an_older_picture_is_a_line(server: ScriptedServer) -> None:
    """Those of the last four turns are sent."""
    server.will(DRAWN, says("a"))
    chat = Conversation(model="draws")
    chat.ask("Draw.").result()
    for _ in range(5):
        chat.ask("Go on.").result()
    counts = [json.dumps(sent(server, n)).count("base64") for n in range(6)]

    assert [0, 1, 1, 1, 1, 0] == counts


def test_the_first_text_may_come_with_a_picture(server: ScriptedServer) -> None:
    """Its time is known all the same."""
    server.will(DRAWN)

    assert Conversation().ask("Draw.").result().first_text is not None


def test_a_picture_alone_is_an_answer(server: ScriptedServer) -> None:
    """It is sent with its question, and joins no other answer."""
    server.will(
        Answer((chunk(delta={"images": [image(data_url(PNG))]}, finish="stop"), DONE)),
        says("a"),
    )
    chat = Conversation(model="draws")
    chat.ask("Draw.").result()
    chat.ask("Again.", model="reads").result()

    assert [
        ("user", "Draw."),
        ("assistant", "[PNG picture, 264 bytes]"),
        ("user", "Again."),
    ] == sent(server)


def test_a_tool_that_nobody_called_is_told_of(server: ScriptedServer) -> None:
    """The API refuses a call without its result."""
    calls = {"tool_calls": [CALL]}
    server.will(
        Answer((chunk(delta=calls), chunk(finish="tool_calls"), DONE)), says("Mild.")
    )
    chat = Conversation()
    chat.ask("How is the weather?").result()
    chat.ask("It is mild.").result()

    assert ("assistant", '[asked for weather({"in": "Paris"})]') == sent(server)[1]


@pytest.mark.parametrize("call", [{}, {"index": 0, "function": {"arguments": ""}}])
def test_a_call_of_nothing_is_none(server: ScriptedServer, call: Any) -> None:
    """Some servers send one with a text; the answer is not sent with it later."""
    server.will(
        Answer((chunk("Yes.", delta={"tool_calls": [call]}, finish="stop"), DONE)),
        says("a"),
    )
    chat = Conversation()
    chat.ask("x").result()
    chat.ask("y").result()

    assert ("assistant", "Yes.") == sent(server)[1]


def test_a_call_with_its_result_is_sent_as_the_api_has_it() -> None:
    """The call, what the tool gave, and what the model said then."""
    parts = (
        Text("Mild."),
        ToolCall("weather", "{}", "call-1"),
        ToolResult("call-1", "20 degrees"),
    )
    call = {"name": "weather", "arguments": "{}"}

    assert [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call-1", "type": "function", "function": call}],
        },
        {"role": "tool", "content": "20 degrees", "tool_call_id": "call-1"},
        {"role": "assistant", "content": "Mild."},
    ] == [message.to_dict() for message in messages_of(parts)]


def test_what_has_no_text_cannot_go_on(server: ScriptedServer) -> None:
    """A picture and a call are complete, however the answer ended."""
    calls = chunk(delta={"tool_calls": [CALL]}, finish="tool_calls")
    drawn = chunk(delta={"images": [image(data_url(PNG))]}, finish="length")
    server.will(Answer((drawn, DONE)), Answer((calls, DONE)))
    chat = Conversation()
    for _ in range(2):
        chat.ask("x").result()
        with pytest.raises(ConfigurationError, match="is complete"):
            chat.resume()


@pytest.mark.parametrize(
    "beside", [(), (Reasoning("Hm."),), (Source("https://a.example/"),)]
)
def test_a_text_is_sent_to_the_letter(beside: tuple[Part, ...]) -> None:
    """With its blanks and lines, whatever came that is never sent."""
    [message] = messages_of(joined(beside, (Text("\n\n  Yes. \n"),)))

    assert "\n\n  Yes. \n" == message.content


def test_a_result_without_its_call_is_told_of() -> None:
    """The API takes neither alone; a call that names none is one without a result."""
    parts = (ToolCall("a"), ToolCall("b", "{}", "1"), ToolResult("2", "20 degrees"))
    [message] = messages_of(parts)

    assert (
        "[asked for a()]\n\n\n\n[asked for b({})]\n\n\n\n[a tool gave: 20 degrees]"
        == (message.content)
    )


PARTS = (
    Reasoning("Hm."),
    Text("One."),
    PICTURE,
    Text("Two."),
    Refusal("No."),
    ToolCall("weather", "{}", "call-1"),
    ToolResult("call-1", "20 degrees"),
    Source("https://a.example/", "A page"),
)


def test_all_parts_survive(server: ScriptedServer, tmp_path: Path) -> None:
    """Journal, another kernel, a branch, what is put back, a retry, later requests."""
    server.will(says("Mild."), says("B"))
    turn = Turn(question=Question("x"), answers=(PARTS, (Text("B"),)), finish="stop")
    journal = Journal(tmp_path / "journal.sqlite")
    first = taken_up(State(name="main", history=history_of([turn])), journal)
    journal.flush()
    restored = taken_up(journal.read(first.state.id), journal)
    branch = restored.fork("other")
    branch.transcript.put_back(*branch.transcript.drop(turn.id))
    branch.ask("y").result()
    history = sent(server)
    branch.retry(turn.id).result()
    journal.flush()
    versions = journal.versions(branch.state.id)

    assert [turn.answers] == [each.answers for each in restored.turns]
    assert turn.messages == restored.turns[0].messages
    assert [turn.answers] == [each.turn.answers for each in versions]
    assert [
        ("user", "x"),
        ("assistant", None),
        ("tool", "20 degrees"),
        ("assistant", "One.\n\n[PNG picture, 264 bytes]\n\nTwo."),
        ("user", "y"),
    ] == history


TEXTS = st.text(st.sampled_from("ab\n<>"), min_size=1, max_size=4)
TAKEN = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["text", "reasoning", "refusal"]), TEXTS),
        st.tuples(
            st.just("picture"), st.sampled_from([data_url(PNG), "x", "https://a/"])
        ),
        st.tuples(st.just("tool_call"), st.just(CALL)),
        st.tuples(st.just("source"), st.sampled_from(["https://a/", "https://b/"])),
    ),
    max_size=12,
)


def add(assembly: Assembly, number: int, kind: str, value: Any) -> None:
    """Have a chunk with one piece come."""
    delta = {
        "text": {"content": value},
        "reasoning": {"reasoning": value},
        "refusal": {"refusal": value},
        "picture": {"images": [image(value)]},
        "tool_call": {"tool_calls": [value]},
        "source": {"annotations": [{"url": value}]},
    }[kind]
    assembly.add(ChatCompletionChunk({"choices": [{"index": number, "delta": delta}]}))


@given(st.lists(st.tuples(st.integers(0, 2), TAKEN), max_size=4), st.data())
def test_what_has_grown_is_what_came(
    taken: list[tuple[int, list[tuple[str, Any]]]], data: st.DataObject
) -> None:
    """Whenever the journal asks; its pieces give the same answers."""
    assembly, growth, noted = Assembly(), Growth(), []
    for number, pieces in taken:
        for kind, value in pieces:
            add(assembly, number, kind, value)
            if data.draw(st.booleans()):
                noted += growth.news(assembly)
    noted += growth.news(assembly)

    assert answers_of(assembly.choices) == answers_of(regrown(noted))
    assert [] == growth.news(assembly)


def test_a_title_that_comes_later_is_noted() -> None:
    """Perplexity names the pages first, and says more of them at the end."""
    assembly, growth = Assembly(), Growth()
    page = {"url": "https://a.example/1", "title": "One"}
    noted = []
    for beside in ({"citations": [page["url"]]}, {"search_results": [page]}):
        assembly.add(ChatCompletionChunk({"choices": [], **beside}))
        noted += growth.news(assembly)

    assert ((Source(page["url"], "One"),),) == answers_of(regrown(noted))


ODD_PARTS = st.one_of(
    st.builds(Text, TEXTS),
    st.builds(Reasoning, TEXTS),
    st.builds(Refusal, TEXTS),
    st.just(PICTURE),
    st.builds(Picture, st.just(""), left_out=TEXTS),
    st.builds(Source, TEXTS, st.text(max_size=3)),
    st.builds(ToolCall, TEXTS, TEXTS, TEXTS),
    st.builds(ToolResult, TEXTS, TEXTS),
)
ANSWERS = st.lists(ODD_PARTS, max_size=6).map(lambda parts: joined((), parts))


@given(ODD_PARTS)
def test_a_part_comes_back_from_json(part: Part) -> None:
    """As it was; what is empty is not written."""
    raw = json.loads(json.dumps(part_to_dict(part)))

    assert part == part_of(raw)
    assert all(raw.values())


@given(ODD_PARTS)
def test_a_field_that_is_null_is_empty(part: Part) -> None:
    """As one that is missing is, in a file that another program wrote."""
    nothing = {each.name: None for each in fields(part)}

    assert part == part_of({**nothing, **part_to_dict(part)})


def test_a_page_of_version_0_1_0_is_a_source() -> None:
    """Whatever else an odd one says, and with a title that is null."""
    page = {"url": "https://a.example/", "title": None, "type": "text", "text": "x"}
    turn = Turn.from_dict({"prompt": "x", "text": "Yes.", "sources": [page]})

    assert (Text("Yes."), Source("https://a.example/")) == turn.parts


@given(ANSWERS, ANSWERS)
def test_two_answers_joined(first: Any, then: Any) -> None:
    """No text meets another of its kind, pages stand once, all texts are there."""
    whole = joined(first, then)
    kinds = [type(part) for part in whole]
    pages = [part.url for part in whole if isinstance(part, Source)]

    assert whole == joined((), whole)
    assert all(
        kinds[n] is not kind or kind in (Picture, Source, ToolCall, ToolResult)
        for n, kind in enumerate(kinds[1:])
    )
    assert len(set(pages)) == len(pages)
    assert text_of(first) + text_of(then) == text_of(whole)


IMAGE = f"![A red square]({data_url(PNG)})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (IMAGE, (Picture("image/png", PNG, alt="A red square"),)),
        (
            f"Look:\n\n{IMAGE}\n\nSo.",
            (
                Text("Look:\n\n"),
                Picture("image/png", PNG, alt="A red square"),
                Text("\n\nSo."),
            ),
        ),
        (f"- {IMAGE} and ![]({data_url(GIF)})", 1),
        (f"| a |\n|---|\n| {IMAGE} |\n| b |\n", 1),
        (f"1. one\n   {IMAGE}\n2. two\n", 1),
        (f"`{data_url(PNG * 50)} {IMAGE}` is how one is written", 1),
        (f"`{IMAGE}` is how one is written", 1),
        (f"```\n{IMAGE}\n```\n", 1),
        (f"![x]({data_url(b'<svg/>')})", 1),
        ("![x](data:image/png;base64,####)", 1),
        (f"![x]({data_url(PNG)}", 1),
    ],
)
def test_a_picture_in_the_text_is_a_part(text: str, expected: Any) -> None:
    """On a line of its own, as gateways write it; elsewhere it is text, as it came."""
    pieces = Pieces()
    for start in range(0, len(text), 7):
        pieces.take("text", text[start : start + 7])
    parts = parts_of(pieces)

    if isinstance(expected, int):
        assert expected == len(parts)
        assert expected > 1 or (Text(text),) == parts
    else:
        assert expected == parts


def test_a_picture_in_the_text_is_not_shown_as_text() -> None:
    """At no place while it comes: a terminal could not take it back."""
    text = f"Look!\n{IMAGE}\n![b](https://a.example/)\nSo.\n!\n![x\nEnd![" + IMAGE
    pieces, shown = Pieces(), []
    for letter in text:
        pieces.take("text", letter)
        shown.append(texts_of(pieces).get("text", ""))
    whole = text_of(parts_of(pieces))

    assert "base64" not in whole.partition("End")[0]
    assert [] == [each for each in shown if not whole.startswith(each)]


def test_the_data_of_a_picture_in_a_text_is_not_sent(server: ScriptedServer) -> None:
    """Where it could not be told apart: nobody reads it, and it would cost a lot."""
    image = f"![x]({data_url(PNG * 50)})"
    server.will(says(f"`{image}` is how one is written"), says("a"))
    chat = Conversation()
    first = chat.ask("x").result()
    chat.ask("y").result()

    assert image in first.text
    assert len(sent(server)[1][1]) < len(image) / 2


def test_an_icon_in_code_is_sent_to_the_letter(server: ScriptedServer) -> None:
    """The next question may be about it, and what was cut off goes on behind it."""
    code = f'```html\n<img src="{data_url(PNG * 9)}'
    server.will(says(code, finish="length"), says("a"))
    chat = Conversation()
    chat.ask("x").result()
    chat.resume().result()

    assert ("assistant", code) == sent(server)[1]


def test_thinking_between_each_two_words(server: ScriptedServer) -> None:
    """It is gathered above the answer, which would be thousands of parts else."""
    both = [chunk("a", delta={"reasoning_content": "b"}) for _ in range(1_000)]
    server.will(Answer((*both, chunk(finish="stop"), DONE)))
    turn = Conversation().ask("x").result()

    assert (Reasoning("b" * 1_000), Text("a" * 1_000)) == turn.parts


def test_an_answer_that_is_thinking_alone_cannot_go_on(server: ScriptedServer) -> None:
    """One line says why, and what to do."""
    server.will(says("<think>Hm", finish="length"))
    chat = Conversation()
    turn = chat.ask("x").result()
    for name in (None, turn.id):
        with pytest.raises(ConfigurationError, match="still thinking") as caught:
            chat.resume(name)

        assert "retry" in caught.value.hint


def test_the_address_of_a_picture_is_no_longer_than_a_line() -> None:
    """Whatever a server sends as one."""
    pieces = Pieces()
    pieces.take("picture", "https://a.example/" + "x" * 1_000_000)
    [part] = parts_of(pieces)

    assert isinstance(part, Picture)
    assert part.url.startswith("https://a.example/xxx")
    assert len(part.url) <= 2_000
