"""What a refusal of an option is about: the field that it names, then its words."""

from typing import Any

import pytest
from scripted_server import Answer, ScriptedServer, fails, json_answer, says

from apertis_magic import Conversation
from apertis_magic.api.conflicts import (
    refuses_streaming,
    refuses_usage,
    wants_newer_name,
)
from apertis_magic.errors import BadRequest, NotFound, RateLimited, StatusError

EXTRA = "Extra inputs are not permitted"
VERIFIED = (
    "Your organization must be verified to stream this model. Please go to: "
    "https://platform.openai.com/settings/organization/general and click on Verify "
    "Organization. If you just verified, it can take up to 15 minutes for access to "
    "propagate."
)


def refusal(words: str, **known: Any) -> StatusError:
    """Return a refusal as ``failures`` makes it."""
    return BadRequest(f"{words} (HTTP 400)", status=400, **known)


def told(error: StatusError) -> str:
    """Return what tells a case from the others."""
    return f"{error.param} {error}"


@pytest.mark.parametrize(
    "error",
    [
        refusal(VERIFIED, param="stream", code="unsupported_value"),
        refusal(VERIFIED),
        refusal("Streaming is not supported for this model"),
        refusal("Streaming is not supported for this model", param="stream"),
        refusal("This model does not support streaming."),
        refusal("The model doesn't support streaming"),
        refusal("The model doesn\u2019t support response streaming"),
        refusal("The model is unsupported for streaming"),
        refusal("stream: true is not supported"),
        refusal("stream=true is not allowed for model x"),
        refusal("`stream` is not permitted"),
        refusal("streaming is not available"),
        refusal("Streaming mode is currently not available for this deployment."),
        refusal("Streaming isn't enabled for your account"),
        refusal("Streaming is disabled for this model"),
        refusal("Streaming responses are not yet implemented"),
        refusal("Unsupported value: 'stream' does not support true with this model"),
        refusal("no", param="stream", code="unsupported_value"),
        refusal("Invalid value: true is not supported", param="stream"),
        refusal("This model cannot be streamed"),
        refusal("Model x is not streamable"),
        refusal("Unrecognized request argument supplied: stream"),
        refusal("Unknown parameter: 'stream'.", param="stream"),
        refusal("SSE is not supported by this model"),
        refusal("stream cannot be true"),
        refusal("This model has no streaming support"),
        refusal("Please verify your organization before streaming this model"),
        refusal("Streaming is only available to verified organizations"),
        refusal("Streaming is not supported, use the non-streaming API"),
        refusal("Model m can't stream its answers"),
        refusal("Model m is not available for streaming"),
        refusal("Only non-streaming requests are accepted by this model"),
        refusal("This endpoint is non-streaming only."),
        refusal("Streaming responses are only available for verified organizations"),
        refusal("此模型不支持流式输出"),
        refusal("stream must be set to false for this model"),
        refusal("Bad request. Please set `stream` to false."),
        refusal("Please disable streaming for this model."),
        refusal("The model does not support ConverseStream"),
        refusal("streaming not supported", code="not_supported"),
        NotFound("This model does not support streaming (HTTP 404)", status=404),
        StatusError("Streaming is not implemented (HTTP 501)", status=501),
    ],
    ids=told,
)
def test_a_model_that_may_not_be_streamed(error: StatusError) -> None:
    """Whatever the server's words for it; and it is not about the usage."""
    assert refuses_streaming(error)
    assert not refuses_usage(error, {"temperature": 0.5})


@pytest.mark.parametrize(
    "error",
    [
        refusal("stream_options is not supported"),
        refusal("stream_options: this model does not support it", param="stream"),
        refusal("Streaming options are not supported"),
        refusal("'include_usage' is not supported when streaming"),
        refusal("unknown field", param="stream_options"),
        refusal("body.stream_options: Extra inputs are not permitted"),
        refusal("temperature is not supported when streaming this model"),
        refusal("Unsupported value: 'temperature' does not support 0.2"),
        refusal("true is not supported", param="logprobs"),
        refusal("The requested model is not supported. Streaming models are listed."),
        refusal("application/octet-stream is not supported"),
        refusal("The upstream is not available"),
        refusal("tools are not supported with streaming"),
        refusal("Non-streaming requests are not supported, set stream to true"),
        refusal("Unexpected error in the stream"),
        refusal("A client that is current supports streaming"),
        refusal("This model does not support non-streaming requests"),
        refusal("This model only supports stream mode, please enable it"),
        refusal("parameter.enable_thinking only support stream"),
        refusal("This model is only available with streaming"),
        refusal("The stream was cut. The model does not support images."),
        RateLimited("Streaming is disabled for a minute (HTTP 429)", status=429),
        refusal("bad"),
    ],
    ids=told,
)
def test_what_is_not_about_streaming(error: StatusError) -> None:
    """Other fields, other streams, and ``stream_options`` above all."""
    assert not refuses_streaming(error)


@pytest.mark.parametrize(
    "error",
    [
        refusal("unknown field stream_options"),
        refusal("Unrecognized request argument supplied: stream_options"),
        refusal("Unsupported", param="stream_options"),
        refusal("no", param="stream_options.include_usage"),
        refusal("no", param="body.stream_options"),
        refusal("body.stream_options: Extra inputs are not permitted"),
        refusal('Unknown name "streamOptions": Cannot find field.'),
        refusal("Extra inputs are not permitted"),
        refusal("Unknown parameter"),
        refusal("additional properties are not allowed"),
        refusal("no reason given"),
        refusal("unknown field `stream_options`, expected one of `temperature`, `n`"),
        refusal("include_usage is not supported", param="stream"),
    ],
    ids=told,
)
def test_a_server_that_knows_no_stream_options(error: StatusError) -> None:
    """It is named, or nothing is."""
    assert refuses_usage(error, {"model": "m", "messages": [], "temperature": 0.5})


@pytest.mark.parametrize(
    "error",
    [
        refusal("Unsupported value", param="temperature", code="unsupported_value"),
        refusal("unknown field", param="temperature"),
        refusal("Extra inputs are not permitted", param="body.temperature"),
        refusal("body.temperature: Extra inputs are not permitted"),
        refusal("Unsupported parameter: 'temperature' is not supported."),
        refusal("Unrecognized request argument supplied: temperature"),
        refusal("temperature: unknown field"),
        refusal("unknown field `temperature`, expected `n` or `stream_options`"),
        refusal("Unknown parameter: 'foo'."),
        refusal("Unexpected keyword argument 'foo'"),
        refusal("unknown field: seed"),
        refusal("seed is not supported"),
        refusal("seed: unknown"),
        refusal("Extra inputs are not permitted", param="messages[0].name"),
        refusal("'messages[0].role': unexpected input"),
        refusal("no such model", param="model"),
        refusal("The server is not supported any more"),
        refusal("image input is not supported"),
        refusal("bad"),
    ],
    ids=told,
)
def test_a_refusal_of_something_that_was_set(error: StatusError) -> None:
    """It is not asked again without what nobody complained about."""
    asked = {"temperature": 0.5, "seed": 1, "extra_body": {"foo": 1}, "messages": []}

    assert not refuses_usage(error, asked)


def test_stream_options_that_the_user_set() -> None:
    """They are no business of ours."""
    error = refusal("unknown field stream_options")

    assert not refuses_usage(error, {"extra_body": {"stream_options": {}}})


USE_THE_OTHER = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."


@pytest.mark.parametrize("param", [None, "max_tokens", "body.max_tokens"])
def test_the_newer_name_of_max_tokens(param: str | None) -> None:
    """It is asked for in words."""
    assert wants_newer_name(USE_THE_OTHER, param)


def test_the_newer_name_where_another_field_is_refused() -> None:
    """What a refusal is about goes before its words."""
    assert not wants_newer_name(USE_THE_OTHER, "temperature")


@pytest.mark.parametrize(
    "answer",
    [
        fails(400, "Unsupported parameter", param="temperature"),
        fails(400, "Unsupported parameter: 'temperature' is not supported."),
        json_answer({"detail": [{"loc": ["body", "temperature"], "msg": EXTRA}]}, 422),
    ],
)
def test_a_refused_option_is_not_asked_twice(
    server: ScriptedServer, answer: Answer
) -> None:
    """Not by a conversation, which adds ``stream_options`` to what was set."""
    server.will(answer, says("never"))
    with pytest.raises(BadRequest) as caught:
        Conversation(model="m").ask("x", temperature=0.5).result()

    assert 1 == len(server.requests)
    assert "temperature" in caught.value.hint


def test_stream_options_are_left_out_once(server: ScriptedServer) -> None:
    """They are, and the option that was set stays."""
    detail = [{"loc": ["body", "stream_options"], "msg": EXTRA}]
    server.will(json_answer({"detail": detail}, 422), says("a"))
    Conversation(model="m").ask("x", temperature=0.5).result()
    first, second = (request.body for request in server.requests)

    assert {**second, "stream_options": {"include_usage": True}} == first


@pytest.mark.parametrize("quoted", ["streaming is not supported", "streaming is not"])
def test_a_question_about_streaming(server: ScriptedServer, quoted: str) -> None:
    """A server that quotes it refuses something else, and is asked once."""
    server.will(fails(400, f'Invalid content: "{quoted}"'), says("never"))
    with pytest.raises(BadRequest) as caught:
        Conversation(model="m").ask("Why: streaming is not supported?").result()

    assert 1 == len(server.requests)
    assert "one piece" not in caught.value.hint
