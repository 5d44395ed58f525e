"""A model that may not be streamed answers in one piece, and says so."""

import threading
from typing import Any

import pytest
from conftest import Shell
from scripted_server import (
    PATIENCE,
    Answer,
    ScriptedServer,
    Wait,
    event,
    fails,
    json_answer,
    says,
    whole,
)

from apertis_magic import Apertis, AsyncApertis, Conversation, errors
from apertis_magic.chat import session
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.question import Question
from apertis_magic.panel.rows import Row, ended_turn
from apertis_magic.render.footer import footer_line

HELLO = [{"role": "user", "content": "Hello!"}]
NO_STREAM: dict[str, Answer] = {
    "an organization that is not verified": fails(
        400,
        "Your organization must be verified to stream this model. Please go to the "
        "settings and click on Verify Organization.",
        type="invalid_request_error",
        param="stream",
        code="unsupported_value",
    ),
    "not supported": fails(400, "Streaming is not supported for this model"),
    "does not support": fails(404, "m does not support streaming.", code=404),
    "a field's value": fails(422, "stream: true is not allowed for m", param="stream"),
    "behind a success": json_answer(
        {"error": {"message": "This model does not support streaming."}}
    ),
    "in a stream": Answer(
        (event({"error": {"message": "m cannot be streamed", "param": "stream"}}),)
    ),
    "no permission": fails(403, "You may not stream this model.", param="stream"),
}
NO_USAGE = fails(400, "Unknown parameter: 'stream_options'.", param="stream_options")


def sent(server: ScriptedServer) -> list[tuple[bool, bool]]:
    """Return of each request whether it asked for a stream, and for its usage."""
    return [
        (request.body.get("stream", False), "stream_options" in request.body)
        for request in server.requests
    ]


@pytest.mark.parametrize("refusal", NO_STREAM.values(), ids=NO_STREAM)
def test_it_is_asked_once_more_and_remembered(
    server: ScriptedServer, refusal: Answer
) -> None:
    """The next question goes out without streaming at once."""
    server.will(refusal, whole("a"), whole("b"))
    chat = Conversation("m")
    turns = [chat.ask(text).result() for text in "xy"]

    assert ["a", "b"] == [turn.text for turn in turns]
    assert [True, True] == [turn.not_streamed for turn in turns]
    assert ["not streamed" in footer_line(turn) for turn in turns] == [True, True]
    assert [(True, True), (False, False), (False, False)] == sent(server)


def test_another_model_of_the_server_is_streamed(server: ScriptedServer) -> None:
    """What is remembered is of one model at one address."""
    client = AsyncApertis(base_url=server.url)
    client.capabilities.whole_only.add("m")
    server.will(whole("a"), says("b"))
    first, second = Conversation("m", client=client), Conversation("k", client=client)

    assert first.ask("x").result().not_streamed
    assert not second.ask("x").result().not_streamed
    assert [(False, False), (True, True)] == sent(server)


def test_usage_and_streaming_may_both_be_refused(server: ScriptedServer) -> None:
    """One after the other: each is left out once, and neither is tried again."""
    server.will(NO_USAGE, NO_STREAM["not supported"], whole("a"), whole("b"), says("c"))
    client = AsyncApertis(base_url=server.url)
    chat = Conversation("m", client=client)
    texts = [chat.ask(text).result().text for text in "xy"]
    texts.append(Conversation("k", client=client).ask("z").result().text)

    assert ["a", "b", "c"] == texts
    assert [
        (True, True),
        (True, False),
        (False, False),
        (False, False),
        (True, False),
    ] == sent(server)


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ((NO_STREAM["not supported"], NO_STREAM["not supported"]), 2),
        ((NO_USAGE, NO_USAGE), 2),
        ((NO_STREAM["not supported"], fails(402, "no money")), 2),
        ((fails(400, "not supported", param="temperature"),), 1),
        ((fails(402, "no money to stream"),), 1),
    ],
)
def test_nothing_is_tried_twice(
    server: ScriptedServer, answers: tuple[Answer, ...], requests: int
) -> None:
    """A refusal of the same thing again, or of another, is told as it is."""
    server.will(*answers)
    chat = Conversation("m")
    with pytest.raises(errors.StatusError):
        chat.ask("x", temperature=0.5).result()

    assert requests == len(server.requests)


def test_what_failed_is_not_remembered(server: ScriptedServer) -> None:
    """Only an answer shows that it was right to ask without streaming."""
    client = AsyncApertis(base_url=server.url)
    server.will(NO_STREAM["not supported"], fails(402, "no money"))
    with pytest.raises(errors.QuotaExceeded):
        Conversation("m", client=client).ask("x").result()

    assert set() == client.capabilities.whole_only


def test_what_only_a_stream_can_have_is_left_out(server: ScriptedServer) -> None:
    """Servers refuse ``stream_options`` without a stream."""
    server.will(NO_STREAM["not supported"], whole("a"))
    options: dict[str, Any] = {"extra_body": {"stream_options": {}, "top_k": 1}}
    chat = Conversation("m")

    assert "a" == chat.ask("x", **options).result().text
    assert [(True, True), (False, False)] == sent(server)
    assert [1, 1] == [request.body["top_k"] for request in server.requests]


def test_retry_continue_and_several_answers(server: ScriptedServer) -> None:
    """All that ask again know it too."""
    cut = json_answer(
        {
            "choices": [
                {
                    "index": index,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "length",
                }
                for index, text in enumerate(("One,", "Uno,"))
            ]
        }
    )
    server.will(NO_STREAM["not supported"], cut, whole(" two."), whole("Three."))
    chat = Conversation("m")
    first = chat.ask("x", n=2).result()
    joined = chat.resume().result()
    again = chat.retry().result()

    assert ("One,", ("Uno,",)) == (first.text, first.alternatives)
    assert ("One, two.", ("Uno,",)) == (joined.text, joined.alternatives)
    assert "Three." == again.text
    assert [True] * 3 == [each.not_streamed for each in (first, joined, again)]
    assert [True, False, False, False] == [streams for streams, _ in sent(server)]


def test_the_status_says_what_is_waited_for(server: ScriptedServer) -> None:
    """Nothing can be shown before the whole answer has come."""
    gate = threading.Event()
    late = Answer((Wait(gate), *whole("a").steps), headers=whole("a").headers)
    server.will(NO_STREAM["not supported"], late)
    reply = Conversation("m").ask("x")
    server.wait_for(2)

    assert "m · waiting for the whole answer" in reply.status
    gate.set()
    assert reply.wait(PATIENCE)
    assert "a" == reply.text


def test_the_panel_says_it_too(server: ScriptedServer) -> None:
    """In the footer of its row."""
    server.will(NO_STREAM["not supported"], whole("a"))
    here = session.current()
    turn = here.ask(Ask(question=Question("x"))).result()

    assert "not streamed" in ended_turn(Row(turn))["footer"]


@pytest.mark.usefixtures("cache")
def test_the_doctor_does_not_call_it_a_stream(
    shell: Shell, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says that the model answers, and that it is not streamed."""
    server.will(json_answer({"data": []}), NO_STREAM["not supported"], whole("ok"))
    shell.run("%chat doctor")
    told = capsys.readouterr().out

    assert "the server does not stream it" in told
    assert "streams:" not in told


def test_a_client_does_nothing_on_its_own(server: ScriptedServer) -> None:
    """Who asks for a stream in Python is told, with what to do about it."""
    server.will(NO_STREAM["not supported"], whole("a"))
    client = Apertis(base_url=server.url, max_retries=0)
    with pytest.raises(errors.StatusError) as caught:
        client.chat.completions.create(model="m", messages=HELLO, stream=True)

    assert caught.value.hint
    assert 1 == len(server.requests)
