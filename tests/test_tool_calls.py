"""The calls of tools: put together, shown, told of, and sent with the next question."""

import json
from itertools import permutations
from typing import Any

import pytest
from conftest import Shell
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import DONE, Answer, ScriptedServer, chunk, json_answer, says

from apertis_magic import Conversation
from apertis_magic.api.assemble import Assembly, completion_of
from apertis_magic.api.types import ChatCompletionChunk
from apertis_magic.chat.growth import Growth, regrown
from apertis_magic.chat.parts import Text, ToolCall, ToolResult
from apertis_magic.chat.question import Question
from apertis_magic.chat.received import answers_of
from apertis_magic.chat.turn import Turn
from apertis_magic.render.footer import notes


def piece(index: int | None, **fields: Any) -> dict[str, Any]:
    """Return a piece of a call, without an index where that is None."""
    return fields if index is None else {"index": index, **fields}


def custom(index: int | None, text: str, **fields: Any) -> dict[str, Any]:
    """Return a piece of a custom tool's call."""
    return piece(index, custom={**fields.pop("custom", {}), "input": text}, **fields)


def function(index: int | None, text: str, **fields: Any) -> dict[str, Any]:
    """Return a piece of a function's call."""
    written = {**fields.pop("function", {}), "arguments": text}
    return piece(index, function=written, **fields)


def chunks(*deltas: dict[str, Any]) -> list[ChatCompletionChunk]:
    """Return the chunks that have these deltas."""
    return [ChatCompletionChunk({"choices": [{"delta": each}]}) for each in deltas]


def joined(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the calls of a completion whose pieces came each in a chunk."""
    deltas = [{"tool_calls": [each]} for each in pieces]
    message = completion_of(chunks(*deltas)).choices[0].message
    return list(message.raw.get("tool_calls", []))


RUN = {"type": "custom", "id": "call-1", "custom": {"name": "run"}}
PRINTS = {"type": "custom", "id": "call-1"}
PRINTS["custom"] = {"name": "run", "input": "print(1)"}  # type: ignore[assignment]  # of a dict
WEATHER = {"type": "function", "id": "call-2", "function": {"name": "weather"}}
WARM = {
    "type": "function",
    "id": "call-2",
    "function": {"name": "weather", "arguments": "{}"},
}


def test_the_input_of_a_custom_tool_is_joined() -> None:
    """And the call has nothing of a function's; a function's nothing of a tool's."""
    first = {**RUN, "custom": {"name": "run", "input": ""}}
    [call] = joined(piece(0, **first), custom(0, "print("), custom(0, "1)"))

    assert call == PRINTS
    assert [WARM] == joined(function(0, "", **WEATHER), function(0, "{}"))


def test_the_view_of_a_custom_call() -> None:
    """It has its name and input; a function's call has none."""
    call, other = (
        completion_of(chunks({"tool_calls": [each]})).choices[0].message.tool_calls[0]
        for each in (PRINTS, WARM)
    )

    assert call.custom is not None
    assert ("custom", "run", "print(1)") == (
        call.type,
        call.custom.name,
        call.custom.input,
    )
    assert "print(1)" == call.custom["input"]
    assert call.function.name is None
    assert other.custom is None
    assert "function" not in repr(call).replace("type", "")
    assert ("function", "weather") == (other.type, other.function.name)


def test_a_custom_tools_input_is_never_split() -> None:
    """It is a text, also where it looks like the JSON of two calls."""
    [call] = joined(custom(0, '{"a": 1}', **RUN), custom(0, '{"a": 2}'))

    assert '{"a": 1}{"a": 2}' == call["custom"]["input"]


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_calls_come_in_the_order_of_their_index(order: tuple[int, ...]) -> None:
    """Whichever came first."""
    came = [
        function(index, "{}", id=str(index), function={"name": f"f{index}"})
        for index in order
    ]

    assert ["f0", "f1", "f2"] == [each["function"]["name"] for each in joined(*came)]


def test_a_call_without_an_index_keeps_its_place() -> None:
    """Those around it are put in order."""
    came = [
        function(index, "{}", id=name, function={"name": name})
        for index, name in ((2, "c"), (None, "x"), (0, "a"))
    ]

    assert ["a", "x", "c"] == [each["id"] for each in joined(*came)]


@pytest.mark.parametrize(
    "padding",
    [
        {},
        {"index": 0},
        {"index": 7},
        {"index": 0, "type": "function"},
        {"index": 7, "type": "function", "function": {}},
        {"index": 7, "function": {"name": "", "arguments": ""}},
        {"index": 7, "id": "", "type": "custom", "custom": {"input": ""}},
        {"index": 0, "id": None, "function": None, "custom": None},
    ],
)
def test_padding_is_no_call(padding: dict[str, Any]) -> None:
    """Neither before the calls, nor between them or behind."""
    call = function(0, "{}", **WEATHER)

    assert [] == joined(padding)
    assert [WARM] == joined(padding, call)
    assert [WARM] == joined(call, padding)
    assert [WARM, PRINTS] == joined(call, padding, {"index": 1, **PRINTS}, padding)


def test_what_stands_beside_name_and_arguments_stays() -> None:
    """As in a whole answer."""
    signed = {"name": "weather", "signature": "s"}
    [call] = joined(
        function(0, "{", **{**WEATHER, "function": signed}), function(0, "}")
    )

    assert {**signed, "arguments": "{}"} == call["function"]


# No brace is closed: what may be two calls in one is another test's.
TEXTS = st.lists(st.sampled_from(["{", '"a"', ": 1", "(", "x\n", ""]), max_size=4)
MEANT = st.lists(st.tuples(st.booleans(), TEXTS), min_size=1, max_size=5)


@given(MEANT, st.data())
def test_any_interleaving(
    meant: list[tuple[bool, list[str]]], data: st.DataObject
) -> None:
    """The calls are as the server meant them, and the journal has the same."""
    queues, expected = [], []
    for index, (is_custom, texts) in enumerate(meant):
        kind, said, make = (
            ("custom", "input", custom)
            if is_custom
            else ("function", "arguments", function)
        )
        named = {"id": f"call-{index}", "type": kind, kind: {"name": f"tool-{index}"}}
        queues.append([make(index, "", **named), *(make(index, t) for t in texts)])
        expected.append(
            {**named, kind: {"name": f"tool-{index}", said: "".join(texts)}}
        )
    deltas: list[dict[str, Any]] = []
    while left := [queue for queue in queues if queue]:
        queue = data.draw(st.sampled_from(left))
        if not deltas or data.draw(st.booleans()):
            deltas.append({"tool_calls": []})
        deltas[-1]["tool_calls"].append(queue.pop(0))
    assembly, growth, noted = Assembly(), Growth(), []
    for each in chunks(*deltas):
        assembly.add(each)
        noted += growth.news(assembly)
    message = completion_of(chunks(*deltas)).choices[0].message

    assert expected == message.raw["tool_calls"]
    assert answers_of(assembly.choices) == answers_of(regrown(noted))


LEGACY: tuple[dict[str, Any], ...] = (
    {"function_call": {"name": "weather", "arguments": ""}},
    {"function_call": {"arguments": '{"in": '}},
    {"function_call": None},
    {"function_call": {"arguments": '"Paris"}'}},
    {"function_call": {}},
)


def test_the_call_of_the_older_api() -> None:
    """It is its own field in a completion, and a call as others are in a chat."""
    message = completion_of(chunks(*LEGACY)).choices[0].message
    assembly = Assembly()
    for each in chunks(*LEGACY):
        assembly.add(each)

    assert {"name": "weather", "arguments": '{"in": "Paris"}'} == message.function_call
    assert () == message.tool_calls
    assert message.content is None
    assert message.function_call == message.to_dict()["function_call"]
    assert ((ToolCall("weather", '{"in": "Paris"}'),),) == answers_of(assembly.choices)
    assert completion_of(chunks({"function_call": {}})).choices[0].message.raw == {
        "role": "assistant",
        "content": "",
    }


PARIS = '{"city": "Paris"}'
# What a server calls with, what is sent of it later, and what is said of it.
ASKED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a function": (
        {"tool_calls": [function(0, PARIS, **WEATHER)]},
        f"[asked for weather({PARIS})]",
        f"The model asked for the tool weather({PARIS}), and there is none here.",
    ),
    "a custom tool": (
        {"tool_calls": [{"index": 0, **PRINTS}]},
        "[asked for run(print(1))]",
        "The model asked for the tool run(print(1)), and there is none here.",
    ),
    "no arguments": (
        {"tool_calls": [function(0, "", **WEATHER)]},
        "[asked for weather()]",
        "The model asked for the tool weather(), and there is none here.",
    ),
    "no arguments at all": (
        {"tool_calls": [{"index": 0, **WEATHER}]},
        "[asked for weather()]",
        "The model asked for the tool weather(), and there is none here.",
    ),
    "no name": (
        {"tool_calls": [{"id": "1", "function": {"arguments": "{}"}}]},
        "[asked for a tool({})]",
        "The model asked for a tool({}), and there is none here.",
    ),
    "an id alone": (
        {"tool_calls": [{"id": "1", "type": "function"}]},
        "[asked for a tool()]",
        "The model asked for a tool(), and there is none here.",
    ),
    "the older API": (
        {"function_call": {"name": "weather", "arguments": "{}"}},
        "[asked for weather({})]",
        "The model asked for the tool weather({}), and there is none here.",
    ),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call"])
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_is_a_call(
    server: ScriptedServer, name: str, finish: str, *, stream: bool
) -> None:
    """It goes with its question, and a line names it, whatever the reason is called."""
    message, line, note = ASKED[name]
    end = chunk(finish=finish)
    choice = {"message": {"content": None, **message}, "finish_reason": finish}
    first = Answer((chunk(delta=message), end, DONE))
    server.will(first if stream else json_answer({"choices": [choice]}), says("Mild."))
    chat = Conversation()
    turn = chat.ask("How is it?", stream=stream).result()
    chat.ask("Well?").result()
    sent = server.requests[-1].body["messages"]

    assert turn.is_sent
    assert [note] == notes(turn)
    assert [("user", "How is it?"), ("assistant", line), ("user", "Well?")] == [
        (each["role"], each["content"]) for each in sent
    ]


def turn_of(*parts: Any, finish: str = "stop", error: str = "") -> Turn:
    """Return the turn of an answer."""
    return Turn(question=Question("x"), answers=(parts,), finish=finish, error=error)


SEVERAL: list[tuple[int, str]] = [
    (2, "the tools f0() and f1(), and there are none here."),
    (3, "the tools f0(), f1() and f2(), and there are none here."),
    (4, "the tools f0(), f1(), f2() and 1 more, and there are none here."),
    (5_000, "the tools f0(), f1(), f2() and 4997 more, and there are none here."),
]


@pytest.mark.parametrize(("count", "words"), SEVERAL)
def test_several_calls_are_named(count: int, words: str) -> None:
    """Three of them, and how many there are besides."""
    turn = turn_of(*(ToolCall(f"f{n}") for n in range(count)))

    assert [f"The model asked for {words}"] == notes(turn)


def test_the_note_is_one_short_line() -> None:
    """Nothing in it steers a terminal."""
    turn = turn_of(*[ToolCall("a\nb\x1b[31m" * 99, '{"a":\n"\u202e' + "9" * 999)] * 4)
    [note] = notes(turn)

    assert len(note) < 800
    assert not {"\n", "\x1b", "\u202e"} & {*note}


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (
            turn_of(Text("Hm."), ToolCall("f"), finish="length"),
            ["cut off", "the tool f()"],
        ),
        (turn_of(Text("Hm."), finish="tool_calls"), ["asked for a tool, and"]),
        (turn_of(finish="tool_calls"), ["asked for a tool, and"]),
        (turn_of(ToolCall("f"), finish="error", error="no"), ["broke off"]),
        (turn_of(ToolCall("f"), finish="interrupted"), ["stopped"]),
        (turn_of(ToolCall("f", "", "1"), ToolResult("1", "x")), []),
        (turn_of(Text("Hm.")), []),
    ],
)
def test_what_else_is_noted(turn: Turn, words: list[str]) -> None:
    """How the answer ended, and nothing of calls that were made or came in part."""
    found = notes(turn)

    assert len(words) == len(found)
    assert all(word in note for word, note in zip(words, found, strict=True))


def test_a_custom_call_in_a_cell(shell: Shell, server: ScriptedServer) -> None:
    """Its input is folded as it was written, and the note stands below."""
    call = {"index": 0, **RUN, "custom": {"name": "run", "input": "print(\n  1)"}}
    server.will(Answer((chunk(delta={"tool_calls": [call]}, finish="stop"), DONE)))
    shell.run("get_ipython().run_cell_magic('chat', '', 'Run it.')")
    data = shell.published[-1]["data"]

    assert "tool <code>run</code></small></summary>" in data["text/html"]
    assert "print(&#10;  1)" in data["text/html"].replace("\n", "&#10;")
    assert "asked for the tool run(print( 1)), and there" in data["text/html"]
    assert data["text/plain"].startswith("[asked for the tool run(print( 1))]\n")
    assert "empty" not in json.dumps(data)
