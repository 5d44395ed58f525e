"""The programs of the documentation's Chat Completions page, run as they stand."""

from collections.abc import Iterator
from typing import Any

import pytest
from scripted_server import USAGE, ScriptedServer, chunk, event, says, whole

from apertis_magic import Apertis


@pytest.fixture
def page(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """Return a server that the environment names, together with a key."""
    monkeypatch.setenv("APERTIS_API_KEY", "sk-test-0123456789")
    server.will(whole("An answer."))
    return server


@pytest.mark.usefixtures("page")
def test_basic_usage() -> None:
    """One question, one answer."""
    client = Apertis()
    response = client.chat.completions.create(
        model="gpt-4.1-mini",
        messages=[
            {"role": "user", "content": "Explain quantum computing in simple terms."}
        ],
    )

    assert "An answer." == response.choices[0].message.content


def test_multi_turn_conversations(page: ScriptedServer) -> None:
    """The list of messages grows, and goes to the server as it is."""
    client = Apertis()
    messages = [
        {"role": "system", "content": "You are a helpful Python tutor."},
        {"role": "user", "content": "What is a list comprehension?"},
    ]
    response = client.chat.completions.create(
        model="claude-sonnet-4.5", messages=messages
    )
    messages.append(
        {"role": "assistant", "content": response.choices[0].message.content or ""}
    )
    messages.append({"role": "user", "content": "Can you show me an example?"})
    client.chat.completions.create(model="claude-sonnet-4.5", messages=messages)

    assert [
        ("system", "You are a helpful Python tutor."),
        ("user", "What is a list comprehension?"),
        ("assistant", "An answer."),
        ("user", "Can you show me an example?"),
    ] == page.messages[1]


def test_an_answer_goes_back_as_it_came(page: ScriptedServer) -> None:
    """The message of a response can be appended itself."""
    client = Apertis()
    page.will(whole("An answer.", object="chat.completion"))
    ask = {"role": "user", "content": "x"}
    first = client.chat.completions.create(model="m", messages=[ask])
    client.chat.completions.create(
        model="m", messages=[ask, first.choices[0].message, ask]
    )

    assert [
        ("user", "x"),
        ("assistant", "An answer."),
        ("user", "x"),
    ] == page.messages[1]


def test_configuration_options(page: ScriptedServer) -> None:
    """Each option reaches the server under its name, with its value."""
    options: dict[str, Any] = {
        "temperature": 0.9,
        "max_tokens": 500,
        "top_p": 0.95,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
    }
    messages = [{"role": "user", "content": "Write a creative story opening."}]
    client = Apertis()
    client.chat.completions.create(model="gpt-4.1", messages=messages, **options)
    client.chat.completions.create(
        model="gpt-4.1", messages=messages, stop=["\n", "END"], n=2
    )
    sent = {"model": "gpt-4.1", "messages": messages}

    assert {**sent, **options} == page.requests[0].body
    assert {**sent, "stop": ["\n", "END"], "n": 2} == page.requests[1].body


@pytest.mark.usefixtures("page")
def test_response_format(capsys: pytest.CaptureFixture[str]) -> None:
    """Every field that the page prints is there."""
    client = Apertis()
    response = client.chat.completions.create(
        model="gpt-4.1-mini", messages=[{"role": "user", "content": "Hello!"}]
    )

    assert response.usage is not None

    print(f"Model: {response.model}")
    print(f"Content: {response.choices[0].message.content}")
    print(f"Role: {response.choices[0].message.role}")
    print(f"Finish Reason: {response.choices[0].finish_reason}")
    print(f"\nPrompt Tokens: {response.usage.prompt_tokens}")
    print(f"Completion Tokens: {response.usage.completion_tokens}")
    print(f"Total Tokens: {response.usage.total_tokens}")

    assert (
        "Model: served\nContent: An answer.\nRole: assistant\nFinish Reason: stop\n\n"
        "Prompt Tokens: 5\nCompletion Tokens: 2\nTotal Tokens: 7\n"
    ) == capsys.readouterr().out


def stream(client: Apertis) -> Iterator[str]:
    """Do what the page's readers do with a stream: take ``choices[0]`` unseen."""
    for piece in client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "x"}], stream=True
    ):
        yield piece.choices[0].delta.content or ""


def test_a_loop_that_trusts_choices(page: ScriptedServer) -> None:
    """Unasked, no chunk comes without choices, and pings are left out."""
    page.will(says("Hel", "lo", usage=None))

    assert "Hello" == "".join(stream(Apertis()))

    ping = event({"type": "ping"})
    done = b"data: [DONE]\n\n"
    last = chunk(finish="stop", usage=USAGE)
    page.will(type(says())((ping, chunk("Hi"), ping, last, done)))

    assert "Hi" == "".join(stream(Apertis()))
    assert all("stream_options" not in request.body for request in page.requests)
