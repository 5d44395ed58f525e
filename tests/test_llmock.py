"""The client against LLMock, a server of other people's making, and its verdict."""

from typing import TYPE_CHECKING, Any

import pytest

from apertis_magic import Apertis, errors

if TYPE_CHECKING:
    from llmock.pytest_plugin import LLMock

HELLO = [{"role": "user", "content": "Hello!"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def ask(llmock: "LLMock", *, timeout: float | None = None, **options: Any) -> Any:
    """Ask in plain code."""
    client = Apertis("llmock", base_url=llmock.base_url("openai"), timeout=timeout)
    request = {"model": "gpt-4o", "messages": HELLO, **options}
    return client.chat.completions.create(**request)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer(llmock: "LLMock", *, stream: bool) -> None:
    """The text comes whole, with its finish reason."""
    text = "A long answer: 日本語 \U0001f600 and more."
    llmock.reply(text)
    answer = ask(llmock, stream=stream)
    found = answer.completion() if stream else answer

    assert (
        "A long answer: 日本語 \U0001f600 and more." == found.choices[0].message.content
    )
    assert "stop" == found.choices[0].finish_reason


def test_usage_where_it_is_asked_for(llmock: "LLMock") -> None:
    """A stream ends with it."""
    found = ask(
        llmock, stream=True, stream_options={"include_usage": True}
    ).completion()

    assert found.usage.total_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call(llmock: "LLMock", *, stream: bool) -> None:
    """Its arguments come whole."""
    llmock.call_tool("weather", {"city": "Kyōto"})
    answer = ask(llmock, stream=stream, tools=[TOOL])
    found = answer.completion() if stream else answer
    (call,) = found.choices[0].message.tool_calls

    assert "weather" == call.function.name
    assert '"city"' in call.function.arguments
    assert call.id


@pytest.mark.parametrize("stream", [False, True])
def test_a_rate_limit_is_waited_for(llmock: "LLMock", *, stream: bool) -> None:
    """As long as the server says, and no longer than needed."""
    llmock.rate_limit(times=2, retry_after=0.2)
    answer = ask(llmock, stream=stream)
    if stream:
        answer = answer.completion()

    assert answer.choices[0].message.content
    llmock.assert_resilient(strict=True)


REFUSALS: dict[int, type[Exception]] = {
    400: errors.BadRequest,
    401: errors.AuthenticationError,
    402: errors.QuotaExceeded,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    500: errors.ServerError,
    503: errors.ServerError,
}


@pytest.mark.parametrize(("status", "kind"), REFUSALS.items())
def test_a_refusal(llmock: "LLMock", status: int, kind: type[Exception]) -> None:
    """Each in its class."""
    llmock.fail(status, times=None, retry_after=0.05)
    with pytest.raises(kind):
        ask(llmock)
    llmock.assert_resilient()


def test_too_long_a_prompt(llmock: "LLMock") -> None:
    """The provider's own words are known."""
    llmock.context_overflow()
    with pytest.raises(errors.ContextLengthExceeded):
        ask(llmock)
    llmock.assert_resilient(strict=True)


def read(stream: Any) -> str:
    """Return all text of *stream*."""
    return "".join(
        choice.delta.content or "" for chunk in stream for choice in chunk.choices
    )


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("truncate", errors.IncompleteAnswer),
        ("disconnect", errors.ConnectionFailed),
        ("stall", errors.TimedOut),
    ],
)
def test_a_stream_that_breaks(
    llmock: "LLMock", fault: str, kind: type[errors.ApertisError]
) -> None:
    """It is an error, with the part that had come, and is not asked again."""
    getattr(llmock.reply("one two three four five six"), fault)(after_chunks=3)
    stream = ask(llmock, stream=True, timeout=1 if fault == "stall" else None)
    with pytest.raises(kind) as caught:
        read(stream)

    assert kind is type(caught.value)
    assert "one two three four five six".startswith(caught.value.partial)
    assert caught.value.partial
    assert 1 == len(llmock.requests)


def test_a_chunk_that_is_no_json(llmock: "LLMock") -> None:
    """It is counted, and the rest is the answer."""
    llmock.reply("one two three four five six").corrupt(after_chunks=2)
    stream = ask(llmock, stream=True)
    text = read(stream)

    assert 1 == stream.malformed
    assert text.startswith("one")
    assert text.endswith("six")


def test_the_models(llmock: "LLMock") -> None:
    """The list is read."""
    client = Apertis("llmock", base_url=llmock.base_url("openai"))

    assert all(model.id for model in client.models.list())
    assert len(client.models.list()) > 0
